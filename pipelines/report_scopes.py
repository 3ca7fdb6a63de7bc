"""Which earlier rows of a report still speak: those of the accounts and parameters that the settings ask for.

Rows of others would stand beside the new ones and be counted a second time.
"""

from collections.abc import Callable, Sequence

from pipelines.asking import TERM_PARAMETER
from pipelines.ledger import Intent
from pipelines.ledger.account_numbers import remembered_account
from pipelines.ledger.intents import known_parameters, parameters_hash
from pipelines.load.report_parameters import canonical_parameters
from pipelines.project import Project
from pipelines.settings import ReportSettings


def wanted_scopes(project: Project, intent: Intent) -> Callable[[dict[str, object]], bool] | None:
    """Return what says of a scope (account, report, parameters) whether its rows stay when an intent is loaded.

    None where nothing can be to be taken out. Of terms, those that are over keep their rows; so do other courses, which
    are slices of their own.
    """
    if intent.course_id is not None:
        return _of_course(project, intent)
    configured = [one for one in project.settings.reports if one.report == intent.report]
    known = known_parameters(project.ledger, intent.instance, intent.report)
    hashes = {name for name, one in known.items() if _is_configured(configured, intent.report, name, one)}
    accounts = _accounts(project, configured)

    def is_wanted(scope: dict[str, object]) -> bool:
        if "account" not in scope:
            return True
        account, digest = scope["account"], scope["parameters"]
        if (account, digest) == (intent.account_id, intent.parameters_hash):
            return True
        if account != intent.account_id:
            return accounts is None or account in accounts
        return digest in hashes

    return is_wanted


def _of_course(project: Project, intent: Intent) -> Callable[[dict[str, object]], bool] | None:
    """Return what says whether the rows of a course's report stay: those of parameters that are still asked for."""
    asked = {
        parameters_hash(dict(one.parameters))
        for one in project.settings.course_reports
        if one.report == intent.report and (one.courses == "active" or intent.course_id in one.courses)
    } | {intent.parameters_hash}
    # Courses are many, and looking through the rows of all of them at each load would take the square of their number.
    if asked.issuperset(known_parameters(project.ledger, intent.instance, intent.report)):
        return None

    def is_wanted(scope: dict[str, object]) -> bool:
        return scope.get("course") != intent.course_id or scope["parameters"] in asked

    return is_wanted


def _is_configured(
    configured: Sequence[ReportSettings], report: str, digest: str, parameters: dict[str, object]
) -> bool:
    """Return whether some settings ask for a report with these parameters; of terms, those that are over too."""
    if parameters_hash(canonical_parameters(report, parameters)) != digest:
        # Asked in another spelling, before there was one: the same is loaded under its own name by now.
        return False
    without_term = {name: value for name, value in parameters.items() if name != TERM_PARAMETER}
    for one in configured:
        base = parameters_hash(canonical_parameters(report, one.parameters))
        if one.terms is None:
            if digest == base:
                return True
        elif TERM_PARAMETER in parameters and parameters_hash(without_term) == base:
            return not isinstance(one.terms, tuple) or str(parameters[TERM_PARAMETER]) in map(str, one.terms)
    return False


def _accounts(project: Project, configured: Sequence[ReportSettings]) -> set[int] | None:
    """Return the accounts that the settings ask a report for; None if that is not certain."""
    if not configured:
        return None
    found: set[int] = set()
    for one in configured:
        for name in one.accounts or project.settings.canvas.accounts:
            text = str(name)
            number = (
                int(text) if text.isdecimal() else remembered_account(project.ledger, project.settings.instance, text)
            )
            if number is None:
                return None
            found.add(number)
    return found

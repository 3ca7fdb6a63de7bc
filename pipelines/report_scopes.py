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

    None where nothing is to be taken out: reports about courses are one slice for each course. Of terms, those that
    are over keep their rows.
    """
    if intent.course_id is not None:
        return None
    configured = [one for one in project.settings.reports if one.report == intent.report]
    known = known_parameters(project.ledger, intent.instance, intent.report)
    hashes = {name for name, one in known.items() if _is_configured(configured, intent.report, name, one)}
    accounts = _accounts(project, configured)

    def is_wanted(scope: dict[str, object]) -> bool:
        account, digest = scope["account"], scope["parameters"]
        if (account, digest) == (intent.account_id, intent.parameters_hash):
            return True
        if account != intent.account_id:
            return accounts is None or account in accounts
        return digest in hashes

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

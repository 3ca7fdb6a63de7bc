"""Warnings of ids in the settings that the loaded directory does not have, for `doctor` and `plan`."""

from collections.abc import Iterable

from pipelines.extract.chosen_ids import UnknownIds, unknown_ids
from pipelines.lake.read import account_ids, root_account_ids, term_dates
from pipelines.ledger import CoverageStatus
from pipelines.ledger.coverage import Answered, answers
from pipelines.project import Project

_WHERE = {"account": "below the configured accounts", "term": "for the configured accounts"}


def unknown_id_warnings(project: Project, *, with_accounts: bool = True) -> list[str]:
    """Return a sentence for each setting that names accounts or terms which Canvas did not show at the last sync.

    `with_accounts` takes in `[canvas] accounts`, which need not be told again to who has just asked for them.
    """
    settings, lake, instance = project.settings, project.lake, project.settings.instance
    answered = answers(project.ledger, instance, "account")
    found: list[UnknownIds] = []
    # While a part of the directory is not loaded, an id may stand in that part.
    if all(_is_known(answered.get((str(account), "accounts"))) for account in settings.canvas.accounts):
        accounts = account_ids(lake, instance)
        if with_accounts:
            found += unknown_ids("[canvas] accounts", "account", settings.canvas.accounts, accounts)
        found += unknown_ids("[sync] departments", "account", settings.sync.departments, accounts)
        found += unknown_ids("[sync] student_accounts", "account", settings.sync.student_accounts, accounts)
    if all(_is_known(answered.get((str(root), "terms"))) for root in root_account_ids(lake, instance)):
        terms = [term.term_id for term in term_dates(lake, instance)]
        found += unknown_ids("[sync] terms", "term", settings.sync.terms, terms)
    return [_told(one, project) for one in found]


def _is_known(last: Answered | None) -> bool:
    return last is not None and (last.is_good or last.status is CoverageStatus.MISSING)


def _told(unknown: UnknownIds, project: Project) -> str:
    many = "s" if len(unknown.ids) > 1 else ""
    return (
        f"{unknown.setting} names the {unknown.what}{many} {_listed(unknown.ids)}, which Canvas does not show "
        f"{_WHERE[unknown.what]}. Correct {project.settings.config_path or 'canvaslake.toml'}."
    )


def _listed(ids: Iterable[int]) -> str:
    *most, last = map(str, ids)
    return f"{', '.join(most)} and {last}" if most else last

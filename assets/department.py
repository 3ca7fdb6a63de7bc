"""Department analytics of every account, by term filter."""

import asyncio
from collections.abc import Sequence

import dagster as dg

from assets.directory import CANVAS_POOL, Results
from assets.endpoint_results import endpoint_checks, endpoint_results, unreadable
from assets.failures import explained
from assets.specs import asset_key, table_spec
from pipelines.extract.terms import TermDates
from pipelines.lake.read import account_ids, term_dates, top_account_ids
from pipelines.ledger import CoverageStatus
from pipelines.ledger.loads import retire_scopes
from pipelines.load.department import due_questions, load_departments
from pipelines.load.questions import Ended
from pipelines.normalize.contracts import department as contracts
from pipelines.normalize.contracts.directory import ACCOUNTS, TERMS
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.settings import SettingsError

_SOURCES = {
    contracts.ACTIVITY_BY_DATE.qualified: "department_activity",
    contracts.ACTIVITY_BY_CATEGORY.qualified: "department_activity",
    contracts.GRADES.qualified: "department_grades",
    contracts.STATISTICS.qualified: "department_statistics",
    contracts.STATISTICS_BY_SUBACCOUNT.qualified: "department_statistics_by_subaccount",
}


class DepartmentConfig(dg.Config):
    """What a run of department analytics may be told: `full` asks about every term again, settled ones too."""

    full: bool = False


def department_assets(owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of department analytics, made by one step: several of them come from one answer."""
    deps = [asset_key(ACCOUNTS.qualified), asset_key(TERMS.qualified)]

    @dg.multi_asset(
        name="department_analytics",
        specs=[table_spec(table, owners=owners, deps=deps) for table in contracts.TABLES],
        check_specs=[check for table in contracts.TABLES for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def department(
        context: dg.AssetExecutionContext, config: DepartmentConfig, projects: dg.ResourceParam[Projects]
    ) -> Results:
        project = projects.open()
        with explained():
            ended = asyncio.run(_pull(project, full=config.full))
        refused = [one for one in ended if one.coverage.status in (CoverageStatus.FORBIDDEN, CoverageStatus.FAILED)]
        if refused:
            context.log.warning(unreadable(refused))
        yield from endpoint_results(project.ledger, contracts.TABLES, ended, _SOURCES)

    return [department]


async def _pull(project: Project, *, full: bool) -> list[Ended]:
    instance = project.settings.instance
    accounts = departments(project)
    for source in set(_SOURCES.values()):
        retire_scopes(project.ledger, instance, source, keep=lambda scope: scope["account"] in accounts)
    questions = due_questions(
        project.ledger,
        instance,
        accounts,
        chosen_terms(project),
        now=project.clock(),
        full=full or project.settings.sync.terms == "all",
    )
    task, progress = "department analytics", project.progress
    progress.start(task, len(questions))
    async with project.client() as client, client.exclusive(task):
        ended = await load_departments(
            project.lake,
            client,
            instance,
            questions,
            width=project.settings.canvas.max_in_flight,
            on_done=lambda _: progress.advance(task),
        )
    progress.finish(task)
    return ended


def departments(project: Project) -> list[int]:
    """Return the accounts whose department analytics are pulled, by `[sync] departments`."""
    chosen, instance = project.settings.sync.departments, project.settings.instance
    if isinstance(chosen, tuple):
        return list(chosen)
    accounts = top_account_ids(project.lake, instance) if chosen == "roots" else account_ids(project.lake, instance)
    if not accounts:
        raise SettingsError(
            "No account is loaded yet, so there is none to ask about. Run: canvaslake sync canvas analytics"
        )
    return accounts


def chosen_terms(project: Project) -> list[TermDates]:
    """Return the terms that may be asked about, by `[sync] terms`."""
    terms = term_dates(project.lake, project.settings.instance)
    chosen = project.settings.sync.terms
    return [term for term in terms if term.term_id in chosen] if isinstance(chosen, tuple) else terms

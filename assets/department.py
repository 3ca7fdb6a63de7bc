"""Department analytics of every account, by term filter."""

from collections.abc import Sequence

import dagster as dg

from assets.endpoint_results import endpoint_checks, endpoint_results
from assets.failures import explained
from assets.pulls import CANVAS_POOL, pull_family
from assets.specs import Results, asset_key, table_spec
from pipelines.extract.terms import TermDates
from pipelines.lake.read import account_ids, term_dates, top_account_ids
from pipelines.ledger.loads import retire_scopes
from pipelines.ledger.pulls import Pull
from pipelines.load.department import DepartmentQuestion, department_work, due_questions
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


class PullConfig(dg.Config):
    """What a run of analytics may be told: `full` asks about everything again, what has settled too."""

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
        context: dg.AssetExecutionContext, config: PullConfig, projects: dg.ResourceParam[Projects]
    ) -> Results:
        project = projects.open()
        with explained():
            retire_departments(project)
            summary = pull_family(
                context,
                project,
                "department",
                lambda pull: due_departments(project, full=config.full, pull=pull),
                lambda client: lambda item: department_work(client, item),
            )
        yield from endpoint_results(project.ledger, contracts.TABLES, summary, _SOURCES)

    return [department]


def due_departments(project: Project, *, full: bool = False, pull: Pull | None = None) -> list[DepartmentQuestion]:
    """Return what is to be asked about departments now."""
    return due_questions(
        project.ledger,
        project.settings.instance,
        departments(project),
        chosen_terms(project),
        now=project.clock(),
        full=full,
        pull=pull,
    )


def retire_departments(project: Project) -> None:
    """Take out what was loaded for accounts that are not asked about any more."""
    accounts = set(departments(project))
    for source in set(_SOURCES.values()):
        retire_scopes(
            project.ledger,
            project.settings.instance,
            source,
            keep=lambda scope: int(str(scope["account"])) in accounts,
            place=lambda scope: ("account", str(scope["account"])),
        )


def departments(project: Project) -> list[int]:
    """Return the accounts whose department analytics are pulled, by `[sync] departments`."""
    chosen, instance = project.settings.sync.departments, project.settings.instance
    if isinstance(chosen, tuple):
        return sorted(set(chosen))
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

"""The directory: accounts and what is set up in them, terms, courses."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

import dagster as dg

from assets.endpoint_results import endpoint_checks, endpoint_results
from assets.failures import explained
from assets.pulls import CANVAS_POOL, pull_family
from assets.specs import Results, asset_key, table_spec
from pipelines.canvas import CanvasClient
from pipelines.extract.interrupts import run_interruptibly
from pipelines.lake import Lake
from pipelines.lake.read import account_places, root_account_ids, top_account_ids
from pipelines.ledger.coverage import answers
from pipelines.ledger.loads import retire_scopes
from pipelines.ledger.pulls import Pull
from pipelines.load.directory import SetupQuestion, SetupWorks, load_accounts, load_courses, load_terms, setup_questions
from pipelines.load.questions import Ended, Summary
from pipelines.load.work_list import is_done
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSE_TEACHERS, COURSES, SETUP_TABLES, TERMS
from pipelines.project import Project
from pipelines.resources import Projects

_Loader = Callable[[Lake, CanvasClient, str, Sequence[int]], Awaitable[list[Ended]]]


def directory_assets(owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the directory."""
    return [
        _accounts(owners),
        _per_account(owners, "terms", [TERMS], root_account_ids, load_terms),
        _per_account(owners, "courses", [COURSES, COURSE_TEACHERS], top_account_ids, load_courses),
        _setup(owners),
    ]


def _waiting(project: Project) -> Callable[[str], None]:
    return lambda holder: project.progress.tell(f"waits for {holder}, which asks Canvas with the same token")


def _accounts(owners: Sequence[str]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="canvas_accounts",
        specs=[table_spec(ACCOUNTS, owners=owners)],
        check_specs=endpoint_checks(ACCOUNTS),
        pool=CANVAS_POOL,
    )
    def accounts(projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        settings = project.settings

        async def pull() -> list[Ended]:
            async with project.client() as client, client.exclusive("accounts", on_wait=_waiting(project)):
                loaded = await load_accounts(project.lake, client, settings.instance, settings.canvas.accounts)
            configured = set(map(str, settings.canvas.accounts))
            retire_scopes(
                project.ledger, settings.instance, "accounts", keep=lambda scope: str(scope["account"]) in configured
            )
            return loaded.ended

        with explained():
            ended = run_interruptibly(pull())
        yield from endpoint_results(project.ledger, [ACCOUNTS], Summary.over(ended), {ACCOUNTS.qualified: "accounts"})

    return accounts


def _per_account(
    owners: Sequence[str],
    source: str,
    tables: Sequence[Table],
    accounts_of: Callable[[Lake, str], list[int]],
    load: _Loader,
) -> dg.AssetsDefinition:
    """Return the asset of a list that some of the loaded accounts have: one question for each of them."""

    @dg.multi_asset(
        name=f"canvas_{source}",
        specs=[table_spec(table, owners=owners, deps=[asset_key(ACCOUNTS.qualified)]) for table in tables],
        check_specs=[check for table in tables for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def listed(projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        instance = project.settings.instance

        async def pull() -> list[Ended]:
            async with project.client() as client, client.exclusive(source, on_wait=_waiting(project)):
                accounts = accounts_of(project.lake, instance)
                ended = await load(project.lake, client, instance, accounts)
            if accounts:
                retire_scopes(
                    project.ledger, instance, source, keep=lambda scope: int(str(scope["account"])) in accounts
                )
            return ended

        with explained():
            ended = run_interruptibly(pull())
        sources = {table.qualified: source for table in tables}
        yield from endpoint_results(project.ledger, tables, Summary.over(ended), sources)

    return listed


def _setup(owners: Sequence[str]) -> dg.AssetsDefinition:
    sources = {table.qualified: table.name for table in SETUP_TABLES}

    @dg.multi_asset(
        name="canvas_account_setup",
        specs=[table_spec(table, owners=owners, deps=[asset_key(ACCOUNTS.qualified)]) for table in SETUP_TABLES],
        check_specs=[check for table in SETUP_TABLES for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def setup(context: dg.AssetExecutionContext, projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        instance = project.settings.instance
        with explained():
            places = account_places(project.lake, instance)
            host = urlsplit(project.settings.canvas.base_url).hostname or ""
            summary = pull_family(
                context,
                project,
                "account set-up",
                lambda pull: setup_due(project, pull),
                lambda client: SetupWorks(client, places, host).work,
            )
            asked = {(item.name, item.account_id) for item in setup_questions(places)}
            for source in sources.values():

                def still_asked(scope: Mapping[str, object], source: str = source) -> bool:
                    return (source, int(str(scope["account"]))) in asked

                retire_scopes(project.ledger, instance, source, keep=still_asked)
        yield from endpoint_results(project.ledger, SETUP_TABLES, summary, sources, optional=True)

    return setup


def setup_due(project: Project, pull: Pull | None = None) -> list[SetupQuestion]:
    """Return what is to be asked about the set-up of accounts; what was answered since `pull` began is left out."""
    instance = project.settings.instance
    known = answers(project.ledger, instance, "account")
    return [
        item
        for item in setup_questions(account_places(project.lake, instance))
        if pull is None or not is_done(known.get((str(item.account_id), item.name)), pull)
    ]

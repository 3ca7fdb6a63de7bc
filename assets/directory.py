"""The directory: accounts, terms, courses."""

import asyncio
from collections.abc import Iterator, Sequence

import dagster as dg

from assets.endpoint_results import endpoint_checks, endpoint_results
from assets.failures import explained
from assets.specs import asset_key, table_spec
from pipelines.lake.read import root_account_ids, top_account_ids
from pipelines.ledger.loads import retire_scopes
from pipelines.load.directory import load_accounts, load_courses, load_terms
from pipelines.load.questions import Ended
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSE_TEACHERS, COURSES, TERMS
from pipelines.resources import Projects

CANVAS_POOL = "canvas_api"
"""Runs that pull from Canvas queue for it. A courtesy: the budget itself is held by a lock of the operating system."""

Results = Iterator[dg.MaterializeResult[None]]


def directory_assets(owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the directory."""

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
            async with project.client() as client, client.exclusive("accounts"):
                loaded = await load_accounts(project.lake, client, settings.instance, settings.canvas.accounts)
            configured = set(settings.canvas.accounts)
            retire_scopes(
                project.ledger, settings.instance, "accounts", keep=lambda scope: scope["account"] in configured
            )
            return loaded.ended

        with explained():
            ended = asyncio.run(pull())
        yield from endpoint_results(project.ledger, [ACCOUNTS], ended, {ACCOUNTS.qualified: "accounts"})

    @dg.multi_asset(
        name="canvas_terms",
        specs=[table_spec(TERMS, owners=owners, deps=[asset_key(ACCOUNTS.qualified)])],
        check_specs=endpoint_checks(TERMS),
        pool=CANVAS_POOL,
    )
    def terms(projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        instance = project.settings.instance

        async def pull() -> list[Ended]:
            async with project.client() as client, client.exclusive("terms"):
                roots = root_account_ids(project.lake, instance)
                ended = await load_terms(project.lake, client, instance, roots)
            if roots:
                retire_scopes(project.ledger, instance, "terms", keep=lambda scope: scope["account"] in roots)
            return ended

        with explained():
            ended = asyncio.run(pull())
        yield from endpoint_results(project.ledger, [TERMS], ended, {TERMS.qualified: "terms"})

    course_tables = [COURSES, COURSE_TEACHERS]

    @dg.multi_asset(
        name="canvas_courses",
        specs=[table_spec(table, owners=owners, deps=[asset_key(ACCOUNTS.qualified)]) for table in course_tables],
        check_specs=[check for table in course_tables for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def courses(projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        instance = project.settings.instance

        async def pull() -> list[Ended]:
            async with project.client() as client, client.exclusive("courses"):
                tops = top_account_ids(project.lake, instance)
                ended = await load_courses(project.lake, client, instance, tops)
            if tops:
                retire_scopes(project.ledger, instance, "courses", keep=lambda scope: scope["account"] in tops)
            return ended

        with explained():
            ended = asyncio.run(pull())
        sources = {table.qualified: "courses" for table in course_tables}
        yield from endpoint_results(project.ledger, course_tables, ended, sources)

    return [accounts, terms, courses]

"""Account reports: one asset per file of a report, made by one step per report from one finished report."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg

from assets.failures import explained
from assets.specs import asset_key, quarantine_check, quarantine_result, table_spec
from pipelines.canvas import CanvasError
from pipelines.extract.interrupts import run_interruptibly
from pipelines.extract.run_lock import load_lock
from pipelines.lake import LoadOutcome
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import intent_of_report, open_intents, parameters_hash, record_attempt_failed
from pipelines.ledger.loads import live_files, retire_scopes
from pipelines.load.reports import REFUSED, ReportNotReadyError, load_report
from pipelines.normalize.contracts import Table, report_contract, undeclared_table
from pipelines.project import Project
from pipelines.resources import Projects

Results = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


class ReportConfig(dg.Config):
    """Which finished report to load: its id in Canvas, and nothing else. 0: every finished one of this kind.

    A link to the file is a secret and runs out, so it is never here; the run asks for a fresh one.
    """

    report_id: int = 0


def op_name(report: str) -> str:
    """Return the name of the step that loads a report."""
    return f"reports__{report}"


def report_tables(report: str) -> list[Table]:
    """Return the tables of a report; one table of text columns for a report that nobody declared."""
    contract = report_contract(report)
    return list(contract.tables.values()) if contract else [undeclared_table(report, "", [])]


def report_assets(reports: Sequence[str], owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of some reports, by their names in Canvas."""
    return [_report(report, owners) for report in reports]


def _report(report: str, owners: Sequence[str]) -> dg.AssetsDefinition:
    tables = report_tables(report)

    @dg.multi_asset(
        name=op_name(report),
        # A report's file may hold some of its tables only: the parameters choose.
        specs=[table_spec(table, owners=owners, skippable=True) for table in tables],
        check_specs=[quarantine_check(table) for table in tables],
    )
    def load(context: dg.AssetExecutionContext, config: ReportConfig, projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        outcomes = []
        for intent in _chosen(project, report, config.report_id):
            with explained():
                outcomes.append(load_intent(project, intent))
            context.log.info(f"{report} {intent.report_id}: {outcomes[-1].result.value}")
        yield from _results(project, tables, outcomes)

    return load


def _chosen(project: Project, report: str, report_id: int) -> list[Intent]:
    instance = project.settings.instance
    if report_id:
        intent = intent_of_report(project.ledger, instance, report_id)
        if intent is None or intent.report != report:
            raise dg.Failure(
                f"No {report} with the id {report_id} was asked for by this canvaslake. See: canvaslake reports list",
                allow_retries=False,
            )
        return [intent]
    return [
        intent
        for intent in open_intents(project.ledger, instance)
        if intent.report == report and intent.state in (IntentState.FINISHED, IntentState.PARKED)
    ]


def load_intent(project: Project, intent: Intent) -> LoadOutcome:
    """Load a finished report, and count the attempt if it fails.

    A file that is itself wrong parks the intent at once: the same file would be refused again.
    """
    sensor = project.settings.sensor

    task = f"{intent.report} {intent.report_id}"

    async def pull() -> LoadOutcome:
        async with project.client() as client:
            project.progress.start(task, None)
            outcome = await load_report(
                project.lake,
                client,
                intent,
                downloads=project.downloads,
                on_rows=lambda rows: project.progress.advance(task, rows),
            )
            project.progress.finish(task, f"{sum(outcome.rows.values()):,} rows")
            return outcome

    def failed(error: Exception, most: int) -> None:
        record_attempt_failed(
            project.ledger,
            intent.intent_id,
            str(error)[:1000],
            attempt=intent.attempts + 1,
            most=most,
            pause=timedelta(minutes=sensor.retry_minutes),
        )

    with load_lock(project.home, intent.intent_id):
        try:
            outcome = run_interruptibly(pull())
        except REFUSED as error:
            failed(error, 1)
            raise
        except (CanvasError, ReportNotReadyError) as error:
            failed(error, sensor.load_attempts)
            raise
    _retire_old_parameters(project, intent)
    return outcome


def _retire_old_parameters(project: Project, intent: Intent) -> None:
    """Take out what the report brought for parameters that the settings no longer have: it would count twice."""
    configured = [report for report in project.settings.reports if report.report == intent.report]
    hashes = {intent.parameters_hash, *(parameters_hash(report.parameters) for report in configured)}
    retire_scopes(
        project.ledger,
        intent.instance,
        intent.report,
        keep=lambda scope: scope["account"] != intent.account_id or scope["parameters"] in hashes,
    )


def _results(project: Project, tables: Sequence[Table], outcomes: Sequence[LoadOutcome]) -> Results:
    """Yield a materialization for each table that the reports speak for, and the check of every table.

    A report that equals the one before counts too, for that is news: the file says when it was last seen. So does a
    repeat, for the run that loaded it may have died before it could say so. Tables that the reports leave out do not.
    """
    live = live_files(project.ledger)
    loaded = {outcome.load_id for outcome in outcomes}
    seen = {table for outcome in outcomes for table in outcome.rows}
    if seen - {table.qualified for table in tables}:
        # Files that nobody declared have tables and no assets: the report's first table speaks for them.
        seen.add(tables[0].qualified)
    for table in tables:
        files = [file for file in live if file.table_name == table.qualified]
        quarantined = sum(outcome.quarantined.get(table.qualified, 0) for outcome in outcomes)
        check = quarantine_result(table.qualified, {table.qualified: quarantined})
        if table.qualified not in seen and not any(file.load_id in loaded for file in files):
            yield check
            continue
        yield dg.MaterializeResult(
            asset_key=asset_key(table.qualified),
            metadata={
                "dagster/row_count": sum(file.rows for file in files),
                "rows_loaded_now": sum(outcome.rows.get(table.qualified, 0) for outcome in outcomes),
                "outcome": ", ".join(sorted({outcome.result.value for outcome in outcomes})),
            },
            check_results=[check],
        )

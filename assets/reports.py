"""Reports: one asset per file of an account report, made by one step per report; one for the documents of courses."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg
from pydantic import Field

from assets.failures import explained
from assets.specs import asset_key, quarantine_check, quarantine_result, table_spec
from pipelines.alerts import alert
from pipelines.canvas import CanvasError
from pipelines.extract.interrupts import run_interruptibly
from pipelines.extract.run_lock import load_lock
from pipelines.lake import LoadOutcome
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import intent_of_report, open_intents
from pipelines.ledger.loads import live_files
from pipelines.ledger.report_facts import record_attempt_failed, want_deleted
from pipelines.load.reports import REFUSED, ReportGoneError, ReportNotReadyError, load_report
from pipelines.normalize.contracts import Table, report_contract, undeclared_table
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.report_scopes import wanted_scopes
from pipelines.resources import Projects
from pipelines.settings import ReportSettings

Results = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

NOT_LOADED = (CanvasError, ReportGoneError, ReportNotReadyError, *REFUSED)
"""What keeps one report from being loaded, and not the others."""

COURSE_STEP = "reports__course_documents"


class ReportConfig(dg.Config):
    """Which finished reports to load: their ids in Canvas, and nothing else. None: every finished one of this kind.

    A link to the file is a secret and runs out, so it is never here; the run asks for a fresh one.
    """

    report_ids: list[int] = Field(default_factory=list)


def op_name(report: str) -> str:
    """Return the name of the step that loads a report."""
    return f"reports__{report}"


def report_tables(report: str) -> list[Table]:
    """Return the tables of a report; one table of text columns for a report that nobody declared."""
    contract = report_contract(report)
    return list(contract.tables.values()) if contract else [undeclared_table(report, "", [])]


def step_of(intent: Intent) -> str:
    """Return the name of the step that loads the report of an intent."""
    return op_name(intent.report) if intent.course_id is None else COURSE_STEP


def keys_of(intent: Intent) -> list[dg.AssetKey]:
    """Return the assets that the report of an intent may bring."""
    tables = report_tables(intent.report) if intent.course_id is None else [COURSE_DOCUMENTS]
    return [asset_key(table.qualified) for table in tables]


def load_config(intents: Sequence[Intent]) -> dict[str, object]:
    """Return the run configuration that names finished reports of one step."""
    return {"ops": {step_of(intents[0]): {"config": {"report_ids": [intent.report_id for intent in intents]}}}}


def report_assets(reports: Sequence[str], owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of some account reports, by their names in Canvas, and that of the documents of courses."""
    of_accounts = [_loading(op_name(report), report, report_tables(report), owners) for report in reports]
    return [*of_accounts, _loading(COURSE_STEP, None, [COURSE_DOCUMENTS], owners)]


def _loading(step: str, report: str | None, tables: Sequence[Table], owners: Sequence[str]) -> dg.AssetsDefinition:
    """Return the assets of an account report; without `report`, of every report about courses."""

    @dg.multi_asset(
        name=step,
        # A report's file may hold some of its tables only: the parameters choose.
        specs=[table_spec(table, owners=owners, skippable=True) for table in tables],
        check_specs=[quarantine_check(table) for table in tables],
    )
    def load(context: dg.AssetExecutionContext, config: ReportConfig, projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        outcomes = []
        failed: list[Exception] = []
        for intent in _chosen(project, report, config.report_ids):
            try:
                outcomes.append(load_intent(project, intent))
            except NOT_LOADED as error:
                # One that cannot be loaded keeps no other from it.
                failed.append(error)
                continue
            context.log.info(f"{intent.report} {intent.report_id}: {outcomes[-1].result.value}")
        if failed:
            with explained():
                raise failed[0]
        yield from _results(project, tables, outcomes)

    return load


def _chosen(project: Project, report: str | None, report_ids: Sequence[int]) -> list[Intent]:
    instance = project.settings.instance
    chosen = []
    for report_id in report_ids:
        intent = intent_of_report(project.ledger, instance, report_id, of_course=report is None)
        if intent is None or report not in (None, intent.report):
            raise dg.Failure(
                f"No {report or 'course report'} with the id {report_id} was asked for by this canvaslake. See: "
                "canvaslake reports list",
                allow_retries=False,
            )
        chosen.append(intent)
    return chosen or [
        intent
        for intent in open_intents(project.ledger, instance)
        if (intent.course_id is not None if report is None else intent.report == report)
        and intent.state is IntentState.FINISHED
    ]


def load_intent(project: Project, intent: Intent) -> LoadOutcome:
    """Load a finished report, and count the attempt if it fails.

    A file that is itself wrong parks the intent at once: the same file would be refused again.
    """
    most = project.settings.sensor.load_attempts
    task = f"{intent.report} {intent.report_id}"

    async def pull() -> LoadOutcome:
        async with project.client() as client:
            project.progress.start(task, None)
            reading = project.reading(intent.report, lambda rows: project.progress.advance(task, rows))
            wanted = wanted_scopes(project, intent)
            outcome = await load_report(project.lake, client, intent, reading, is_wanted=wanted)
            project.progress.finish(task, f"{sum(outcome.rows.values()):,} rows")
            return outcome

    def failed(error: Exception, attempts: int) -> None:
        count_failed(project, intent, str(error), attempt=intent.attempts + 1, most=attempts)

    if intent.is_own and any(one.delete_after_load for one in _configured(project, intent)):
        want_deleted(project.ledger, intent.intent_id)
    with load_lock(project.home, intent.intent_id):
        try:
            return run_interruptibly(pull())
        except REFUSED as error:
            failed(error, 1)
            raise type(error)(
                f"{task} of {intent.place} was not loaded: {error}. It is parked, and its tables keep their rows. See: "
                f"canvaslake reports status {intent.intent_id}"
            ) from error
        except (CanvasError, ReportNotReadyError) as error:
            failed(error, most)
            raise


def count_failed(project: Project, intent: Intent, failure: str, *, attempt: int, most: int) -> None:
    """Count an attempt to load a report that failed, and tell the people when it was the last one."""
    pause = timedelta(minutes=project.settings.sensor.retry_minutes)
    before = intent.parked_at
    counted = record_attempt_failed(
        project.ledger, intent.intent_id, failure[:1000], attempt=attempt, most=most, pause=pause
    )
    if counted.parked_at is not None and before is None and counted.attempts == attempt:
        told = (
            f"{intent.report} {intent.report_id} of {intent.place} is parked after {attempt} attempts to load it: "
            f"{failure[:1000]} Next: canvaslake reports retry {intent.intent_id}"
        )
        alert(project.settings.sensor.alert, [told])


def _configured(project: Project, intent: Intent) -> list[ReportSettings]:
    return [one for one in project.settings.reports if one.report == intent.report and intent.course_id is None]


def _results(project: Project, tables: Sequence[Table], outcomes: Sequence[LoadOutcome]) -> Results:
    """Yield a materialization for each table that the reports speak for, and the check of every table.

    A report that equals the one before counts too, for that is news: the file says when it was last seen. So does a
    repeat, for the run that loaded it may have died before it could say so. Tables that the reports leave out do not.
    """
    live = live_files(project.ledger, tables=[table.qualified for table in tables])
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

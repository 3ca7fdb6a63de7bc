"""Reports: one asset per file of an account report, made by one step per report; one for the documents of courses."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg
from pydantic import Field

from assets.failures import explained
from assets.specs import asset_key, quarantine_check, quarantine_result, table_spec
from pipelines.canvas import CanvasError
from pipelines.extract.interrupts import run_interruptibly
from pipelines.extract.run_lock import load_lock
from pipelines.lake import LoadOutcome
from pipelines.ledger import CommitResult, Intent, IntentState
from pipelines.ledger.intents import get_intent, intent_of_report, open_intents
from pipelines.ledger.loads import live_files
from pipelines.ledger.report_facts import record_attempt_failed, want_deleted
from pipelines.load.reports import REFUSED, ReportGoneError, ReportNotReadyError, load_report
from pipelines.looking import ready
from pipelines.normalize.contracts import Table, report_contract, undeclared_table
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.report_scopes import wanted_scopes
from pipelines.resources import Projects
from pipelines.settings import ReportSettings

Results = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

_EXPLAINED = (CanvasError, ReportGoneError, ReportNotReadyError, *REFUSED)

COURSE_STEP = "reports__course_documents"

REQUESTED_TAG = "canvaslake/requested"
"""What the daemon asked a run to load, `account` or `courses`; a run of a person or of a sync does not have it."""


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
            if not _is_its_turn(project, intent, context.run):
                context.log.warning(
                    f"{intent.report} {intent.report_id} of {intent.place} is parked, or waits for another attempt: "
                    f"it is not loaded by this run. See: canvaslake reports status {intent.intent_id}"
                )
                continue
            try:
                outcomes.append(load_intent(project, intent))
            except Exception as error:  # noqa: BLE001 (it is raised again below)
                # One that cannot be loaded, for whatever reason, keeps no other from it.
                failed.append(error)
                why = f"{intent.report} {intent.report_id} of {intent.place} was not loaded: {_said(error)}"
                context.log.error(why)  # noqa: TRY400 (the first is raised with its traceback)
                continue
            context.log.info(f"{intent.report} {intent.report_id}: {outcomes[-1].result.value}")
        # What was loaded is announced even if another failed: the models are made anew by it.
        if outcomes or not failed:
            yield from _results(project, tables, outcomes)
        if failed:
            with explained():
                raise failed[0]

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


def _is_its_turn(project: Project, intent: Intent, run: dg.DagsterRun) -> bool:
    """Return whether a run may load an intent now.

    What the daemon asked for may have been tried by another run meanwhile, and wait for its pause or for a person. A
    run that a person starts, with ids or without, or repeats, loads whatever it is given: who asks means now. So does a
    run that Dagster repeats because its process died, which it does twice at most.
    """
    if REQUESTED_TAG not in run.tags or run.parent_run_id is not None:
        return True
    # Read anew: a run with thousands of documents comes to some of them hours after it began.
    intent = get_intent(project.ledger, intent.intent_id)
    return intent.loaded_at is not None or bool(ready(project, [intent]))


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
            rows = f"{sum(outcome.rows.values()):,} rows"
            project.progress.finish(task, "loaded already" if outcome.result is CommitResult.ALREADY_LOADED else rows)
            return outcome

    def failed(error: Exception, attempts: int) -> None:
        count_failed(project, intent, _said(error), attempt=intent.attempts + 1, most=attempts)

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
        except Exception as error:
            # Counted here and not by the sensor, which cannot tell which of a run's reports it was.
            failed(error, most)
            raise


def _said(error: Exception) -> str:
    """Return what is told of an error. The words of one that nobody foresaw may quote a row: only its kind is told."""
    return str(error) if isinstance(error, _EXPLAINED) else f"{type(error).__name__}, which nobody foresaw"


def count_failed(project: Project, intent: Intent, failure: str, *, attempt: int, most: int) -> None:
    """Count an attempt to load a report that failed; the next tick or sync tells people of the last one."""
    pause = timedelta(minutes=project.settings.sensor.retry_minutes)
    record_attempt_failed(project.ledger, intent.intent_id, failure[:1000], attempt=attempt, most=most, pause=pause)


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

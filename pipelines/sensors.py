"""When a report is finished, and what happens when a run fails.

The decisions are in `extract`; a tick asks them, bounded in time, and turns finished reports into runs.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

import dagster as dg

from assets.reports import op_name, report_tables
from assets.specs import asset_key
from pipelines.canvas import CanvasError
from pipelines.extract.reports import RepeatedReportIdError, Watched, ask, reconcile, watch
from pipelines.ledger import Intent
from pipelines.ledger.intents import get_intent, open_intents, record_attempt_failed
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.run_claims import clear_dead_runs
from pipelines.settings import Settings, SettingsError

TICK_SECONDS = 40.0
"""A tick that takes longer than Dagster waits (60 s) is lost with all it found out."""

INTENT_TAG = "canvaslake/intent"
ATTEMPT_TAG = "canvaslake/attempt"


def run_key(intent: Intent) -> str:
    """Return the identity of one attempt to load a report. Dagster keeps run keys for ever, so attempts are counted."""
    return f"{intent.instance}/{intent.report}/{intent.report_id}/attempt-{intent.attempts + 1}"


def completion_sensor(reports: Sequence[str], settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that looks for finished reports and starts one run for each."""

    @dg.sensor(
        name="report_completion_sensor",
        target=dg.AssetSelection.assets(*(asset_key(t.qualified) for r in reports for t in report_tables(r))),
        minimum_interval_seconds=settings.sensor.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for reports that have finished in Canvas and loads each once.",
    )
    def report_completion_sensor(
        context: dg.SensorEvaluationContext, projects: dg.ResourceParam[Projects]
    ) -> dg.SensorResult | dg.SkipReason:
        project = projects.open()
        for run_id in clear_dead_runs(context.instance, project.home):
            context.log.warning(f"Run {run_id} had died and was cleared.")
        try:
            if not open_intents(project.ledger, project.settings.instance):
                return dg.SkipReason("No report is under way.")
            watched = asyncio.run(look(project))
        except (CanvasError, SettingsError) as error:
            # Nothing is lost: the ledger holds what is open, and the next tick looks again.
            context.log.warning(str(error))
            return dg.SkipReason(f"Canvas could not be asked: {error}")
        for problem in watched.problems:
            context.log.warning(str(problem))
        for warning in watched.warnings:
            context.log.warning(warning)
        for intent in watched.failed:
            context.log.error(f"{intent.report} {intent.report_id} will not come: {intent.failure}")
        due = ready(project, watched.finished)
        for intent in due:
            if intent.report not in reports:
                context.log.warning(
                    f"{intent.report} {intent.report_id} is finished, and no [[reports]] of the settings has it: it is "
                    "not loaded. Add it there, and load the definitions again."
                )
        requests = [request(intent) for intent in due if intent.report in reports]
        if not requests:
            return dg.SkipReason(
                f"{len(watched.pending)} pending, {len(watched.failed)} failed, {len(watched.finished)} finished and "
                f"waiting for another attempt, {watched.left_out} left for the next tick."
            )
        return dg.SensorResult(run_requests=requests)

    return report_completion_sensor


async def look(project: Project, only: Collection[int] | None = None) -> Watched:
    """Ask Canvas about every open report within the time of a tick; take up what a crash left behind first.

    `only` narrows it to some intents.
    """
    started = time.monotonic()
    ledger, instance = project.ledger, project.settings.instance
    problems: list[Exception] = []
    async with project.client(light=True) as client:
        for intent in await reconcile(ledger, client, instance):
            if time.monotonic() - started > TICK_SECONDS / 2 or (only is not None and intent.intent_id not in only):
                continue
            try:
                await ask(ledger, client, intent)
            except (CanvasError, RepeatedReportIdError) as error:
                # One report that is refused does not keep the others from being looked at.
                problems.append(error)
        watched = await watch(
            ledger, client, instance, only=only, time_is_up=lambda: time.monotonic() - started > TICK_SECONDS
        )
    watched.problems[:0] = problems
    return watched


def ready(project: Project, finished: Sequence[Intent]) -> list[Intent]:
    """Return the finished intents that may be loaded now: not parked, and not waiting for another attempt."""
    now = project.clock()
    return [
        intent
        for intent in finished
        if intent.parked_at is None and (intent.next_attempt_at is None or intent.next_attempt_at <= now)
    ]


def request(intent: Intent) -> dg.RunRequest:
    """Return the run that loads a finished report. Its configuration carries the id only."""
    return dg.RunRequest(
        run_key=run_key(intent),
        asset_selection=[asset_key(table.qualified) for table in report_tables(intent.report)],
        run_config=load_config(intent),
        tags={INTENT_TAG: str(intent.intent_id), ATTEMPT_TAG: str(intent.attempts + 1)},
    )


def load_config(intent: Intent) -> dict[str, object]:
    """Return the run configuration that names one finished report."""
    return {"ops": {op_name(intent.report): {"config": {"report_id": intent.report_id}}}}


def failure_sensors() -> list[dg.SensorDefinition]:
    """Return the sensors that count a load that failed or was cancelled, whatever ended it, and say what it was.

    Dagster keeps a run's key for ever, whatever became of the run: without the count, nothing would be tried again.
    """

    @dg.run_failure_sensor(
        name="failed_run_sensor",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Counts failed attempts to load a report, so that they are tried again, and then parked.",
    )
    def failed_run_sensor(context: dg.RunFailureSensorContext, projects: dg.ResourceParam[Projects]) -> None:
        context.log.error(f"Run {context.dagster_run.run_id} failed: {context.failure_event.message}")
        _count(context.dagster_run, projects.open(), "The run failed; its log is on the Dagster page")

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.CANCELED,
        name="cancelled_run_sensor",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Counts a cancelled load of a report as an attempt, so that it is tried again.",
    )
    def cancelled_run_sensor(context: dg.RunStatusSensorContext, projects: dg.ResourceParam[Projects]) -> None:
        _count(context.dagster_run, projects.open(), "The run was cancelled on the Dagster page")

    return [failed_run_sensor, cancelled_run_sensor]


def _count(run: dg.DagsterRun, project: Project, reason: str) -> None:
    if INTENT_TAG not in run.tags:
        return
    try:
        intent = get_intent(project.ledger, int(run.tags[INTENT_TAG]))
    except KeyError:
        return
    # The run counts its own failures; this counts those of runs that could not, and counts none twice.
    record_attempt_failed(
        project.ledger,
        intent.intent_id,
        intent.failure or reason,
        attempt=int(run.tags[ATTEMPT_TAG]),
        most=project.settings.sensor.load_attempts,
        pause=timedelta(minutes=project.settings.sensor.retry_minutes),
    )

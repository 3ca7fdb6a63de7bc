"""When a report is finished, and what happens when a run fails.

The decisions are in `extract`; a tick asks them, bounded in time, and turns finished reports into runs.
"""

import asyncio
import hashlib
from collections.abc import Sequence

import dagster as dg

from assets.reports import count_failed, keys_of, load_config, report_tables
from assets.specs import asset_key
from pipelines.alerts import alert
from pipelines.canvas import CanvasError
from pipelines.ledger import Intent
from pipelines.ledger.intents import get_intent
from pipelines.looking import look, nothing_to_do, ready, will_not_come
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.run_claims import clear_dead_runs
from pipelines.settings import Settings, SettingsError

INTENT_TAG = "canvaslake/intent"
ATTEMPT_TAG = "canvaslake/attempt"


def run_key(intent: Intent) -> str:
    """Return the identity of one attempt to load a report. Dagster keeps run keys for ever, so attempts are counted."""
    report = intent.report if intent.course_id is None else f"courses/{intent.course_id}/{intent.report}"
    return f"{intent.instance}/{report}/{intent.report_id}/attempt-{intent.attempts + 1}"


def completion_sensor(reports: Sequence[str], settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that looks for finished reports and starts one run for each."""
    tables = [*(table for report in reports for table in report_tables(report)), COURSE_DOCUMENTS]

    @dg.sensor(
        name="report_completion_sensor",
        target=dg.AssetSelection.assets(*(asset_key(table.qualified) for table in tables)),
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
            if nothing_to_do(project):
                return dg.SkipReason("No report is under way.")
            watched = asyncio.run(look(project, idle=True))
        except (CanvasError, SettingsError) as error:
            # Nothing is lost: the ledger holds what is open, and the next tick looks again.
            context.log.warning(str(error))
            return dg.SkipReason(f"Canvas could not be asked: {error}")
        for problem in watched.problems:
            context.log.warning(str(problem))
        for warning in watched.warnings:
            context.log.warning(warning)
        failures = [will_not_come(intent) for intent in watched.failed]
        for failure in failures:
            context.log.error(failure)
        # One message for all of them: a tick must end in time.
        trouble = alert(project.settings.sensor.alert, failures)
        if trouble:
            context.log.warning(trouble)
        due = ready(project, watched.finished)
        loadable = [intent for intent in due if intent.course_id is not None or intent.report in reports]
        for intent in due:
            if intent not in loadable:
                context.log.warning(
                    f"{intent.report} {intent.report_id} is finished, and no [[reports]] of the settings has it: it is "
                    "not loaded. Add it there, and load the definitions again."
                )
        requests = [request([intent]) for intent in loadable if intent.course_id is None]
        # A run takes seconds to start, and there may be a document for each of thousands of courses.
        of_courses = [intent for intent in loadable if intent.course_id is not None]
        requests += [request(of_courses)] if of_courses else []
        if not requests:
            return dg.SkipReason(
                f"{len(watched.pending)} pending, {len(watched.failed)} failed, {len(watched.finished)} finished and "
                f"waiting for another attempt, {watched.left_out} left for the next tick."
            )
        return dg.SensorResult(run_requests=requests)

    return report_completion_sensor


def request(intents: Sequence[Intent]) -> dg.RunRequest:
    """Return the run that loads a finished report, or several about courses. Its configuration carries ids only."""
    keys = [run_key(intent) for intent in intents]
    named = keys[0] if len(keys) == 1 else f"{len(keys)} reports {hashlib.sha256(' '.join(keys).encode()).hexdigest()}"
    return dg.RunRequest(
        run_key=named,
        asset_selection=keys_of(intents[0]),
        run_config=load_config(intents),
        tags=load_tags(intents),
    )


def load_tags(intents: Sequence[Intent]) -> dict[str, str]:
    """Return the tags by which a run that failed is counted as an attempt of each of its reports."""
    return {
        INTENT_TAG: ",".join(str(intent.intent_id) for intent in intents),
        ATTEMPT_TAG: ",".join(str(intent.attempts + 1) for intent in intents),
    }


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
    numbers = zip(run.tags.get(INTENT_TAG, "").split(","), run.tags.get(ATTEMPT_TAG, "").split(","), strict=False)
    for intent_id, attempt in numbers:
        if not intent_id.isdecimal() or not attempt.isdecimal():
            continue
        try:
            intent = get_intent(project.ledger, int(intent_id))
        except KeyError:
            continue
        # The run counts its own failures; this counts those of runs that could not, and counts none twice.
        count_failed(
            project,
            intent,
            intent.failure or reason,
            attempt=int(attempt),
            most=project.settings.sensor.load_attempts,
        )

"""When a report is finished, and what happens when a run fails.

The decisions are in `extract`; a tick asks them, bounded in time, and turns finished reports into runs.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence

import dagster as dg

from assets.reports import REQUESTED_TAG, count_failed, keys_of, load_config, report_tables
from assets.specs import QUARANTINE_CHECK, asset_key
from pipelines.canvas import CanvasError
from pipelines.ledger import Intent
from pipelines.ledger.intents import get_intent
from pipelines.looking import look, nothing_to_do, ready, will_not_come
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.run_claims import clear_dead_runs
from pipelines.settings import Settings, SettingsError
from pipelines.telling import tell

INTENT_TAG = "canvaslake/intent"
ATTEMPT_TAG = "canvaslake/attempt"

_ACCOUNT, _COURSES = "account", "courses"
"""The values of the tag of runs that the daemon asked for."""

_RECENT_RUNS = 50
"""Runs about courses that a tick looks at, the newest. Each names all that were due, so the last few say enough."""

_TO_REPEAT_SECONDS = 600.0


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
        try:
            return _tick(context, project, reports)
        finally:
            # However the tick ended: what failed in a run, or while a person asked, is told too.
            trouble = tell(project)
            if trouble:
                context.log.warning(trouble)

    return report_completion_sensor


def _tick(
    context: dg.SensorEvaluationContext, project: Project, reports: Sequence[str]
) -> dg.SensorResult | dg.SkipReason:
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
    for intent in watched.failed:
        context.log.error(will_not_come(intent))
    due = ready(project, watched.finished)
    known = [intent for intent in due if intent.course_id is not None or intent.report in reports]
    for intent in due:
        if intent.course_id is None and intent.report not in reports:
            context.log.warning(
                f"{intent.report} {intent.report_id} is finished, and no [[reports]] of the settings has it: it is "
                "not loaded. Add it there, and load the definitions again."
            )
    requests = _requests(context.instance, project, known)
    if not requests:
        return dg.SkipReason(
            f"{len(watched.pending)} pending, {len(watched.failed)} failed, {len(watched.finished)} finished and "
            f"being loaded or waiting for another attempt, {watched.left_out} left for the next tick."
        )
    return dg.SensorResult(run_requests=requests)


def _requests(instance: dg.DagsterInstance, project: Project, due: Sequence[Intent]) -> list[dg.RunRequest]:
    """Return a run for each report of an account that is due, and one for all that are about courses.

    A run takes seconds to start, and there may be a document for each of thousands of courses. While a run about
    courses is under way, those that have finished since wait for its end.
    """
    of_accounts = [intent for intent in due if intent.course_id is None]
    of_courses = [intent for intent in due if intent.course_id is not None]
    of_accounts = _without_dead(project, of_accounts, _runs_of(instance, of_accounts))
    runs = _course_runs(instance) if of_courses else []
    if any(_is_under_way(run) for run in runs):
        of_courses = []
    of_courses = _without_dead(project, of_courses, runs)
    return [*(request([intent]) for intent in of_accounts), *([request(of_courses)] if of_courses else [])]


def request(intents: Sequence[Intent]) -> dg.RunRequest:
    """Return the run that loads a finished report, or several about courses. Its configuration carries ids only."""
    keys = [run_key(intent) for intent in intents]
    named = keys[0] if len(keys) == 1 else f"{len(keys)} reports {hashlib.sha256(' '.join(keys).encode()).hexdigest()}"
    return dg.RunRequest(
        run_key=named,
        asset_selection=keys_of(intents[0]),
        asset_check_keys=[dg.AssetCheckKey(key, QUARANTINE_CHECK) for key in keys_of(intents[0])],
        run_config=load_config(intents),
        tags={**load_tags(intents), REQUESTED_TAG: _ACCOUNT if intents[0].course_id is None else _COURSES},
    )


def load_tags(intents: Sequence[Intent]) -> dict[str, str]:
    """Return the tags by which a run that failed is counted as an attempt of each of its reports."""
    return {
        INTENT_TAG: ",".join(str(intent.intent_id) for intent in intents),
        ATTEMPT_TAG: ",".join(str(intent.attempts + 1) for intent in intents),
    }


def _runs_of(instance: dg.DagsterInstance, intents: Sequence[Intent]) -> Sequence[dg.RunRecord]:
    """Return the runs that were to load one of some intents."""
    ids = [str(intent.intent_id) for intent in intents]
    return instance.get_run_records(dg.RunsFilter(tags={INTENT_TAG: ids})) if ids else []


def _course_runs(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(dg.RunsFilter(tags={REQUESTED_TAG: _COURSES}), limit=_RECENT_RUNS)


def _is_under_way(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    # One that Dagster wrote down and could not start is taken up by its run key, or by nobody.
    if run.status is dg.DagsterRunStatus.NOT_STARTED:
        return False
    return not run.is_finished or _is_repeated_soon(record)


def _is_repeated_soon(record: dg.RunRecord) -> bool:
    """Return whether Dagster is about to repeat a run whose process died; it may fail to, and then says nothing."""
    return record.dagster_run.is_complete_and_waiting_to_retry and (
        time.time() - (record.end_time or 0) < _TO_REPEAT_SECONDS
    )


def _without_dead(project: Project, intents: Sequence[Intent], runs: Sequence[dg.RunRecord]) -> list[Intent]:
    """Count the intents whose present attempt is over and was not counted, and return the others.

    A run that died before its step counted nothing, and the sensors of runs see each end of a run once: if the settings
    could not be read at that moment, nobody would count it, and Dagster takes its run key for done for ever.
    """
    over: dict[tuple[int, int], bool] = {}
    for record in runs:
        ended = record.dagster_run.status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
        is_over = ended and not _is_repeated_soon(record)
        for key in _attempts_of(record.dagster_run):
            over[key] = over.get(key, True) and is_over
    left = []
    for intent in intents:
        attempt = intent.attempts + 1
        if over.get((intent.intent_id, attempt)):
            _count_one(project, intent, "The run ended before it could load anything", attempt)
        else:
            left.append(intent)
    return left


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
    for intent_id, attempt in _attempts_of(run):
        try:
            intent = get_intent(project.ledger, intent_id)
        except KeyError:
            continue
        # The run counts its own failures; this counts those of runs that could not, and counts none twice.
        _count_one(project, intent, reason, attempt)


def _attempts_of(run: dg.DagsterRun) -> list[tuple[int, int]]:
    """Return the intents of a run's tags, each with the number of its attempt."""
    numbers = zip(run.tags.get(INTENT_TAG, "").split(","), run.tags.get(ATTEMPT_TAG, "").split(","), strict=False)
    return [(int(one), int(attempt)) for one, attempt in numbers if one.isdecimal() and attempt.isdecimal()]


def _count_one(project: Project, intent: Intent, reason: str, attempt: int) -> None:
    most = project.settings.sensor.load_attempts
    count_failed(project, intent, intent.failure or reason, attempt=attempt, most=most)

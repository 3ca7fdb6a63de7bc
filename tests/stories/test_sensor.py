"""A finished report becomes one run and one load, whatever happens to the sensor, its state, or the run."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pytest

from pipelines.asking import ask_reports
from pipelines.canvas import CanvasClient
from pipelines.code_location import build_definitions
from pipelines.demo import DemoCanvas, Institution
from pipelines.lake import Lake, LoadOutcome
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import all_intents
from pipelines.ledger.report_facts import record_attempt_failed, record_failed
from pipelines.load.reports import ReportNotReadyError, load_report
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.sensors import INTENT_TAG
from pipelines.settings import CourseReportSettings, ReportSettings, SensorSettings, SettingsError
from tests.stories.conftest import Office, free_port, make_office
from tests.test_alerts import command, told

GRADES = ReportSettings(report="grade_export_csv", parameters={"include_deleted": True})
ZERO = ReportSettings(report="zero_activity_csv")

T = TypeVar("T")


class Desk:
    """The sensor and the jobs of one office, on an instance of its own."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.project = office.project
        self.projects = Projects(lambda: office.project)
        self.definitions = build_definitions(office.settings, self.projects)
        self.last: list[dg.RunRequest] = []

    def ask(self, window: str = "w1") -> None:
        asyncio.run(ask_reports(self.project, [GRADES], window=window, origin="schedule"))

    def tick(self, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        sensor = self.definitions.resolve_sensor_def("report_completion_sensor")
        with dg.build_sensor_context(instance=instance, resources={"projects": self.projects.as_resource()}) as context:
            result = sensor(context)
        return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []

    def ask_documents(self, number: int) -> None:
        """Ask for the documents of the first courses; those that were asked for already are not asked again."""
        courses = tuple(sorted(self.office.canvas.institution.course_by_id)[:number])
        wanted = CourseReportSettings(report="course_pace_docx", courses=courses)
        asyncio.run(
            ask_reports(self.project, [], window="w1", origin="schedule", reuse_open=True, course_reports=[wanted])
        )

    def finish(self, number: int, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        """Let the sensor see so many documents finish, and return what its last tick requests."""

        def finished() -> list[bool]:
            self.last = self.tick(instance)
            stages = [intent.finished_at for intent in all_intents(self.project.ledger)]
            return [True] if len(stages) == number and all(stages) else []

        until(finished)
        return self.last

    def documents(self, number: int, instance: dg.DagsterInstance) -> dg.RunRequest:
        """Ask for some documents, and return the run that is to load all of them."""
        self.ask_documents(number)
        [request] = self.finish(number, instance)
        return request

    def leave(self, request: dg.RunRequest, instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
        """Write down a run of a request that stands still in a state; return its id."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return instance.create_run_for_job(job, tags=dict(request.tags), status=status).run_id

    def wait_for(self, intent: Intent) -> None:
        """Let it be the moment at which an intent may be tried again."""
        later = intent.next_attempt_at
        assert later is not None
        self.projects = Projects(lambda: Project(self.office.settings, clock=lambda: later))
        self.definitions = build_definitions(self.office.settings, self.projects)

    def set_alert(self, *words: str) -> None:
        sensor = SensorSettings(alert=words)
        changed = self.office.settings.model_copy(update={"sensor": sensor})
        self.projects = Projects(lambda: Project(changed))

    def run(
        self, request: dg.RunRequest, instance: dg.DagsterInstance, projects: Projects | None = None
    ) -> dg.ExecuteInProcessResult:
        definitions = build_definitions(self.office.settings, projects) if projects else self.definitions
        return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=list(request.asset_selection or []),
            run_config=request.run_config,
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def rows(self) -> int:
        with self.project.ledger.read() as connection:
            found = connection.execute(
                "SELECT sum(rows) FROM slices WHERE table_name = 'reports.grade_export' AND live_to IS NULL"
            ).fetchone()
        return int(found[0] or 0)

    def loads(self) -> int:
        with self.project.ledger.read() as connection:
            return int(connection.execute("SELECT count(*) FROM loads WHERE report_id IS NOT NULL").fetchone()[0])


def until(condition: Callable[[], list[T]], seconds: float = 30) -> list[T]:
    """Wait for a condition to give something; the demo Canvas works in real time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError("it did not come about")


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def test_a_finished_report_is_loaded_once_if_the_sensor_is_evaluated_twice(desk: Desk) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        desk.ask()
        first = until(lambda: desk.tick(instance))
        second = desk.tick(instance)
        # Dagster starts one run for one run key, however often it is asked for.
        assert [request.run_key for request in first] == [request.run_key for request in second]
        assert first[0].run_config == {"ops": {"reports__grade_export_csv": {"config": {"report_ids": [1001]}}}}
        assert desk.run(first[0], instance).success
        assert desk.tick(instance) == []
        assert desk.loads() == 1
        assert desk.rows() > 0


def test_a_finished_report_is_loaded_once_if_dagster_forgets_everything(desk: Desk) -> None:
    desk.ask()
    with dg.DagsterInstance.ephemeral() as instance:
        request = until(lambda: desk.tick(instance))[0]
        assert desk.run(request, instance).success
    with dg.DagsterInstance.ephemeral() as forgetful:
        assert desk.tick(forgetful) == []
    assert desk.loads() == 1


def test_a_run_that_is_repeated_loads_nothing_twice(desk: Desk) -> None:
    desk.ask()
    with dg.DagsterInstance.ephemeral() as instance:
        request = until(lambda: desk.tick(instance))[0]
        assert desk.run(request, instance).success
        rows = desk.rows()
        again = desk.run(request, instance)
        assert again.success
        assert desk.loads() == 1
        assert desk.rows() == rows


def test_a_window_that_is_asked_twice_posts_once(desk: Desk) -> None:
    desk.ask("2026-11-20T03:00:00+00:00")
    desk.ask("2026-11-20T03:00:00+00:00")
    assert desk.office.canvas.requests.count(r"/reports/", method="POST") == 1
    with dg.DagsterInstance.ephemeral() as instance:
        until(lambda: desk.tick(instance))
    desk.ask("2026-11-21T03:00:00+00:00")
    assert desk.office.canvas.requests.count(r"/reports/", method="POST") == 2


def test_a_load_that_fails_is_tried_again_under_another_run_key(desk: Desk) -> None:
    desk.ask()
    desk.office.canvas.faults.answer(r"^/files/", status=500, times=None)
    with dg.DagsterInstance.ephemeral() as instance:
        first = until(lambda: desk.tick(instance))[0]
        result = desk.run(first, instance)
        assert not result.success
        [intent] = all_intents(desk.project.ledger)
        assert (intent.attempts, intent.state) == (1, IntentState.FINISHED)
        assert desk.tick(instance) == [], "it waits for its pause"
        desk.office.canvas.faults.clear()
        desk.wait_for(intent)
        second = desk.tick(instance)[0]
        assert second.run_key != first.run_key
        assert second.tags[INTENT_TAG] == first.tags[INTENT_TAG]
        assert desk.run(second, instance).success
    assert desk.loads() == 1


def test_a_report_that_was_asked_for_before_canvas_went_away_is_loaded_when_it_is_back(
    tmp_path: Path, institution: Institution
) -> None:
    with DemoCanvas(institution, report_seconds=0.3, port=free_port()) as canvas:
        desk = Desk(make_office(tmp_path, canvas))
        desk.ask()
        canvas.stop()
        with dg.DagsterInstance.ephemeral() as instance:
            assert desk.tick(instance) == []
            canvas.start()
            request = until(lambda: desk.tick(instance))[0]
            assert desk.run(request, instance).success
        assert desk.loads() == 1


def broken() -> Project:
    raise SettingsError("canvaslake.toml cannot be read.")


@pytest.mark.slow
def test_a_run_that_died_while_nobody_could_count_it_is_counted_by_the_next_tick(desk: Desk) -> None:
    """The settings are wrong for a minute: the run dies before its step, and so does the sensor of failed runs."""
    desk.ask()
    with dg.DagsterInstance.ephemeral() as instance:
        first = until(lambda: desk.tick(instance))[0]
        at_work = desk.leave(first, instance, dg.DagsterRunStatus.STARTING)
        assert [one.run_key for one in desk.tick(instance)] == [first.run_key], "a run that waits has not failed"
        instance.delete_run(at_work)
        assert not desk.run(first, instance, Projects(broken)).success
        [died] = instance.get_runs()
        assert died.status is dg.DagsterRunStatus.FAILURE
        instance.add_run_tags(died.run_id, {"dagster/will_retry": "true"})
        assert [one.run_key for one in desk.tick(instance)] == [first.run_key], "Dagster is about to repeat it"
        instance.add_run_tags(died.run_id, {"dagster/will_retry": "false"})
        assert desk.tick(instance) == [], "it waits for its pause"
        [intent] = all_intents(desk.project.ledger)
        assert (intent.attempts, intent.state) == (1, IntentState.FINISHED)
        assert desk.tick(instance) == []
        [intent] = all_intents(desk.project.ledger)
        assert intent.attempts == 1, "an attempt is counted once"
        desk.wait_for(intent)
        second = desk.tick(instance)[0]
        assert second.run_key != first.run_key
        assert desk.run(second, instance).success
    assert desk.loads() == 1


@pytest.mark.slow
def test_each_document_of_a_run_that_died_uncounted_is_counted(desk: Desk) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = desk.documents(2, instance)
        desk.leave(request, instance, dg.DagsterRunStatus.CANCELED)
        assert desk.tick(instance) == []
    assert [intent.attempts for intent in all_intents(desk.project.ledger)] == [1, 1]


@pytest.mark.slow
def test_documents_that_finish_while_a_run_loads_others_wait_for_its_end(desk: Desk) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = desk.documents(1, instance)
        at_work = desk.leave(first, instance, dg.DagsterRunStatus.STARTING)
        desk.ask_documents(2)
        assert desk.finish(2, instance) == [], "the run that waits holds one of the two"
        instance.delete_run(at_work)
        assert desk.run(first, instance).success
        [second] = desk.tick(instance)
        assert second.tags[INTENT_TAG] == "2"


def test_a_document_that_waits_for_its_pause_is_left_alone_by_the_daemon_and_not_by_a_person(desk: Desk) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = desk.documents(2, instance)
        one, two = all_intents(desk.project.ledger)
        record_attempt_failed(desk.project.ledger, two.intent_id, "no", attempt=1, most=5, pause=timedelta(hours=1))
        result = desk.run(request, instance)
        assert result.success
        assert [intent.state for intent in all_intents(desk.project.ledger)] == [
            IntentState.LOADED,
            IntentState.FINISHED,
        ]
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
        assert any(f"{two.report_id} of {two.place} is parked, or waits" in message for message in said)
        assert not any(f"{one.report_id} of {one.place} is parked" in message for message in said)
        by_hand = dg.RunRequest(asset_selection=request.asset_selection, run_config=request.run_config)
        assert desk.run(by_hand, instance).success
    assert {intent.state for intent in all_intents(desk.project.ledger)} == {IntentState.LOADED}


@pytest.mark.parametrize("error", [ReportNotReadyError("no file"), RuntimeError("nobody foresaw it")], ids=type)
def test_a_document_that_cannot_be_loaded_keeps_no_other_from_being_announced(
    desk: Desk, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = desk.documents(3, instance)
        bad = all_intents(desk.project.ledger)[1].intent_id

        async def picky(lake: Lake, client: CanvasClient, intent: Intent, *more: Any, **named: Any) -> LoadOutcome:
            if intent.intent_id == bad:
                raise error
            return await load_report(lake, client, intent, *more, **named)

        monkeypatch.setattr("assets.reports.load_report", picky)
        result = desk.run(request, instance)
        assert not result.success
        [announced] = result.get_asset_materialization_events()
        assert announced.asset_key == dg.AssetKey(["reports", "course_documents"])
        assert announced.materialization.metadata["rows_loaded_now"].value == 2
        states = {intent.intent_id: (intent.state, intent.attempts) for intent in all_intents(desk.project.ledger)}
    assert states.pop(bad) == (IntentState.FINISHED, 1)
    assert set(states.values()) == {(IntentState.LOADED, 0)}


def test_people_are_told_by_every_tick_whatever_it_finds(desk: Desk, tmp_path: Path) -> None:
    """What a run, a person's command or an ask run found out is told too, when Canvas is away as well."""
    notes = tmp_path / "notes"
    desk.set_alert(*command(notes))
    # Else it might complete after all before the tick.
    desk.office.canvas.reports.report_seconds = 3600
    desk.ask()
    [intent] = all_intents(desk.project.ledger)
    with dg.DagsterInstance.ephemeral() as instance:
        record_failed(desk.project.ledger, intent.intent_id, "Refused.")
        assert desk.tick(instance) == []
        assert len(told(notes)) == 1
        assert "will not come: Refused." in str(told(notes)[0]["said"])
        asyncio.run(ask_reports(desk.project, [GRADES, ZERO], window="w2", origin="schedule"))
        desk.office.canvas.stop()
        record_failed(desk.project.ledger, all_intents(desk.project.ledger)[1].intent_id, "Gone.")
        assert desk.tick(instance) == []
        assert "will not come: Gone." in str(told(notes)[1]["said"])
        assert desk.tick(instance) == []
    assert len(told(notes)) == 2

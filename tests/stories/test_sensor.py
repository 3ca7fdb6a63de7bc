"""A finished report becomes one run and one load, whatever happens to the sensor, its state, or the run."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from pipelines.asking import ask_reports
from pipelines.definitions import build_definitions
from pipelines.demo import DemoCanvas, Institution
from pipelines.ledger import IntentState
from pipelines.ledger.intents import all_intents
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.sensors import INTENT_TAG
from pipelines.settings import ReportSettings
from tests.stories.conftest import Office, free_port, make_office

GRADES = ReportSettings(report="grade_export_csv", parameters={"include_deleted": True})


class Desk:
    """The sensor and the jobs of one office, on an instance of its own."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.project = office.project
        self.projects = Projects(lambda: office.project)
        self.definitions = build_definitions(office.settings, self.projects)

    def ask(self, window: str = "w1") -> None:
        asyncio.run(ask_reports(self.project, [GRADES], window=window, origin="schedule"))

    def tick(self, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        sensor = self.definitions.resolve_sensor_def("report_completion_sensor")
        with dg.build_sensor_context(instance=instance, resources={"projects": self.projects.as_resource()}) as context:
            result = sensor(context)
        return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []

    def run(self, request: dg.RunRequest, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
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


def until(condition: Callable[[], list[dg.RunRequest]], seconds: float = 30) -> list[dg.RunRequest]:
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
        later = intent.next_attempt_at
        assert later is not None
        desk.projects = Projects(lambda: Project(desk.office.settings, clock=lambda: later))
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

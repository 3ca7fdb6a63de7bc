"""What would be lost for ever if it were not taken up again: dead runs, wishes without Canvas, scopes that moved."""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.asking import ask_reports
from pipelines.canvas import CanvasError
from pipelines.demo import DemoCanvas, Institution
from pipelines.ledger import IntentState
from pipelines.ledger.intents import all_intents
from pipelines.ledger.loads import live_files
from pipelines.ledger.report_facts import record_asked, record_status
from pipelines.ledger.wishes import want
from pipelines.resources import Projects
from pipelines.run_claims import claimed, clear_dead_runs
from pipelines.schedules import report_schedules
from pipelines.settings import ReportSettings, Settings
from tests.stories.conftest import Office, free_port, make_office
from tests.stories.test_sensor import GRADES, Desk, until


@dg.job
def idle() -> None:
    """Hold no step."""


def _started_run(instance: dg.DagsterInstance) -> str:
    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def test_a_run_that_was_killed_before_it_could_take_its_lock_does_not_hold_its_pool_for_ever(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _started_run(instance)
        assert clear_dead_runs(instance, tmp_path) == [run_id]
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status is dg.DagsterRunStatus.FAILURE


def test_a_run_at_work_is_left_alone_and_one_that_gave_up_its_lock_is_cleared(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _started_run(instance)
        ready, done = threading.Event(), threading.Event()

        def work() -> None:
            with claimed(tmp_path, run_id):
                ready.set()
                done.wait(30)

        worker = threading.Thread(target=work)
        worker.start()
        assert ready.wait(10)
        assert clear_dead_runs(instance, tmp_path) == []
        done.set()
        worker.join()
        assert clear_dead_runs(instance, tmp_path) == [run_id]


def test_a_report_that_was_due_while_canvas_was_away_is_asked_for_when_it_is_back(
    tmp_path: Path, institution: Institution
) -> None:
    with DemoCanvas(institution, report_seconds=0.3, port=free_port()) as canvas:
        desk = Desk(make_office(tmp_path, canvas))
        desk.ask("monday")
        canvas.stop()
        with pytest.raises(CanvasError):
            desk.ask("tuesday")
        wished = [intent for intent in all_intents(desk.project.ledger) if intent.window == "tuesday"]
        assert [intent.state for intent in wished] == [IntentState.WANTED]
        canvas.start()
        with dg.DagsterInstance.ephemeral() as instance:
            requests = until(lambda: found if len(found := desk.tick(instance)) == 2 else [])
            assert all(desk.run(request, instance).success for request in requests)
        assert canvas.requests.count(r"/reports/", method="POST") == 2


def test_one_account_that_is_not_there_does_not_keep_the_other_reports_from_being_asked(office: Office) -> None:
    wrong = ReportSettings(report="provisioning_csv", parameters={"users": True}, accounts=("sis_account_id:GONE",))
    with pytest.raises(CanvasError):
        asyncio.run(ask_reports(office.project, [wrong, GRADES], window="w", origin="schedule"))
    assert [intent.report for intent in all_intents(office.project.ledger)] == ["grade_export_csv"]


def test_a_report_that_nothing_can_load_does_not_keep_the_others_from_being_loaded(office: Office) -> None:
    desk = Desk(office)
    ledger = desk.project.ledger
    stray = want(
        ledger,
        instance=office.settings.instance,
        account_id=1,
        report="no_longer_configured_csv",
        parameters={},
        window="w0",
        origin="schedule",
        deadline=timedelta(hours=1),
    )
    record_asked(ledger, stray.intent_id, 77, "created")
    record_status(ledger, stray.intent_id, status="complete", progress=100, ended_at=None)
    desk.ask()
    with dg.DagsterInstance.ephemeral() as instance:
        requests = until(lambda: desk.tick(instance))
    assert [request.run_config["ops"].keys() for request in requests] == [{"reports__grade_export_csv": 0}.keys()]


def test_parameters_that_left_the_settings_do_not_count_their_rows_a_second_time(office: Office) -> None:
    text = (office.folder / "canvaslake.toml").read_text()
    desk = Desk(office)
    with dg.DagsterInstance.ephemeral() as instance:
        desk.ask("before")
        assert desk.run(until(lambda: desk.tick(instance))[0], instance).success
        old = "include_deleted = true, enrollment_term_id"
        assert old in text
        office.write_settings(text.replace(old, "enrollment_term_id"))
        desk = Desk(office)
        desk.projects = Projects(lambda: office.project)
        asyncio.run(
            ask_reports(office.project, [ReportSettings(report="grade_export_csv")], window="after", origin="schedule")
        )
        assert desk.run(until(lambda: desk.tick(instance))[0], instance).success
    slices = [file.slice for file in live_files(office.project.ledger) if file.table_name == "reports.grade_export"]
    assert len(slices) == 1


def test_two_schedules_never_share_a_name() -> None:
    crons = ("0 3 * * 1,5", "0 3 * * 1-5", "0 3 * * */5", "0 3 * * *")
    settings = Settings(reports=tuple(ReportSettings(report="grade_export_csv", cron=cron) for cron in crons))
    assert len({schedule.name for schedule in report_schedules(settings)}) == len(crons)

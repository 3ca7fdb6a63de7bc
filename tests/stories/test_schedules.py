"""Schedules ask once per window: across a restart, a clock that is moved, and a change of the time zone."""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from pipelines.asking import ask_reports
from pipelines.code_location import build_definitions
from pipelines.ledger.intents import all_intents
from pipelines.schedules import ASK_JOB, ASK_OP, report_schedules
from pipelines.settings import CanvasSettings, CourseReportSettings, ReportSettings, Settings
from tests.stories.conftest import Office

DENVER = "America/Denver"
CHANGES = (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC))
"""The day before the clocks go forward there, and before they go back."""


def settings(*crons: str, zone: str = DENVER) -> Settings:
    reports = tuple(ReportSettings(report="grade_export_csv", cron=cron) for cron in crons)
    return Settings(canvas=CanvasSettings(time_zone=zone), reports=reports)


def ticks(schedule: dg.ScheduleDefinition, since: datetime, days: int) -> list[datetime]:
    """Return the moments at which Dagster evaluates a schedule."""
    found: list[datetime] = []
    for moment in schedule_execution_time_iterator(
        since.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone, ascending=True
    ):
        if moment > since + timedelta(days=days):
            return found
        found.append(moment)
    return found


def request(schedule: dg.ScheduleDefinition, at: datetime) -> dg.RunRequest:
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        found = schedule(context)
    assert isinstance(found, dg.RunRequest)
    return found


def window(found: dg.RunRequest) -> str:
    return str(found.run_config["ops"][ASK_OP]["config"]["window"])


@pytest.mark.parametrize("since", CHANGES, ids=["forward", "back"])
@pytest.mark.parametrize("cron", ["30 1 * * *", "30 2 * * *", "0 3 * * *"])
def test_a_day_has_one_window_when_the_clocks_change(cron: str, since: datetime) -> None:
    """At half past two no such time exists in spring; at half past one there are two in autumn."""
    [schedule] = report_schedules(settings(cron))
    moments = ticks(schedule, since, 4)
    days = Counter(moment.astimezone(ZoneInfo(DENVER)).date() for moment in moments)
    assert set(days.values()) == {1}
    assert len(days) == 4
    requests = [request(schedule, moment) for moment in moments]
    assert len({window(one) for one in requests}) == len({one.run_key for one in requests}) == len(moments)


def test_the_same_moment_is_the_same_window_whatever_the_zone_is_called() -> None:
    at = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    [here], [there] = (report_schedules(settings("30 * * * *", zone=zone)) for zone in (DENVER, "UTC"))
    one, other = request(here, at.astimezone(ZoneInfo(DENVER))), request(there, at)
    assert window(one) == window(other)
    assert one.run_key == other.run_key


def test_there_is_one_schedule_for_each_cron_and_it_names_what_it_asks_for() -> None:
    mixed = Settings(
        reports=(
            ReportSettings(report="grade_export_csv", cron="0 3 * * *"),
            ReportSettings(report="provisioning_csv", parameters={"users": True}, cron="0 3 * * *"),
            ReportSettings(report="zero_activity_csv", cron="0 4 * * 1"),
            ReportSettings(report="public_courses_csv"),
        ),
        course_reports=(CourseReportSettings(report="course_pace_docx", courses=(7,), cron="0 4 * * 1"),),
    )
    schedules = {str(one.cron_schedule): one for one in report_schedules(mixed)}
    assert sorted(schedules) == ["0 3 * * *", "0 4 * * 1"]
    at = datetime(2026, 11, 2, 4, tzinfo=UTC)
    config = request(schedules["0 4 * * 1"], at).run_config["ops"][ASK_OP]["config"]
    assert (config["reports"], config["course_reports"]) == (["zero_activity_csv"], ["course_pace_docx"])


def test_a_daemon_that_starts_again_asks_for_no_window_twice(office: Office) -> None:
    """The run of a tick is repeated by hand, and the tick is evaluated again by a daemon that forgot it."""
    text = (office.folder / "canvaslake.toml").read_text()
    office.write_settings(
        text.split("[[reports]]")[0] + '[[reports]]\nreport = "zero_activity_csv"\ncron = "0 3 * * *"\n'
    )
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)
    for _ in range(3):
        definitions = build_definitions(office.settings)
        [schedule] = report_schedules(office.settings)
        found = request(schedule, at)
        with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patched:
            patched.setenv("CANVASLAKE_CONFIG", str(office.folder / "canvaslake.toml"))
            job = definitions.resolve_job_def(schedule.job_name)
            assert job.execute_in_process(instance=instance, run_config=found.run_config).success
    assert office.canvas.requests.count(r"/reports/", method="POST") == 1
    assert [intent.window for intent in all_intents(office.project.ledger)] == [at.isoformat()]


def test_a_schedule_that_the_settings_no_longer_have_says_that_it_asks_for_nothing(office: Office) -> None:
    """The schedules are read when the daemon starts, and the settings at every run: somebody changed a cron."""
    definitions = build_definitions(office.settings)
    named = {"reports": ["zero_activity_csv"], "course_reports": ["course_pace_docx"], "cron": "0 3 * * *"}
    with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patched:
        patched.setenv("CANVASLAKE_CONFIG", str(office.folder / "canvaslake.toml"))
        job = definitions.resolve_job_def(ASK_JOB)
        config = {"ops": {ASK_OP: {"config": {**named, "window": "w1"}}}}
        result = job.execute_in_process(instance=instance, run_config=config)
        assert result.success
        said = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == logging.WARNING]
    assert any("Not asked for: course_pace_docx, zero_activity_csv." in message for message in said)
    assert office.canvas.requests.count(r"/reports/", method="POST") == 0


def test_a_wish_for_what_is_under_way_makes_no_second_report(office: Office) -> None:
    office.canvas.faults.report("stuck_created", times=None)
    reports = [ReportSettings(report="zero_activity_csv")]
    for number in range(3):
        asyncio.run(ask_reports(office.project, reports, window=f"window {number}", origin="schedule"))
    assert office.canvas.requests.count(r"/reports/", method="POST") == 1
    assert len(all_intents(office.project.ledger)) == 1

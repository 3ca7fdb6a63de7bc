"""`canvaslake reports` as a person uses it: look, start, stop, drop, load by hand, read anew."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.init import settings_text
from pipelines.demo import DemoCanvas, Institution
from pipelines.ledger import IntentState
from pipelines.ledger.intents import all_intents
from pipelines.ledger.report_facts import record_attempt_failed
from tests.stories.conftest import Office

pytestmark = pytest.mark.slow

UNDECLARED = "user_course_access_log_csv"


@pytest.fixture
def small(office: Office) -> Office:
    """An office that asks for no report but those that a test names."""
    configure(office, "")
    return office


def configure(office: Office, reports: str) -> None:
    base = settings_text(base_url=office.canvas.base_url, student_analytics="off").partition("[[reports]]")[0]
    office.write_settings(base + reports)


def states(office: Office) -> list[IntentState]:
    return [intent.state for intent in all_intents(office.project.ledger)]


def test_the_catalog_lists_what_is_offered_and_says_what_is_wrong_with_what_is_configured(small: Office) -> None:
    listed = small.run("reports", "catalog", "--json")
    assert listed.returncode == 0, listed.stderr
    found = {one["report"]: one for one in json.loads(listed.stdout)}
    assert len(found) == 21
    assert found["grade_export_csv"]["typed_tables"] == ["reports.grade_export"]
    assert found[UNDECLARED]["typed_tables"] == []
    configure(
        small, '[[reports]]\nreport = "provisioning_csv"\nparameters = { user = true, created_by_sis = "false" }\n'
    )
    told = small.run("reports", "catalog")
    assert told.returncode == ExitCode.SETTINGS
    for words in ("no parameter user (did you mean users?)", "created_by_sis = 'false' would count as true", "set at"):
        assert words in told.stderr
    doctor = small.run("doctor")
    assert "did you mean users?" in doctor.stdout + doctor.stderr
    sync = small.run("sync", "provisioning_csv")
    assert sync.returncode == ExitCode.SETTINGS
    assert "was not asked for" in sync.stderr
    assert small.canvas.reports.all() == []


def test_a_report_that_comes_and_goes_is_told_and_is_drift_in_the_file(small: Office) -> None:
    assert small.run("reports", "catalog").returncode == 0
    small.canvas.catalog.switch_off("zero_activity_csv")
    assert "No longer offered: zero_activity_csv" in small.run("reports", "catalog").stderr
    small.canvas.catalog.switch_on("zero_activity_csv")
    assert "New since the last look: zero_activity_csv" in small.run("reports", "catalog").stderr
    assert small.run("publish").returncode == 0
    drift = small.rows("select kind, table_name, name from meta.drift order by kind")
    assert drift == [
        ("report appeared", "reports.zero_activity", "zero_activity_csv"),
        ("report vanished", "reports.zero_activity", "zero_activity_csv"),
    ]


def test_a_report_that_is_not_offered_is_refused_before_anything_is_sent(small: Office) -> None:
    small.canvas.catalog.switch_off("zero_activity_csv")
    told = small.run("reports", "start", "zero_activity_csv")
    assert told.returncode == ExitCode.SETTINGS
    assert "This Canvas does not offer it" in told.stderr
    assert small.canvas.requests.count(r"/reports/", "POST") == 0


def test_a_report_is_started_once_however_often_it_is_asked_for(small: Office) -> None:
    small.canvas.faults.report("stuck_created", times=None)
    first, second = (small.run("reports", "start", "zero_activity_csv") for _ in range(2))
    assert "is created" in first.stderr
    assert "under way already" in second.stderr
    assert len(small.canvas.reports.all()) == 1


def test_a_running_report_is_aborted_and_one_that_waits_is_deleted(small: Office) -> None:
    small.canvas.faults.report("stuck_running", times=1)
    assert small.run("reports", "start", "zero_activity_csv").returncode == 0
    until_running(small)
    aborted = small.run("reports", "abort", "1")
    assert aborted.returncode == 0, aborted.stderr
    small.canvas.faults.report("stuck_created", times=1)
    assert small.run("reports", "start", "public_courses_csv").returncode == 0
    refused = small.run("reports", "abort", "2")
    assert refused.returncode == ExitCode.REPORT
    assert "canvaslake reports delete 2" in refused.stderr
    assert small.run("reports", "delete", "2").returncode == 0
    assert states(small) == [IntentState.CANCELLED, IntentState.CANCELLED]
    assert [run.status for run in small.canvas.reports.all()] == ["aborted", "deleted"]
    told = json.loads(small.run("reports", "status", "2").stdout)
    assert (told["state"], told["failure"]) == ("cancelled", "Deleted by canvaslake reports delete")
    assert told["deleted_at"] is not None


def until_running(office: Office) -> None:
    """Wait until Canvas has begun the newest report; the demo works in real time."""
    for _ in range(1000):
        if office.canvas.reports.all()[-1].status == "running":
            return
    raise AssertionError("Canvas did not begin")


def test_a_report_that_a_person_ran_is_loaded_when_configured_and_never_deleted(small: Office) -> None:
    configure(
        small, '[[reports]]\nreport = "public_courses_csv"\nadopt = true\ndelete_after_load = true\naccounts = [1]\n'
    )
    theirs = small.canvas.reports.create(1, "public_courses_csv", {}, user_id=2)
    small.canvas.faults.answer(
        r"/reports/public_courses_csv$",
        status=403,
        body='{"status":"unauthorized","errors":[]}',
        headers={"content-type": "application/json"},
        method="POST",
        times=None,
    )
    for _ in range(1000):
        if small.canvas.reports.all()[0].status == "complete":
            break
    done = small.run("sync")
    assert done.returncode == ExitCode.RIGHT
    story = small.rows(
        "select report_id, origin, identified_by, state from meta.report_runs where report_id is not null"
    )
    assert story == [(theirs.id, "adoption", "adoption", "loaded")], done.stderr
    assert small.canvas.requests.count(r"/reports/", "DELETE") == 0
    [adopted] = [intent for intent in all_intents(small.project.ledger) if intent.report_id == theirs.id]
    refused = small.run("reports", "delete", str(adopted.intent_id))
    assert refused.returncode == ExitCode.USAGE
    assert "leaves it alone" in refused.stderr


def test_an_own_report_is_deleted_in_canvas_when_it_is_loaded(small: Office) -> None:
    configure(small, '[[reports]]\nreport = "public_courses_csv"\ndelete_after_load = true\n')
    done = small.run("sync", "public_courses_csv")
    assert done.returncode == 0, done.stderr
    assert [run.status for run in small.canvas.reports.all()] == ["deleted"]
    assert small.rows("select state, deleted_at is not null from meta.report_runs") == [("loaded", True)]


def test_one_report_for_each_term_stands_side_by_side_and_takes_the_place_of_one_for_all(small: Office) -> None:
    configure(small, '[[reports]]\nreport = "grade_export_csv"\nparameters = { include_deleted = true }\n')
    assert small.run("sync", "grade_export_csv").returncode == 0
    whole = small.rows("select count(*) from reports.grade_export")
    configure(
        small, '[[reports]]\nreport = "grade_export_csv"\nterms = "all"\nparameters = { include_deleted = true }\n'
    )
    done = small.run("sync", "grade_export_csv")
    assert done.returncode == 0, done.stderr
    terms = [term for term in small.canvas.institution.terms if term.state == "active"]
    assert small.canvas.requests.count(r"/reports/", "POST") == 1 + len(terms)
    assert small.rows("select count(*) from reports.grade_export") == whole
    slices = small.rows("select count(*) from meta.loads where table_name = 'reports.grade_export'")
    assert slices == [(len(terms),)]


def test_a_file_is_loaded_by_hand_and_the_next_report_takes_its_place(small: Office, tmp_path: Path) -> None:
    configure(small, '[[reports]]\nreport = "course_storage_csv"\n')
    header = (
        "id,sis id,short name,name,account id,account sis id,account name,storage used in MB,sum of all files in MB"
    )
    file = tmp_path / "course_storage_csv_20_Nov_2026_917.csv"
    file.write_text(f"{header}\n7,,HAND,By hand,1,,Root,1.5,2\nx,,BAD,Row,1,,Root,1,1\n")
    loaded = small.run("reports", "load", str(file), "--account", "1")
    assert loaded.returncode == 0, loaded.stderr
    assert "reports.course_storage: 1 rows, 1 in meta.quarantine" in loaded.stderr
    again = small.run("reports", "load", str(file), "--account", "1")
    assert "already loaded" in again.stderr
    assert small.run("publish").returncode == 0
    assert small.rows("select id, short_name, storage_used_in_mb from reports.course_storage") == [(7, "HAND", 1.5)]
    assert small.rows("select line_number, reason, raw from meta.quarantine") == [
        (3, "id is not a whole number", "x,,BAD,Row,1,,Root,1,1")
    ]
    assert small.rows("select origin, state from meta.report_runs") == [("file", "loaded")]
    assert small.run("sync", "course_storage_csv").returncode == 0
    assert (7,) not in small.rows("select id from reports.course_storage")
    assert file.exists()
    again = small.run("reports", "load", str(file), "--account", "1", "--ended-at", "2026-01-01T00:00:00Z")
    assert again.returncode == ExitCode.REPORT
    assert "--older-too" in again.stderr
    older = small.run(
        "reports", "load", str(file), "--account", "1", "--ended-at", "2026-01-01T00:00:00Z", "--older-too"
    )
    assert older.returncode == 0, older.stderr
    assert "committed" in older.stderr
    late = small.run("reports", "load", str(file), "--account", "1", "--ended-at", "2099-01-01T00:00:00Z")
    assert late.returncode == ExitCode.USAGE
    assert "in the future" in late.stderr
    newest = max(entry["intent_id"] for entry in json.loads(small.run("reports", "list", "--json").stdout))
    out = small.run("reports", "unload", str(newest))
    assert out.returncode == 0, out.stderr
    assert "are out of reports.course_storage" in out.stderr
    assert small.run("publish", "--accept", "reports.course_storage").returncode == 0
    assert small.rows("select count(*) from reports.course_storage") == [(0,)]
    assert small.run("reports", "unload", str(newest)).returncode == ExitCode.USAGE
    (tmp_path / "grades.csv").write_text("a\n1\n")
    told = small.run("reports", "load", str(tmp_path / "grades.csv"))
    assert told.returncode == ExitCode.USAGE
    assert "--report" in told.stderr


def test_what_nothing_would_load_is_refused_with_what_was_meant(small: Office, tmp_path: Path) -> None:
    file = tmp_path / "grades.csv"
    file.write_text("a\n1\n")
    for command in (["start", "grade_exprt_csv"], ["load", str(file), "--report", "grade_exprt_csv"]):
        told = small.run("reports", *command)
        assert told.returncode == ExitCode.SETTINGS
        assert "Did you mean grade_export_csv" in told.stderr


def test_a_data_directory_that_is_none_is_named_with_what_to_do(small: Office, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    told = small.run("reports", "list", extra={"CANVASLAKE_HOME": str(tmp_path / "taken")})
    assert told.returncode == ExitCode.SETTINGS
    assert "CANVASLAKE_HOME" in told.stderr
    assert "report it" not in told.stderr


def test_a_bad_file_given_by_hand_leaves_the_rows_as_they_are(small: Office, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("name,surname\n1,2\n")
    told = small.run("reports", "load", str(file), "--report", "public_courses_csv", "--account", "1")
    assert told.returncode == ExitCode.REPORT
    assert "Traceback" not in told.stderr
    assert states(small) == [IntentState.FAILED]


def test_a_report_nobody_declared_gets_types_later_without_asking_canvas_again(small: Office) -> None:
    configure(small, f'[[reports]]\nreport = "{UNDECLARED}"\n')
    assert small.run("sync", UNDECLARED).returncode == 0
    before = small.rows(f"select * exclude (_load_id) from reports.{UNDECLARED.removesuffix('_csv')} order by all")
    kinds = "select data_type from meta.columns where table_name = 'user_course_access_log' and column_name = 'user_id'"
    assert small.rows(kinds) == [("VARCHAR",)]
    requests = small.canvas.requests.count(".*")
    configure(
        small,
        f'[[reports]]\nreport = "{UNDECLARED}"\ncolumns = {{ "user id" = "BIGINT", last_access_at = "TIMESTAMPTZ" }}\n',
    )
    assert small.run("publish").returncode == 0
    assert small.rows(kinds) == [("BIGINT",)]
    after = small.rows("select * exclude (_load_id) from reports.user_course_access_log order by all")
    assert len(after) == len(before) > 0
    assert {str(row[0]) for row in after} == {row[0] for row in before}
    reloaded = small.run("reports", "reload", UNDECLARED)
    assert reloaded.returncode == 0
    assert "already loaded" in reloaded.stdout
    assert small.canvas.requests.count(".*") == requests


def test_a_parked_report_is_alerted_and_a_retry_gives_it_its_attempts_back(small: Office, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.txt"
    configure(
        small,
        f'[sensor]\nalert = ["sh", "-c", "cat >> {alerts}; env | grep -c CANVAS_API_TOKEN >> {alerts}; true"]\n'
        '[[reports]]\nreport = "public_courses_csv"\n',
    )
    small.canvas.faults.report_file(b"one,two\n1,2\n", report="public_courses_csv")
    done = small.run("sync", "public_courses_csv", extra={"CANVAS_API_TOKEN": small.canvas.token})
    assert done.returncode == ExitCode.REPORT
    assert states(small) == [IntentState.PARKED]
    told = alerts.read_text()
    assert "public_courses_csv" in told
    assert "canvaslake reports retry 1" in told
    assert told.splitlines()[-1] == "0"
    assert small.run("reports", "retry", "1").returncode == 0
    ledger = small.project.ledger
    for attempt in range(2, 2 + 4):
        counted = record_attempt_failed(ledger, 1, "again", attempt=attempt, most=5, pause=timedelta(minutes=1))
        assert counted.parked_at is None
    assert record_attempt_failed(ledger, 1, "again", attempt=6, most=5, pause=timedelta(minutes=1)).parked_at


def test_documents_of_courses_are_kept_with_a_row_each(small: Office, institution: Institution) -> None:
    courses = [course.id for course in institution.courses if course.state == "available"][:2]
    configure(small, f'[[course_reports]]\nreport = "course_pace_docx"\ncourses = {courses}\n')
    done = small.run("sync", "course_pace_docx")
    assert done.returncode == 0, done.stderr
    rows = small.rows("select course_id, report_type, path, bytes from reports.course_documents order by course_id")
    assert [row[:2] for row in rows] == [(course, "course_pace_docx") for course in courses]
    for _, _, path, size in rows:
        document = small.folder / "data" / "lake" / path
        assert document.stat().st_size == size
        assert document.stat().st_mode & 0o777 == 0o600
        assert path.endswith(".docx")
    again = small.run("sync", "course_pace_docx")
    assert again.returncode == 0, again.stderr
    assert small.rows("select count(*) from reports.course_documents") == [(2,)]


def test_what_is_kept_is_private_and_goes_when_its_time_is_over(small: Office) -> None:
    configure(small, '[[reports]]\nreport = "public_courses_csv"\n')
    assert small.run("sync", "public_courses_csv").returncode == 0
    folder = small.folder / "data" / "lake" / "files" / "reports" / "public_courses_csv"
    [kept] = folder.iterdir()
    assert kept.suffixes == [".csv", ".zst"]
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    configure(small, '[lake]\nkeep_files_days = 0\n[[reports]]\nreport = "public_courses_csv"\n')
    assert small.run("sync", "public_courses_csv").returncode == 0
    assert list(folder.iterdir()) == []


@pytest.fixture
def canvas(institution: Institution) -> object:
    with DemoCanvas(institution, report_seconds=0.2) as running:
        yield running

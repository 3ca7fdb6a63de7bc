"""What a person sees when it does not work: a clear message, an exit code by class, and the last good file in place."""

import hashlib
from collections.abc import Iterator

import pytest

from pipelines.demo import ALL_PERMISSIONS, DEMO_TOKEN, DemoCanvas, Institution
from tests.stories.conftest import Office, free_port, make_office


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, institution: Institution) -> Iterator[Office]:
    """A university that has synced well once, before things go wrong."""
    with DemoCanvas(institution, report_seconds=0.3) as canvas:
        office = make_office(tmp_path_factory.mktemp("failing"), canvas)
        result = office.run("sync", "canvas.accounts", "canvas.terms", "reports.grade_export")
        assert result.returncode == 0, result.stderr
        yield office


@pytest.fixture
def good(loaded: Office) -> Iterator[tuple[Office, str]]:
    loaded.canvas.requests.clear()
    yield loaded, _sum(loaded)
    loaded.set_token(DEMO_TOKEN)
    loaded.canvas.faults.clear()


def _sum(office: Office) -> str:
    return hashlib.sha256(office.published.read_bytes()).hexdigest()


def test_a_wrong_token_is_named_and_the_file_stays(good: tuple[Office, str]) -> None:
    office, before = good
    office.set_token("7~thisTokenIsNotKnownToAnybodyAtAll0000000000000000000000000000000000")
    for command in ("sync", "doctor"):
        result = office.run(command)
        assert result.returncode == 4
        said = result.stdout + result.stderr
        assert "New Access Token" in said
        assert "thisTokenIsNotKnown" not in said
        assert "Traceback" not in said
    assert _sum(office) == before


def test_no_network_is_named_and_the_file_stays(good: tuple[Office, str]) -> None:
    office, before = good
    for address in (f"http://127.0.0.1:{free_port()}", "https://canvas.invalid"):
        for command in ("sync", "doctor"):
            result = office.run(command, extra={"CANVAS_BASE_URL": address})
            assert result.returncode == 6, result.stderr
            assert address.split("//")[1] in result.stdout + result.stderr
            assert "Traceback" not in result.stderr
    assert _sum(office) == before


def test_a_host_that_is_not_canvas_is_named_and_the_file_stays(good: tuple[Office, str]) -> None:
    office, before = good
    result = office.run("sync", extra={"CANVAS_BASE_URL": office.canvas.files_url})
    assert result.returncode == 6, result.stderr
    assert "CANVAS_BASE_URL" in result.stderr
    assert not [r for r in office.canvas.requests.matching(host="files") if r.status == 200]
    assert _sum(office) == before


RIGHTS = ("view_analytics", "read_reports", "read_course_list", "read_terms")


@pytest.mark.parametrize("right", [*RIGHTS, "read_as_admin"])
def test_the_doctor_names_the_right_that_is_missing(good: tuple[Office, str], right: str) -> None:
    office, _ = good
    assert right in ALL_PERMISSIONS
    office.canvas.tokens.grant("limited", without=[right])
    office.set_token("limited")
    doctor = office.run("doctor")
    assert doctor.returncode == 5
    wrong = [line for line in doctor.stdout.splitlines() if line.startswith("!!")]
    assert len(wrong) == 1
    assert right in wrong[0]


@pytest.mark.slow
def test_each_missing_right_is_named_once_and_the_rows_of_before_stay(good: tuple[Office, str]) -> None:
    office, _ = good
    tables = ("reports.grade_export", "canvas.terms", "canvas.accounts")
    before = [office.rows(f"from {table} order by all") for table in tables]
    office.canvas.tokens.grant("limited", without=RIGHTS)
    office.set_token("limited")
    result = office.run("sync", "canvas", "analytics", "reports.grade_export")
    assert result.returncode == 5, result.stderr
    for right in RIGHTS:
        named = [line for line in result.stderr.splitlines() if line.startswith("!") and right in line]
        assert len(named) == 1, result.stderr
    assert [office.rows(f"from {table} order by all") for table in tables] == before
    assert all(before)


def test_a_report_that_ends_in_error_is_named_and_its_table_keeps_its_rows(good: tuple[Office, str]) -> None:
    office, _ = good
    before = office.rows("from reports.grade_export order by all")
    office.canvas.faults.report("error", "grade_export_csv")
    result = office.run("sync", "reports.grade_export")
    assert result.returncode == 7, result.stderr
    assert "grade_export_csv" in result.stderr
    assert "error" in result.stderr
    assert office.rows("from reports.grade_export order by all") == before
    assert before


@pytest.mark.slow
def test_a_html_page_in_place_of_a_report_loads_nothing_and_says_so(good: tuple[Office, str]) -> None:
    office, _ = good
    before = office.rows("from reports.grade_export order by all")
    office.canvas.faults.html(r"^/files/", times=None)
    result = office.run("sync", "reports.grade_export")
    assert result.returncode in (7, 9), result.stderr
    assert "log-in page" in result.stderr
    assert office.rows("from reports.grade_export order by all") == before


def test_settings_that_are_wrong_are_named_without_the_token(office: Office) -> None:
    office.write_settings('[canvas]\nbase_url = "https://canvas.example.edu"\nacounts = ["self"]\n')
    result = office.run("sync")
    assert result.returncode == 3
    assert "acounts" in result.stderr
    assert office.canvas.token not in result.stderr


def test_without_settings_the_next_command_is_told(office: Office) -> None:
    (office.folder / "canvaslake.toml").unlink()
    (office.folder / ".env").unlink()
    result = office.run("sync", extra={"CANVASLAKE_CONFIG": ""})
    assert result.returncode == 3
    assert "canvaslake init" in result.stderr

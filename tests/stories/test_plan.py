"""What a sync costs is told before it is spent, and it is what the sync then asks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.cli.init import settings_text
from pipelines.cli.plan import price_line
from pipelines.cli.pricing import Narrowed
from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from pipelines.extract.plan import Seen
from tests.stories.conftest import AS_OF, Office, free_port, make_office

pytestmark = pytest.mark.slow

_ROOMY = QuotaPolicy(hwm=100_000, maximum=110_000)
_PATHS = {
    "department": r"^/api/v1/accounts/\d+/analytics/",
    "course": r"^/api/v1/courses/\d+/analytics/(activity|assignments|student_summaries)",
    "student": r"^/api/v1/courses/\d+/analytics/users/",
}


@dataclass(frozen=True)
class Years:
    """One office: its plans before anything was loaded, with the directory alone, and after a sync, by name."""

    office: Office
    plans: dict[str, dict[str, Any]]
    requests: dict[str, int]
    said: dict[str, str]


def plan(office: Office, *arguments: str) -> dict[str, Any]:
    result = office.run("plan", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def line(found: dict[str, Any], family: str) -> dict[str, Any]:
    [one] = [each for each in found["lines"] if each["family"] == family]
    return dict(one)


def choice(found: dict[str, Any], setting: str) -> dict[str, Any]:
    [one] = [each for each in found["choices"] if each["setting"].startswith(f"[sync] {setting}")]
    return dict(one)


def with_students(office: Office, mode: str, **more: Any) -> None:
    office.write_settings(settings_text(base_url=office.canvas.base_url, student_analytics=mode, **more))


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Years]:
    with DemoCanvas(seeded_institution(AS_OF, scale=0.1), report_seconds=0.1, quota=_ROOMY) as canvas:
        office = make_office(tmp_path_factory.mktemp("planned"), canvas)
        with_students(office, "changed")
        plans, requests, said = {}, {}, {}

        def sync(*names: str) -> str:
            result = office.run("sync", *names)
            assert result.returncode == 0, result.stderr
            return result.stderr

        canvas.requests.clear()
        plans["empty"] = plan(office)
        requests["of a plan"] = len(canvas.requests.all())
        said["empty"] = sync("canvas")
        plans["directory"] = plan(office)
        canvas.requests.clear()
        said["directory"] = sync("analytics")
        requests |= {f"first {family}": canvas.requests.count(path) for family, path in _PATHS.items()}
        plans["loaded"] = plan(office)
        canvas.requests.clear()
        said["loaded"] = sync("analytics")
        requests |= {family: canvas.requests.count(path) for family, path in _PATHS.items()}
        yield Years(office, plans, requests, said)


def test_before_anything_is_loaded_the_directory_comes_first(years: Years) -> None:
    empty = years.plans["empty"]
    assert years.requests["of a plan"] == 2
    assert line(empty, "directory")["estimated"]
    assert line(empty, "directory")["requests"] > 0
    for family in ("account set-up", "department", "course", "student"):
        assert line(empty, family)["questions"] is None
    assert line(empty, "reports")["questions"] == 2
    assert (
        "What follows from the directory, mostly the larger part, is known when that is loaded." in years.said["empty"]
    )


def test_the_first_students_are_estimated_from_the_courses(years: Years) -> None:
    student = line(years.plans["directory"], "student")
    [(students,)] = years.office.rows(
        "select sum(total_students) from canvas.courses semi join (from meta.coverage where endpoint ="
        " 'analytics/student_summaries' and status <> 'skipped') using (course_id)"
    )
    assert student["estimated"]
    assert student["questions"] == 3 * students > 0
    assert 0 < years.requests["first student"] <= student["questions"]
    assert student["rows"]["analytics.student_messages"] is None


@pytest.mark.parametrize("family", ["department", "course"])
def test_a_plan_counts_the_requests_that_the_sync_then_makes(years: Years, family: str) -> None:
    assert line(years.plans["directory"], family)["requests"] == years.requests[f"first {family}"]
    assert line(years.plans["loaded"], family)["requests"] == years.requests[family] > 0


def test_students_whose_summary_stands_still_are_not_in_the_plan_nor_in_the_sync(years: Years) -> None:
    loaded = line(years.plans["loaded"], "student")
    assert loaded["questions"] == years.requests["student"] == 0
    assert not loaded["estimated"]


def test_the_rows_expected_are_those_that_came(years: Years) -> None:
    rows = {table: n for each in years.plans["loaded"]["lines"] for table, n in each["rows"].items()}
    for table in ("canvas.accounts", "canvas.account_permissions", "canvas.courses"):
        [(there,)] = years.office.rows(f"select count(*) from {table}")
        assert rows[table] == there > 0
    # One row an answer, and settled terms are not asked about again.
    assert rows["analytics.department_statistics"] == line(years.plans["loaded"], "department")["questions"] / 4
    assert rows["reports.grade_export"] is None


def test_a_sync_tells_its_price_in_one_line_before_it_starts(years: Years) -> None:
    loaded = years.plans["loaded"]
    families = [line(loaded, family) for family in ("department", "course", "student")]
    questions, requests = (sum(each[what] for each in families) for what in ("questions", "requests"))
    [told] = [text for text in years.said["loaded"].splitlines() if "To ask:" in text]
    assert told == years.said["loaded"].splitlines()[0]
    assert f"To ask: {questions:,} questions, about {requests:,} requests, " in told
    assert " left). canvaslake plan shows more." in told


def test_a_sync_does_not_wait_for_the_count_of_very_many_students(
    years: Years, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = years.office
    with_students(office, "all")
    project, seen = office.project, Seen(0.01, 0.5, 500.0)
    with_students(office, "changed")
    students = Narrowed(frozenset({"analytics.student_messages"}), ())
    counted = price_line(project, seen, narrowed=students, full=False)
    assert "To ask: 0 questions" not in counted
    monkeypatch.setattr("pipelines.cli.pricing._FEW_STUDENTS", 3)
    left_out = price_line(project, seen, narrowed=students, full=False)
    assert "To ask: 0 questions" in left_out
    assert "Students whose summary has moved come on top." in left_out
    assert "come on top" not in counted


def test_the_cheaper_setting_is_told_with_its_saving(years: Years) -> None:
    office = years.office
    [(students,)] = office.rows("select count(*) from analytics.student_summaries")
    try:
        with_students(office, "all")
        everybody = plan(office)
        result = office.run("plan")
    finally:
        with_students(office, "changed")
    changed = choice(everybody, 'student_analytics = "changed"')
    asked = line(everybody, "student")["questions"]
    assert 0 < asked <= 3 * students
    assert (changed["questions"], changed["instead_of"], changed["requests_saved"]) == (0, asked, asked)
    assert changed["seconds_saved"] > 0
    assert f'[sync] student_analytics = "changed" would ask 0 instead of {asked:,} questions: saves ' in result.stderr
    one_account = choice(everybody, "student_accounts = [")
    assert 0 < one_account["questions"] < asked
    roots = choice(everybody, 'departments = "roots"')
    assert roots["questions"] == 16
    best = max((changed, roots), key=lambda each: float(each["seconds_saved"]))
    assert f"[sync] {everybody['best']}" == best["setting"]
    # In the other direction: what the present setting saves.
    dearer = choice(years.plans["loaded"], 'student_analytics = "all"')
    assert (dearer["questions"], dearer["requests_saved"]) == (asked, -asked)


def test_when_nothing_saves_anything_the_plan_says_so(years: Years) -> None:
    result = years.office.run("plan", "canvas.terms")
    assert result.returncode == 0, result.stderr
    assert "No change of one setting would make this sync cheaper." in result.stderr
    assert "department" not in result.stdout
    assert years.office.run("plan", "canvas.term").returncode == 2


def test_without_quota_headers_the_plan_says_so_and_takes_four_in_flight(years: Years) -> None:
    office = years.office
    office.canvas.faults.answer(
        r"^/api/v1/accounts/self$", status=200, body='{"id": 1}', headers={"content-type": "application/json"}, times=2
    )
    result = office.run("plan")
    assert result.returncode == 0, result.stderr
    assert "Canvas sends no quota headers here" in result.stderr
    assert "4 requests in flight at most" in result.stderr


def test_without_canvas_the_counts_are_there_and_the_exit_code_says_why(years: Years) -> None:
    office = years.office
    port = free_port()
    there = office.run("plan", "--json", extra={"CANVAS_BASE_URL": f"http://127.0.0.1:{port}"})
    assert there.returncode == 6
    assert "without canvas there is no quota to read" in there.stderr.lower()
    # Another address is another Canvas, of which nothing is loaded; the reports of the settings are counted.
    assert line(json.loads(there.stdout), "reports")["questions"] == 2
    office.canvas.faults.drop(r"^/api/v1/", times=None)
    try:
        result = office.run("plan", "--json")
    finally:
        office.canvas.faults.clear()
    assert result.returncode == 6
    found = json.loads(result.stdout)
    assert found["quota"] is None
    assert line(found, "department")["questions"] == line(years.plans["loaded"], "department")["questions"]
    assert "Traceback" not in result.stderr

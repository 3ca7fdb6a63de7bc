"""What could not be read is named once per reason, with what it takes to look into it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.cli.init import settings_text
from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from tests.stories.conftest import AS_OF, Office, make_office

pytestmark = pytest.mark.slow

_ROOMY = QuotaPolicy(hwm=100_000, maximum=110_000)
_OF_STUDENTS = "view_analytics, read_as_admin and read_grades"
_OF_SUMMARIES = "view_analytics, read_as_admin and view_all_grades (or manage_grades)"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, list[str]]]:
    """An office whose token lacks the rights to students' analytics, and later those to their summaries too."""
    with DemoCanvas(seeded_institution(AS_OF, scale=0.1), report_seconds=0.1, quota=_ROOMY) as canvas:
        office = make_office(tmp_path_factory.mktemp("limited"), canvas)
        office.write_settings(settings_text(base_url=canvas.base_url, student_analytics="all"))
        said = []
        for token, without, names in (
            ("grades", ["read_grades"], ["canvas", "analytics"]),
            ("summaries", ["read_grades", "view_all_grades", "manage_grades"], ["analytics.student_summaries"]),
        ):
            canvas.tokens.grant(token, without=without)
            office.set_token(token)
            result = office.run("sync", *names)
            assert result.returncode == 5, result.stderr
            said.append(result.stderr)
        yield office, said


def answer(office: Office, *arguments: str) -> Any:
    result = office.run("coverage", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(("sync", "right"), [(0, _OF_STUDENTS), (1, _OF_SUMMARIES)], ids=["students", "summaries"])
def test_a_sync_names_a_missing_right_once_for_all_courses(
    limited: tuple[Office, list[str]], sync: int, right: str
) -> None:
    office, said = limited
    problems = [line for line in said[sync].splitlines() if line.startswith("!")]
    assert len(problems) == 1, said[sync]
    assert problems[0].count(right) == 1
    [(courses,)] = office.rows(
        "select count(distinct course_id) from meta.coverage where status = 'forbidden' and scope_kind = 'course'"
    )
    assert courses > 1


def test_coverage_names_each_right_once_with_its_questions_and_an_example(limited: tuple[Office, list[str]]) -> None:
    office, _ = limited
    forbidden = answer(office)["forbidden"]
    assert sorted(cause["detail"].split("Missing right: ")[1] for cause in forbidden) == sorted(
        [f"{_OF_STUDENTS}.", f"{_OF_SUMMARIES}."]
    )
    [students] = [cause for cause in forbidden if _OF_STUDENTS in cause["detail"]]
    [(questions,)] = office.rows(
        "select count(*) from meta.coverage where status = 'forbidden' and scope_kind = 'student'"
    )
    assert students["questions"] == questions > 10
    assert students["endpoints"] == [f"analytics/users/{one}" for one in ("activity", "assignments", "communication")]
    newest = students["newest"]
    assert (newest["scope_kind"], newest["http_status"], newest["attempts"]) == ("student", 403, 1)
    assert newest["request_id"]
    shown = office.run("coverage")
    assert shown.returncode == 0
    assert shown.stderr.count(_OF_STUDENTS) == shown.stderr.count(_OF_SUMMARIES) == 1
    assert newest["request_id"] in shown.stderr


def test_coverage_counts_every_question_by_endpoint_and_status(limited: tuple[Office, list[str]]) -> None:
    office, _ = limited
    counts = answer(office)["counts"]
    there = office.rows("select status, count(*) from meta.coverage group by status")
    statuses = [status for status, _ in there]
    assert "forbidden" in statuses
    assert {s: sum(row.get(s, 0) for row in counts) for s in statuses} == dict(there)
    names = {(row["scope_kind"], row["endpoint"]) for row in counts}
    assert ("account", "analytics/terms/:term_id/grades") in names
    kinds = [row["scope_kind"] for row in counts]
    assert kinds == sorted(kinds, key=["account", "course", "student"].index)


def test_single_questions_are_found_by_course_student_status_and_endpoint(limited: tuple[Office, list[str]]) -> None:
    office, _ = limited
    [refused, *_] = answer(office, "--status", "forbidden", "--endpoint", "student_summaries")
    of_course = answer(office, "--course", refused["scope_id"])
    assert sorted(row["endpoint"] for row in of_course) == [
        f"analytics/{name}" for name in ("activity", "assignments", "student_summaries")
    ]
    [one, *_] = answer(office, "--endpoint", "users/activity", "--limit", "1")
    of_student = answer(office, "--student", one["scope_id"])
    assert [row["scope_id"] for row in of_student] == [one["scope_id"]] * 3
    assert {row["scope_kind"] for row in answer(office, "--account", "1")} == {"account"}
    shown = office.run("coverage", "--status", "forbidden", "--limit", "2")
    assert len(shown.stdout.splitlines()) == 3
    assert "There are more than these 2" in shown.stderr


@pytest.mark.parametrize(
    "arguments", [["--status", "lost"], ["--student", "12"], ["--course", "1", "--account", "2"], ["--limit", "0"]]
)
def test_a_wrong_option_is_a_usage_error(office: Office, arguments: list[str]) -> None:
    assert office.run("coverage", *arguments).returncode == 2


def test_a_failure_is_told_once_with_what_support_asks_for(office: Office) -> None:
    before = office.run("coverage")
    assert before.returncode == 0
    assert "canvaslake sync" in before.stderr
    instance = office.settings.instance
    record_coverage(
        office.project.ledger,
        [
            Coverage(instance, "course", str(n), "analytics/activity", status, code, f"request-{n}", 3, detail)
            for n, status, code, detail in (
                (1, CoverageStatus.FAILED, 500, "Canvas failed with status 500."),
                (2, CoverageStatus.FAILED, 500, "Canvas failed with status 500."),
                (3, CoverageStatus.FAILED, None, None),
                (4, CoverageStatus.LOADED, 200, None),
            )
        ],
    )
    record_coverage(
        office.project.ledger,
        [Coverage("elsewhere.example.edu", "course", "9", "analytics/activity", CoverageStatus.FAILED, 500)],
    )
    result = office.run("coverage")
    assert result.returncode == 0
    told = [line for line in result.stderr.splitlines() if line.startswith("! failed")]
    assert len(told) == 2
    assert (
        "Canvas failed with status 500. Concerns 2 questions (analytics/activity), the newest about course" in told[0]
    )
    assert "attempts 3" in told[0]
    assert "Concerns 1 question (analytics/activity), the newest about course 3 [request id request-3" in told[1]
    rows = answer(office, "--course", "3")
    assert [(row["status"], row["http_status"], row["attempts"]) for row in rows] == [("failed", None, 3)]

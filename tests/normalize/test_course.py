"""Course analytics: the documented and the real shapes give the same rows, and no student counts twice."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from pipelines.normalize import course
from pipelines.normalize.rows import UnexpectedAnswerShapeError
from tests.normalize.typed import batch, reasons, rows

DAY = date(2026, 11, 20)


def test_activity_is_read_as_canvas_sends_it_and_as_it_once_documented_it() -> None:
    whole = {"course_id": 5, "date": DAY, "views": 9, "participations": 2}
    views_only = {**whole, "participations": None}
    assert rows(course.activity([{"id": None, "date": "2026-11-20", "views": 9, "participations": 2}], 5)) == [whole]
    assert rows(course.activity({"2026-11-20": {"views": 9, "participations": 2}, "id": None}, 5)) == [whole]
    assert rows(course.activity({"2026-11-20": 9}, 5)) == [views_only]
    assert rows(course.activity([], 5)) == rows(course.activity({}, 5)) == []


def test_a_day_that_is_none_is_set_aside_among_days() -> None:
    found = batch(course.activity({"2026-11-20": 1, "2026-11-31": 2, "later": 3}, 5))
    assert len(found.frame) == 1
    assert [row.reason for row in found.quarantined] == ["date is not a day (YYYY-MM-DD)"] * 2


def test_an_assignment_as_an_admin_is_given_it() -> None:
    answer = {
        "assignment_id": 8,
        "title": "Essay",
        "due_at": "2026-11-20T22:00:00-07:00",
        "muted": False,
        "points_possible": 10.0,
        "non_digital_submission": False,
        "max_score": 10,
        "min_score": 2,
        "first_quartile": 4,
        "median": 7,
        "third_quartile": 8.4,
        "tardiness_breakdown": {"missing": 0.1, "late": 0.15, "on_time": 0.75, "floating": 0, "total": 20},
    }
    assignments, modules = course.assignments([answer], 5)
    assert rows(assignments) == [
        {
            "course_id": 5,
            "assignment_id": 8,
            "title": "Essay",
            "due_at": datetime(2026, 11, 21, 5, tzinfo=UTC),
            "unlock_at": None,
            "points_possible": 10.0,
            "muted": False,
            "multiple_due_dates": None,
            "non_digital_submission": False,
            "min_score": 2.0,
            "first_quartile": 4.0,
            "median": 7.0,
            "third_quartile": 8.4,
            "max_score": 10.0,
            "tardiness_missing": 0.1,
            "tardiness_late": 0.15,
            "tardiness_on_time": 0.75,
            "tardiness_floating": 0.0,
            "tardiness_total": 20,
        }
    ]
    assert rows(modules) == []


def test_modules_of_an_assignment_are_rows_of_their_own_and_each_is_told_once() -> None:
    answer = [{"assignment_id": 8, "module_ids": [1, "2", 1]}, {"assignment_id": 9, "module_ids": []}]
    assignments, modules = course.assignments(answer, 5)
    assert [row["assignment_id"] for row in rows(assignments)] == [8, 9]
    assert rows(modules) == [{"course_id": 5, "assignment_id": 8, "module_id": each} for each in (1, 2)]


@pytest.mark.parametrize("module_ids", [7, "7", {"a": 7}, [[7]], [None], ["x"], [True]])
def test_what_is_no_list_of_modules_is_set_aside_and_the_assignment_stays(module_ids: object) -> None:
    assignments, modules = course.assignments([{"assignment_id": 8, "module_ids": module_ids}], 5)
    assert len(rows(assignments)) == 1
    assert rows(modules) == []
    assert len(reasons(modules)) == 1


def test_modules_that_cannot_be_read_are_each_set_aside() -> None:
    _, modules = course.assignments([{"assignment_id": 8, "module_ids": ["x", "y", "x", 2**63]}], 5)
    assert len(reasons(modules)) == 4


@pytest.mark.parametrize("breakdown", [[], [0.5], "late", 5, True])
def test_tardiness_of_another_kind_sets_the_row_aside(breakdown: object) -> None:
    whole: dict[str, object] = {"assignment_id": 1, "tardiness_breakdown": {"late": 0.5}}
    assignments, _ = course.assignments([whole, {"assignment_id": 2, "tardiness_breakdown": breakdown}], 5)
    assert [row["assignment_id"] for row in rows(assignments)] == [1]
    assert reasons(assignments) == ["tardiness_total is a list, not a whole number"]
    students = course.student_summaries([{"id": 3, "tardiness_breakdown": breakdown}], 5)
    assert rows(students) == []
    assert len(reasons(students)) == 1


@pytest.mark.parametrize("record", [{"id": 3}, {"id": 3, "tardiness_breakdown": None}])
def test_a_student_without_tardiness_is_kept_and_it_is_unknown(record: dict[str, object]) -> None:
    (row,) = rows(course.student_summaries([record], 5))
    assert (row["course_id"], row["user_id"]) == (5, 3)
    assert {value for name, value in row.items() if name not in ("course_id", "user_id")} == {None}


def test_students_are_read_as_documented_and_as_sent() -> None:
    late = {"total": 5, "on_time": 3, "late": 0, "missing": 2, "floating": 0}
    documented = {
        "id": 3,
        "page_views": 351,
        "page_views_level": "1",
        "max_page_view": 415,
        "participations": 1,
        "participations_level": "3",
        "max_participations": 10,
        "tardiness_breakdown": late,
    }
    real = {
        **{key: value for key, value in documented.items() if key != "max_page_view"},
        "page_views_level": 1,
        "participations_level": 3,
        "max_page_views": 415,
    }
    expected = [
        {
            "course_id": 5,
            "user_id": 3,
            "page_views": 351,
            "max_page_views": 415,
            "page_views_level": 1,
            "participations": 1,
            "max_participations": 10,
            "participations_level": 3,
            "tardiness_total": 5,
            "tardiness_missing": 2,
            "tardiness_late": 0,
            "tardiness_on_time": 3,
            "tardiness_floating": 0,
        }
    ]
    assert rows(course.student_summaries([documented], 5)) == expected
    assert rows(course.student_summaries([real], 5)) == expected


def test_a_student_with_two_enrollments_is_one_row_and_the_first_is_kept() -> None:
    records = [{"id": 3, "page_views": 1}, {"id": 4}, {"id": "3", "page_views": 1}, {"id": 3, "page_views": None}]
    found = rows(course.student_summaries(records, 5))
    assert [(row["user_id"], row["page_views"]) for row in found] == [(3, 1), (4, None)]


def test_students_without_an_id_are_each_set_aside() -> None:
    assert reasons(course.student_summaries([{"page_views": 1}, {"page_views": 2}], 5)) == ["user_id is missing"] * 2


PARSERS: list[Callable[[object, int], object]] = [course.activity, course.assignments, course.student_summaries]


@pytest.mark.parametrize(
    "answer", [None, "text", 5, [1], [None], ["2026-11-20"], {"errors": [{"message": "boom"}]}, {"progress_url": "u"}]
)
@pytest.mark.parametrize("parse", PARSERS)
def test_an_answer_of_another_kind_is_refused_with_the_course(
    parse: Callable[[object, int], object], answer: object
) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match="course 4711: Canvas gave"):
        parse(answer, 4711)

"""Student analytics: hours, days and moments land where they belong, and nobody else's numbers come with them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.normalize import student
from pipelines.normalize.rows import UnexpectedAnswerShapeError
from tests.normalize.typed import batch, reasons, rows

WHO = {"course_id": 5, "user_id": 3}


def page_views(answer: object) -> list[tuple[Any, Any, Any]]:
    views, _ = student.activity({"page_views": answer, "participations": []}, 5, 3)
    return [(row["bucket_at"], row["bucket"], row["views"]) for row in rows(views)]


def at(hour: int, day: int = 24) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_page_views_come_by_hour_in_any_offset_or_by_day() -> None:
    assert page_views({"2026-01-24T13:00:00-07:00": 19, "2026-01-24T23:00:00Z": "13"}) == [
        (at(20), "hour", 19),
        (at(23), "hour", 13),
    ]
    assert page_views({"2026-01-24": 4, "id": None}) == [(at(0), "day", 4)]
    assert page_views([{"id": None, "date": "2026-01-24", "views": 4}]) == [(at(0), "day", 4)]
    assert page_views({}) == page_views([]) == []


def test_one_instant_in_two_spellings_is_added_up_and_an_hour_that_clocks_repeat_is_not() -> None:
    fall_back = {"2026-11-01T01:00:00-06:00": 2, "2026-11-01T01:00:00-07:00": 3}
    assert [views for _, _, views in page_views(fall_back)] == [2, 3]
    same = {"2026-01-24T13:00:00-07:00": 2, "2026-01-24T20:00:00Z": "3", "2026-01-24 20:00:00 UTC": 4}
    assert page_views(same) == [(at(20), "hour", 9)]
    assert page_views({"2026-01-24": 1, "2026-01-24T00:00:00Z": 2}) == [(at(0), "day", 1), (at(0), "hour", 2)]


def test_views_that_cannot_be_read_are_not_added_to_those_that_can() -> None:
    answer = {"2026-01-24T20:00:00Z": 2, "2026-01-24T20:00:00+00:00": None, "2026-01-24T13:00:00-07:00": [1]}
    views, _ = student.activity({"page_views": answer, "participations": []}, 5, 3)
    assert page_views(answer) == [(at(20), "hour", 2)]
    assert reasons(views) == ["views is missing", "views is a list, not a whole number"]


def test_an_hour_without_an_offset_is_not_guessed_at() -> None:
    views, _ = student.activity({"page_views": {"2026-01-24T20:00:00": 2}, "participations": []}, 5, 3)
    assert reasons(views) == ["bucket_at is not a time with its offset"]


def test_participations_keep_their_order_and_may_have_no_page() -> None:
    first = {"created_at": "2026-01-21T22:00:00-06:00", "url": "https://canvas.example.com/a"}
    _, found = student.activity({"page_views": {}, "participations": [first, {**first, "url": None}, first]}, 5, 3)
    row = {**WHO, "created_at": at(4, 22), "url": first["url"]}
    assert rows(found) == [{**row, "position": 1}, {**row, "position": 2, "url": None}, {**row, "position": 3}]


ASSIGNMENT: dict[str, object] = {
    "assignment_id": 8,
    "title": "Essay",
    "unlock_at": None,
    "points_possible": 10,
    "non_digital_submission": False,
    "multiple_due_dates": False,
    "due_at": "2026-01-25T22:00:00Z",
    "status": "on_time",
    "muted": False,
}
ROW: dict[str, object] = {
    **WHO,
    "assignment_id": 8,
    "title": "Essay",
    "due_at": at(22, 25),
    "unlock_at": None,
    "points_possible": 10.0,
    "non_digital_submission": False,
    "status": "on_time",
    "muted": False,
    "excused": None,
    "statistics": False,
    "submission_score": None,
    "submission_submitted_at": None,
    "submission_posted_at": None,
}


def test_an_assignment_comes_with_or_without_statistics_and_submission() -> None:
    quartiles = dict.fromkeys(("min_score", "first_quartile", "median", "third_quartile", "max_score"), 7)
    submission = {"posted_at": None, "score": 9.5, "submitted_at": "2026-01-22T22:00:00Z"}
    assert rows(student.assignments([ASSIGNMENT], 5, 3)) == [ROW]
    assert rows(student.assignments([{**ASSIGNMENT, **quartiles, "module_ids": [1]}], 5, 3)) == [
        {**ROW, "statistics": True}
    ]
    assert rows(student.assignments([{**ASSIGNMENT, "excused": False, "submission": submission}], 5, 3)) == [
        {**ROW, "excused": False, "submission_score": 9.5, "submission_submitted_at": at(22, 22)}
    ]
    assert rows(student.assignments([{**ASSIGNMENT, "excused": True, "submission": None}], 5, 3)) == [
        {**ROW, "excused": True}
    ]


def test_grades_of_others_do_not_change_the_rows_of_a_student() -> None:
    before = {**ASSIGNMENT, "median": 5, "max_score": None}
    assert rows(student.assignments([before], 5, 3)) == rows(student.assignments([{**before, "median": 6}], 5, 3))


@pytest.mark.parametrize("submission", [[], "late", 9.5, True])
def test_a_submission_of_another_kind_sets_the_row_aside(submission: object) -> None:
    found = batch(student.assignments([{**ASSIGNMENT, "submission": submission}, ASSIGNMENT], 5, 3))
    assert len(found.frame) == 1
    assert [row.reason for row in found.quarantined] == ["submission_score is a list, not a number"]


def test_a_count_of_messages_that_is_left_out_is_none() -> None:
    answer = {
        "2026-01-24": {"instructorMessages": 1, "studentMessages": 2},
        "2026-01-27": {"studentMessages": 1},
        "id": None,
    }
    assert rows(student.communication(answer, 5, 3)) == [
        {**WHO, "date": date(2026, 1, 24), "instructor_messages": 1, "student_messages": 2},
        {**WHO, "date": date(2026, 1, 27), "instructor_messages": 0, "student_messages": 1},
    ]
    assert rows(student.communication({}, 5, 3)) == rows(student.communication([], 5, 3)) == []


@pytest.mark.parametrize("counts", [None, 5, [], [1], "1"])
def test_a_day_of_messages_of_another_kind_is_set_aside(counts: object) -> None:
    found = batch(student.communication({"2026-01-24": counts, "2026-01-25": {}}, 5, 3))
    assert len(found.frame) == 1
    assert [row.reason for row in found.quarantined] == ["instructor_messages is a list, not a whole number"]


_ACTIVITY: list[object] = [
    None,
    [],
    "text",
    5,
    {"errors": []},
    {},
    {"page_views": {}},
    {"participations": []},
    {"page_views": None, "participations": []},
    {"page_views": {}, "participations": {}},
    {"page_views": [1], "participations": []},
    {"page_views": {"errors": 1}, "participations": []},
]


_ASSIGNMENTS: list[object] = [None, {}, "text", [1], {"errors": []}, {"progress_url": "u"}]
_COMMUNICATION: list[object] = [None, [1], [{}], "text", 5, {"errors": []}]


@pytest.mark.parametrize(
    ("parse", "answer"),
    [
        *((student.activity, answer) for answer in _ACTIVITY),
        *((student.assignments, answer) for answer in _ASSIGNMENTS),
        *((student.communication, answer) for answer in _COMMUNICATION),
    ],
)
def test_an_answer_of_another_kind_is_refused_with_course_and_student(
    parse: Callable[[object, int, int], object], answer: object
) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match="student 99 in course 4711"):
        parse(answer, 4711, 99)

"""Who needs attention, by the rule as its description tells it, reckoned again in plain Python."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from statistics import median
from typing import Any

import pytest

from tests.models.campus import NOW, RUNNING, SILENT, SMALL, UNDATED, Lived, Row
from tests.models.loaded import Loaded

RUNS = (RUNNING, UNDATED, SMALL, SILENT)


def _middle(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _share(row: Row, word: str) -> float | None:
    due = sum(row[f"tardiness_{each}"] for each in ("missing", "late", "on_time"))
    return row[f"tardiness_{word}"] / due if due else None


def _last_days(lived: Lived) -> dict[tuple[int, int], date]:
    last: dict[tuple[int, int], date] = {}
    moments = [(row, row["bucket_at"]) for row in lived.drawn["analytics.student_page_views"] if row["views"]] + [
        (row, row["created_at"]) for row in lived.drawn["analytics.student_participations"] if row["created_at"]
    ]
    for row, moment in moments:
        key = row["course_id"], row["user_id"]
        last[key] = max(last.get(key, date.min), moment.astimezone(UTC).date())
    return last


def _scores(lived: Lived) -> dict[tuple[int, int], float | None]:
    order = ("active", "concluded", "inactive", "deleted")
    found: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in lived.drawn["reports.grade_export"]:
        found[row["course_id"], row["student_id"]].append(row)
    return {
        key: min(
            rows, key=lambda row: (order.index(row["enrollment_state"]), row["final_grade"] is None, row["section_id"])
        )["current_score"]
        for key, rows in found.items()
    }


def _classes(lived: Lived) -> dict[int, list[Row]]:
    active = {
        (row["canvas_course_id"], row["canvas_user_id"])
        for row in lived.drawn["reports.provisioning_enrollments"]
        if row["status"] == "active"
    }
    classes: dict[int, list[Row]] = defaultdict(list)
    for row in lived.drawn["analytics.student_summaries"]:
        if row["course_id"] in RUNS and (row["course_id"], row["user_id"]) in active:
            classes[row["course_id"]].append(row)
    return classes


def _reasons(row: Row, days_quiet: int, goes_on: bool, score: float | None, middle: dict[str, Any]) -> Iterator[str]:
    """Tell the reasons of one student of a class whose `middle` holds its medians."""
    compared, views, usual_views = middle["size"] >= 5, row["page_views"], middle["views"]
    if compared and usual_views is not None and usual_views >= 20 and views is not None and views < usual_views / 4:
        yield "low_activity" if views else "no_activity"
    if compared and goes_on and days_quiet > 14:
        yield "gone_quiet"
    for word, least in (("missing", 0.25), ("late", 0.5)):
        share = _share(row, word)
        if row[f"tardiness_{word}"] >= 2 and share is not None and share >= least:
            if compared and share <= middle[word]:
                continue
            yield f"{word}_work"
    if score is not None and score < 60 and (not compared or score <= middle["score"] - 10):
        yield "low_score"


def _needing(lived: Lived) -> dict[tuple[int, int], tuple[str, ...]]:
    last, scores, needing = _last_days(lived), _scores(lived), {}
    for course, members in _classes(lived).items():
        middle = {
            "size": len(members),
            "views": _middle([row["page_views"] for row in members]),
            "missing": _middle([_share(row, "missing") for row in members]),
            "late": _middle([_share(row, "late") for row in members]),
            "score": _middle([scores.get((course, row["user_id"])) for row in members]),
        }
        # Whoever was never seen has not gone quiet, and does not show that the class goes on either.
        seen = {row["user_id"]: last[course, row["user_id"]] for row in members if (course, row["user_id"]) in last}
        quiet = {user: (NOW.date() - day).days for user, day in seen.items()}
        goes_on = 2 * sum(days <= 14 for days in quiet.values()) >= len(members)
        for row in members:
            user = row["user_id"]
            reasons = tuple(_reasons(row, quiet.get(user, 0), goes_on, scores.get((course, user)), middle))
            if reasons:
                needing[course, user] = reasons
    return needing


def test_the_rule_gives_whom_its_description_names(lived: Lived) -> None:
    found = lived.rows(
        """select course_id, user_id, no_activity, low_activity, gone_quiet, missing_work, late_work, low_score,
        reason_count, reasons
        from marts.students_needing_attention order by course_id, user_id"""
    )

    names = ("no_activity", "low_activity", "gone_quiet", "missing_work", "late_work", "low_score")
    said = {
        (row[0], row[1]): tuple(name for name, holds in zip(names, row[2:8], strict=True) if holds) for row in found
    }
    assert said == _needing(lived)
    assert len(said) == len(found) > 5
    assert len({reason for reasons in said.values() for reason in reasons}) >= 5
    assert [row[8] for row in found] == [len(row[9].split("; ")) for row in found] == [len(s) for s in said.values()]


def _student(loaded: Loaded, user: int, *, course: int = 1, status: str = "active", **summary: Any) -> None:
    loaded.add(
        "reports.provisioning_enrollments",
        canvas_enrollment_id=course * 100 + user,
        canvas_course_id=course,
        canvas_user_id=user,
        base_role_type="StudentEnrollment",
        status=status,
    )
    counts = {"tardiness_missing": 0, "tardiness_late": 0, "tardiness_on_time": 4, "page_views": 100}
    loaded.add("analytics.student_summaries", at=NOW, course_id=course, user_id=user, **{**counts, **summary})


@pytest.mark.parametrize(
    "course",
    [
        {"workflow_state": "completed"},
        {"workflow_state": "unpublished"},
        {"concluded": True},
        {"end_at": NOW - timedelta(days=1)},
        {"start_at": NOW + timedelta(days=1)},
        {"enrollment_term_id": 9},
    ],
    ids=["concluded", "unpublished", "over by date", "ended", "not begun", "its term is over"],
)
def test_nobody_is_named_in_a_course_that_does_not_run(loaded: Loaded, course: dict[str, Any]) -> None:
    loaded.add("canvas.terms", term_id=9, end_at=NOW - timedelta(days=2))
    loaded.add("canvas.courses", **{"course_id": 1, "workflow_state": "available", "concluded": False, **course})
    loaded.add("canvas.courses", course_id=2, workflow_state="available", concluded=False)
    for course_id in (1, 2):
        _student(loaded, 7, course=course_id, tardiness_missing=3)

    assert loaded.rows("select course_id from marts.students_needing_attention") == [(2,)]


@pytest.mark.parametrize("status", ["invited", "concluded", "inactive", "deleted", "rejected"])
def test_only_active_students_are_named(loaded: Loaded, status: str) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    _student(loaded, 7, status=status, tardiness_missing=3)
    _student(loaded, 8, tardiness_missing=3)

    assert loaded.rows("select user_id from marts.students_needing_attention") == [(8,)]


def test_work_that_nobody_handed_in_is_no_reason_to_name_the_whole_class(loaded: Loaded) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user in range(9):
        _student(loaded, user, tardiness_missing=2, tardiness_on_time=2)
    _student(loaded, 10, tardiness_missing=4, tardiness_on_time=0)

    assert loaded.rows("select user_id, reasons from marts.students_needing_attention") == [
        (10, "4 of 4 works missing")
    ]


def test_reasons_are_words_with_their_numbers(loaded: Loaded) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user in range(9):
        _student(loaded, user)
        loaded.add("reports.grade_export", course_id=1, section_id=1, student_id=user, current_score=81.25)
    _student(loaded, 10, page_views=0, tardiness_late=3, tardiness_on_time=1)
    loaded.add("reports.grade_export", course_id=1, section_id=1, student_id=10, current_score=44.0)
    _student(loaded, 11, page_views=12, tardiness_missing=2)
    _student(loaded, 12)
    at = NOW - timedelta(days=20)
    loaded.add("analytics.student_participations", course_id=1, user_id=12, position=1, created_at=at)
    for user in range(9):
        at = NOW - timedelta(days=1)
        loaded.add("analytics.student_participations", course_id=1, user_id=user, position=1, created_at=at)

    assert loaded.rows("select user_id, reasons from marts.students_needing_attention order by 1") == [
        (10, "no page views (class median 100); 3 of 4 works late; score 44.0 (class median 81.3)"),
        (11, "12 page views (class median 100); 2 of 6 works missing"),
        (12, "nothing for 20 days"),
    ]


def test_where_canvas_knows_no_views_there_is_no_reason_in_them(loaded: Loaded) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user in range(9):
        _student(loaded, user)
    _student(loaded, 10, page_views=None)

    assert loaded.rows("select user_id from marts.students_needing_attention") == []


@pytest.mark.parametrize(("size", "named"), [(4, []), (5, [(0, "no page views (class median 100)")])])
def test_four_students_are_no_class_to_compare_views_with(
    loaded: Loaded, size: int, named: list[tuple[int, str]]
) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user in range(size):
        _student(loaded, user, page_views=100 if user else 0)

    assert loaded.rows("select user_id, reasons from marts.students_needing_attention") == named


@pytest.mark.parametrize(("late", "named"), [(3, [10]), (2, [])])
def test_late_work_counts_where_the_class_is_more_punctual(loaded: Loaded, late: int, named: list[int]) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user in range(9):
        _student(loaded, user, tardiness_late=2, tardiness_on_time=2)
    _student(loaded, 10, tardiness_late=late, tardiness_on_time=4 - late)

    assert [row[0] for row in loaded.rows("select user_id from marts.students_needing_attention")] == named

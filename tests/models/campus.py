"""A made-up campus for the marts: rows of the loaded tables, drawn from a seed, with the odd shapes that Canvas gives.

The tests reckon from these rows in plain Python what the marts should hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from tests.models.loaded import Loaded

Row = dict[str, Any]
Rows = dict[str, list[Row]]

NOW = datetime(2024, 4, 17, 9, 30, tzinfo=UTC)
"""A Wednesday: when Canvas was asked."""

RUNNING, UNDATED, OVER, EMPTY, SMALL, SILENT = 101, 102, 103, 104, 105, 106
"""A course of the term, one of a term without dates, one that is over, one without students, a seminar of three
students, and one that nobody ever looked at."""

WITH_DAYS = (RUNNING, UNDATED, SMALL)
"""Courses whose students were asked about one by one."""

DAILY = UNDATED
"""The course whose page views Canvas counts by day."""

_WITHOUT_REPEATS = ("analytics.student_participations",)
"""Their key is a place in a list, and marts count them: a list that stands there twice is two lists."""

_STARTED = date(2024, 2, 28)
_STATES = ("active",) * 7 + ("invited", "concluded", "inactive", "deleted", "rejected")


def campus(seed: int) -> Rows:
    """Draw the rows of every table that the marts read, by qualified name."""
    draw = Random(seed)  # noqa: S311 (no secret)
    rows: Rows = {
        "canvas.accounts": [
            {"account_id": 1, "name": "Uni", "default_time_zone": "America/Denver"},
            {"account_id": 2, "name": "Arts", "parent_account_id": 1, "root_account_id": 1},
            {"account_id": 3, "name": "Law", "parent_account_id": 1, "root_account_id": 1}
            | {"default_time_zone": "Mars/Olympus"},
        ],
        "canvas.terms": [
            {"term_id": 1, "root_account_id": 1, "name": "Default Term"},
            {"term_id": 2, "root_account_id": 1, "name": "Spring"}
            | {"start_at": datetime(2024, 3, 1, 7, tzinfo=UTC), "end_at": datetime(2024, 7, 1, tzinfo=UTC)},
            {"term_id": 3, "root_account_id": 1, "name": "Winter"}
            | {"start_at": datetime(2023, 12, 4, tzinfo=UTC), "end_at": datetime(2024, 3, 29, tzinfo=UTC)},
        ],
        "canvas.courses": [
            _course(RUNNING, 2, 2),
            _course(UNDATED, 3, 1),
            _course(OVER, 2, 3) | {"concluded": True},
            _course(EMPTY, 2, 2),
            _course(SMALL, 3, None),
            _course(SILENT, 2, 2),
        ],
    }
    students = {RUNNING: 24, UNDATED: 18, OVER: 9, SMALL: 3, SILENT: 6}
    enrollment_ids = count(9001)
    for course, size in students.items():
        _activity(draw, rows, course)
        _class_statistics(draw, rows, course)
        for user in range(course * 1000, course * 1000 + size):
            states = [draw.choice(_STATES) for _ in range(2 if draw.random() < 0.2 else 1)]
            if course == SMALL:
                states = ["active"]
            _enroll(draw, rows, course, user, states, enrollment_ids)
            if {"active", "concluded"} & {*states} and draw.random() < 0.95:
                _summarize(draw, rows, course, user)
            if course in WITH_DAYS:
                _days(draw, rows, course, user)
                _work(draw, rows, course, user)
    # In the summaries before any report has heard of it.
    _summarize(draw, rows, RUNNING, 77)
    return rows


@dataclass(frozen=True)
class Lived:
    """A campus whose marts are made: what was drawn, and the tables. To be looked at only."""

    drawn: Rows
    loaded: Loaded

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self.loaded.con.execute(sql).fetchall()


def load(loaded: Loaded, rows: Rows) -> None:
    """Put the rows into the loaded tables; each fifth row is there twice, the second time from an older load."""
    for table, entries in rows.items():
        names = sorted({name for row in entries for name in row})
        again = [] if table in _WITHOUT_REPEATS else entries[::5]
        values: list[Any] = []
        for load_id, at, held in (("load-1", NOW, entries), ("load-0", NOW - timedelta(days=1), again)):
            for row in held:
                values += [*(row.get(name) for name in names), load_id, at]
        places = ", ".join([f"({', '.join('?' * (len(names) + 2))})"] * (len(entries) + len(again)))
        loaded.con.execute(f"insert into {table} ({', '.join(names)}, _load_id, _extracted_at) values {places}", values)


def _course(course: int, account: int, term: int | None) -> Row:
    return {
        "course_id": course,
        "name": f"Course {course}",
        "account_id": account,
        "root_account_id": 1,
        "enrollment_term_id": term,
        "workflow_state": "available",
        "concluded": False,
    }


def _activity(draw: Random, rows: Rows, course: int) -> None:
    last = date(2024, 3, 20) if course == OVER else NOW.date()
    day = _STARTED
    while day <= last and course != SILENT:
        # A week of holidays in the middle, and days without anybody.
        if not date(2024, 3, 25) <= day <= date(2024, 3, 31) and draw.random() < 0.7:
            entry = {"course_id": course, "date": day, "views": draw.randrange(80), "participations": draw.randrange(9)}
            rows.setdefault("analytics.course_activity", []).append(entry)
        day += timedelta(days=1)


def _class_statistics(draw: Random, rows: Rows, course: int) -> None:
    for number in range(1, 4):
        points = draw.choice((None, 0.0, 20.0))
        rows.setdefault("analytics.course_assignments", []).append(
            {"course_id": course, "assignment_id": course * 10 + number, "title": f"Essay {number}"}
            | {"points_possible": points, "median": draw.choice((None, 12.4)), "tardiness_missing": draw.random()}
            | {"first_quartile": 8.0, "third_quartile": 16.0, "tardiness_late": draw.random()}
        )


def _enroll(draw: Random, rows: Rows, course: int, user: int, states: list[str], ids: Iterator[int]) -> None:
    for section, state in enumerate(states, start=course * 10):
        rows.setdefault("reports.provisioning_enrollments", []).append(
            {"canvas_enrollment_id": next(ids), "canvas_course_id": course, "canvas_section_id": section}
            | {"canvas_user_id": user, "role": "student", "base_role_type": "StudentEnrollment", "status": state}
        )
        if state in ("active", "concluded", "inactive", "deleted"):
            rows.setdefault("reports.grade_export", []).append(
                {"course_id": course, "section_id": section, "student_id": user, "enrollment_state": state}
                | {"current_score": draw.choice((None, round(draw.uniform(30, 100), 1)))}
                | {"final_score": round(draw.uniform(0, 90), 1), "final_grade": draw.choice((None, "A", "B"))}
                | {"term_id": 2, "term": "Spring", "course": f"Course {course}"}
            )


def _summarize(draw: Random, rows: Rows, course: int, user: int) -> None:
    missing, late, on_time = (draw.choice((0, 0, 1, 2, 3)) for _ in range(3))
    floating = draw.randrange(3)
    views = draw.choice((None, 0, 3, 30, 80, 90, 100, 120, 150))
    rows.setdefault("analytics.student_summaries", []).append(
        {"course_id": course, "user_id": user, "page_views": views, "max_page_views": 200}
        | {"page_views_level": None if views is None else min(views, 3), "participations": draw.randrange(20)}
        | {"tardiness_missing": missing, "tardiness_late": late, "tardiness_on_time": on_time}
        | {"tardiness_floating": floating, "tardiness_total": missing + late + on_time + floating}
    )


def _days(draw: Random, rows: Rows, course: int, user: int) -> None:
    quiet_since = draw.choice((30, 5, 2, 1, 1, 1))
    for _ in range(draw.choice((0, 4, 12, 12))):
        at = NOW - timedelta(days=quiet_since + draw.randrange(40), hours=draw.randrange(24))
        hour = at.replace(minute=0)
        bucket = "day" if course == DAILY else "hour"
        start = hour.replace(hour=0) if bucket == "day" else hour
        known = rows.setdefault("analytics.student_page_views", [])
        key = {"course_id": course, "user_id": user, "bucket_at": start, "bucket": bucket}
        if not any(key.items() <= row.items() for row in known):
            known.append(key | {"views": draw.randrange(6)})
    taken = sorted(NOW - timedelta(days=quiet_since, minutes=draw.randrange(50_000)) for _ in range(draw.randrange(4)))
    for position, happened in enumerate([*taken, None] if draw.random() < 0.1 else taken, start=1):
        rows.setdefault("analytics.student_participations", []).append(
            {"course_id": course, "user_id": user, "position": position, "created_at": happened, "url": None}
        )
    for day in draw.sample(range(30), draw.randrange(3)):
        rows.setdefault("analytics.student_messages", []).append(
            {"course_id": course, "user_id": user, "date": NOW.date() - timedelta(days=day)}
            | {"instructor_messages": draw.randrange(3), "student_messages": draw.randrange(3)}
        )


def _work(draw: Random, rows: Rows, course: int, user: int) -> None:
    for number in range(1, 5):
        due = draw.choice((None, NOW - timedelta(days=draw.randrange(30)), NOW + timedelta(days=3)))
        submitted = draw.choice((None, NOW - timedelta(days=draw.randrange(30), hours=5)))
        rows.setdefault("analytics.student_assignments", []).append(
            {"course_id": course, "user_id": user, "assignment_id": course * 10 + number, "title": f"Essay {number}"}
            | {"due_at": due, "points_possible": draw.choice((None, 0.0, 20.0)), "excused": draw.choice((None, False))}
            | {"status": draw.choice(("on_time", "late", "missing", "floating"))}
            | {"submission_submitted_at": submitted, "non_digital_submission": draw.choice((None, True, False))}
            | {"submission_score": draw.choice((None, 0.0, 15.0)), "submission_posted_at": None}
        )

"""What the marts say about each student, against the same reckoned one by one in plain Python."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.models.campus import DAILY, NOW, Lived, Row, Rows
from tests.models.loaded import Loaded

_ALIVE = ("active", "invited", "concluded", "inactive", "rejected", "deleted")
_GRADED = ("active", "concluded", "inactive", "deleted")


def _by_student(rows: list[Row], user: str = "user_id", course: str = "course_id") -> dict[tuple[int, int], list[Row]]:
    found: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        found[row[course], row[user]].append(row)
    return found


def _share(part: int, *parts: int) -> float | None:
    return part / sum(parts) if sum(parts) else None


def _best_grade(grades: list[Row]) -> Row:
    """The grade of the section whose enrollment is most alive, one with a letter before one without."""
    return min(
        grades,
        key=lambda row: (_GRADED.index(row["enrollment_state"]), row["final_grade"] is None, row["section_id"]),
    )


def _courses_of_students(rows: Rows) -> list[tuple[Any, ...]]:
    enrollments = _by_student(rows["reports.provisioning_enrollments"], "canvas_user_id", "canvas_course_id")
    grades = _by_student(rows["reports.grade_export"], "student_id")
    summaries = _by_student(rows["analytics.student_summaries"])
    due = []
    for key in sorted({*enrollments, *grades, *summaries}):
        states = [row["status"] for row in enrollments.get(key, [])]
        grade = _best_grade(grades[key]) if key in grades else {}
        said = summaries[key][0] if key in summaries else {}
        punctual = [said.get(f"tardiness_{word}", 0) for word in ("missing", "late", "on_time")]
        due.append(
            (
                *key,
                min(states, key=_ALIVE.index) if states else grade.get("enrollment_state"),
                len(states),
                bool(said),
                said.get("page_views"),
                said.get("page_views_level"),
                said.get("tardiness_missing"),
                said.get("tardiness_total"),
                _share(punctual[0], *punctual) if said else None,
                _share(punctual[1], *punctual) if said else None,
                grade.get("section_id"),
                grade.get("current_score"),
                grade.get("final_grade"),
            )
        )
    return due


def test_each_student_of_a_course_stands_there_once_with_summary_and_best_grade(lived: Lived) -> None:
    found = lived.rows(
        """select course_id, user_id, enrollment_status, enrollments, has_summary, page_views, page_views_level,
        missing, assignments, missing_share, late_share, section_id, current_score, final_grade
        from marts.fct_student_course order by course_id, user_id"""
    )

    due = _courses_of_students(lived.drawn)
    assert found == due
    assert {row[2] for row in due} >= {"active", "concluded", "deleted", None}
    assert any(row[3] == 2 for row in due)
    assert any(row[4] and row[5] is None for row in due)
    assert any(not row[4] and row[2] == "active" for row in due)


def test_letters_add_up_to_those_of_the_grade_distribution(lived: Lived) -> None:
    [same] = lived.rows(
        """with mine as (
            select course_id, final_grade as grade, count(*) as students
            from marts.fct_student_course where graded_at is not null group by all
        ), theirs as (
            select course_id, grade, sum(students) as students from marts.grade_distribution group by all
        )
        select count(*) = count(mine.course_id) and count(*) = count(theirs.course_id) and count(*) > 5
        from mine full join theirs
        on mine.course_id = theirs.course_id and mine.grade is not distinct from theirs.grade
        and mine.students = theirs.students"""
    )

    assert same == (True,)


def test_of_two_enrollments_the_more_alive_one_is_the_state_of_the_student(loaded: Loaded) -> None:
    pairs = list(pairwise(_ALIVE))
    for user, states in enumerate(pairs):
        for section, status in enumerate(reversed(states)):
            ids: dict[str, Any] = {
                "canvas_enrollment_id": 10 * user + section,
                "canvas_section_id": section,
                "canvas_user_id": user,
            }
            loaded.add(
                "reports.provisioning_enrollments",
                canvas_course_id=1,
                base_role_type="StudentEnrollment",
                status=status,
                **ids,
            )

    assert loaded.rows("select enrollment_status from marts.fct_student_course order by user_id") == [
        (more_alive,) for more_alive, _ in pairs
    ]


def test_a_student_who_is_only_in_the_grade_export_is_not_lost(loaded: Loaded) -> None:
    loaded.add("reports.grade_export", course_id=1, section_id=1, student_id=7, course="Art", term_id=5, term="Spring")
    loaded.add("reports.provisioning_enrollments", canvas_enrollment_id=1, canvas_course_id=1, canvas_user_id=8)

    assert loaded.rows(
        """select user_id, course_name, term_id, term_name, enrollment_status, has_summary, missing_share
        from marts.fct_student_course"""
    ) == [(7, "Art", 5, "Spring", None, False, None)]


def _days_of_students(rows: Rows) -> list[tuple[Any, ...]]:
    days: dict[tuple[int, int, date], list[Any]] = defaultdict(lambda: [0, None, 0, 0, 0])

    def on(row: Row, moment: datetime) -> list[Any]:
        return days[row["course_id"], row["user_id"], moment.astimezone(UTC).date()]

    for row in rows["analytics.student_page_views"]:
        day = on(row, row["bucket_at"])
        day[0] += row["views"]
        if row["bucket"] == "hour" and row["views"]:
            day[1] = (day[1] or 0) + 1
    for row in rows["analytics.student_participations"]:
        if row["created_at"]:
            on(row, row["created_at"])[2] += 1
    for row in rows["analytics.student_messages"]:
        day = days[row["course_id"], row["user_id"], row["date"]]
        day[3] += row["instructor_messages"]
        day[4] += row["student_messages"]
    return [(*key, *day) for key, day in sorted(days.items())]


def test_a_day_of_a_student_sums_hours_participations_and_messages(lived: Lived) -> None:
    found = lived.rows(
        """select course_id, user_id, date, views, active_hours, participations, instructor_messages, student_messages
        from marts.fct_student_day order by course_id, user_id, date"""
    )

    due = _days_of_students(lived.drawn)
    assert found == due
    assert len(due) > 100
    assert any(row[3] == 0 and row[5] for row in due)
    assert {row[4] for row in due if row[0] == DAILY} == {None}


def test_the_days_of_a_student_are_utc_days_whatever_the_session_says(loaded: Loaded) -> None:
    evening = datetime(2024, 3, 2, 3, 59, tzinfo=UTC)
    loaded.add("analytics.student_participations", course_id=1, user_id=7, position=1, created_at=evening)
    loaded.con.execute("set TimeZone = 'America/Denver'")

    assert loaded.rows("select date, participations from marts.fct_student_day") == [(date(2024, 3, 2), 1)]


def _work_of_students(rows: Rows) -> list[tuple[Any, ...]]:
    classes = {(row["course_id"], row["assignment_id"]): row for row in rows["analytics.course_assignments"]}
    due = []
    for row in rows["analytics.student_assignments"]:
        of_class = classes.get((row["course_id"], row["assignment_id"]), {})
        points = row["points_possible"] if row["points_possible"] is not None else of_class.get("points_possible")
        score, submitted = row["submission_score"], row["submission_submitted_at"]
        late_by = (submitted - row["due_at"]) / timedelta(days=1) if submitted and row["due_at"] else None
        due.append(
            (
                row["course_id"],
                row["user_id"],
                row["assignment_id"],
                row["status"],
                points,
                score,
                None if score is None or not points else pytest.approx(100 * score / points),
                None if late_by is None else pytest.approx(late_by),
                of_class.get("median"),
                of_class.get("tardiness_missing"),
                None if row["non_digital_submission"] is None else not row["non_digital_submission"],
            )
        )
    return sorted(due, key=lambda row: row[:3])


def test_the_work_of_a_student_stands_beside_that_of_the_class(lived: Lived) -> None:
    found = lived.rows(
        """select course_id, user_id, assignment_id, status, points_possible, score, score_percent, days_after_due,
        class_median, class_missing_share, is_digital
        from marts.fct_student_assignment order by course_id, user_id, assignment_id"""
    )

    due = _work_of_students(lived.drawn)
    assert found == due
    # Some without a due date, without points, and of an assignment that the class's list leaves out.
    assert {None} < {row[7] for row in found}
    assert {None} < {row[6] for row in found}
    assert {None} < {row[9] for row in found}


def test_what_is_loaded_again_counts_in_its_newest_shape(loaded: Loaded) -> None:
    for at, views, status in ((NOW, 9, "late"), (NOW - timedelta(days=1), 4, "missing")):
        loaded.add("analytics.student_summaries", at=at, course_id=1, user_id=7, page_views=views)
        loaded.add("analytics.student_assignments", at=at, course_id=1, user_id=7, assignment_id=3, status=status)
        loaded.add("analytics.course_activity", at=at, course_id=1, date=date(2024, 3, 1), views=views)

    assert loaded.rows("select page_views from marts.fct_student_course") == [(9,)]
    assert loaded.rows("select status from marts.fct_student_assignment") == [("late",)]
    assert loaded.rows("select views from marts.fct_course_day") == [(9,)]


@pytest.mark.slow
def test_without_any_analytics_there_are_students_and_nothing_is_said_of_what_they_do(loaded: Loaded) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="available")
    for user, kind in ((7, "StudentEnrollment"), (8, "TeacherEnrollment")):
        loaded.add(
            "reports.provisioning_enrollments",
            canvas_enrollment_id=user,
            canvas_course_id=1,
            canvas_user_id=user,
            base_role_type=kind,
            status="active",
        )

    assert loaded.rows("select user_id, enrollment_status, has_summary, page_views from marts.fct_student_course") == [
        (7, "active", False, None)
    ]
    for name in ("fct_course_day", "fct_student_day", "fct_student_assignment", "course_engagement_weekly"):
        assert loaded.rows(f"select * from marts.{name}") == []
    assert loaded.rows("select * from marts.students_needing_attention") == []
    assert loaded.rows("select * from marts.course_activity_by_hour") == []

"""Courses by day, by week and by hour, against the same reckoned in plain Python."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.models.campus import DAILY, NOW, OVER, RUNNING, SILENT, SMALL, UNDATED, WITH_DAYS, Lived, Row
from tests.models.loaded import Loaded

WEEK = timedelta(days=7)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _weeks(lived: Lived) -> list[tuple[Any, ...]]:
    days: dict[int, list[Row]] = defaultdict(list)
    for row in lived.drawn["analytics.course_activity"]:
        days[row["course_id"]].append(row)
    students: dict[tuple[int, date], set[int]] = defaultdict(set)
    for row in lived.drawn["analytics.student_page_views"]:
        if row["views"]:
            students[row["course_id"], _monday(row["bucket_at"].astimezone(UTC).date())].add(row["user_id"])
    for row in lived.drawn["analytics.student_participations"]:
        if row["created_at"]:
            students[row["course_id"], _monday(row["created_at"].astimezone(UTC).date())].add(row["user_id"])
    terms = {1: None, 2: date(2024, 3, 1), 3: date(2023, 12, 4)}
    of_course = {row["course_id"]: row["enrollment_term_id"] for row in lived.drawn["canvas.courses"]}
    due = []
    for course, held in sorted(days.items()):
        first, last = min(row["date"] for row in held), max(row["date"] for row in held)
        # The term of the course that is over ended on 29 March, days after its last activity.
        until = date(2024, 3, 29) if course == OVER else NOW.date()
        mondays = [_monday(first)]
        while mondays[-1] + WEEK <= _monday(max(last, until)):
            mondays.append(mondays[-1] + WEEK)
        views = {monday: sum(row["views"] for row in held if _monday(row["date"]) == monday) for monday in mondays}
        complete = [monday for monday in mondays if monday + WEEK <= NOW.date()]
        average = sum(views[monday] for monday in complete) / len(complete)
        start = terms.get(of_course[course])
        for monday in mondays:
            mine = [row for row in held if _monday(row["date"]) == monday]
            due.append(
                (
                    course,
                    monday,
                    None if start is None else (monday - _monday(start)).days // 7 + 1,
                    monday in complete,
                    views[monday],
                    sum(row["participations"] for row in mine),
                    sum(row["views"] > 0 for row in mine),
                    len(students[course, monday]) if course in WITH_DAYS else None,
                    pytest.approx(average),
                    pytest.approx(views[monday] / average),
                )
            )
    return due


def test_a_course_has_a_row_for_each_week_of_its_life_and_is_compared_with_itself(lived: Lived) -> None:
    found = lived.rows(
        """select course_id, week_start, week_of_term, is_complete, views, participations, active_days, active_students,
        average_views, share_of_average
        from marts.course_engagement_weekly order by course_id, week_start"""
    )

    due = _weeks(lived)
    assert found == due
    assert {row[0] for row in found} == {RUNNING, UNDATED, OVER, SMALL}
    # The holidays are a week of zeros, the week of today is not over.
    assert [row[4:7] for row in found if row[:2] == (RUNNING, date(2024, 3, 25))] == [(0, 0, 0)]
    assert [row[3] for row in found if row[0] == RUNNING] == [True] * 7 + [False]
    assert next(row[2] for row in found if row[0] == RUNNING) == 1
    assert {row[2] for row in found if row[0] == SMALL} == {None}


def test_the_class_is_counted_by_its_living_enrollments(lived: Lived) -> None:
    alive = {
        (row["canvas_course_id"], row["canvas_user_id"])
        for row in lived.drawn["reports.provisioning_enrollments"]
        if row["status"] in ("active", "concluded")
    }
    invited = {
        (row["canvas_course_id"], row["canvas_user_id"])
        for row in lived.drawn["reports.provisioning_enrollments"]
        if row["status"] == "invited"
    }
    # Who is active in one section is active; an invitation beside a concluded enrollment is the more alive of the two.
    active = {
        (row["canvas_course_id"], row["canvas_user_id"])
        for row in lived.drawn["reports.provisioning_enrollments"]
        if row["status"] == "active"
    }
    sizes: dict[int, int] = defaultdict(int)
    for course, _ in alive - (invited - active):
        sizes[course] += 1

    found = lived.rows(
        """select distinct course_id, students, views_per_student is not null
        from marts.course_engagement_weekly order by course_id"""
    )

    assert found == [(course, sizes[course], True) for course in (RUNNING, UNDATED, OVER, SMALL)]


def test_a_course_day_is_the_days_of_canvas_with_the_names_of_the_course(lived: Lived) -> None:
    assert lived.rows(
        """select course_id, date, views, participations, course_name, account_name, term_name
        from marts.fct_course_day order by course_id, date"""
    ) == [
        (
            row["course_id"],
            row["date"],
            row["views"],
            row["participations"],
            f"Course {row['course_id']}",
            "Arts" if row["course_id"] in (RUNNING, OVER) else "Law",
            {RUNNING: "Spring", UNDATED: "Default Term", OVER: "Winter", SMALL: None}[row["course_id"]],
        )
        for row in sorted(lived.drawn["analytics.course_activity"], key=lambda row: (row["course_id"], row["date"]))
    ]
    assert lived.rows(f"select count(*) from marts.dim_course where course_id = {SILENT}") == [(1,)]


def test_hours_are_those_on_the_clock_of_the_account(lived: Lived) -> None:
    denver = ZoneInfo("America/Denver")
    views: dict[tuple[int, int, int], int] = defaultdict(int)
    students: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    for row in lived.drawn["analytics.student_page_views"]:
        if row["bucket"] == "hour" and row["views"]:
            at = row["bucket_at"].astimezone(denver)
            key = (row["course_id"], at.isoweekday(), at.hour)
            views[key] += row["views"]
            students[key].add(row["user_id"])

    found = lived.rows(
        """select course_id, weekday, hour, views, students, time_zone
        from marts.course_activity_by_hour order by course_id, weekday, hour"""
    )

    # Arts has no zone of its own, Law one that nobody knows: both go by the root's.
    assert found == [(*key, views[key], len(students[key]), "America/Denver") for key in sorted(views)]
    assert len({row[0] for row in found}) == 2
    assert DAILY not in {row[0] for row in found}


def test_an_hour_changes_its_place_with_daylight_saving_time(loaded: Loaded) -> None:
    loaded.add("canvas.accounts", account_id=1, default_time_zone="Europe/Berlin")
    loaded.add("canvas.courses", course_id=1, account_id=1)
    for month in (1, 7):
        at = datetime(2024, month, 1, 22, tzinfo=UTC)
        loaded.add("analytics.student_page_views", course_id=1, user_id=7, bucket_at=at, bucket="hour", views=2)

    assert loaded.rows("select weekday, hour, views from marts.course_activity_by_hour order by hour") == [
        (2, 0, 2),
        (1, 23, 2),
    ]


@pytest.mark.parametrize(("concluded", "weeks"), [(False, 3), (True, 1)])
def test_a_course_that_goes_silent_gets_weeks_of_zeros_unless_it_is_over(
    loaded: Loaded, concluded: bool, weeks: int
) -> None:
    loaded.add("canvas.courses", course_id=1, workflow_state="completed" if concluded else "available")
    loaded.add("analytics.course_activity", at=NOW, course_id=1, date=date(2024, 4, 1), views=10, participations=0)
    # Another course tells how far the numbers go.
    loaded.add("analytics.course_activity", at=NOW, course_id=2, date=date(2024, 4, 16), views=1, participations=0)

    assert (
        loaded.rows(
            "select views, is_complete from marts.course_engagement_weekly where course_id = 1 order by week_start"
        )
        == [(10, True), (0, True), (0, False)][:weeks]
    )


def test_days_without_a_course_in_any_list_are_kept(loaded: Loaded) -> None:
    loaded.add("analytics.course_activity", course_id=1, date=date(2024, 2, 29), views=3, participations=1)

    assert loaded.rows("select course_id, course_name, views from marts.fct_course_day") == [(1, None, 3)]
    assert loaded.rows("select week_start, week_of_term, students from marts.course_engagement_weekly") == [
        (date(2024, 2, 26), None, 0)
    ]

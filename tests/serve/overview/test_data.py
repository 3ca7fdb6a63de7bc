"""The overview asks the right tables the right question: every number here was worked out by hand."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.serve import QueryError
from pipelines.serve.overview import Overview, read_overview
from pipelines.serve.overview.facts import (
    Category,
    CourseWeek,
    Day,
    Grade,
    HourOfWeek,
    Punctuality,
    SubmissionWeek,
    count_of,
)
from tests.serve.overview.conftest import insert

ZONE = "America/Denver"


@pytest.fixture
def overview(campus: Path) -> Overview:
    return read_overview(campus, time_zone=ZONE)


def test_it_is_about_the_highest_account_in_the_term_that_began_last(overview: Overview) -> None:
    scope = overview.scope
    assert (scope.account_id, scope.account_name, scope.term_name) == (1, "Mill University", "Autumn")
    assert overview.statistics is not None
    assert (overview.statistics.courses, overview.statistics.students) == (3, 40)


def test_a_day_that_canvas_left_out_is_a_day_without_activity(overview: Overview) -> None:
    assert overview.days == (
        Day(date(2026, 10, 1), 1100, 110),
        Day(date(2026, 10, 2), 0, 0),
        Day(date(2026, 10, 3), 50, 5),
    )


def test_hours_are_local_and_an_hour_of_few_students_shows_no_views(overview: Overview) -> None:
    # 14:00 UTC on Monday is 08:00 in Denver; 05:00 UTC on Tuesday is 23:00 on Monday.
    assert overview.hours.cells == (HourOfWeek(1, 8, 26), HourOfWeek(1, 23, None))
    assert overview.hours.students == 8
    assert (overview.hours.first, overview.hours.last) == (date(2026, 10, 5), date(2026, 10, 5))


def test_categories_are_those_of_the_term_largest_first(overview: Overview) -> None:
    assert overview.categories == (Category("assignments", 900), Category("files", 300))


def test_scores_come_in_bands_with_full_marks_in_the_highest(overview: Overview) -> None:
    bands = {(one.low, one.high): one.students for one in overview.grades.scores}
    assert len(bands) == 20
    assert bands[5, 9] is None
    assert bands[80, 84] == bands[95, 100] == 10
    assert bands[90, 94] == 0
    assert overview.grades.median == 82


def test_grades_stand_in_the_order_of_the_scores_behind_them(overview: Overview) -> None:
    assert overview.grades.letters == (Grade("Excellent", None), Grade("Good", 12), Grade(None, 7))


def test_course_weeks_are_quartiles_over_courses_of_the_term_in_weeks_that_are_over(overview: Overview) -> None:
    assert overview.course_weeks == (CourseWeek(date(2026, 9, 28), 3, 150, 200, 250, 2),)


def test_submissions_are_counted_in_the_local_week_of_their_due_date(overview: Overview) -> None:
    # 05:59 UTC on Monday is still Sunday in Denver. Work that is due later, never, or in another term does not count.
    assert overview.submissions.weeks == (
        SubmissionWeek(date(2026, 10, 5), 70, 20, 10),
        SubmissionWeek(date(2026, 10, 12), 7, None, None),
    )
    assert overview.submissions.overall == Punctuality(77, 22, 11)


def test_coverage_takes_all_terms_of_an_endpoint_for_one(overview: Overview) -> None:
    assert [(one.family, one.endpoint, one.questions) for one in overview.coverage] == [
        ("Directory", "terms", {"loaded": 1}),
        ("Departments", "analytics/terms/:term_id/grades", {"loaded": 2}),
        ("Courses", "analytics/activity", {"failed": 1}),
        ("Students", "analytics/users/activity", {"forbidden": 1}),
    ]


def test_freshness_has_a_row_per_family_and_per_report(overview: Overview) -> None:
    assert [(one.family, one.rows, one.newest.day) for one in overview.freshness] == [
        ("Courses", 30, 17),
        ("Students", 4, 20),
        ("Report grade_export_csv", 1234, 20),
    ]


def test_an_account_has_the_courses_below_it(campus: Path) -> None:
    college = read_overview(campus, account=2)
    assert college.scope.account_name == "College of Arts"
    assert college.scope.institution == "Mill University"
    # Without activity of its own it falls back to the default term, in which it has no course.
    assert (college.scope.term_filter, college.scope.term_id) == ("current", None)
    row = {"account_id": 2, "term_filter": "term", "term_id": 3, "date": "2026-10-01", "views": 1, "participations": 0}
    insert(campus, "analytics.department_activity_by_date", [row])
    [week] = read_overview(campus, account=2).course_weeks
    assert (week.courses, week.median) == (2, 150)


def test_an_account_of_few_students_tells_nothing_of_them(campus: Path) -> None:
    tiny = read_overview(campus, account=3)
    assert tiny.scope.too_small
    assert (tiny.days, tiny.categories, tiny.course_weeks, tiny.submissions.weeks) == ((), (), (), ())
    assert {one.students for one in tiny.grades.scores} == {0, None}
    assert tiny.grades.median is None
    assert tiny.hours.cells == (HourOfWeek(2, 5, None),)
    assert tiny.statistics is not None
    assert tiny.statistics.students is None


def test_scores_that_canvas_had_not_at_hand_are_told_from_none(campus: Path) -> None:
    assert not read_overview(campus).grades.unknown
    rows = [{"account_id": 3, "term_filter": "term", "term_id": 9, "score": 1, "students": None}]
    insert(campus, "analytics.department_grades", rows)
    activity = {"account_id": 3, "term_filter": "term", "term_id": 9, "date": "2026-10-01", "views": 1}
    insert(campus, "marts.dim_term", [{"term_id": 9, "term_name": "Late", "start_at": "2026-10-01 00:00:00+00"}])
    insert(campus, "analytics.department_activity_by_date", [activity])
    grades = read_overview(campus, account=3).grades
    assert grades.unknown
    assert grades.scores == ()


def test_an_account_that_is_not_there_is_said_with_the_way_to_those_that_are(campus: Path) -> None:
    with pytest.raises(QueryError, match=r"no account 77.*canvaslake query"):
        read_overview(campus, account=77)


def test_a_file_that_is_no_published_one_is_refused(campus: Path) -> None:
    with duckdb.connect(str(campus)) as con:
        con.execute("delete from meta.generation")
    with pytest.raises(QueryError, match="which generation"):
        read_overview(campus)


@pytest.mark.parametrize(("students", "shown"), [(0, 0), (1, None), (4, None), (5, 5), (1000, 1000)])
def test_only_one_to_four_students_are_hidden(students: int, shown: int | None) -> None:
    assert count_of(students) == shown

"""The questions of the overview to the published file. What is not in the file comes back empty, never as an error.

Whole institutions are asked about in one query each; nothing here holds a row of a student.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipelines.serve.held_back import held_back
from pipelines.serve.overview.facts import (
    FEWEST,
    Category,
    CourseWeek,
    Day,
    Generation,
    Grade,
    Grades,
    HourOfWeek,
    Hours,
    Overview,
    Punctuality,
    Scope,
    ScoreBand,
    Statistics,
    Submissions,
    SubmissionWeek,
    count_of,
)
from pipelines.serve.overview.scope import generation_of, scope_of
from pipelines.serve.overview.upkeep import coverage_of, freshness_of
from pipelines.serve.reader import published, table_names

_BAND = 5
_TOP_SCORE = 100
_ENOUGH = 0.5
_WEEKS_OF_HOURS = 8

_COURSES = """
    courses as (
        select course.course_id
        from marts.dim_course as course
        left join marts.dim_account as account on course.account_id = account.account_id
        where
            ($whole or starts_with(account.id_path, $below))
            and ($term is null or course.term_id = $term)
    )
"""


def read_overview(path: Path, *, time_zone: str = "UTC", account: int | None = None) -> Overview:
    """Ask the published file for what the page tells about an account, the highest one unless `account` is given.

    Local hours and weeks are those of `time_zone`, an IANA name. Raises QueryError without a file, and for an account
    that is not in it.
    """
    with published(path) as con:
        names = frozenset(table_names(con))
        generation = generation_of(con, names)
        scope = scope_of(con, names, generation, account)
        asked = _Questions(con, names, scope, generation, time_zone)
        # In an account with so few people, each number of the day or the week is about somebody.
        shown = not scope.too_small
        return Overview(
            generation=generation,
            scope=scope,
            statistics=asked.statistics(),
            days=asked.days() if shown else (),
            hours=asked.hours(),
            categories=asked.categories() if shown else (),
            grades=asked.grades(),
            course_weeks=asked.course_weeks() if shown else (),
            submissions=asked.submissions() if shown else Submissions((), Punctuality(0, 0, 0)),
            coverage=coverage_of(con, names),
            freshness=freshness_of(con, names),
            held_back=tuple(held_back(con)),
        )


class _Questions:
    """The questions about one scope of one file."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        names: frozenset[str],
        scope: Scope,
        generation: Generation,
        time_zone: str,
    ) -> None:
        self._con = con
        self._names = names
        self._scope = scope
        self._generation = generation
        self._zone = time_zone
        self._department = {"account": scope.account_id, "filter": scope.term_filter, "term": scope.term_id}
        self._courses = {"whole": scope.is_whole, "below": scope.below, "term": scope.course_term_id}

    def statistics(self) -> Statistics | None:
        rows = self._rows(
            ["analytics.department_statistics"],
            """
            select courses, teachers, students, assignments, discussion_topics, attachments
            from analytics.department_statistics
            where account_id = $account and term_filter = $filter and term_id is not distinct from $term
            """,
            self._department,
        )
        if not rows:
            return None
        courses, teachers, students, assignments, topics, attachments = rows[0]
        known = None if students is None else count_of(students)
        return Statistics(courses, teachers, known, assignments, topics, attachments)

    def days(self) -> tuple[Day, ...]:
        """Return every day from the first to the last one with activity; a day that Canvas does not list had none."""
        rows = self._rows(
            ["analytics.department_activity_by_date"],
            """
            with listed as (
                select date, coalesce(views, 0) as views, coalesce(participations, 0) as participations
                from analytics.department_activity_by_date
                where account_id = $account and term_filter = $filter and term_id is not distinct from $term
            ),

            calendar as (
                select unnest(generate_series(min(date), max(date), interval 1 day))::date as date from listed
            )

            select date, coalesce(views, 0), coalesce(participations, 0)
            from calendar
            left join listed using (date)
            order by date
            """,
            self._department,
        )
        return tuple(Day(*row) for row in rows)

    def hours(self) -> Hours:
        """Return the newest weeks with views by the hour, of whatever term: Canvas keeps hours for a few weeks only."""
        rows = self._rows(
            ["analytics.student_page_views", "marts.dim_course", "marts.dim_account"],
            f"""
            with {_COURSES},

            hourly as (
                select user_id, bucket_at, views, max(bucket_at) over () as newest
                from analytics.student_page_views
                semi join courses using (course_id)
                where bucket = 'hour' and views > 0
            ),

            seen as (
                select user_id, views, timezone($zone, bucket_at) as local_at
                from hourly
                where bucket_at > newest - to_weeks($weeks)
            )

            select
                isodow(local_at) as weekday,
                hour(local_at) as hour,
                sum(views)::bigint,
                count(distinct user_id),
                min(local_at)::date,
                max(local_at)::date
            from seen
            group by grouping sets ((isodow(local_at), hour(local_at)), ())
            order by weekday nulls last, hour
            """,
            {**self._courses, "term": None, "zone": self._zone, "weeks": _WEEKS_OF_HOURS},
        )
        *cells, whole = rows or [(None, None, None, 0, None, None)]
        return Hours(
            tuple(HourOfWeek(day, hour, views if people >= FEWEST else None) for day, hour, views, people, *_ in cells),
            count_of(whole[3]),
            self._zone,
            whole[4],
            whole[5],
        )

    def categories(self) -> tuple[Category, ...]:
        rows = self._rows(
            ["analytics.department_activity_by_category"],
            """
            select category, views
            from analytics.department_activity_by_category
            where account_id = $account and term_filter = $filter and term_id is not distinct from $term and views > 0
            order by views desc, category
            """,
            self._department,
        )
        return tuple(Category(*row) for row in rows)

    def grades(self) -> Grades:
        rows = self._rows(
            ["analytics.department_grades"],
            """
            select score, students
            from analytics.department_grades
            where account_id = $account and term_filter = $filter and term_id is not distinct from $term
            order by score
            """,
            self._department,
        )
        known = [(score, students) for score, students in rows if students is not None]
        return Grades(_bands(known), _median(known), self._letters(), unknown=bool(rows) and not known)

    def _letters(self) -> tuple[Grade, ...]:
        # The scores behind a letter tell which letter is better, whatever a grading scheme calls its grades.
        rows = self._rows(
            ["marts.grade_distribution", "marts.fct_enrollment", "marts.dim_course", "marts.dim_account"],
            f"""
            with {_COURSES},

            counted as (
                select grade, sum(students)::bigint as students
                from marts.grade_distribution
                semi join courses using (course_id)
                where enrollment_state in ('active', 'concluded')
                group by grade
            ),

            scored as (
                select final_grade as grade, avg(final_score) as score
                from marts.fct_enrollment
                semi join courses using (course_id)
                where final_grade is not null
                group by final_grade
            )

            select counted.grade, counted.students
            from counted
            left join scored using (grade)
            order by counted.grade is null, scored.score desc nulls last, counted.grade
            """,
            self._courses,
        )
        return tuple(Grade(letter, count_of(students)) for letter, students in rows)

    def course_weeks(self) -> tuple[CourseWeek, ...]:
        """Return the weeks that were over when Canvas was asked; the week that goes on would look like a fall."""
        rows = self._rows(
            ["marts.course_engagement_weekly", "marts.dim_course", "marts.dim_account"],
            f"""
            with {_COURSES}

            select
                week_start,
                count(*),
                quantile_cont(views, 0.25)::double,
                quantile_cont(views, 0.5)::double,
                quantile_cont(views, 0.75)::double,
                quantile_cont(participations, 0.5)::double
            from marts.course_engagement_weekly
            semi join courses using (course_id)
            where is_complete
            group by week_start
            order by week_start
            """,
            self._courses,
        )
        return tuple(CourseWeek(*row) for row in rows)

    def submissions(self) -> Submissions:
        rows = self._rows(
            ["analytics.course_assignments", "marts.dim_course", "marts.dim_account"],
            f"""
            with {_COURSES}

            select
                date_trunc('week', timezone($zone, due_at))::date as week_start,
                sum(round(tardiness_total * coalesce(tardiness_on_time, 0)))::bigint,
                sum(round(tardiness_total * coalesce(tardiness_late, 0)))::bigint,
                sum(round(tardiness_total * coalesce(tardiness_missing, 0)))::bigint
            from analytics.course_assignments
            semi join courses using (course_id)
            where due_at <= $moment and tardiness_total > 0
            group by week_start
            order by week_start
            """,
            {**self._courses, "zone": self._zone, "moment": self._generation.moment},
        )
        weeks = [(week, Punctuality(*counts)) for week, *counts in rows]
        overall = Punctuality(
            sum(one.on_time for _, one in weeks),
            sum(one.late for _, one in weeks),
            sum(one.missing for _, one in weeks),
        )
        return Submissions(
            tuple(
                SubmissionWeek(week, count_of(one.on_time), count_of(one.late), count_of(one.missing))
                for week, one in weeks
                if one.total
            ),
            overall,
        )

    def _rows(
        self, tables: Sequence[str], sql: str, parameters: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the answer; no rows where a table is not in the file."""
        if not self._names.issuperset(tables):
            return []
        return self._con.execute(sql, dict(parameters or {})).fetchall()


def _bands(scores: Sequence[tuple[int, int]]) -> tuple[ScoreBand, ...]:
    if not scores:
        return ()
    bands = []
    for low in range(0, _TOP_SCORE, _BAND):
        # Full marks belong to the highest band: a band for them alone would be mostly empty.
        high = low + _BAND - 1 if low + _BAND < _TOP_SCORE else _TOP_SCORE
        bands.append(ScoreBand(low, high, count_of(sum(many for score, many in scores if low <= score <= high))))
    return tuple(bands)


def _median(scores: Sequence[tuple[int, int]]) -> int | None:
    total = sum(students for _, students in scores)
    if total < FEWEST:
        return None
    passed = 0
    for score, students in scores:
        passed += students
        if passed >= total * _ENOUGH:
            return score
    return None

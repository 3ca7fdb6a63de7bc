"""What the overview says about the facts, section by section: a sentence, a chart, the numbers of the chart as a table.

A section without facts says why that is and which command brings them. How all of it looks on a page is `page`.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from pipelines.serve.overview.charts import (
    Chart,
    Series,
    by_day,
    columns,
    middle_and_spread,
    rows,
    shares,
    week_of_hours,
    written,
)
from pipelines.serve.overview.facts import FEWEST, Count, Overview
from pipelines.serve.overview.scales import day
from pipelines.serve.overview.section import Figure, Section, Table

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STATUSES = {
    "loaded": "s1",
    "empty": "s3",
    "missing": "s4",
    "forbidden": "s2",
    "failed": "s5",
    "skipped": "s6",
}
_NOT_ANSWERED = ("forbidden", "failed")

TOO_SMALL = (
    f"Fewer than {FEWEST} people study in this account, so its numbers would be about single persons. "
    "They are left out here."
)


def sections(overview: Overview) -> tuple[Section, ...]:
    """Return the sections in the order in which they stand on the page."""
    return (
        _activity(overview),
        _hours(overview),
        _categories(overview),
        _scores(overview),
        _letters(overview),
        _course_weeks(overview),
        _submissions(overview),
        _coverage(overview),
        _freshness(overview),
    )


def _activity(overview: Overview) -> Section:
    ident, title = "activity", "Activity by day"
    days = overview.days
    if not days:
        return _nothing(overview, ident, title, "the activity of departments", "analytics.department_activity_by_date")
    busiest = max(days, key=lambda one: one.views)
    lead = (
        f"{sum(one.views for one in days):,} page views and {sum(one.participations for one in days):,} participations "
        f"from {day(days[0].date)} to {day(days[-1].date, with_year=True)}. "
        f"The busiest day was {busiest.date:%A}, {day(busiest.date)}, with {busiest.views:,} page views."
    )
    panels = (
        Series("Page views", [one.views for one in days], "s1"),
        Series("Participations", [one.participations for one in days], "s5"),
    )
    table = _table(
        "Page views and participations by day",
        ("Day", "Page views", "Participations"),
        [(one.date.isoformat(), written(one.views), written(one.participations)) for one in days],
    )
    chart = Chart(ident, title, lead, partial(by_day, [one.date for one in days], panels))
    note = "Days are in UTC, as Canvas counts them. Everybody counts, teachers too."
    return Section(ident, title, lead, (Figure(table, chart),), note)


def _hours(overview: Overview) -> Section:
    ident, title = "hours", "Activity by hour of the week"
    hours = overview.hours
    if not hours.cells or hours.first is None or hours.last is None:
        return Section(
            ident,
            title,
            "No page views of students by the hour are loaded for this account. They are asked for student by student: "
            "student_analytics and student_accounts in canvaslake.toml choose whose.",
            command="canvaslake sync analytics.student_page_views",
        )
    cells = {(one.weekday, one.hour): one.views for one in hours.cells}
    known = {place: views for place, views in cells.items() if views is not None}
    lead = (
        f"Page views of {written(hours.students)} students from {day(hours.first)} to "
        f"{day(hours.last, with_year=True)}, hours in {hours.time_zone}."
    )
    if known:
        weekday, hour = max(known, key=lambda place: (known[place], place))
        lead += f" Most fall on {_WEEKDAYS[weekday - 1]} from {hour:02}:00 to {(hour + 1) % 24:02}:00."
    table = _table(
        f"Page views by hour of the week, {hours.time_zone}",
        ("Hour", *(name[:3] for name in _WEEKDAYS)),
        [(f"{hour:02}:00", *(_views(cells.get((weekday, hour), 0)) for weekday in range(1, 8))) for hour in range(24)],
    )
    chart = Chart(ident, title, lead, partial(week_of_hours, cells))
    note = (
        f"Only students who were asked about one by one. An hour with fewer than {FEWEST} of them shows no number "
        "(in the table: few)."
    )
    return Section(ident, title, lead, (Figure(table, chart),), note)


def _categories(overview: Overview) -> Section:
    ident, title = "categories", "Activity by category"
    found = overview.categories
    if not found:
        return _nothing(
            overview,
            ident,
            title,
            "the activity of departments by category",
            "analytics.department_activity_by_category",
        )
    total = sum(one.views for one in found)
    lead = f"{_capital(found[0].name)} take {found[0].views / total:.0%} of {total:,} page views."
    labels = [_capital(one.name) for one in found]
    table = _table(
        "Page views by category",
        ("Category", "Page views", "Share"),
        [(label, written(one.views), f"{one.views / total:.1%}") for label, one in zip(labels, found, strict=True)],
    )
    chart = Chart(ident, title, lead, lambda width: rows(labels, [one.views for one in found], width, "page views"))
    return Section(ident, title, lead, (Figure(table, chart),))


def _scores(overview: Overview) -> Section:
    ident, title = "scores", "Current scores"
    found = overview.grades.scores
    if overview.grades.unknown:
        return Section(
            ident,
            title,
            "Canvas had no distribution of scores at hand for this account and term. It makes them in the background; "
            "ask again after some hours.",
            command="canvaslake sync analytics.department_grades",
        )
    if not any(one.students is None or one.students for one in found):
        return _nothing(overview, ident, title, "the scores of departments", "analytics.department_grades")
    median = overview.grades.median
    lead = "Students by their current score in percent, one for each course that they are in."
    if median is not None:
        lead += f" Half of them stand at {median}% or below."
    labels = [f"{one.low}–{one.high}" for one in found]
    # A class with one bar from 0 to 40 would be read as one score; the empty bands before the first stay away instead.
    start = next(place for place, one in enumerate(found) if one.students is None or one.students)
    shown, labels = found[start:], labels[start:]
    table = _table(
        "Students by current score",
        ("Score in percent", "Students"),
        [(label, written(one.students)) for label, one in zip(labels, shown, strict=True)],
    )
    series = [Series("Students", [one.students for one in shown], "s1")]
    chart = Chart(ident, title, lead, lambda width: columns(labels, series, width, "students"))
    return Section(ident, title, lead, (Figure(table, chart),), _few([one.students for one in shown]))


def _letters(overview: Overview) -> Section:
    ident, title = "letters", "Final grades"
    found = overview.grades.letters
    if not found:
        return Section(
            ident,
            title,
            "No grades are loaded for this account and term. They come from the report grade_export_csv: "
            "canvaslake.toml must name it.",
            command="canvaslake sync grade_export_csv",
        )
    lead = "Students by the letter of their final score, which counts missing work as zero; one for each course."
    labels = [one.letter or "none yet" for one in found]
    table = _table(
        "Students by final grade",
        ("Grade", "Students"),
        [(label, written(one.students)) for label, one in zip(labels, found, strict=True)],
    )
    chart = Chart(ident, title, lead, lambda width: rows(labels, [one.students for one in found], width, "students"))
    return Section(ident, title, lead, (Figure(table, chart),), _few([one.students for one in found]))


def _course_weeks(overview: Overview) -> Section:
    ident, title = "courses", "Course engagement by week"
    weeks = overview.course_weeks
    if not weeks:
        return _nothing(
            overview, ident, title, "the activity of courses over a whole week", "analytics.course_activity"
        )
    last = weeks[-1]
    lead = (
        f"In the week of {day(last.week_start, with_year=True)} the course in the middle of {last.courses:,} had "
        f"{last.median:,.0f} page views and {last.participations:,.0f} participations."
    )
    table = _table(
        "Page views of a course by week",
        (
            "Week of",
            "Courses",
            "Lower quarter",
            "Middle course",
            "Upper quarter",
            "Participations of the middle course",
        ),
        [
            (
                one.week_start.isoformat(),
                f"{one.courses:,}",
                f"{one.low:,.0f}",
                f"{one.median:,.0f}",
                f"{one.high:,.0f}",
                f"{one.participations:,.0f}",
            )
            for one in weeks
        ],
    )
    chart = Chart(
        ident,
        title,
        lead,
        lambda width: middle_and_spread(
            [one.week_start for one in weeks],
            [one.low for one in weeks],
            [one.median for one in weeks],
            [one.high for one in weeks],
            width,
            "page views",
        ),
    )
    note = "The band holds the middle half of the courses. Weeks begin on Monday, UTC; one that goes on is left out."
    return Section(ident, title, lead, (Figure(table, chart),), note)


def _submissions(overview: Overview) -> Section:
    ident, title = "submissions", "Submissions on time and late"
    weeks, overall = overview.submissions.weeks, overview.submissions.overall
    if not weeks:
        return _nothing(overview, ident, title, "assignments that were due", "analytics.course_assignments")
    lead = (
        f"Of the work that was due, {overall.on_time / overall.total:.0%} came on time, "
        f"{overall.late / overall.total:.0%} late, and {overall.missing / overall.total:.0%} is missing."
    )
    labels = [day(one.week_start) for one in weeks]
    series = (
        Series("On time", [one.on_time for one in weeks], "s1"),
        Series("Late", [one.late for one in weeks], "s2"),
        Series("Missing", [one.missing for one in weeks], "s5"),
    )
    table = _table(
        "Submissions by the week in which they were due",
        ("Week of", "On time", "Late", "Missing"),
        [(one.week_start.isoformat(), written(one.on_time), written(one.late), written(one.missing)) for one in weeks],
    )
    chart = Chart(ident, title, lead, lambda width: columns(labels, series, width, "submissions"))
    note = f"By the week of the due date, from Monday, {overview.hours.time_zone}. Work without a date is left out."
    return Section(ident, title, lead, (Figure(table, chart),), note)


def _coverage(overview: Overview) -> Section:
    ident, title = "coverage", "Coverage"
    found = overview.coverage
    if not found:
        return Section(ident, title, "Canvas was not asked anything yet.", command="canvaslake sync")
    families = list(dict.fromkeys(one.family for one in found))
    statuses = [status for status in _STATUSES if any(one.questions.get(status) for one in found)]
    total = sum(sum(one.questions.values()) for one in found)
    open_ = sum(one.questions.get(status, 0) for one in found for status in _NOT_ANSWERED)
    lead = f"{total:,} questions to Canvas, by how the last one about each account, course or student ended. "
    lead += f"{open_:,} could not be read." if open_ else "Every one that was asked was answered."
    series = [
        Series(
            status,
            [sum(one.questions.get(status, 0) for one in found if one.family == family) for family in families],
            _STATUSES[status],
        )
        for status in statuses
    ]
    table = _table(
        "Questions by endpoint",
        ("Endpoint", *statuses),
        [
            (f"{one.family}: {one.endpoint}", *(f"{one.questions.get(status, 0):,}" for status in statuses))
            for one in found
        ],
    )
    chart = Chart(ident, title, lead, lambda width: shares(families, series, width, "questions"))
    note = "The whole file, not only this account. What could not be read has kept the rows of the last good answer."
    command = "canvaslake coverage" if open_ else ""
    return Section(ident, title, lead, (Figure(table, chart),), note, command)


def _freshness(overview: Overview) -> Section:
    ident, title = "freshness", "Freshness"
    found = overview.freshness
    if not found:
        return Section(ident, title, "Nothing is loaded yet.", command="canvaslake sync")
    moment = overview.generation.moment
    oldest = min(found, key=lambda one: one.newest)
    lead = f"The file stands for {_moment(moment)} UTC. {oldest.family} is the oldest in it.{_held_back(overview)}"
    table = _table(
        "When Canvas last gave rows",
        ("What", "Newest, UTC", "Age", "Rows"),
        [
            (one.family, _moment(one.newest), _age((moment - one.newest).total_seconds()), f"{one.rows:,}")
            for one in found
        ],
    )
    note = (
        "Answers that did not differ from the ones before are not counted: coverage tells when Canvas was last asked."
    )
    return Section(ident, title, lead, (Figure(table),), note)


def _held_back(overview: Overview) -> str:
    tables = overview.held_back
    if not tables:
        return ""
    many = "A table keeps" if len(tables) == 1 else f"{len(tables)} tables keep"
    return f" {many} earlier rows because a check failed (meta.checks says why): {', '.join(tables)}."


def _nothing(overview: Overview, ident: str, title: str, what: str, table: str) -> Section:
    if overview.scope.too_small:
        return Section(ident, title, TOO_SMALL)
    term = f" and {overview.scope.term_name}" if overview.scope.term_name else ""
    lead = f"Nothing is loaded about {what} for this account{term}."
    return Section(ident, title, lead, command=f"canvaslake sync {table}")


def _table(caption: str, names: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> Table:
    return Table(caption, names, tuple(lines))


def _few(counts: Sequence[Count]) -> str:
    return f"Counts of one to {FEWEST - 1} are shown as <{FEWEST} and drawn alike." if None in counts else ""


def _views(views: Count) -> str:
    return "few" if views is None else f"{views:,}"


def _capital(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _moment(value: datetime) -> str:
    return f"{day(value.date(), with_year=True)}, {value:%H:%M}"


_HOUR, _DAY = 3600, 86400


def _age(seconds: float) -> str:
    for size, unit in ((_DAY, "day"), (_HOUR, "hour")):
        if seconds >= size:
            many = int(seconds // size)
            return f"{many:,} {unit}{'' if many == 1 else 's'}"
    return "under 1 hour"

"""Summaries of a course's students: views, participations and tardiness, a page at a time.

The only analytics that Canvas pages. What one student did is in `student_analytics`.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipelines.demo.course_analytics import may_see_details, visible_course
from pipelines.demo.coursework import STATUSES, coursework, quartiles
from pipelines.demo.institution import Institution, local_id
from pipelines.demo.paging import numbered_page, per_page
from pipelines.demo.records import Course
from pipelines.demo.wire import Answer, forbidden, not_found
from pipelines.demo.world import Call, Endpoint

UNREPORTED_EVERY: Final = 97
"""In a running course, students whose id this number divides are unknown to the page-view service."""

_LAST_PAGE: Final = re.compile(r"(?<=[?&]page=)\d+(?=&per_page=\d+>; rel=\"last\")")
_SORTED_BY_VIEWS: Final = ("page_views", "participations")
_SORTS: Final = re.compile(r"(name|score|participations|page_views)(?:_(ascending|descending))?")


@dataclass(frozen=True, slots=True)
class Counts:
    """Page views and participations of one student in one course."""

    views: int
    participations: int


@dataclass(frozen=True, slots=True)
class _Summaries:
    """Everything that the summaries of a course are written from, whatever page is asked for."""

    names: dict[int, str]
    scores: dict[int, list[float | None]]
    counts: dict[int, Counts]
    tardiness: dict[int, dict[str, int]]
    maxima: tuple[int | None, int | None]
    bands: tuple[tuple[float | None, float | None], tuple[float | None, float | None]]


def student_summaries(call: Call) -> Answer:
    """Answer a page of the students, by sortable name unless `sort_column` says otherwise."""
    course = visible_course(call)
    if not may_see_details(call):
        raise forbidden()
    held = call.remembered(lambda: _summaries(call, course))
    column, descending = _sort(call)
    if column in _SORTED_BY_VIEWS:
        return _sorted_by_views(call, held, column, descending=descending)
    students = _by_name_or_score(call, held, column, descending=descending)
    wanted = call.query.get("student_id")
    if wanted:
        students = [each for each in students if each == local_id(wanted)]
    return call.numbered(students, lambda each: _summary_json(call, held, each))


def _sort(call: Call) -> tuple[str, bool]:
    """Return the column to sort by and whether it descends; by name for what is not known."""
    asked = _SORTS.fullmatch(call.query.get("sort_column") or "name")
    return ("name", False) if asked is None else (asked[1], asked[2] == "descending")


def _by_name_or_score(call: Call, held: _Summaries, column: str, *, descending: bool) -> list[int]:
    repeats = call.world.repeated_students
    rows = [(user, score) for user, scores in held.scores.items() for score in (scores if repeats else scores[:1])]
    if column == "name":
        rows.sort(key=lambda row: (held.names[row[0]].casefold(), row[0]), reverse=descending)
    else:
        # Null scores are the lowest in either direction.
        rows.sort(key=lambda row: (float("-inf") if row[1] is None else row[1], row[0]), reverse=descending)
    return [user for user, _ in rows]


def _sorted_by_views(call: Call, held: _Summaries, column: str, *, descending: bool) -> Answer:
    """Answer a page as the page-view service sorts it: without those it does not report, and with a wrong `last`.

    Canvas hands the number of pages on as the number of students.
    """
    name = "views" if column == "page_views" else column
    ordered = sorted(held.counts, key=lambda each: (getattr(held.counts[each], name), each), reverse=descending)
    page, link = numbered_page(call.url, call.query, ordered)
    if not page and ordered:
        raise not_found()
    size = per_page(call.query)
    pages = -(-len(ordered) // size)
    wrong = _LAST_PAGE.sub(str(max(-(-pages // size), 1)), link)
    wanted = call.query.get("student_id")
    shown = [each for each in page if not wanted or each == local_id(wanted)]
    return Answer([_summary_json(call, held, each) for each in shown], headers={"link": wrong})


def _summary_json(call: Call, held: _Summaries, user_id: int) -> dict[str, Any]:
    found = held.counts.get(user_id)
    views, participations = (None, None) if found is None else (found.views, found.participations)
    levels: list[Any] = [_level(views, held.bands[0]), _level(participations, held.bands[1])]
    maximum = "max_page_views"
    if call.world.documented_shapes:
        levels, maximum = [str(level) for level in levels], "max_page_view"
    return {
        "id": user_id,
        "page_views": views,
        maximum: held.maxima[0],
        "page_views_level": levels[0],
        "participations": participations,
        "max_participations": held.maxima[1],
        "participations_level": levels[1],
        "tardiness_breakdown": held.tardiness[user_id],
    }


def _level(count: int | None, band: tuple[float | None, float | None]) -> int:
    first, third = band
    if not count or first is None or third is None:
        return 0
    return 1 if count < first else 2 if count < third else 3


def _summaries(call: Call, course: Course) -> _Summaries:
    institution = call.institution
    enrolled = institution.students_by_course[course.id]
    seen = counts_by_person(institution, course.id)
    current = institution.current_term(call.world.clock())
    hidden = course.state == "available" and current is not None and course.term_id == current.id
    counts = {user: seen.get(user, Counts(0, 0)) for user in enrolled if not (hidden and user % UNREPORTED_EVERY == 0)}
    views = [each.views for each in counts.values()]
    participations = [each.participations for each in counts.values()]
    low_views, _, high_views = quartiles(views)
    low_taken, _, high_taken = quartiles(participations)
    return _Summaries(
        names={user: institution.user_by_id[user].sortable_name for user in enrolled},
        # One score per student; students of two sections may hold two, and then Canvas may list them twice.
        scores={
            user: list(dict.fromkeys(each.grades.current_score for each in enrollments))
            for user, enrollments in enrolled.items()
        },
        counts=counts,
        tardiness=_tardiness(call, course),
        maxima=(max(views, default=None), max(participations, default=None)),
        bands=((low_views, high_views), (low_taken, high_taken)),
    )


def counts_by_person(institution: Institution, course_id: int) -> dict[int, Counts]:
    """Return the views and participations of everybody who was active in a course."""

    def compute() -> dict[int, Counts]:
        log = institution.activity_of(course_id)
        people, first = np.unique(log.user_id, return_index=True)
        if not len(people):
            return {}
        views, taken = np.add.reduceat(log.views, first), np.add.reduceat(log.participations, first)
        return {
            user: Counts(seen, took)
            for user, seen, took in zip(people.tolist(), views.tolist(), taken.tolist(), strict=True)
        }

    return institution.once(("counts by person", course_id), compute)


def _tardiness(call: Call, course: Course) -> dict[int, dict[str, int]]:
    """Count each student's work by status; work on paper is left out of the count, as Canvas does."""
    work = coursework(call.institution, course.id)
    statuses = work.statuses(call.world.clock())[:, work.digital]
    counts = np.stack([(statuses == at).sum(axis=1) for at in range(len(STATUSES))], axis=1).tolist()
    total = int(work.digital.sum())
    return {
        user: {
            "missing": per_status[2],
            "late": per_status[1],
            "on_time": per_status[0],
            "floating": per_status[3],
            "total": total,
        }
        for user, per_status in zip(work.students.tolist(), counts, strict=True)
    }


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/courses/{course_id}/analytics/student_summaries", student_summaries, "analytics"),
)

"""Analytics of a course: activity by day, and assignments with the spread of scores and of tardiness.

Who may see what of a course is decided here for its students' analytics too, which are in `student_summaries` and
`student_analytics`. The figures of assignments come from `coursework`.
"""

import random
from datetime import timedelta
from typing import Any, Final

import numpy as np

from pipelines.demo.coursework import (
    STATUSES,
    coursework,
    exact_scores,
    rolled_up_scores,
    shown_without_grading,
)
from pipelines.demo.progress_api import progress_url
from pipelines.demo.records import EPOCH, Course
from pipelines.demo.wire import Answer, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_TRUE: Final = frozenset({"true", "1", "t", "yes", "y", "on"})


def visible_course(call: Call) -> Course:
    """Return the course of the path, or raise: 404 unpublished, 403, 404 without students, 403 again."""
    course = call.institution.find_course(call.path_params["course_id"])
    if course is None or course.state not in {"available", "completed"}:
        raise not_found()
    call.require("view_analytics")
    if course.id not in call.institution.students_by_course:
        raise not_found()
    call.require("read_as_admin")
    return course


def may_see_details(call: Call) -> bool:
    """Whether the caller sees what graders see."""
    return call.may("manage_grades") or call.may("view_all_grades")


def activity(call: Call) -> Answer:
    """Answer views and participations by UTC day, teachers' ones too, in no order.

    The `id` of null is what Rails adds to a row without one; the documented shape does not have it.
    """
    course = visible_course(call)
    return Answer(call.remembered(lambda: _activity_json(call, course)))


def _activity_json(call: Call, course: Course) -> list[dict[str, Any]]:
    log = call.institution.activity_of(course.id)
    days, place = np.unique(log.day, return_inverse=True)
    views = np.bincount(place, weights=log.views, minlength=len(days)).astype(int).tolist()
    participations = np.bincount(place, weights=log.participations, minlength=len(days)).astype(int).tolist()
    bare: dict[str, Any] = {} if call.world.documented_shapes else {"id": None}
    written = [
        bare | {"date": (EPOCH + timedelta(days=day)).isoformat(), "participations": took, "views": seen}
        for day, seen, took in zip(days.tolist(), views, participations, strict=True)
    ]
    if not call.world.documented_shapes:
        random.Random(course.id).shuffle(written)
    return written


def assignments(call: Call) -> Answer:
    """Answer the assignments by due date and id, those without a due date last.

    Graders get the rolled-up shape, others (and the documented shape) the one with `unlock_at`. With `async` an
    answer that is not there yet is an object with the URL of a Progress.
    """
    course = visible_course(call)
    graders = may_see_details(call) and not call.world.documented_shapes
    write = _rolled_up_json if graders else _assignments_json
    asked = (call.query.get("async") or "").lower()
    key = ("assignments", course.id, call.grant.permissions)
    ready = call.world.answers.holds(call.cache_key()) or call.world.progress.done(key)
    if asked in _TRUE and not ready:
        user_id = call.institution.api_user_id
        begun = call.world.progress.begin(key, course_id=course.id, user_id=user_id, tag="permitted_course_assignments")
        return Answer({"progress_url": progress_url(call, begun)})
    return Answer(call.remembered(lambda: write(call, course)))


def _rolled_up_json(call: Call, course: Course) -> list[dict[str, Any]]:
    """Write what graders see; a student of two sections counts twice.

    `floating` is zero in Canvas's roll-ups, so the fractions do not add up to one while work is not yet due.
    """
    work = coursework(call.institution, course.id)
    scores = rolled_up_scores(call.institution, course.id)
    statuses = work.statuses(call.world.clock())
    total = int(work.weight.sum())
    written = []
    for at, each in enumerate(work.assignments):
        counts = np.bincount(statuses[:, at], weights=work.weight, minlength=len(STATUSES)).astype(int).tolist()
        shares = dict(zip(STATUSES, counts, strict=True)) if work.digital[at] else dict.fromkeys(STATUSES, 0)
        written.append(
            {
                "assignment_id": each.id,
                "title": each.title,
                "due_at": utc_text(each.due_at),
                "muted": each.muted,
                "points_possible": each.points_possible,
                "non_digital_submission": each.non_digital_submission,
                **scores[at],
                "tardiness_breakdown": {
                    "missing": shares["missing"] / total,
                    "late": shares["late"] / total,
                    "on_time": shares["on_time"] / total,
                    "floating": 0.0,
                    "total": total,
                },
            }
        )
    return written


def _assignments_json(call: Call, course: Course) -> list[dict[str, Any]]:
    """Write what others see: every student once, scores as they are, no statistics where they are held back."""
    institution, details = call.institution, may_see_details(call)
    work = coursework(institution, course.id)
    scores, shown = exact_scores(institution, course.id), shown_without_grading(institution, course.id)
    statuses = work.statuses(call.world.clock())
    written = []
    for at, each in enumerate(work.assignments):
        counts = np.bincount(statuses[:, at], minlength=len(STATUSES)).tolist()
        breakdown = dict(zip(STATUSES, counts, strict=True)) if work.digital[at] else dict.fromkeys(STATUSES, 0)
        total = sum(breakdown.values())
        statistics = {**scores[at], "module_ids": list(each.module_ids)} if details or shown[at] else {}
        written.append(
            {
                "assignment_id": each.id,
                "title": each.title,
                "unlock_at": utc_text(each.unlock_at),
                "points_possible": each.points_possible,
                "non_digital_submission": each.non_digital_submission,
                "multiple_due_dates": False,
                "due_at": utc_text(each.due_at),
                "muted": each.muted,
                **statistics,
                "tardiness_breakdown": {
                    **{name: breakdown[name] / total if total else 0 for name in STATUSES},
                    "total": total,
                },
            }
        )
    return written


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/courses/{course_id}/analytics/activity", activity, "analytics"),
    Endpoint("GET", "/api/v1/courses/{course_id}/analytics/assignments", assignments, "analytics"),
)

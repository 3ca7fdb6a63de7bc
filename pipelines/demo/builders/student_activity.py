"""The reports about who was there: last access, last activity, no activity, no submissions.

Accesses are those of logins, activity is that of enrollments; what was looked at in between is in the analytics.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from pipelines.demo.builders.report_type import (
    COURSE,
    INCLUDE_DELETED,
    SKIP_MESSAGE,
    TERM,
    ReportType,
    Sheet,
    one_sheet,
    parameter,
)
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Cell, Row, iso_in_zone
from pipelines.demo.records import Course, Enrollment

ACCESS_COLUMNS: Final = "user id,user sis id,user name,last access at,last ip"
ACTIVITY_COLUMNS: Final = "user id,user name,last activity at"
ZERO_COLUMNS: Final = (
    "user id,user sis id,name,section id,section sis id,section name,course id,course sis id,course name"
)
SUBMISSION_COLUMNS: Final = ZERO_COLUMNS.replace(",name,", ",user name,")
_LONGEST: Final = timedelta(days=14)
_STATES: Final = frozenset({"active", "invited", "creation_pending", "deleted", "rejected", "completed", "inactive"})


def _narrowed(scope: ReportScope) -> bool:
    return scope.term is not None or scope.course is not None


def _last_access(scope: ReportScope) -> dict[str, Sheet]:
    people = scope.people_ids
    if _narrowed(scope):
        enrollments = scope.institution.enrollments_by_course
        inside = (each for course in scope.chosen_courses for each in enrollments.get(course.id, []))
        people &= {each.user_id for each in inside if scope.include_deleted or each.state != "deleted"}
    return one_sheet(
        ACCESS_COLUMNS,
        [
            (user.id, login.sis_id, user.sortable_name, login.last_request_at, login.last_ip)
            for user in sorted(scope.institution.users, key=lambda each: each.id)
            if user.id in people
            for login in scope.logins(user)
        ],
    )


def _seen(scope: ReportScope, course_id: int, user_id: int) -> datetime | None:
    last = scope.institution.last_activity.get((course_id, user_id))
    return None if last is None else min(last, scope.now)


def _last_activity(scope: ReportScope) -> dict[str, Sheet]:
    latest: dict[int, datetime] = {}
    for course in scope.chosen_courses:
        for each in scope.institution.enrollments_by_course.get(course.id, []):
            seen = _seen(scope, course.id, each.user_id)
            if seen is not None and each.state != "deleted" and seen > latest.get(each.user_id, _NEVER):
                latest[each.user_id] = seen
    by_id = scope.institution.user_by_id
    return one_sheet(ACTIVITY_COLUMNS, [(each, by_id[each].sortable_name, latest[each]) for each in sorted(latest)])


_NEVER: Final = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


def _placed(scope: ReportScope, enrollment: Enrollment, course: Course) -> list[Cell]:
    """Return the cells about section and course that end both lists of students."""
    section = scope.institution.section_by_id[enrollment.section_id]
    return [section.id, section.sis_id, section.name, course.id, course.sis_id, course.name]


def _zero_activity(scope: ReportScope) -> dict[str, Sheet]:
    since = scope.moment("start_at")
    rows: list[Row] = []
    for each, course, user in scope.students({"active"}):
        section = scope.institution.section_by_id[each.section_id]
        seen = _seen(scope, course.id, user.id)
        # Activity belongs to the course: in whichever section, it takes every row of the student away.
        active = seen is not None and (since is None or seen >= since)
        if active or course.state != "available" or section.state != "active":
            continue
        place = _placed(scope, each, course)
        rows += [(user.id, login.sis_id, user.sortable_name, *place) for login in scope.logins(user)]
    return one_sheet(ZERO_COLUMNS, rows)


def submission_window(scope: ReportScope) -> tuple[datetime, datetime]:
    """Return the window that is looked at: 14 days at most, the last ones when nothing was asked for.

    Days are those of the account's calendar, so one of them may have 23 or 25 hours.
    """
    start, end = scope.moment("start_at"), scope.moment("end_at")
    if end is None:
        end = scope.now.astimezone(scope.institution.time_zone) if start is None else start + _LONGEST
    if start is None or end - start > _LONGEST:
        start = end - _LONGEST
    return start, end


def _written_back(scope: ReportScope) -> Mapping[str, Any]:
    start, end = submission_window(scope)
    zone = scope.institution.time_zone
    return {"start_at": iso_in_zone(start, zone), "end_at": iso_in_zone(end, zone)}


def _no_submissions(scope: ReportScope) -> dict[str, Sheet]:
    start, end = (int(each.timestamp()) for each in submission_window(scope))
    asked = scope.listed("enrollment_state")
    states = _STATES if not asked or "all" in asked else _STATES & asked
    with_state = scope.preferences.older_no_submissions or scope.truthy("include_enrollment_state")
    handed_in: dict[int, frozenset[int]] = {}
    rows: list[Row] = []
    for each, course, user in scope.students(states):
        if course.state != "available":
            continue
        if course.id not in handed_in:
            held = scope.institution.submissions_of(course.id)
            inside = (held.submitted_at >= start) & (held.submitted_at <= end)
            handed_in[course.id] = frozenset(np.unique(held.user_id[inside]).tolist())
        if user.id not in handed_in[course.id]:
            place = [*_placed(scope, each, course), *((each.state,) if with_state else ())]
            rows += [(user.id, login.sis_id, user.sortable_name, *place) for login in scope.logins(user)]
    return one_sheet(SUBMISSION_COLUMNS + (",enrollment state" if with_state else ""), rows)


STUDENT_ACTIVITY: Final = (
    ReportType(
        name="last_user_access_csv",
        title="Last User Access",
        parameters={**TERM, **COURSE, **INCLUDE_DELETED, **SKIP_MESSAGE},
        sheets=_last_access,
    ),
    ReportType(
        name="last_enrollment_activity_csv",
        title="Last Enrollment Activity",
        parameters={**TERM, **COURSE, **SKIP_MESSAGE},
        sheets=_last_activity,
    ),
    ReportType(
        name="zero_activity_csv",
        title="Zero Activity",
        parameters={
            **TERM,
            "start_at": parameter("Activity before this moment is ignored"),
            **COURSE,
            **SKIP_MESSAGE,
        },
        sheets=_zero_activity,
    ),
    ReportType(
        name="students_with_no_submissions_csv",
        title="Students with no submissions",
        parameters={
            **TERM,
            **COURSE,
            "start_at": parameter("First moment of a window of at most 14 days", required=True),
            "end_at": parameter("Last moment of the window", required=True),
            "include_enrollment_state": parameter("Adds a column; any text counts as yes"),
            "enrollment_state": parameter("Enrollment states to keep; all when absent"),
            **SKIP_MESSAGE,
        },
        sheets=_no_submissions,
        written_back=_written_back,
    ),
)

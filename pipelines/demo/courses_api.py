"""The courses of an account's subtree, as the account's course list shows them.

Endpoints below `/courses/:id` are not here.
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pipelines.demo.records import Course
from pipelines.demo.terms_api import term_json
from pipelines.demo.wire import Answer, ApiError, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_STATES: Final = ("created", "claimed", "available", "completed")
_SHORTEST_SEARCH: Final = 3


def course_json(call: Call, course: Course) -> dict[str, Any]:
    """Write a course with the `include[]` fields that were asked for."""
    unpublished = course.state in {"created", "claimed"}
    written: dict[str, Any] = {
        "id": course.id,
        "name": course.name,
        "account_id": course.account_id,
        "uuid": uuid5(NAMESPACE_OID, f"course {course.id}").hex,
        "start_at": utc_text(course.start_at),
        "grading_standard_id": 1 if course.grading_scheme else None,
        "is_public": course.is_public,
        "created_at": utc_text(course.created_at),
        "course_code": course.code,
        "default_view": "modules",
        "root_account_id": call.institution.root.id,
        "enrollment_term_id": course.term_id,
        "end_at": utc_text(course.end_at),
        "public_syllabus": False,
        "public_syllabus_to_auth": False,
        "storage_quota_mb": 500,
        "is_public_to_auth_users": False,
        "apply_assignment_group_weights": False,
        "calendar": {"ics": f"{call.world.base_url}/feeds/calendars/course_{course.id}.ics"},
        "hide_final_grades": False,
        "workflow_state": "unpublished" if unpublished else course.state,
        "restrict_enrollments_to_course_dates": course.restrict_to_dates,
    }
    if course.course_format is not None:
        written["course_format"] = course.course_format
    if call.may("read_sis"):
        written |= {
            "sis_course_id": course.sis_id,
            "integration_id": course.integration_id,
            "sis_import_id": 1 if course.created_by_sis else None,
        }
    for name in call.query.many("include"):
        if name in _INCLUDES:
            written[name] = _INCLUDES[name](call, course)
    return written


def _teachers(call: Call, course: Course) -> list[dict[str, Any]]:
    ids = sorted(call.institution.people([course], "TeacherEnrollment", ("active", "completed", "invited")))
    return [
        {
            "id": user_id,
            "anonymous_id": f"{user_id % 46656:x}",
            "display_name": call.institution.user_by_id[user_id].name,
            "avatar_image_url": None,
            "html_url": f"{call.world.base_url}/courses/{course.id}/users/{user_id}",
            "pronouns": None,
        }
        for user_id in ids
    ]


def _total_students(call: Call, course: Course) -> int:
    return len(call.institution.people([course], "StudentEnrollment", ("active", "completed", "invited")))


def _concluded(call: Call, course: Course) -> bool:
    end = course.end_at if course.restrict_to_dates else call.institution.term_by_id[course.term_id].end_at
    return course.state == "completed" or (end is not None and end < call.world.clock())


_INCLUDES: Final[dict[str, Callable[[Call, Course], object]]] = {
    "term": lambda call, course: term_json(call, call.institution.term_by_id[course.term_id]),
    "teachers": _teachers,
    "total_students": _total_students,
    "account_name": lambda call, course: call.institution.account_by_id[course.account_id].name,
    "concluded": _concluded,
}


def list_courses(call: Call) -> Answer:
    """Answer a page of the subtree's courses by id; Canvas counts no total, so there is no `last`."""
    account = call.account()
    call.require("read_course_list")
    asked = set(call.query.many("state"))
    states: set[str] | None = None if "all" in asked else (asked or set(_STATES))
    courses = call.institution.courses_in(account.id, term_id=_term_id(call), states=states)
    return call.without_total(
        [course for course in courses if _wanted(call, course)],
        lambda course: course_json(call, course),
        lambda course: course.id,
    )


def _term_id(call: Call) -> int | None:
    key = call.query.get("enrollment_term_id")
    if not key:
        return None
    term = call.institution.find_term(key)
    if term is None:
        raise not_found()
    return term.id


def _wanted(call: Call, course: Course) -> bool:
    search = call.query.get("search_term")
    if search is not None:
        if len(search) < _SHORTEST_SEARCH:
            message = f"search_term of {_SHORTEST_SEARCH} or more characters is required"
            raise ApiError(400, {"errors": [{"message": message}]})
        found = f"{course.name}\n{course.code}\n{course.sis_id or ''}".lower()
        if search.lower() not in found:
            return False
    tests: dict[str, bool] = {
        "published": course.state in {"available", "completed"},
        "completed": _concluded(call, course),
        "with_enrollments": any(
            each.state != "deleted" for each in call.institution.enrollments_by_course.get(course.id, [])
        ),
    }
    for name, holds in tests.items():
        value = call.query.get(name)
        if value is not None and (value.lower() in {"true", "1"}) != holds:
            return False
    return True


ENDPOINTS: Final = (Endpoint("GET", "/api/v1/accounts/{account_id}/courses", list_courses, "list"),)

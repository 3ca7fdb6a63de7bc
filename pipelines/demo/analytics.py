"""Department analytics: activity, grades, statistics and statistics by sub-account.

For the three filters of Canvas (`current`, `completed`, `terms/:term_id`). Course and student analytics
belong to modules of their own, over the same activity log.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np

from pipelines.demo.institution import Institution
from pipelines.demo.records import CATEGORIES, EPOCH, Account, Course, Term
from pipelines.demo.wire import Answer, not_found
from pipelines.demo.world import Call, Endpoint


@dataclass(frozen=True, slots=True)
class Department:
    """What one answer speaks for: an account, a term, and the states of its courses."""

    account: Account
    term: Term
    states: tuple[str, ...]

    def courses(self, institution: Institution) -> list[Course]:
        """Return the courses of the account's subtree that the filter keeps."""
        return institution.courses_in(self.account.id, term_id=self.term.id, states=self.states)


def activity_json(call: Call, department: Department) -> dict[str, Any]:
    """Write views and participations by UTC day and views by category; days without any are absent.

    Arrays, days in no order, each item with the `id` of null that Rails adds to a row without one. In the
    documented shape both are maps.
    """
    log = call.institution.activity
    ids = np.array([course.id for course in department.courses(call.institution)], dtype=np.int64)
    inside = np.isin(log.course_id, ids)
    day, category = log.day[inside], log.category[inside]
    views, participations = log.views[inside], log.participations[inside]
    days, place = np.unique(day, return_inverse=True)
    per_day = np.bincount(place, weights=views, minlength=len(days)).astype(int).tolist()
    taking_part = np.bincount(place, weights=participations, minlength=len(days)).astype(int).tolist()
    per_category = np.bincount(category, weights=views, minlength=len(CATEGORIES)).astype(int).tolist()
    by_date = [
        {"id": None, "date": (EPOCH + timedelta(days=number)).isoformat(), "views": seen, "participations": took}
        for number, seen, took in zip(days.tolist(), per_day, taking_part, strict=True)
    ]
    by_category = [
        {"id": None, "category": name, "views": seen}
        for name, seen in zip(CATEGORIES, per_category, strict=True)
        if seen
    ]
    if call.world.documented_shapes:
        return {
            "by_date": {item["date"]: item["views"] for item in by_date},
            "by_category": {item["category"]: item["views"] for item in by_category},
        }
    random.Random(len(by_date)).shuffle(by_date)
    return {"by_date": by_date, "by_category": by_category}


def grades_json(call: Call, department: Department) -> dict[str, int | None]:
    """Write how many students hold each rounded score 0..100; all null when no course has scores."""
    institution = call.institution
    held: dict[tuple[int, int], float] = {}
    for course in department.courses(institution):
        for each in institution.enrollments_by_course.get(course.id, []):
            score = each.grades.current_score
            if score is not None and each.type == "StudentEnrollment" and each.state in {"active", "completed"}:
                held.setdefault((course.id, each.user_id), score)
    if not held:
        return {str(score): None for score in range(101)}
    counts = Counter(int(score + 0.5) for score in held.values())
    return {str(score): counts[score] for score in range(101)}


def statistics_json(call: Call, department: Department) -> dict[str, int]:
    """Write the department's eight counts; `subaccounts` are the direct children."""
    courses = department.courses(call.institution)
    return {
        "courses": len(courses),
        "subaccounts": len(call.institution.children(department.account.id)),
        "teachers": len(call.institution.people(courses, "TeacherEnrollment")),
        "students": len(call.institution.people(courses, "StudentEnrollment")),
        "discussion_topics": sum(course.content.discussion_topics for course in courses),
        "media_objects": sum(course.content.media_objects for course in courses),
        "attachments": sum(course.content.attachments for course in courses),
        "assignments": sum(course.content.assignments for course in courses),
    }


def by_subaccount_json(call: Call, department: Department) -> dict[str, Any]:
    """Write the account itself, then its direct children, by the courses each owns itself.

    The last four counts are zero in Canvas whatever the courses hold.
    """
    institution = call.institution
    kept = department.courses(institution)
    accounts = []
    for account in (department.account, *institution.children(department.account.id)):
        own = [course for course in kept if course.account_id == account.id]
        accounts.append(
            {
                "name": account.name,
                "id": account.id,
                "courses": len(own),
                "teachers": len(institution.people(own, "TeacherEnrollment")),
                "students": len(institution.people(own, "StudentEnrollment")),
                "discussion_topics": 0,
                "media_objects": 0,
                "attachments": 0,
                "assignments": 0,
            }
        )
    return {"accounts": accounts}


_KINDS: Final[dict[str, Callable[[Call, Department], object]]] = {
    "activity": activity_json,
    "grades": grades_json,
    "statistics": statistics_json,
    "statistics_by_subaccount": by_subaccount_json,
}


def _department(call: Call, chosen: str) -> Department:
    account = call.account()
    call.require("view_analytics")
    default = call.institution.default_term
    if chosen == "current":
        return Department(account, default, ("available",))
    if chosen == "completed":
        return Department(account, default, ("completed",))
    key = call.path_params["term_id"]
    if key == "default":
        term: Term | None = default
    elif key == "current":
        term = call.institution.current_term(call.world.clock())
    else:
        term = call.institution.find_term(key)
    if term is None:
        raise not_found()
    return Department(account, term, ("available", "completed"))


def _handler(chosen: str, kind: str) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        department = _department(call, chosen)
        return Answer(call.remembered(lambda: _KINDS[kind](call, department)))

    return answer


ENDPOINTS: Final = tuple(
    Endpoint("GET", f"/api/v1/accounts/{{account_id}}/analytics/{chosen}/{kind}", _handler(chosen, kind), "analytics")
    for chosen in ("current", "completed", "terms/{term_id}")
    for kind in _KINDS
)

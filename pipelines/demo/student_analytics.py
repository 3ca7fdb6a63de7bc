"""Analytics of one student in one course: activity by hour or day, assignments with their status, messages by day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from pipelines.demo.course_analytics import may_see_details, visible_course
from pipelines.demo.coursework import STATUSES, coursework, exact_scores, shown_without_grading
from pipelines.demo.records import EPOCH, NOTHING, Course
from pipelines.demo.wire import Answer, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


def _visible_student(call: Call) -> tuple[Course, int]:
    """Return the course and the student of the path, or raise as the course does; 404 for who is no student now."""
    course = visible_course(call)
    user = call.institution.find_user(call.path_params["student_id"])
    if user is None or user.id not in call.institution.students_by_course[course.id]:
        raise not_found()
    call.require("read_grades")
    return course, user.id


def activity_json(call: Call, course: Course, user_id: int) -> dict[str, Any]:
    """Write page views by bucket and each participation, oldest first; UTC days add up to those of the log."""
    log = call.institution.activity_of(course.id, user_id)
    days, place = np.unique(log.day, return_inverse=True)
    views = np.bincount(place, weights=log.views, minlength=len(days)).astype(int).tolist()
    taken = np.bincount(place, weights=log.participations, minlength=len(days)).astype(int).tolist()
    account_zone = ZoneInfo(call.institution.account_by_id[course.account_id].time_zone)
    page_views: dict[str, int] = {}
    participations: list[dict[str, Any]] = []
    for day, seen, took in zip(days.tolist(), views, taken, strict=True):
        hours = _hours(course.id, user_id, day, seen)
        if call.world.page_view_buckets == "day":
            page_views[(EPOCH + timedelta(days=day)).isoformat()] = seen
        else:
            for hour, count in hours.items():
                began = datetime.fromtimestamp(day * _DAY + hour * _HOUR, account_zone)
                page_views[began.isoformat()] = count
        participations += _participations(call, course.id, day, list(hours), took)
    return {"page_views": page_views, "participations": participations}


def _hours(course_id: int, user_id: int, day: int, views: int) -> dict[int, int]:
    """Spread a day's views over one to four hours of it, always in the same way.

    They are those of the day in UTC that are a working day in the mountains, where the institution is.
    """
    mixed = course_id * 7919 + user_id * 104_729 + day * 31
    many = min(views, 1 + mixed % 4)
    first = 14 + mixed // 4 % 7
    share, rest = divmod(views, many)
    return {first + at: share + (at < rest) for at in range(many)}


def _participations(call: Call, course_id: int, day: int, hours: list[int], taken: int) -> list[dict[str, Any]]:
    moments = sorted(
        day * _DAY + hours[at % len(hours)] * _HOUR + (at // len(hours) * 420 + 137) % _HOUR for at in range(taken)
    )
    return [
        {"created_at": utc_text(datetime.fromtimestamp(moment, UTC)), "url": _url(call, course_id, moment)}
        for moment in moments
    ]


def _url(call: Call, course_id: int, moment: int) -> str | None:
    path = f"/courses/{course_id}/discussion_topics/{moment % 89 + 1}"
    kind = moment // _HOUR % 5
    return None if kind == 0 else path if kind == 1 else call.world.base_url + path


def assignments_json(call: Call, course: Course, user_id: int) -> list[dict[str, Any]]:
    """Write the assignments with the student's status, the spread of the class, and the submission.

    Those who may not grade see no statistics (nor `module_ids`) of a muted assignment or of few submissions.
    """
    institution, details = call.institution, may_see_details(call)
    work = coursework(institution, course.id)
    row = work.place(user_id)
    statuses = work.statuses(call.world.clock(), slice(row, row + 1))[0].tolist()
    scores, shown = exact_scores(institution, course.id), shown_without_grading(institution, course.id)
    columns = zip(
        work.assignments,
        work.exists[row].tolist(),
        work.excused[row].tolist(),
        work.score[row].tolist(),
        work.posted[row].tolist(),
        work.recorded[row].tolist(),
        strict=True,
    )
    written = []
    for at, (each, exists, excused, score, posted, recorded) in enumerate(columns):
        # Graders are told false: to them nothing is muted.
        muted = each.muted and (not details or call.world.documented_shapes)
        answer: dict[str, Any] = {
            "assignment_id": each.id,
            "title": each.title,
            "unlock_at": utc_text(each.unlock_at),
            "points_possible": each.points_possible,
            "non_digital_submission": each.non_digital_submission,
            "multiple_due_dates": False,
            "due_at": utc_text(each.due_at),
            "status": STATUSES[statuses[at]],
            "muted": muted,
        }
        if details or shown[at]:
            answer |= scores[at]
            answer["module_ids"] = list(each.module_ids)
        if excused:
            answer["excused"] = True
        elif exists:
            answer["excused"] = False
            answer["submission"] = {
                "posted_at": _moment(posted),
                "score": None if score != score or (muted and not details) else score,
                "submitted_at": _moment(recorded),
            }
        written.append(answer)
    return written


def _moment(seconds: int) -> str | None:
    return None if seconds == NOTHING else utc_text(datetime.fromtimestamp(seconds, UTC))


def communication_json(call: Call, course: Course, user_id: int) -> dict[str, dict[str, int]]:
    """Write messages by UTC day; a side that wrote nothing is left out."""
    held = call.institution.messages_of(course.id, user_id)
    days = zip(held.day.tolist(), held.instructor_messages.tolist(), held.student_messages.tolist(), strict=True)
    return {
        (EPOCH + timedelta(days=day)).isoformat(): {
            name: count for name, count in (("instructorMessages", theirs), ("studentMessages", own)) if count
        }
        for day, theirs, own in days
    }


_KINDS: Final[dict[str, Callable[[Call, Course, int], object]]] = {
    "activity": activity_json,
    "assignments": assignments_json,
    "communication": communication_json,
}


def _handler(kind: str) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        course, user_id = _visible_student(call)
        return Answer(call.remembered(lambda: _KINDS[kind](call, course, user_id)))

    return answer


ENDPOINTS: Final = tuple(
    Endpoint("GET", f"/api/v1/courses/{{course_id}}/analytics/users/{{student_id}}/{kind}", _handler(kind), "analytics")
    for kind in _KINDS
)

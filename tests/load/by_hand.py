"""What the tables should hold, reckoned from the institution's records one by one: slow, plain, and by another road.

Nothing of the code under test is used here, and nothing of what the demo Canvas writes its answers with.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from pipelines.demo import Institution
from pipelines.demo.records import Assignment, Course
from tests.load.worlds import World

Pair = tuple[int, int]


@dataclass(frozen=True)
class HandedIn:
    """A submission as it is in the records: None for what is not there."""

    submitted_at: datetime | None
    score: float | None
    posted_at: datetime | None
    excused: bool


def _moment(seconds: int) -> datetime | None:
    return None if seconds < 0 else datetime.fromtimestamp(seconds, UTC)


def weights(school: Institution) -> dict[int, Counter[int]]:
    """Return for each course its active and completed students, each with the number of enrollments."""
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for each in school.enrollments:
        if each.type == "StudentEnrollment" and each.state in ("active", "completed"):
            found[each.course_id][each.user_id] += 1
    return found


def courses_with_analytics(school: Institution, now: datetime) -> list[Course]:
    """Return the courses that Canvas has analytics of: published, begun, and somebody studies there."""
    terms = {term.id: term for term in school.terms}
    return [
        each
        for each in school.courses
        if each.state in ("available", "completed")
        and each.id in weights(school)
        and ((start := terms[each.term_id].start_at) is None or start <= now)
    ]


def pairs(school: Institution, now: datetime) -> list[Pair]:
    held = weights(school)
    return sorted((each.id, user) for each in courses_with_analytics(school, now) for user in held[each.id])


def log_by(school: Institution, *, by_user: bool) -> dict[tuple[Any, ...], list[int]]:
    """Return views and participations by course (and user) and day."""
    log = school.activity
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    rows = zip(log.course_id, log.user_id, log.day, log.views, log.participations, strict=True)
    for course, user, day, views, taken in rows:
        on = date(1970, 1, 1) + timedelta(days=int(day))
        sums = found[(int(course), int(user), on) if by_user else (int(course), on)]
        sums[0] += int(views)
        sums[1] += int(taken)
    return found


def submissions(school: Institution) -> dict[Pair, HandedIn]:
    """Return the submissions by assignment and user."""
    held = school.submissions
    return {
        (int(held.assignment_id[at]), int(held.user_id[at])): HandedIn(
            _moment(int(held.submitted_at[at])),
            None if math.isnan(held.score[at]) else float(held.score[at]),
            _moment(int(held.posted_at[at])),
            bool(held.excused[at]),
        )
        for at in range(len(held))
    }


def recorded(assignment: Assignment, found: HandedIn | None) -> datetime | None:
    """Return when work counts as handed in: on paper, by the day of the grade or the due date."""
    if found is None or found.submitted_at is not None:
        return None if found is None else found.submitted_at
    moments = [each for each in (found.posted_at, assignment.due_at) if each is not None]
    return min(moments) if assignment.non_digital_submission and found.score and moments else None


def status(assignment: Assignment, found: HandedIn | None, now: datetime) -> str:
    """Return on_time, late, missing or floating."""
    done, due = recorded(assignment, found), assignment.due_at
    if done is not None:
        free = assignment.non_digital_submission or (found is not None and found.excused)
        return "late" if due is not None and done > due and not free else "on_time"
    expected = found is None or not (found.excused or assignment.non_digital_submission)
    return "missing" if due is not None and due <= now and expected else "floating"


def messages(school: Institution) -> dict[tuple[int, int, date], Pair]:
    """Return messages of instructors and of the student by course, user and day."""
    held = school.messages
    columns = (held.course_id, held.user_id, held.day, held.instructor_messages, held.student_messages)
    return {
        (int(course), int(user), date(1970, 1, 1) + timedelta(days=int(day))): (int(theirs), int(own))
        for course, user, day, theirs, own in zip(*columns, strict=True)
    }


def said(world: World, *paths: str) -> list[Any]:
    """Return what Canvas answers at some addresses, all pages in one list, read by another client."""
    found = []
    with httpx.Client(headers=world.canvas.headers, trust_env=False, base_url=world.canvas.base_url) as http:
        for path in paths:
            answer = http.get(f"/api/v1{path}", params=None if "?" in path else {"per_page": 100})
            assert answer.status_code == 200, path
            data = answer.json()
            while following := answer.links.get("next", {}).get("url"):
                answer = http.get(following)
                data += answer.json()
            found.append(data)
    return found

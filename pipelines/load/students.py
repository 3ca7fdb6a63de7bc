"""Student analytics into the lake: activity, assignments and messages of each student in each course.

Three requests per student in a course are by far the most that a pull costs, so which are due is decided from the
summaries that the courses brought.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.canvas import CanvasClient, CanvasError
from pipelines.canvas.errors import ForbiddenError, InsufficientScopesError
from pipelines.canvas.student_analytics import student_activity, student_assignments, student_communication
from pipelines.extract.courses import CACHED_FOR, OPEN, CourseFacts, is_settled
from pipelines.extract.students import (
    ENDPOINTS,
    StudentSummary,
    coursework_mark,
    fingerprint,
    is_student_due,
    spread_of,
)
from pipelines.lake import Lake
from pipelines.lake.read import live_table
from pipelines.ledger.coverage import answers
from pipelines.ledger.pulls import Pull
from pipelines.load.questions import Question, Reply
from pipelines.load.work_list import Work, is_done
from pipelines.normalize import student as rows
from pipelines.normalize.contracts.course import COURSE_ASSIGNMENTS, STUDENT_SUMMARIES

_COUNTS = (
    "page_views",
    "participations",
    "tardiness_total",
    "tardiness_missing",
    "tardiness_late",
    "tardiness_on_time",
    "tardiness_floating",
)
_COURSEWORK = ("assignment_id", "title", "due_at", "points_possible", "muted", "non_digital_submission")

SUMMARIES_WITHIN = timedelta(days=3)
"""Students of courses whose summaries are older are not asked again for the sake of freshness: those are over."""


@dataclass(frozen=True, slots=True)
class StudentQuestion:
    """One of the three questions about a student in a course, with what made it due."""

    course_id: int
    user_id: int
    endpoint: str
    basis: str
    settled: bool

    def question(self) -> Question:
        """Return the question as the lake and `meta.coverage` know it."""
        return Question(
            "student",
            f"{self.course_id}/{self.user_id}",
            f"analytics/users/{self.endpoint}",
            f"student_{self.endpoint}",
            {"course": self.course_id, "user": self.user_id},
        )


def due_students(
    lake: Lake,
    instance: str,
    courses: Sequence[CourseFacts],
    *,
    now: datetime,
    every: bool,
    refresh_after: timedelta,
    full: bool = False,
    pull: Pull | None = None,
) -> list[StudentQuestion]:
    """Return what to ask about students, course by course.

    `every` asks about every student of a course that goes on; else only about those whose summary has moved. `full`
    asks about everybody. What was answered since `pull` began is left out.
    """
    about = answers(lake.ledger, instance, "course")
    phases = {course.course_id: course.phase for course in courses}
    marks = _coursework_marks(lake, instance, now)
    due = []
    for course_id, summaries in _by_course(lake, instance):
        phase = phases.get(course_id)
        summary = about.get((str(course_id), "analytics/student_summaries"))
        if phase is None or summary is None or not summary.is_good:
            continue
        goes_on = now - summary.answered_at <= SUMMARIES_WITHIN
        known = answers(lake.ledger, instance, "student", below=str(course_id))
        unseen = _unseen(summaries) if phase == OPEN else frozenset()
        for student in summaries:
            for endpoint in ENDPOINTS:
                last = known.get((f"{course_id}/{student.user_id}", f"analytics/users/{endpoint}"))
                if pull is not None and is_done(last, pull):
                    continue
                after = CACHED_FOR if endpoint == "activity" and student.user_id in unseen else refresh_after
                basis = fingerprint(student, endpoint, phase=phase, coursework=marks.get(course_id, ""))
                if is_student_due(
                    basis,
                    last,
                    now,
                    every=full or (every and goes_on and phase == OPEN),
                    refresh_after=after if goes_on else None,
                    spread=spread_of(course_id, student.user_id),
                ):
                    due.append(StudentQuestion(course_id, student.user_id, endpoint, basis, is_settled(last, now)))
    return due


def _unseen(summaries: Sequence[StudentSummary]) -> frozenset[int]:
    """Return the students of a course whose page views Canvas does not count, as it does those of others.

    Their summaries cannot tell that they were active. Where it counts nobody's, there is nothing to ask for.
    """
    at = _COUNTS.index("page_views")
    uncounted = frozenset(student.user_id for student in summaries if student.counts[at] is None)
    return uncounted if len(uncounted) < len(summaries) else frozenset()


def _by_course(lake: Lake, instance: str) -> Iterator[tuple[int, list[StudentSummary]]]:
    table = live_table(lake, instance, STUDENT_SUMMARIES, ["course_id", "user_id", *_COUNTS])
    course_ids, user_ids = table["course_id"].to_pylist(), table["user_id"].to_pylist()
    counts = list(zip(*(table[name].to_pylist() for name in _COUNTS), strict=True))
    start = 0
    for end in range(1, len(course_ids) + 1):
        if end == len(course_ids) or course_ids[end] != course_ids[start]:
            course_id = course_ids[start]
            yield course_id, [StudentSummary(course_id, user_ids[at], counts[at]) for at in range(start, end)]
            start = end


def _coursework_marks(lake: Lake, instance: str, now: datetime) -> dict[int, str]:
    """Return a mark of the facts of each course's assignments.

    Work on paper is missing when its date has passed, and the summaries leave it out of their counts.
    """
    facts: dict[int, list[tuple[object, ...]]] = {}
    for row in live_table(lake, instance, COURSE_ASSIGNMENTS, ["course_id", *_COURSEWORK]).to_pylist():
        passed = row["non_digital_submission"] and row["due_at"] is not None and row["due_at"] <= now
        told = (*(row[name] for name in _COURSEWORK), *(["passed"] if passed else []))
        facts.setdefault(row["course_id"], []).append(told)
    return {course_id: coursework_mark(each) for course_id, each in facts.items()}


class StudentWorks:
    """Makes works of questions about students, and asks no more where it is known that Canvas refuses.

    A missing right is one of the course: what Canvas refuses for one of its students it refuses for all. A missing
    scope is one of the token.
    """

    def __init__(self, client: CanvasClient) -> None:
        self._client = client
        self._refused: dict[tuple[int | None, str], CanvasError] = {}

    def work(self, item: StudentQuestion) -> Work:
        """Return a question about a student with how to ask it."""
        return Work(item.question(), lambda: self._fetch(item), item.basis)

    async def _fetch(self, item: StudentQuestion) -> Reply:
        for place in ((item.course_id, item.endpoint), (None, item.endpoint)):
            if place in self._refused:
                raise _unasked(self._refused[place])
        try:
            return await _fetch(self._client, item)
        except InsufficientScopesError as error:
            self._refused[None, item.endpoint] = error
            raise
        except ForbiddenError as error:
            # Without a right in it, it was refused on its way and says nothing of the course.
            if error.right:
                self._refused[item.course_id, item.endpoint] = error
            raise


def _unasked(error: CanvasError) -> CanvasError:
    """Return the error of a question that was asked, for one that need not be."""
    again = copy(error).with_traceback(None)
    again.attempts, again.request_id = 0, None
    return again


async def _fetch(client: CanvasClient, item: StudentQuestion) -> Reply:
    course_id, user_id, settled = item.course_id, item.user_id, item.settled
    if item.endpoint == "activity":
        answer = await student_activity(client, course_id, user_id)
        return Reply.of(answer, *rows.activity(answer.data, course_id, user_id), settled=settled)
    if item.endpoint == "assignments":
        listed = await student_assignments(client, course_id, user_id)
        return Reply.of(listed, rows.assignments(listed.data, course_id, user_id), settled=settled)
    answer = await student_communication(client, course_id, user_id)
    return Reply.of(answer, rows.communication(answer.data, course_id, user_id), settled=settled)

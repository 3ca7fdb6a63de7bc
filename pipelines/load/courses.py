"""Course analytics into the lake: activity, assignments with their modules, and the summaries of the students."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.canvas import CanvasClient
from pipelines.canvas.course_analytics import course_activity, course_assignments, student_summaries
from pipelines.extract.courses import ENDPOINTS, CourseFacts, is_course_due, is_settled, skip_reason
from pipelines.extract.terms import TermDates
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.ledger.coverage import answers
from pipelines.ledger.pulls import Pull
from pipelines.load.questions import Question, Reply
from pipelines.load.work_list import Work, is_done
from pipelines.normalize import course as rows

SOURCES = {"activity": "course_activity", "assignments": "course_assignments", "student_summaries": "student_summaries"}
"""The name of each question in the ledger, by the end of its address."""

_LONG_OVER = (
    'The course\'s term was over before it was first asked about; [sync] terms = "all" asks about such courses.'
)


@dataclass(frozen=True, slots=True)
class CourseQuestion:
    """One of the three questions about a course."""

    course: CourseFacts
    endpoint: str
    settled: bool = True

    def question(self) -> Question:
        """Return the question as the lake and `meta.coverage` know it."""
        course_id = self.course.course_id
        endpoint = f"analytics/{self.endpoint}"
        return Question("course", str(course_id), endpoint, SOURCES[self.endpoint], {"course": course_id})


@dataclass(frozen=True)
class DueCourses:
    """What to ask about courses, and what is not asked, each with the reason."""

    questions: list[CourseQuestion]
    skipped: list[Coverage]


def due_courses(
    ledger: Ledger,
    instance: str,
    courses: Sequence[CourseFacts],
    terms: Mapping[int, TermDates],
    *,
    now: datetime,
    old_too: bool = False,
    full: bool = False,
    pull: Pull | None = None,
) -> DueCourses:
    """Return what to ask about courses, by id.

    `terms` are those that may be asked about; `old_too` asks once about courses of terms long past, `full` about
    every course that is not skipped. What was answered since `pull` began is left out.
    """
    known = answers(ledger, instance, "course")
    questions, skipped = [], []
    for course in courses:
        term = None if course.term_id is None else terms.get(course.term_id)
        reason = skip_reason(course, term, now)
        for endpoint in ENDPOINTS:
            place = (str(course.course_id), f"analytics/{endpoint}")
            last = known.get(place)
            if last is not None and last.status is CoverageStatus.SKIPPED:
                last = None
            if pull is not None and is_done(last, pull):
                continue
            if (
                reason is None
                and term is not None
                and (full or is_course_due(course, term, now, last, old_too=old_too))
            ):
                questions.append(CourseQuestion(course, endpoint, is_settled(last, now)))
            elif last is None:
                detail = reason or _LONG_OVER
                skipped.append(Coverage(instance, "course", *place, CoverageStatus.SKIPPED, attempts=0, detail=detail))
    return DueCourses(questions, skipped)


def course_work(client: CanvasClient, item: CourseQuestion) -> Work:
    """Return a question about a course with how to ask it."""
    return Work(item.question(), lambda: _fetch(client, item), item.course.phase)


async def _fetch(client: CanvasClient, item: CourseQuestion) -> Reply:
    course_id = item.course.course_id
    if item.endpoint == "activity":
        answer = await course_activity(client, course_id)
        return Reply.of(answer, rows.activity(answer.data, course_id), settled=item.settled)
    if item.endpoint == "assignments":
        answer = await course_assignments(client, course_id, background=item.course.is_large)
        return Reply.of(answer, *rows.assignments(answer.data, course_id), settled=item.settled)
    records, requests, last = [], 0, None
    async for page in student_summaries(client, course_id):
        records += page.data
        requests += page.attempts
        last = page
    if last is None:
        raise ValueError("a list has at least one page")
    return Reply.of(replace(last, attempts=requests), rows.student_summaries(records, course_id), settled=item.settled)

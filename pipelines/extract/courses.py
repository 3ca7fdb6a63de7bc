"""Which courses are worth asking about, and for whom nothing is asked, with the reason. Pure: facts in, answers out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.extract.terms import TermDates, is_active, is_due
from pipelines.ledger import Answered, CoverageStatus

ENDPOINTS = ("activity", "assignments", "student_summaries")
"""The questions about a course, as their addresses end."""

OPEN, CONCLUDED = "open", "concluded"
"""What is remembered of a course with an answer about it."""

CACHED_FOR = timedelta(hours=12)
"""How long Canvas answers analytics from its cache."""

_LARGE = 200
"""Students above which Canvas prepares the statistics of assignments in the background: they can outlast a request."""


@dataclass(frozen=True)
class CourseFacts:
    """A course as `canvas.courses` holds it."""

    course_id: int
    account_id: int | None
    term_id: int | None
    workflow_state: str
    concluded: bool
    total_students: int | None

    @property
    def phase(self) -> str:
        """Whether the course goes on or is over."""
        return CONCLUDED if self.concluded or self.workflow_state == "completed" else OPEN

    @property
    def is_large(self) -> bool:
        """Whether its statistics take Canvas long."""
        return (self.total_students or 0) > _LARGE


def skip_reason(course: CourseFacts, term: TermDates | None, now: datetime) -> str | None:
    """Return why a course is not asked about whatever happened before, or None."""
    if course.workflow_state == "unpublished":
        return "The course is unpublished: Canvas has no analytics of it."
    if term is None:
        return "The course's term is deleted, or not among the terms that [sync] terms chooses."
    if term.start_at is not None and term.start_at > now:
        return "The course's term has not begun."
    return None


def is_course_due(course: CourseFacts, term: TermDates, now: datetime, last: Answered | None, *, old_too: bool) -> bool:
    """Return whether a question about a course is due.

    A course that goes on in an active term is, at every pull. One that is over is asked about once after it was seen
    to be over, and once more when its term has settled. A course of a term long past that was never asked about is
    left alone, unless `old_too`. An answer that may have come from Canvas's cache is asked for once more.
    """
    if last is not None and last.is_good and not last.settled and now - last.answered_at >= CACHED_FOR:
        return True
    if is_active(term, now):
        return course.phase == OPEN or last is None or not last.is_good or last.fingerprint != CONCLUDED
    if last is None:
        return old_too
    if last.is_good or last.status is CoverageStatus.MISSING:
        return is_due(term, now, last.answered_at)
    return True


def is_settled(last: Answered | None, now: datetime) -> bool:
    """Return whether an answer of now can be trusted to be of now.

    Canvas may have cached it for whoever asked before; that we did not ask in the last 12 hours is the best sign that
    nobody did.
    """
    return last is None or now - last.answered_at >= CACHED_FOR

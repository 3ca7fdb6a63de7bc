"""Which students in courses are worth asking about. Pure: summaries and answers of before in, decisions out.

Three questions per student is what costs. The summary of all students of a course is one request per hundred, and a
student whose summary has not moved has mostly nothing new.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.extract.courses import CACHED_FOR, CONCLUDED
from pipelines.ledger import Answered, CoverageStatus

ENDPOINTS = ("activity", "assignments", "communication")
"""The questions about a student in a course, as their addresses end."""

# A right that was granted must count at once; after the first refusal in a course its other students are not asked.
_ASKED_AGAIN = {CoverageStatus.FAILED, CoverageStatus.SKIPPED, CoverageStatus.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class StudentSummary:
    """What the course's summary says of a student: the counts that move when the student does something."""

    course_id: int
    user_id: int
    counts: tuple[int | None, ...]


def fingerprint(summary: StudentSummary, endpoint: str, *, phase: str, coursework: str) -> str:
    """Return what an answer about a student rests on; while it stands, the answer does.

    `coursework` stands for the titles, dates and points of the course's assignments, which every student's answer
    about assignments repeats.
    """
    parts = ["-" if count is None else str(count) for count in summary.counts]
    if endpoint == "assignments":
        parts.append(coursework)
    if phase == CONCLUDED:
        parts.append(CONCLUDED)
    return ".".join(parts)


def coursework_mark(facts: Sequence[Sequence[object]]) -> str:
    """Return a short mark of the facts of a course's assignments: another mark when any of them changes."""
    return hashlib.sha256(repr(sorted(map(repr, facts))).encode()).hexdigest()[:12]


def is_student_due(
    basis: str, last: Answered | None, now: datetime, *, every: bool, refresh_after: timedelta | None, spread: float
) -> bool:
    """Return whether a question about a student is due.

    It is when nothing good is known, when the basis has moved, when the last answer may have come from Canvas's cache
    and that has run out, when it was refused, and when the answer is old: `spread` (0..1, fixed per student) puts that
    moment into the second half of `refresh_after` (None: never), so that not all are due on one day. `every` asks
    whatever is known.
    """
    if every or last is None or last.status in _ASKED_AGAIN:
        return True
    if last.is_good and last.fingerprint != basis:
        return True
    age = now - last.answered_at
    if not last.is_good:
        # Missing is asked again at the pace of Canvas's cache.
        return age >= CACHED_FOR
    if not last.settled and age >= CACHED_FOR:
        return True
    return refresh_after is not None and age >= refresh_after * (0.5 + spread / 2)


def spread_of(course_id: int, user_id: int) -> float:
    """Return a number from 0 to 1 that is fixed for a student in a course and even over all of them."""
    digest = hashlib.blake2b(f"{course_id}/{user_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32

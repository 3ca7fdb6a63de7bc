"""Invented coursework: assignments, who handed them in and for what score, and messages about them.

Draws from a stream of its own, so that people, courses and grades stay as they are. Holds on purpose what breaks
pipelines: no due date, no points, work on paper, excused work, scores above the points, grades not yet posted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pipelines.demo.records import NOTHING, Assignment, Messages, Submissions
from pipelines.demo.seed_structure import ZONE

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]

_STREAM: Final = 0xC0DE
_FIRST_ID: Final = 40001
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_TITLES: Final = (
    "Essay",
    "Problem set",
    "Übung: Größen & Maße",
    'Quiz, "closed book"; part',
    "Lab report",
    "課題",
    "NA",
    "Réflexion sur l'œuvre",
)
_POINTS: Final = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 12.5)


@dataclass(frozen=True, slots=True)
class Studies:
    """A course to invent work for: its students, its days, and whether anything in it was ever graded."""

    course_id: int
    student_ids: Sequence[int]
    first: datetime
    last: datetime
    graded: bool = True


def invented_assignments(seed: int, studies: Sequence[Studies]) -> tuple[Assignment, ...]:
    """Invent 4 to 12 assignments per course, due all through its days and more often in the first weeks."""
    rng = np.random.Generator(np.random.PCG64([seed, _STREAM]))
    made: list[Assignment] = []
    for course in studies:
        count = int(rng.integers(4, 13))
        span = course.last - course.first
        for at in range(count):
            due = None if at == 1 else _evening(course.first + span * ((at + 0.8) / count) ** 1.8)
            points = float(rng.choice(_POINTS))
            modules = range(int(rng.integers(0, 3)))
            made.append(
                Assignment(
                    id=_FIRST_ID + len(made),
                    course_id=course.course_id,
                    title=f"{_TITLES[(course.course_id + at) % len(_TITLES)]} {at + 1}",
                    due_at=due,
                    unlock_at=None if at % 3 else course.first + span * (at / count) ** 1.8,
                    points_possible=None if at == 3 else points,
                    muted=at == 0,
                    non_digital_submission=at == 2,
                    module_ids=tuple(course.course_id * 100 + at // 2 + each for each in modules),
                )
            )
    return tuple(made)


def invented_submissions(
    seed: int, now: datetime, studies: Sequence[Studies], assignments: Mapping[int, Sequence[Assignment]]
) -> Submissions:
    """Invent what the students of each course had handed in, and what was graded, by `now`."""
    rng = np.random.Generator(np.random.PCG64([seed, _STREAM, 1]))
    parts = [
        _handed_in(rng, course, assignment, int(now.timestamp()))
        for course in studies
        if course.student_ids
        for assignment in assignments.get(course.course_id, ())
    ]
    return Submissions(*map(np.concatenate, zip(*parts, strict=True))) if parts else Submissions.empty()


def _handed_in(
    rng: np.random.Generator, course: Studies, assignment: Assignment, now: int
) -> tuple[_Ints, _Ints, _Ints, _Ints, _Floats, _Ints, _Bools]:
    students = np.asarray(course.student_ids, dtype=np.int64)
    size = len(students)
    first = int(course.first.timestamp())
    luck, chance = rng.random(size), rng.random(size)
    due = NOTHING if assignment.due_at is None else int(assignment.due_at.timestamp())
    if due == NOTHING:
        # Something that is never due is done by some, at any time.
        at = first + (rng.random(size) * max(now - first, _DAY)).astype(np.int64)
        submitted = np.where(luck < 0.5, at, NOTHING)
        settled = np.zeros(size, dtype=np.bool_)
    else:
        early = due - np.minimum(rng.exponential(18 * _HOUR, size), 6 * _DAY).astype(np.int64) - 60
        late = due + 60 + rng.exponential(30 * _HOUR, size).astype(np.int64)
        submitted = np.where(luck < 0.76, early, np.where(luck < 0.88, late, NOTHING))
        settled = np.full(size, due + 4 * _DAY < now)
    submitted = np.where(submitted > now, NOTHING, submitted)
    excused = (chance < 0.03) & (first < now)
    if assignment.non_digital_submission:
        present = settled & (luck < 0.9)
        submitted = np.full(size, NOTHING)
        marked_at = np.where(present, due + 3 * _DAY, NOTHING)
    else:
        submitted = np.where(excused & (luck < 0.8), NOTHING, submitted)
        marked_at = np.where(submitted == NOTHING, NOTHING, submitted + 3 * _DAY)
    marked_at = np.where((marked_at > now) | excused | (not course.graded) | (chance > 0.95), NOTHING, marked_at)
    points = 10.0 if assignment.points_possible is None else assignment.points_possible
    earned = np.round(np.clip(rng.normal(0.82, 0.14, size), 0.0, 1.08) * points * 4) / 4
    earned = np.where(rng.random(size) < 0.02, 0.0, earned)
    score = np.where(marked_at == NOTHING, np.nan, earned)
    # A zero for work that never came: a row, a score, and nothing handed in.
    zeroed = settled & (submitted == NOTHING) & (marked_at == NOTHING) & ~excused & (chance < 0.4) & course.graded
    score = np.where(zeroed, 0.0, score)
    marked_at = np.where(zeroed, due + 4 * _DAY, marked_at)
    posted = np.where((rng.random(size) < 0.1) | (marked_at > now), NOTHING, marked_at)
    exists = (submitted != NOTHING) | ~np.isnan(score) | excused | (chance > 0.7)
    rows = int(exists.sum())
    return (
        np.full(rows, assignment.id, dtype=np.int64),
        np.full(rows, course.course_id, dtype=np.int64),
        students[exists],
        submitted[exists].astype(np.int64),
        score[exists],
        posted[exists].astype(np.int64),
        excused[exists],
    )


def invented_messages(seed: int, now: datetime, studies: Sequence[Studies]) -> Messages:
    """Invent conversations of about a quarter of the students; some days have only one side of them."""
    rng = np.random.Generator(np.random.PCG64([seed, _STREAM, 2]))
    rows: list[tuple[int, int, int, int, int]] = []
    for course in studies:
        first, last = int(course.first.timestamp()) // _DAY, int(min(course.last, now).timestamp()) // _DAY
        if last < first:
            continue
        for student in course.student_ids:
            if rng.random() > 0.25:
                continue
            days = sorted(set(rng.integers(first, last + 1, size=int(rng.integers(1, 6))).tolist()))
            for day in days:
                instructor, own = int(rng.integers(0, 4)), int(rng.integers(0, 3))
                if instructor + own:
                    rows.append((course.course_id, student, day, instructor, own))
    return Messages(*np.array(rows, dtype=np.int64).T) if rows else Messages.empty()


def _evening(moment: datetime) -> datetime:
    local = moment.astimezone(ZoneInfo(ZONE)).date()
    return datetime.combine(local, time(23, 59), ZoneInfo(ZONE)).astimezone(UTC)

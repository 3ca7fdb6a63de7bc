"""What Canvas makes of assignments and submissions: who handed in when, in time or not, and the spread of scores.

One `Coursework` per course, students by assignments. How the figures are written is in `course_analytics` and
`student_analytics`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.demo.institution import Institution
from pipelines.demo.records import NOTHING, Assignment

STATUSES: Final = ("on_time", "late", "missing", "floating")
"""Positions in this tuple are what `Coursework.statuses` holds. Floating is neither handed in nor due."""

SCORES: Final = ("max_score", "min_score", "first_quartile", "median", "third_quartile")
FEWEST_SHOWN: Final = 5
"""With fewer submissions than this, those who may not grade are shown no statistics."""

_ON_TIME, _LATE, _MISSING, _FLOATING = range(4)
_BUCKETS: Final = 26
_NEVER: Final = np.iinfo(np.int64).max

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Coursework:
    """A course's active and completed students (rows, by id) and its assignments (columns, as Canvas orders them).

    `weight` counts a student's enrollments. `recorded` is when the work counts as handed in: for work on paper
    the day of the grade or the due date, whichever is earlier. Moments are seconds, -1 for none.
    """

    assignments: tuple[Assignment, ...]
    students: _Ints
    weight: _Ints
    due: _Ints
    digital: _Bools
    exists: _Bools
    excused: _Bools
    score: _Floats
    posted: _Ints
    recorded: _Ints

    def place(self, user_id: int) -> int:
        """Return the row of a student, who must be one of `students`."""
        return int(np.searchsorted(self.students, user_id))

    def statuses(self, now: datetime, rows: "slice | _Ints" = slice(None)) -> npt.NDArray[np.int64]:
        """Return the status of every piece of work at a moment, as positions in `STATUSES`."""
        due = np.where(self.due == NOTHING, _NEVER, self.due)[None, :]
        recorded, exists, excused = self.recorded[rows], self.exists[rows], self.excused[rows]
        done = recorded != NOTHING
        late = self.digital[None, :] & ~excused & (recorded > due)
        # A row that expects nothing to be handed in is never missing; where there is no row, the due date decides.
        missing = (due <= int(now.timestamp())) & ~(exists & (excused | ~self.digital[None, :]))
        return np.where(done, np.where(late, _LATE, _ON_TIME), np.where(missing, _MISSING, _FLOATING))


def coursework(institution: Institution, course_id: int) -> Coursework:
    """Return the work of a course, put together at the first call."""
    return institution.once(("coursework", course_id), lambda: _put_together(institution, course_id))


def _put_together(institution: Institution, course_id: int) -> Coursework:
    assignments = tuple(institution.assignments_by_course.get(course_id, ()))
    enrolled = institution.students_by_course.get(course_id, {})
    students = np.array(sorted(enrolled), dtype=np.int64)
    rows = institution.submissions_of(course_id)
    columns = {each.id: at for at, each in enumerate(assignments)}
    column = np.array([columns.get(each, NOTHING) for each in rows.assignment_id.tolist()], dtype=np.int64)
    row = np.searchsorted(students, rows.user_id)
    known = (column != NOTHING) & (row < len(students))
    known[known] = students[row[known]] == rows.user_id[known]
    cells = (row[known], column[known])
    shape = (len(students), len(assignments))
    exists, excused = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    submitted, posted = np.full(shape, NOTHING), np.full(shape, NOTHING)
    score = np.full(shape, np.nan)
    exists[cells], excused[cells] = True, rows.excused[known]
    submitted[cells], posted[cells], score[cells] = rows.submitted_at[known], rows.posted_at[known], rows.score[known]
    due = np.array([_seconds(each.due_at) for each in assignments], dtype=np.int64)
    digital = np.array([not each.non_digital_submission for each in assignments], dtype=np.bool_)
    return Coursework(
        assignments=assignments,
        students=students,
        weight=np.array([len(enrolled[each]) for each in students.tolist()], dtype=np.int64),
        due=due,
        digital=digital,
        exists=exists,
        excused=excused,
        score=score,
        posted=posted,
        recorded=_recorded(submitted, score, posted, due, digital),
    )


def _recorded(submitted: _Ints, score: _Floats, posted: _Ints, due: _Ints, digital: _Bools) -> _Ints:
    earlier = np.minimum(np.where(posted == NOTHING, _NEVER, posted), np.where(due == NOTHING, _NEVER, due)[None, :])
    # Graded with zero means, on paper, that nothing was handed in.
    graded = ~np.isnan(score) & (score != 0) & ~digital[None, :] & (earlier != _NEVER)
    return np.where((submitted == NOTHING) & graded, earlier, submitted)


def rolled_up_scores(institution: Institution, course_id: int) -> list[dict[str, float | None]]:
    """Return each assignment's statistics as graders see them, by assignment as in `Coursework.assignments`.

    Scores are cut to whole points; quartiles are those of 26 buckets. A student of two sections counts twice.
    Empty where an assignment has no points, all None where nothing is graded.
    """

    def compute() -> list[dict[str, float | None]]:
        work = coursework(institution, course_id)
        summaries: list[dict[str, float | None]] = []
        for at, assignment in enumerate(work.assignments):
            if assignment.points_possible is None:
                summaries.append({})
                continue
            held = np.trunc(np.repeat(work.score[:, at], work.weight))
            held = held[~np.isnan(held)]
            quartiles = _quartiles(_bucketed(held, assignment.points_possible))
            ends = (float(held.max()), float(held.min())) if len(held) else (None, None)
            summaries.append(dict(zip(SCORES, (*ends, *quartiles), strict=True)))
        return summaries

    return institution.once(("rolled up scores", course_id), compute)


def exact_scores(institution: Institution, course_id: int) -> list[dict[str, float | None]]:
    """Return each assignment's statistics from the scores as they are, every student once."""

    def compute() -> list[dict[str, float | None]]:
        work = coursework(institution, course_id)
        summaries = []
        for at in range(len(work.assignments)):
            held = work.score[:, at]
            held = held[~np.isnan(held)]
            ends = (float(held.max()), float(held.min())) if len(held) else (None, None)
            summaries.append(dict(zip(SCORES, (*ends, *_quartiles(held)), strict=True)))
        return summaries

    return institution.once(("exact scores", course_id), compute)


def shown_without_grading(institution: Institution, course_id: int) -> list[bool]:
    """Whether those who may not grade are shown the statistics, by assignment."""

    def compute() -> list[bool]:
        work = coursework(institution, course_id)
        done = ((work.recorded != NOTHING) | ~np.isnan(work.score)).sum(axis=0).tolist()
        return [not each.muted and count >= FEWEST_SHOWN for each, count in zip(work.assignments, done, strict=True)]

    return institution.once(("shown without grading", course_id), compute)


def quartiles(values: Sequence[int]) -> tuple[float | None, float | None, float | None]:
    """Return the quartiles as Canvas reckons them: weighted neighbours at (n + 1) / 4 and so on."""
    return _quartiles(np.asarray(values, dtype=np.float64))


def _quartiles(values: _Floats) -> tuple[float | None, float | None, float | None]:
    if not len(values):
        return None, None, None
    ordered = np.sort(values)
    first, second, third = (_between(ordered, (len(ordered) + 1) * share - 1) for share in (0.25, 0.5, 0.75))
    return first, second, third


def _between(ordered: _Floats, place: float) -> float:
    place = min(max(place, 0.0), len(ordered) - 1.0)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    share = place - below
    return float(ordered[below] * (1 - share) + ordered[above] * share)


def _bucketed(scores: _Floats, points: float) -> _Floats:
    count = max(int(points) + 1 if points < _BUCKETS else _BUCKETS, 1)
    size = points / (count - 1) if count > 1 else 0.0
    if size == 0:
        return np.zeros(len(scores))
    bucket = np.floor(scores / size + 0.5)
    bucket = np.where(scores <= 0, 0, np.where(scores >= points, count - 1, bucket))
    return bucket * size


def _seconds(moment: datetime | None) -> int:
    return NOTHING if moment is None else int(moment.astimezone(UTC).timestamp())

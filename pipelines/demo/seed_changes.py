"""A day of work in an institution: some students of running courses do something, everybody else nothing.

Makes a changed copy for a server that runs on; a test or a benchmark then sees what a second pull finds.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from pipelines.demo.institution import Institution
from pipelines.demo.records import CATEGORIES, EPOCH, ActivityLog, Messages, Submissions

_STREAM: Final = 0xDA7
_DAY: Final = 86_400
_PARTICIPATING: Final = CATEGORIES.index("assignments")

_Ints = npt.NDArray[np.int64]
_Columns = TypeVar("_Columns", ActivityLog, Submissions, Messages)


def changed_institution(
    institution: Institution,
    share: float,
    seed: int,
    *,
    day: date,
    activity: bool = True,
    submissions: bool = True,
    messages: bool = True,
) -> Institution:
    """Return a copy in which a share of the pairs of course and student did something on `day`.

    The pairs are those of available courses of the term that runs on `day`. Each of them views pages and takes part,
    hands in an assignment (again) and is graded the same day; a third get or send a message. The keyword flags
    switch the three kinds off. Rows of all others are the same; what a class has in common (maxima, quartiles) is not.
    """
    rng = np.random.Generator(np.random.PCG64([seed, _STREAM]))
    chosen = _chosen(rng, institution, share, day)
    changes: dict[str, ActivityLog | Submissions | Messages] = {}
    if activity and chosen:
        changes["activity"] = _with_activity(rng, institution.activity, chosen, (day - EPOCH).days)
    if submissions and chosen:
        changes["submissions"] = _with_submissions(rng, institution, chosen, day)
    if messages and chosen:
        changes["messages"] = _with_messages(rng, institution.messages, chosen[::3], (day - EPOCH).days)
    return replace(institution, **changes)  # type: ignore[arg-type]


def _chosen(rng: np.random.Generator, institution: Institution, share: float, day: date) -> list[tuple[int, int]]:
    term = institution.current_term(datetime.combine(day, time(12), UTC))
    running = [
        each.id for each in institution.courses if each.state == "available" and term and each.term_id == term.id
    ]
    pairs = [(course, user) for course in running for user in sorted(institution.students_by_course.get(course, ()))]
    if share <= 0 or not pairs:
        return []
    picked = rng.choice(len(pairs), size=min(max(round(len(pairs) * share), 1), len(pairs)), replace=False)
    return [pairs[at] for at in sorted(picked.tolist())]


def _with_activity(
    rng: np.random.Generator, log: ActivityLog, chosen: Sequence[tuple[int, int]], day: int
) -> ActivityLog:
    size = len(chosen)
    pairs = np.array(chosen, dtype=np.int64)
    taken_part = rng.integers(1, 4, size)
    looked = rng.integers(0, len(CATEGORIES), size)
    own = ActivityLog(
        course_id=np.tile(pairs[:, 0], 2),
        user_id=np.tile(pairs[:, 1], 2),
        day=np.full(2 * size, day, dtype=np.int64),
        category=np.concatenate([np.full(size, _PARTICIPATING), looked]),
        views=np.concatenate([taken_part + rng.integers(0, 5, size), rng.integers(1, 9, size)]),
        participations=np.concatenate([taken_part, np.zeros(size, dtype=np.int64)]),
    )
    both = _joined(log, own)
    keys, starts = _grouped(both.course_id, both.user_id, both.day, both.category)
    sums = [np.add.reduceat(column[keys], starts) for column in (both.views, both.participations)]
    first = keys[starts]
    return ActivityLog(both.course_id[first], both.user_id[first], both.day[first], both.category[first], *sums)


def _with_messages(rng: np.random.Generator, held: Messages, chosen: Sequence[tuple[int, int]], day: int) -> Messages:
    pairs = np.array(chosen, dtype=np.int64)
    size = len(chosen)
    today = np.full(size, day, dtype=np.int64)
    own = Messages(pairs[:, 0], pairs[:, 1], today, rng.integers(0, 3, size), rng.integers(1, 4, size))
    both = _joined(held, own)
    keys, starts = _grouped(both.course_id, both.user_id, both.day)
    sums = [np.add.reduceat(column[keys], starts) for column in (both.instructor_messages, both.student_messages)]
    first = keys[starts]
    return Messages(both.course_id[first], both.user_id[first], both.day[first], *sums)


def _with_submissions(
    rng: np.random.Generator, institution: Institution, chosen: Sequence[tuple[int, int]], day: date
) -> Submissions:
    held = institution.submissions
    places = {pair: at for at, pair in enumerate(zip(held.assignment_id.tolist(), held.user_id.tolist(), strict=True))}
    morning = int(datetime.combine(day, time(9), UTC).timestamp())
    replaced: list[int] = []
    rows: list[tuple[int, int, int, int, float, int, bool]] = []
    for course, user in chosen:
        digital = [
            each for each in institution.assignments_by_course.get(course, ()) if not each.non_digital_submission
        ]
        if not digital:
            continue
        # What was not handed in before is preferred: that is what most of a day's work is.
        waiting = [
            each for each in digital if (each.id, user) not in places or held.submitted_at[places[each.id, user]] < 0
        ]
        open_to = waiting or digital
        assignment = open_to[int(rng.integers(0, len(open_to)))]
        place = places.get((assignment.id, user))
        if place is not None:
            replaced.append(place)
        at = morning + int(rng.integers(0, _DAY // 4))
        points = 10.0 if assignment.points_possible is None else assignment.points_possible
        score = round(float(rng.uniform(0.5, 1.0)) * points * 4) / 4
        rows.append((assignment.id, course, user, at, score, at + 3600, False))
    if not rows:
        return held
    kept = np.ones(len(held), dtype=np.bool_)
    kept[replaced] = False
    rest = Submissions(*(getattr(held, each.name)[kept] for each in fields(held)))
    new = [np.array(column) for column in zip(*rows, strict=True)]
    return _joined(rest, Submissions(*new))


def _joined(one: _Columns, other: _Columns) -> _Columns:
    return type(one)(*(np.concatenate([getattr(one, each.name), getattr(other, each.name)]) for each in fields(one)))


def _grouped(*columns: _Ints) -> tuple[_Ints, _Ints]:
    """Return the order that brings equal keys together, and where in it each key begins."""
    order = np.lexsort(columns[::-1])
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return order, np.flatnonzero(new)

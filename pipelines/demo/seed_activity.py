"""Invented daily activity: who looked at what on which day, with the rhythm of weeks and of a term.

Draws page views for enrollments that exist already; sums by department, course or student are made
where they are served.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.demo.records import CATEGORIES, EPOCH, ActivityLog

_Ints = npt.NDArray[np.int64]

_WEEKDAY: Final = np.array([1.25, 1.2, 1.15, 1.05, 0.7, 0.35, 0.75])
"""Monday to Sunday: the work is done early in the week and on Sunday night."""

_SHARE: Final = {
    "announcements": 0.05,
    "assignments": 0.18,
    "collaborations": 0.01,
    "conferences": 0.02,
    "discussions": 0.12,
    "files": 0.13,
    "general": 0.14,
    "grades": 0.07,
    "groups": 0.02,
    "modules": 0.12,
    "other": 0.02,
    "pages": 0.07,
    "quizzes": 0.05,
}
_PARTICIPATING: Final = tuple(CATEGORIES.index(name) for name in ("assignments", "discussions", "quizzes"))


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who may be active in a course, and on which days (both ends included). `keenness` is views per day."""

    course_id: int
    user_ids: Sequence[int]
    keenness: Sequence[float]
    first_day: date
    last_day: date


def invented_activity(seed: int, attendances: Sequence[Attendance]) -> ActivityLog:
    """Draw the log of all courses; the same seed and attendances give the same log."""
    rng = np.random.Generator(np.random.PCG64(seed))
    parts = [_course_log(rng, each) for each in attendances if each.user_ids and each.first_day <= each.last_day]
    if not parts:
        return ActivityLog.empty()
    columns = [np.concatenate([part[at] for part in parts]) for at in range(6)]
    return ActivityLog(*columns)


def without_user(log: ActivityLog, user_id: int) -> ActivityLog:
    """Return the log without the rows of one person; what was drawn for the others stays as it is."""
    kept = log.user_id != user_id
    return ActivityLog(*(getattr(log, each.name)[kept] for each in fields(log)))


def _course_log(rng: np.random.Generator, course: Attendance) -> tuple[_Ints, _Ints, _Ints, _Ints, _Ints, _Ints]:
    days = np.arange((course.first_day - EPOCH).days, (course.last_day - EPOCH).days + 1)
    # 1970-01-01 was a Thursday.
    rhythm = _WEEKDAY[(days + 3) % 7] * (1.0 + 0.5 * np.sin(np.arange(len(days)) / 9.0) ** 2)
    keenness = np.asarray(course.keenness)
    views = rng.poisson(keenness[:, None] * rhythm[None, :])
    who, when = np.nonzero(views)
    total = views[who, when].astype(np.int64)
    share = np.array([_SHARE[name] for name in CATEGORIES])
    share /= share.sum()
    main = rng.choice(len(CATEGORIES), size=len(total), p=share)
    # A second category takes a part of the busier days; it is another one by construction.
    other = (main + rng.integers(1, len(CATEGORIES), size=len(total))) % len(CATEGORIES)
    second = rng.binomial(np.maximum(total - 1, 0), 0.4)
    split = second > 0
    users = np.asarray(course.user_ids, dtype=np.int64)
    user_id = np.concatenate([users[who], users[who[split]]])
    category = np.concatenate([main, other[split]])
    viewed = np.concatenate([total - second, second[split]])
    active = np.isin(category, _PARTICIPATING)
    participations = np.where(active, rng.binomial(viewed, 0.25), 0)
    return (
        np.full(len(user_id), course.course_id, dtype=np.int64),
        user_id,
        np.concatenate([days[when], days[when[split]]]).astype(np.int64),
        category.astype(np.int64),
        viewed.astype(np.int64),
        participations.astype(np.int64),
    )

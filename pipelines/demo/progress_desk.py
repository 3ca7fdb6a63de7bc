"""Background jobs of Canvas and their Progress: queued, running, then completed or failed, by the server's clock.

Nothing runs in the background: a job's state follows from the time since it was asked for. What a job answers
is the business of the endpoint that began it.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipelines.demo.clock import Clock

_QUEUED_SHARE: Final = 0.25
_KEPT: Final = timedelta(hours=12)
_FIRST_ID: Final = 301


@dataclass(frozen=True, slots=True)
class Progress:
    """One job: what it is for, when it was asked for, and whether it is going to fail."""

    id: int
    course_id: int
    user_id: int
    tag: str
    created_at: datetime
    seconds: float
    fails: bool

    def state(self, now: datetime) -> str:
        """Return Canvas's word for where the job stands."""
        passed = (now - self.created_at).total_seconds()
        if passed >= self.seconds:
            return "failed" if self.fails else "completed"
        return "queued" if passed < self.seconds * _QUEUED_SHARE else "running"

    def updated_at(self, now: datetime) -> datetime:
        """Return when the job entered its state."""
        share = {"queued": 0.0, "running": _QUEUED_SHARE}.get(self.state(now), 1.0)
        return self.created_at + timedelta(seconds=self.seconds * share)


class ProgressDesk:
    """All jobs the server has begun; safe to share between threads."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._by_id: dict[int, Progress] = {}
        self._latest: dict[Hashable, Progress] = {}
        self._failures = 0
        self._lock = threading.Lock()

    def fail_next(self, times: int = 1) -> None:
        """Let the next jobs that are begun end as failed."""
        with self._lock:
            self._failures += times

    def begin(self, key: Hashable, *, course_id: int, user_id: int, tag: str) -> Progress:
        """Begin a job, unless one of this key is queued or running: then return that one."""
        now = self._clock()
        with self._lock:
            latest = self._latest.get(key)
            if latest is not None and latest.state(now) in {"queued", "running"}:
                return latest
            fails = self._failures > 0
            self._failures -= fails
            begun = Progress(_FIRST_ID + len(self._by_id), course_id, user_id, tag, now, self._seconds, fails)
            self._by_id[begun.id] = self._latest[key] = begun
            return begun

    def done(self, key: Hashable) -> bool:
        """Whether the latest job of a key has completed within the last half day."""
        now = self._clock()
        with self._lock:
            latest = self._latest.get(key)
        return latest is not None and latest.state(now) == "completed" and now - latest.updated_at(now) < _KEPT

    def find(self, progress_id: int) -> Progress | None:
        """Return a job by id."""
        with self._lock:
            return self._by_id.get(progress_id)

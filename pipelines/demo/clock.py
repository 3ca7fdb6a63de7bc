"""Where the stand-in reads the time: the wall clock, or one that a test moves by hand.

Every rule that depends on time (leaking quota, running reports, expiring links and tokens) asks a
`Clock`. Nothing here waits: delays on the wire belong to the faults and to the cost model.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime in UTC."""


def system_clock() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until a test moves it; safe to share with the server's threads."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a ManualClock starts at an aware datetime")
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the moment the clock stands at."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += timedelta(seconds=seconds)

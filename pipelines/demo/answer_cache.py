"""Canvas's cache of analytics: an answer stays as it was first computed until half a day has passed.

Off unless a lifetime is given. Which answers are cached, and under which key, is decided by `Call.remembered`.
"""

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import TypeVar, cast

from pipelines.demo.clock import Clock

_Value = TypeVar("_Value")


class AnswerCache:
    """Answers by key, each with the moment at which it expires; safe to share between threads."""

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._held: dict[Hashable, tuple[datetime, object]] = {}
        self._lock = threading.Lock()

    def holds(self, key: Hashable) -> bool:
        """Whether an answer of this key is there and has not expired."""
        with self._lock:
            return self._fresh(key) is not None

    def get(self, key: Hashable, compute: Callable[[], _Value]) -> _Value:
        """Return the cached answer, or compute and keep it. Without a lifetime nothing is kept."""
        if self._lifetime <= timedelta(0):
            return compute()
        with self._lock:
            fresh = self._fresh(key)
        if fresh is None:
            fresh = (self._clock() + self._lifetime, compute())
            with self._lock:
                self._held[key] = fresh
        return cast("_Value", fresh[1])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()

    def _fresh(self, key: Hashable) -> tuple[datetime, object] | None:
        entry = self._held.get(key)
        return entry if entry is not None and self._clock() < entry[0] else None

"""Canvas's request quota: one leaky bucket per access token, and what a request costs.

Counts and refusals only; putting the headers on an answer is the business of `api`. Figures are those
of the source of Canvas: 600 high water mark, 800 maximum, 10 units leaking per second, 50 up front.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.demo.clock import Clock

REFUSAL_BODY = "403 Forbidden (Rate Limit Exceeded)\n"


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """The bucket's figures, in units (one unit is about one second of server time)."""

    hwm: float = 600.0
    maximum: float = 800.0
    outflow: float = 10.0
    up_front: float = 50.0


@dataclass(frozen=True, slots=True)
class CostModel:
    """What a request of each class costs, and how long it really takes.

    Classes: `list`, `show`, `analytics`, `report_start`, `report_poll`, `file`. `cost` is in units of
    quota, `latency` in real seconds of waiting before the answer; a class that is not named costs
    `default_cost` and waits `default_latency`.
    """

    cost: Mapping[str, float] = field(
        default_factory=lambda: {"list": 0.35, "analytics": 0.8, "report_start": 0.5, "report_poll": 0.15}
    )
    default_cost: float = 0.2
    latency: Mapping[str, float] = field(default_factory=dict)
    default_latency: float = 0.0

    def cost_of(self, request_class: str) -> float:
        """Return the units that a request of the class costs."""
        return self.cost.get(request_class, self.default_cost)

    def latency_of(self, request_class: str) -> float:
        """Return the seconds that a request of the class takes to serve."""
        return self.latency.get(request_class, self.default_latency)


@dataclass(slots=True)
class _Bucket:
    count: float
    touched: datetime


class Quota:
    """The buckets of all clients; a client is a token, or an address when it sent none."""

    def __init__(self, policy: QuotaPolicy, clock: Clock) -> None:
        self.policy = policy
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def admit(self, client: str) -> bool:
        """Reserve the up-front cost; False means refused, and the reservation is given back."""
        with self._lock:
            bucket = self._add(client, self.policy.up_front)
            # The check comes after the reservation, so admission ends one reservation below the mark.
            if bucket.count >= self.policy.hwm:
                self._add(client, -self.policy.up_front)
                return False
            return True

    def settle(self, client: str, cost: float) -> float:
        """Swap the reservation for the real `cost` and return what `X-Rate-Limit-Remaining` says."""
        with self._lock:
            return self.policy.hwm - self._add(client, cost - self.policy.up_front).count

    def remaining(self, client: str) -> float:
        """Return the units left to the client now; negative when others in flight weigh more."""
        with self._lock:
            return self.policy.hwm - self._add(client, 0.0).count

    def drain(self, client: str, remaining: float) -> None:
        """Set the client's bucket so that `remaining` units are left: a test's way to a near limit."""
        with self._lock:
            self._add(client, 0.0).count = min(self.policy.hwm - remaining, self.policy.maximum)

    def _add(self, client: str, amount: float) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(0.0, now))
        leaked = self.policy.outflow * max((now - bucket.touched).total_seconds(), 0.0)
        bucket.count = min(max(max(bucket.count - leaked, 0.0) + amount, 0.0), self.policy.maximum)
        bucket.touched = now
        return bucket

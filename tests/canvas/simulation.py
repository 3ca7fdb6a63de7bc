"""A discrete-event simulation of Canvas's request throttle, for the governor's tests and its benchmark.

Lives here: the bucket as Canvas keeps it, three shapes of requests, another user of the same token, and the
policies to compare. Does not live here: HTTP; time is a number that jumps from event to event.
"""

# ruff: noqa: ARG002 - policies share one signature, and not each looks at all of it.

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipelines.canvas.quota import QuotaGovernor, Ticket


@dataclass(frozen=True)
class Shape:
    """Ranges, in seconds and in quota units, from which each request is drawn."""

    service: tuple[float, float]
    cost: tuple[float, float]
    one_way: tuple[float, float] = (0.02, 0.05)


SHAPES = {
    "light": Shape(service=(0.02, 0.10), cost=(0.02, 0.12)),
    "default": Shape(service=(0.06, 0.25), cost=(0.15, 1.2)),
    "heavy": Shape(service=(0.8, 4.0), cost=(0.5, 3.5)),
}


class Bucket:
    """Canvas's leaky bucket: reservation on arrival, true cost at the end, refused when full."""

    def __init__(self, *, mark: float = 600.0, maximum: float = 800.0, leak: float = 10.0, up_front: float = 50.0):
        self.mark, self.maximum, self.leak, self.up_front = mark, maximum, leak, up_front
        self._count = 0.0
        self._touched = 0.0

    def level(self, now: float) -> float:
        return max(0.0, self._count - self.leak * (now - self._touched))

    def add(self, now: float, amount: float) -> None:
        self._count = min(self.maximum, max(0.0, self.level(now) + amount))
        self._touched = now

    def arrive(self, now: float) -> bool:
        """Reserve, and say whether the request is let in; a refused one gives its reservation back at once."""
        self.add(now, self.up_front)
        if self.level(now) >= self.mark:
            self.add(now, -self.up_front)
            return False
        return True

    def leave(self, now: float, cost: float) -> float:
        """Swap the reservation for the cost and return what X-Rate-Limit-Remaining says."""
        self.add(now, cost - self.up_front)
        return self.mark - self.level(now)


class Policy(Protocol):
    """Who decides when one more request goes."""

    def wait_before_next(self) -> float: ...
    def sent(self) -> Ticket: ...
    def answered(self, ticket: Ticket, *, remaining: float | None, cost: float | None, refused: bool) -> None: ...
    def finished(self, ticket: Ticket) -> None: ...


class FixedPolicy:
    """So many in flight, whatever Canvas says; a refused place rests half a second, as most clients do."""

    def __init__(self, places: int, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._places, self._clock, self._chance = places, clock, chance
        self._flying = 0
        self._resting: list[float] = []

    def wait_before_next(self) -> float:
        now = self._clock()
        self._resting = [until for until in self._resting if until > now]
        if self._flying + len(self._resting) < self._places:
            return 0.0
        return min(self._resting) - now if self._resting else math.inf

    def sent(self) -> Ticket:
        self._flying += 1
        return Ticket(self._clock())

    def answered(self, ticket: Ticket, *, remaining: float | None, cost: float | None, refused: bool) -> None:
        if refused:
            self._resting.append(self._clock() + 0.5 * (1 + self._chance()))

    def finished(self, ticket: Ticket) -> None:
        self._flying -= 1


class OraclePolicy:
    """Sees into the bucket and the wires: sends exactly what cannot be refused. No client can do better."""

    def __init__(self, bucket: Bucket, travelling: Callable[[], int], cap: int, clock: Callable[[], float]) -> None:
        self._bucket, self._travelling, self._cap, self._clock = bucket, travelling, cap, clock
        self._flying = 0

    def wait_before_next(self) -> float:
        if self._flying >= self._cap:
            return math.inf
        ahead = self._bucket.level(self._clock()) + (self._travelling() + 1) * self._bucket.up_front
        if ahead < self._bucket.mark:
            return 0.0
        # Looks again soon: the leak may make room before an answer does.
        return 0.01

    def sent(self) -> Ticket:
        self._flying += 1
        return Ticket(self._clock())

    def answered(self, ticket: Ticket, *, remaining: float | None, cost: float | None, refused: bool) -> None:
        return None

    def finished(self, ticket: Ticket) -> None:
        self._flying -= 1


@dataclass
class Outcome:
    """What a run came to. ``per_second`` is good answers over simulated time."""

    done: int = 0
    refused: int = 0
    seconds: float = 0.0
    most_in_flight: int = 0

    @property
    def per_second(self) -> float:
        return self.done / self.seconds if self.seconds else 0.0


class Simulation:
    """Runs one policy against one bucket. Build the policy with ``clock``, ``travelling`` and ``chance``."""

    def __init__(
        self,
        shape: Shape,
        *,
        seed: int = 1,
        bucket: Bucket | None = None,
        headers: bool = True,
        neighbour_in_flight: int = 0,
        loss: float = 0.0,
    ) -> None:
        self.shape = shape
        self.bucket = bucket or Bucket()
        self.random = random.Random(seed)  # noqa: S311 - the runs must repeat
        self._headers, self._loss = headers, loss
        self._neighbours = neighbour_in_flight
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._on_the_way = 0
        self._in_flight = 0
        self._wake: float | None = None
        self.outcome = Outcome()

    def clock(self) -> float:
        return self._now

    def chance(self) -> float:
        return self.random.random()

    def travelling(self) -> int:
        return self._on_the_way

    def governor(self, *, cap: int) -> QuotaGovernor:
        return QuotaGovernor(cap=cap, clock=self.clock, chance=self.chance)

    def fixed(self, places: int) -> FixedPolicy:
        return FixedPolicy(places, self.clock, self.chance)

    def oracle(self, *, cap: int) -> OraclePolicy:
        return OraclePolicy(self.bucket, self.travelling, cap, self.clock)

    def run(self, policy: Policy, *, seconds: float = math.inf, requests: float = math.inf) -> Outcome:
        """Offer endless work (or ``requests`` of it) for ``seconds``; refused work comes back to the queue."""
        self._policy, self._left = policy, requests
        for _ in range(self._neighbours):
            self._neighbour()
        self._offer()
        while self._events and self._events[0][0] <= seconds and self.outcome.done < requests:
            self._now, _, event = heapq.heappop(self._events)
            event()
        self.outcome.seconds = self._now if requests < math.inf else seconds
        return self.outcome

    def _at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), event))

    def _offer(self) -> None:
        while self._left > 0:
            wait = self._policy.wait_before_next()
            if wait > 0:
                when = self._now + wait
                if math.isfinite(wait) and (self._wake is None or self._wake <= self._now or when < self._wake):
                    self._wake = when
                    self._at(when, self._offer)
                return
            self._left -= 1
            self._depart()

    def _depart(self) -> None:
        ticket = self._policy.sent()
        self._in_flight += 1
        self._on_the_way += 1
        self.outcome.most_in_flight = max(self.outcome.most_in_flight, self._in_flight)
        self._at(self._now + self.random.uniform(*self.shape.one_way), lambda: self._arrive(ticket))

    def _arrive(self, ticket: Ticket) -> None:
        self._on_the_way -= 1
        back = self.random.uniform(*self.shape.one_way)
        if not self.bucket.arrive(self._now):
            self.outcome.refused += 1
            self._at(self._now + back, lambda: self._answer(ticket, 0.0, None, refused=True))
            return
        cost = self.random.uniform(*self.shape.cost)
        lost = self.random.random() < self._loss

        def end() -> None:
            remaining = self.bucket.leave(self._now, cost)
            if lost:
                self._at(self._now + back, lambda: self._lose(ticket))
            else:
                self._at(self._now + back, lambda: self._answer(ticket, remaining, cost, refused=False))

        self._at(self._now + self.random.uniform(*self.shape.service), end)

    def _answer(self, ticket: Ticket, remaining: float, cost: float | None, *, refused: bool) -> None:
        seen = remaining if self._headers else None
        self._policy.answered(ticket, remaining=seen, cost=cost if self._headers else None, refused=refused)
        self._policy.finished(ticket)
        self._in_flight -= 1
        if refused:
            self._left += 1
        else:
            self.outcome.done += 1
        self._offer()

    def _lose(self, ticket: Ticket) -> None:
        self._policy.finished(ticket)
        self._in_flight -= 1
        self._left += 1
        self._offer()

    def _neighbour(self) -> None:
        """Another program with the same token, one request after the other, resting when refused."""
        if not self.bucket.arrive(self._now):
            self._at(self._now + 0.5 + self.random.random(), self._neighbour)
            return
        cost = self.random.uniform(*self.shape.cost)

        def end() -> None:
            self.bucket.leave(self._now, cost)
            self._at(self._now + sum(self.shape.one_way), self._neighbour)

        self._at(self._now + self.random.uniform(*self.shape.service), end)

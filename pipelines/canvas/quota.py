"""How many requests may be under way: the decision.

Lives here: reading Canvas's quota headers as credit. Does not live here: holding callers to it
(``gate``), retrying (``retries``), and the sharing of a token between processes (``budget``).

Canvas keeps one leaky bucket per token: a request adds a reservation on arrival (50 by default), swaps it for its
true cost at the end, ten units leak away per second, and a request that finds the bucket full (600) is refused.
``X-Rate-Limit-Remaining`` is what was left when an answer was written, with the reservations of our other requests
in it that had arrived by then. So after each answer
``floor((remaining - margin - reservation * unseen) / reservation)`` more may go, ``unseen`` being the requests
that left too lately for that snapshot to hold them.
"""

import math
import random
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_RESERVATION = 50.0
DEFAULT_LEAK = 10.0
DEFAULT_CAP = 10
#: Without quota headers nothing can be read, and Canvas's default bucket holds about twelve.
HEADERLESS_LIMIT = 4
_SMALLEST_RESERVATION, _LARGEST_RESERVATION = 5.0, 200.0
_REFUSAL_WAIT, _LONGEST_REFUSAL_WAIT = 0.5, 8.0
_LONGEST_LEAK_WAIT = 60.0
#: A snapshot this old says nothing about other users of the token: one request goes alone to look again.
_STALE_AFTER = 10.0
#: While requests are under way their answers tell more than the leak, so the leak counts only after this long.
_SILENCE = 1.0
_CLEAN_ANSWERS_TO_GROW = 30
_PROBE_PAIRS = 3
_SLOW_PAIR = 5.0
_HEADERLESS_STREAK = 8
_NOW = 1e-6


@dataclass(eq=False)
class Ticket:
    """One request under way, from the permission to go until the last byte of its answer."""

    sent_at: float
    waited: float = 0.0
    answered: bool = False


class QuotaGovernor:
    """Decides when one more request may go. Pure: it does no I/O, and its clock and its chance are given to it.

    Call ``wait_before_next``, then ``sent``, then ``answered`` when the headers are there, then ``finished``.
    With nothing under way the wait is always finite, so a caller that waits and asks again never hangs.
    """

    def __init__(
        self,
        *,
        cap: int = DEFAULT_CAP,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        leak_per_second: float = DEFAULT_LEAK,
    ) -> None:
        if cap < 1:
            raise ValueError("at least one request must be allowed in flight")
        self.cap = cap
        self.reservation = DEFAULT_RESERVATION
        self._clock, self._chance, self._leak = clock, chance, leak_per_second
        self._flying: set[Ticket] = set()
        # Requests that broke off without an answer: Canvas may still be working on them, unseen by any snapshot.
        self._lost: list[float] = []
        self._round_trips: deque[float] = deque(maxlen=64)
        self._remaining: float | None = None
        self._seen_at = -math.inf
        self._answers = 0
        self._headerless = 0
        self._limit = cap
        self._clean = 0
        self._refusals_in_row = 0
        self._hold_until = -math.inf
        self._estimates: list[float] = []
        self._pairs_tried = 0
        self._alone: tuple[float, float] | None = None  # (remaining, when) seen with nothing else under way
        self._first_of_pair: Ticket | None = None

    @property
    def in_flight(self) -> int:
        """Requests between ``sent`` and ``finished``."""
        return len(self._flying)

    @property
    def limit(self) -> int:
        """The most that may be under way now: the cap, less what refusals took from it."""
        metered = self._remaining is not None and self._headerless < _HEADERLESS_STREAK
        return self._limit if metered else min(self._limit, HEADERLESS_LIMIT)

    def wait_before_next(self) -> float:
        """Return the seconds until one more request may go: 0 for now, infinity for "after the next answer"."""
        now = self._clock()
        if self._hold_until > now + _NOW:
            return self._hold_until - now
        awaiting = self._awaiting()
        if self.in_flight >= self.limit or len(awaiting) >= self._stage_limit(awaiting):
            return math.inf
        if self._remaining is None or self._headerless >= _HEADERLESS_STREAK:
            return 0.0
        wait = self._seen_at + self._seconds_of_leak(awaiting) - now
        return wait if wait > _NOW else 0.0

    def sent(self) -> Ticket:
        """Record that one request leaves now."""
        ticket = Ticket(self._clock())
        if not self._awaiting():
            self._first_of_pair = ticket
        self._flying.add(ticket)
        return ticket

    def answered(self, ticket: Ticket, *, remaining: float | None, cost: float | None, refused: bool = False) -> None:
        """Take in an answer's headers. ``refused`` is the quota's own refusal, whatever status it came with."""
        now = self._clock()
        ticket.answered = True
        if refused:
            self._first_of_pair = None
            # Not a snapshot: Canvas writes a constant there. And quicker than any true answer, so its round trip
            # would make every later snapshot look fresher than it is.
            self._shrink(now)
            return
        self._answers += 1
        self._round_trips.append(now - ticket.sent_at)
        if remaining is None or not math.isfinite(remaining):
            self._headerless += 1
        else:
            self._headerless = 0
            self._learn_reservation(now, remaining, cost)
            self._remaining, self._seen_at = remaining, now
            window = self._unseen_since(now)
            self._lost = [sent_at for sent_at in self._lost if sent_at > window]
        self._first_of_pair = None
        self._grow()

    def finished(self, ticket: Ticket) -> None:
        """Record that the request is over, answered or not. Safe to call twice."""
        if ticket not in self._flying:
            return
        self._flying.discard(ticket)
        if not ticket.answered:
            self._lost.append(ticket.sent_at)
            self._lost = self._lost[-self.cap :]
        if self._first_of_pair is ticket:
            self._first_of_pair = None

    def _awaiting(self) -> list[Ticket]:
        """Return the requests whose answer has not begun; those that are only being read hold no reservation."""
        return [ticket for ticket in self._flying if not ticket.answered]

    def _stage_limit(self, awaiting: list[Ticket]) -> int:
        """One at first, after a refusal and after long idling; pairs while learning; then the limit."""
        if self._answers == 0 or self._refusals_in_row or not awaiting:
            return 1
        if self._remaining is not None and self._is_learning():
            return 2 if self._first_of_pair is not None else 0
        if self._remaining is not None and min(t.sent_at for t in awaiting) - self._seen_at > _STALE_AFTER:
            return 1
        return self.limit

    def _is_learning(self) -> bool:
        return self.cap > 1 and self._pairs_tried < _PROBE_PAIRS and self._headerless < _HEADERLESS_STREAK

    def _unseen_since(self, snapshot: float) -> float:
        """Return the moment after which a departure cannot be in a snapshot.

        A request reaches Canvas within one round trip at most, and a snapshot travels for the rest of it, so what
        left less than one (smallest) round trip before the answer came in may be missing from it.
        """
        return snapshot - min(self._round_trips, default=math.inf)

    def _seconds_of_leak(self, awaiting: list[Ticket]) -> float:
        """Return how long after the snapshot one more request fits, if only the leak goes on from there."""
        if self._remaining is None:
            return 0.0
        window = self._unseen_since(self._seen_at)
        departures = [ticket.sent_at for ticket in awaiting] + self._lost
        unseen = sum(1 for sent_at in departures if sent_at > window)
        margin = self.reservation / 2
        missing = margin + self.reservation * (unseen + 1) - self._remaining
        if missing <= 0:
            return 0.0
        if awaiting:
            return _SILENCE + missing / self._leak
        return min(missing / self._leak, _LONGEST_LEAK_WAIT)

    def _learn_reservation(self, now: float, remaining: float, cost: float | None) -> None:
        """Compare an answer that had one companion with one that had none: the difference is one reservation."""
        others = self._awaiting()
        if not others and not self._lost:
            self._alone = (remaining, now)
        if len(others) != 1 or not self._is_learning():
            return
        self._pairs_tried += 1
        estimate = self._estimate(others[0], now, remaining, cost)
        if estimate is not None:
            self._estimates.append(min(estimate, _LARGEST_RESERVATION))
            if abs(estimate - DEFAULT_RESERVATION) <= DEFAULT_RESERVATION / 5:
                # As Canvas ships it: no need to look again.
                self._pairs_tried = _PROBE_PAIRS
        if not self._is_learning() and self._estimates:
            learned = statistics.median(self._estimates)
            usual = abs(learned - DEFAULT_RESERVATION) <= DEFAULT_RESERVATION / 5
            self.reservation = DEFAULT_RESERVATION if usual else learned

    def _estimate(self, other: Ticket, now: float, remaining: float, cost: float | None) -> float | None:
        """Return the reservation that ``other`` took from ``remaining``; None where the pair cannot tell."""
        if self._alone is None or self._first_of_pair is None:
            return None
        before, when = self._alone
        started = self._first_of_pair.sent_at
        if now - started > _SLOW_PAIR:
            # By now the bucket may have leaked empty, and nobody can say how much of the pair leaked with it.
            self._pairs_tried = _PROBE_PAIRS
            return None
        if other.sent_at > self._unseen_since(now) + _NOW or started - when > _STALE_AFTER:
            return None
        # The bucket leaks while the pair is in it, which would hide part of the reservation.
        estimate = before - remaining - (cost or 0.0) + self._leak * (now - started)
        return estimate if estimate >= _SMALLEST_RESERVATION else None

    def _shrink(self, now: float) -> None:
        if now < self._hold_until:
            # Of the same burst: one lesson is enough.
            return
        # From what was really under way: one less than a cap that was never reached would change nothing.
        self._limit = max(1, min(self._limit, self.in_flight) - 1)
        self._clean = 0
        wait = min(_REFUSAL_WAIT * 2**self._refusals_in_row, _LONGEST_REFUSAL_WAIT)
        self._refusals_in_row = min(self._refusals_in_row + 1, 10)
        self._hold_until = now + wait * (1 + self._chance())
        self._pairs_tried += 1
        # A reservation learned too small is the likeliest cause.
        self.reservation = max(self.reservation, DEFAULT_RESERVATION)

    def _grow(self) -> None:
        self._refusals_in_row = 0
        self._clean += 1
        if self._clean >= _CLEAN_ANSWERS_TO_GROW and self._limit < self.cap:
            self._limit += 1
            self._clean = 0

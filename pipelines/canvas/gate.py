"""The gate that holds the requests of one event loop to the governor's decision.

Lives here: waiting, its order, and the timer. Does not live here: the decision itself (``quota``).
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.canvas.quota import QuotaGovernor, Ticket


class QuotaGate:
    """Lets requests of one event loop through as the governor allows: first come, first served, repeats first."""

    def __init__(self, governor: QuotaGovernor) -> None:
        self.governor = governor
        self._waiting: deque[asyncio.Future[Ticket]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, *, repeat: bool = False) -> Ticket:
        """Wait for permission and return the ticket of one request.

        A ``repeat`` goes to the head: it has waited before, and its deadline is running.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        place: asyncio.Future[Ticket] = loop.create_future()
        if repeat:
            self._waiting.appendleft(place)
        else:
            self._waiting.append(place)
        self._let_through()
        try:
            ticket = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                # Permission and cancellation crossed: the place must go back, for nobody else will return it.
                place.result().answered = True
                self.leave(place.result())
            else:
                self._let_through()
            raise
        ticket.waited = loop.time() - asked
        return ticket

    def answered(self, ticket: Ticket, *, remaining: float | None, cost: float | None, refused: bool = False) -> None:
        """Hand the governor an answer's headers, and let through whom they make room for."""
        self.governor.answered(ticket, remaining=remaining, cost=cost, refused=refused)
        self._let_through()

    def leave(self, ticket: Ticket) -> None:
        """Give the place back when the answer is read, or will not come."""
        self.governor.finished(ticket)
        self._let_through()

    def close(self) -> None:
        """Stop the timer; whoever still waits is cancelled."""
        if self._timer is not None:
            self._timer.cancel()
        for place in self._waiting:
            place.cancel()
        self._waiting.clear()

    @contextmanager
    def holding(self, ticket: Ticket) -> Iterator[Ticket]:
        """Hold the place for the length of the block."""
        try:
            yield ticket
        finally:
            self.leave(ticket)

    def _let_through(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            wait = self.governor.wait_before_next()
            if wait > 0:
                if math.isfinite(wait):
                    self._timer = asyncio.get_running_loop().call_later(wait, self._let_through)
                return
            self._waiting.popleft().set_result(self.governor.sent())

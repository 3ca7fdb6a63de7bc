"""When a failed request is sent again, and when that ends.

Lives here: the bounds (attempts, deadline), the waits, and the rule about requests that change something. Does not
live here: which failure is transient (``errors``) and the pace of requests as such (``quota``).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState
from tenacity.retry import retry_if_exception

from pipelines.canvas.errors import CanvasError, ThrottledError, TransientCanvasError

T = TypeVar("T")

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of trying again. ``deadline`` counts from the first failure, so waiting for quota before it is free.

    A throttled request gets more attempts than a failed one: Canvas is well, we are only early.
    """

    attempts: int = 5
    throttled_attempts: int = 20
    deadline: float = 300.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


#: For callers with little time, such as a sensor's tick.
SHORT_RETRIES = RetryPolicy(attempts=2, throttled_attempts=3, deadline=10.0, longest_wait=2.0)


async def retried(policy: RetryPolicy, method: str, attempt: Callable[[int], Awaitable[T]]) -> T:
    """Call ``attempt(number)``, numbered from 1, until it succeeds or another try is out of question.

    A POST is repeated only after a failure that provably had no effect (no connection, refused by the throttle).
    The last failure is raised as it is, with ``attempts`` filled in.
    """
    gave_up_at: float | None = None

    def may_repeat(error: BaseException) -> bool:
        return (
            isinstance(error, TransientCanvasError)
            and error.retry_same_request
            and (method in IDEMPOTENT or error.had_no_effect)
        )

    def wait(state: RetryCallState) -> float:
        error = _failure_of(state)
        jitter = 0.5 + policy.chance() / 2
        if error is not None and error.retry_after is not None:
            # Never earlier than asked, and not all clients at the same moment.
            return error.retry_after + policy.first_wait * jitter
        doublings = 0 if isinstance(error, ThrottledError) else min(state.attempt_number - 1, 30)
        return min(policy.first_wait * 2.0**doublings, policy.longest_wait) * jitter

    def stop(state: RetryCallState) -> bool:
        nonlocal gave_up_at
        now = policy.clock()
        if gave_up_at is None:
            gave_up_at = now + policy.deadline
        throttled = isinstance(_failure_of(state), ThrottledError)
        bound = policy.throttled_attempts if throttled else policy.attempts
        return state.attempt_number >= bound or now + state.upcoming_sleep > gave_up_at

    async def sleep(seconds: float) -> None:
        await policy.sleep(seconds)

    retrying = AsyncRetrying(sleep=sleep, stop=stop, wait=wait, retry=retry_if_exception(may_repeat), reraise=True)
    number = 0
    try:
        async for state in retrying:
            with state:
                number = state.retry_state.attempt_number
                return await attempt(number)
    except CanvasError as error:
        error.attempts = number
        raise
    raise AssertionError("tenacity ends with a result or the last failure")


def _failure_of(state: RetryCallState) -> CanvasError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, CanvasError) else None

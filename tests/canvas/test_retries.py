"""Trying again: enough to ride out a hiccup, never for ever, and never a report started twice."""

import asyncio
from collections.abc import Callable

import pytest

from pipelines.canvas import errors
from pipelines.canvas.retries import RetryPolicy, retried


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def policy(self, **bounds: float) -> RetryPolicy:
        return RetryPolicy(sleep=self.sleep, clock=lambda: self.now, chance=lambda: 1.0, **bounds)  # type: ignore[arg-type]


def play(clock: Clock, method: str, make: Callable[[int], Exception | None], **bounds: float) -> int:
    """Run an operation whose n-th attempt fails with ``make(n)``; return the number of the good one."""

    async def attempt(number: int) -> int:
        error = make(number)
        if error is not None:
            raise error
        return number

    return asyncio.run(retried(clock.policy(**bounds), method, attempt))


def test_a_hiccup_is_ridden_out_with_growing_waits() -> None:
    clock = Clock()
    assert play(clock, "GET", lambda n: errors.ServerError("x") if n < 4 else None) == 4
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_waits_are_spread_by_chance() -> None:
    clock = Clock()
    policy = RetryPolicy(sleep=clock.sleep, clock=lambda: clock.now, chance=lambda: 0.0, attempts=2)

    async def attempt(number: int) -> None:
        raise errors.ServerError("x")

    with pytest.raises(errors.ServerError):
        asyncio.run(retried(policy, "GET", attempt))
    assert clock.sleeps == [0.25]


def test_it_ends_after_the_bound_and_says_how_often_it_tried() -> None:
    with pytest.raises(errors.ServerError, match="5 attempts") as caught:
        play(Clock(), "GET", lambda _: errors.ServerError("x"))
    assert caught.value.attempts == 5


def test_it_ends_at_the_deadline_before_the_bound() -> None:
    clock = Clock()
    with pytest.raises(errors.ServerError):
        play(clock, "GET", lambda _: errors.ServerError("x"), attempts=1000, deadline=20.0)
    assert sum(clock.sleeps) <= 20.0
    assert len(clock.sleeps) > 3


def test_retry_after_is_honoured() -> None:
    clock = Clock()
    play(clock, "GET", lambda n: errors.ServerError("x", retry_after=17) if n == 1 else None)
    assert clock.sleeps == [17.5]


def test_a_retry_after_beyond_the_deadline_is_not_slept_through() -> None:
    clock = Clock()
    with pytest.raises(errors.ThrottledError):
        play(clock, "GET", lambda _: errors.ThrottledError("x", retry_after=3600))
    assert clock.sleeps == []


def test_throttling_is_given_more_attempts_than_failure() -> None:
    clock = Clock()
    assert play(clock, "GET", lambda n: errors.ThrottledError("x") if n < 15 else None) == 15
    assert max(clock.sleeps) <= 0.5


@pytest.mark.parametrize(
    "error", [errors.ForbiddenError("x"), errors.NotFoundError("x"), errors.LinkExpiredError("x"), ValueError("bug")]
)
def test_what_stays_the_same_is_not_tried_again(error: Exception) -> None:
    tries: list[int] = []

    def fail(number: int) -> Exception:
        tries.append(number)
        return error

    with pytest.raises(type(error)):
        play(Clock(), "GET", fail)
    assert tries == [1]


def test_a_post_is_repeated_only_when_it_provably_had_no_effect() -> None:
    refused = errors.HostUnreachableError("x", had_no_effect=True)
    assert play(Clock(), "POST", lambda n: refused if n == 1 else None) == 2
    for blind in (errors.ServerError("x"), errors.RequestTimeoutError("x"), errors.TruncatedAnswerError("x")):
        with pytest.raises(type(blind)) as caught:
            play(Clock(), "POST", lambda _, blind=blind: blind)  # type: ignore[misc]
        assert caught.value.attempts == 1

import asyncio
import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from pipelines.extract.interrupts import run_interruptibly

pytestmark = pytest.mark.timeout(20)


class Stopped(BaseException):
    """What a handler raises that stood before, as Dagster's do."""


@pytest.fixture
def raising() -> Iterator[None]:
    def handler(_: int, __: FrameType | None) -> None:
        raise Stopped

    before = signal.signal(signal.SIGINT, handler)
    yield
    assert signal.getsignal(signal.SIGINT) is handler
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def saves_what_it_has(saved: list[str], *, presses: int = 1) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(presses):
        # In a callback of the loop, where an exception is logged and lost.
        loop.call_soon(press)
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        saved.append("saved")


@pytest.mark.parametrize("presses", [1, 3])
def test_a_signal_ends_the_work_in_order_and_is_raised_as_before(raising: None, presses: int) -> None:
    saved: list[str] = []
    with pytest.raises(Stopped):
        run_interruptibly(saves_what_it_has(saved, presses=presses))
    assert saved == ["saved"]


def test_without_another_handler_it_is_ctrl_c() -> None:
    saved: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(saves_what_it_has(saved))
    assert saved == ["saved"]


def test_a_signal_in_the_last_moment_is_not_lost(raising: None) -> None:
    async def ends() -> int:
        press()
        return 7

    with pytest.raises(Stopped):
        run_interruptibly(ends())


def test_who_ignores_a_signal_goes_on() -> None:
    async def pressed() -> int:
        press()
        await asyncio.sleep(0.01)
        return 7

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_interruptibly(pressed()) == 7
    finally:
        signal.signal(signal.SIGINT, before)


def test_results_and_errors_pass_through(raising: None) -> None:
    async def one(number: int) -> int:
        return 10 // number

    assert run_interruptibly(one(2)) == 5
    with pytest.raises(ZeroDivisionError):
        run_interruptibly(one(0))

"""Coroutines that a signal ends in order.

Dagster's handlers raise wherever the program happens to be. Inside a callback of the event loop that is logged and
lost, and the work goes on for hours.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_interruptibly(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return what it returns; the first signal cancels it.

    What it does when it is cancelled is done: it saves what was answered. Then the signal goes to the handler that
    stood before, and what that raises is raised here.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(main)
    heard: list[int] = []

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop(number: int, _: FrameType | None) -> None:
            heard.append(number)
            if len(heard) == 1 and task is not None:
                # The loop may be asleep.
                loop.call_soon_threadsafe(task.cancel)

        for number in before:
            signal.signal(number, stop)
        return await main

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    # Who starts a program so that it ignores a signal means it.
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    try:
        return asyncio.run(cancellable())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])

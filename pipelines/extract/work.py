"""Many questions to Canvas under one quota: bounded concurrency, and how each question ended.

One bad scope never sinks the rest; a failure that concerns every scope (no connection, no valid token, no quota) stops
the whole list. What is asked, and what becomes of an answer, is the caller's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pipelines.canvas import CanvasError
from pipelines.canvas.errors import (
    AuthenticationError,
    ForbiddenError,
    ForeignOriginError,
    HostUnreachableError,
    InsecureAddressError,
    InsufficientScopesError,
    InvalidAddressError,
    NotFoundError,
    ThrottledError,
    UserAgentRefusedError,
    WrongHostError,
)
from pipelines.ledger import CoverageStatus

T = TypeVar("T")

_CONCERNS_ALL = (
    AuthenticationError,
    ForeignOriginError,
    HostUnreachableError,
    InsecureAddressError,
    InvalidAddressError,
    # It comes after minutes of refusals: the token is blocked, or somebody else uses all of its quota.
    ThrottledError,
    UserAgentRefusedError,
    WrongHostError,
)


def concerns_all(error: BaseException) -> bool:
    """Return whether an error would meet every other question too, so that asking on is no use."""
    return isinstance(error, _CONCERNS_ALL) and not isinstance(error, InsufficientScopesError)


def status_of(error: CanvasError) -> CoverageStatus:
    """Return how a question ended that failed with this error. Unreadable is not empty."""
    if isinstance(error, ForbiddenError | InsufficientScopesError):
        return CoverageStatus.FORBIDDEN
    if isinstance(error, NotFoundError):
        return CoverageStatus.MISSING
    return CoverageStatus.FAILED


async def run_all(
    items: Sequence[T],
    work: Callable[[T], Awaitable[None]],
    *,
    width: int,
    on_done: Callable[[T], None] | None = None,
) -> None:
    """Do `work` for every item, `width` at a time. The first error that `work` lets through stops the list."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)
            if on_done is not None:
                on_done(item)

    tasks = [asyncio.create_task(worker()) for _ in range(min(width, len(items)))]
    if not tasks:
        return
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""What Canvas works out in the background (``/api/v1/progress/:id``).

Lives here: waiting for one such job to end. Does not live here: which calls start one (``course_analytics``).
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.errors import BackgroundJobFailedError, BackgroundJobOverdueError, NotFoundError
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, unexpected

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
DEADLINE = 600.0

_PROGRESS = re.compile(r"/api/v1/progress/(\d+(?:~\d+)?)/?")


async def show_progress(client: CanvasClient, progress: CanvasId) -> Answer[Record]:
    """GET /progress/:id: one background job: ``workflow_state`` (queued, running, completed, failed), completion."""
    return expect_object(await client.get_json(api_path("progress", progress)), "workflow_state")


@dataclass
class Patience:
    """How long one question may wait for background jobs: pauses double from 0.5 s to 10 s, 10 minutes in all.

    One patience serves one question, however many jobs Canvas puts in its way.
    """

    deadline: float = DEADLINE
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    _pause: float = field(default=FIRST_PAUSE, init=False)
    _gives_up_at: float | None = field(default=None, init=False)

    async def next_look(self) -> bool:
        """Wait until the next look; False when no time is left for it."""
        now = self.clock()
        if self._gives_up_at is None:
            self._gives_up_at = now + self.deadline
        if now + self._pause > self._gives_up_at:
            return False
        await self.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True


async def wait_for_job(client: CanvasClient, asked: Answer[Record], patience: Patience) -> int:
    """Wait for the job that ``asked`` names by its ``progress_url``; return how many requests that took.

    Raises ``BackgroundJobFailedError``, ``BackgroundJobOverdueError``, and ``ForeignOriginError`` for a job that is
    not on the client's own origin.
    """
    link = asked.data["progress_url"]
    found = _PROGRESS.fullmatch(client.own_path(link)) if isinstance(link, str) else None
    if found is None:
        raise unexpected(asked, "the address of a progress")
    requests = 0
    state: object = None
    while await patience.next_look():
        try:
            answer = await show_progress(client, found[1])
        except NotFoundError as gone:
            # What was asked about is there: this must not be read as "no such course".
            raise BackgroundJobFailedError(
                "Canvas's background job is gone.",
                why="It was removed before its end was seen.",
                status=gone.status,
                method="GET",
                path=gone.path,
                request_id=gone.request_id,
            ) from None
        requests += answer.attempts
        state = answer.data["workflow_state"]
        if state == "completed":
            return requests
        if state == "failed":
            raise BackgroundJobFailedError(
                "Canvas's background job failed.", method="GET", path=asked.path, request_id=answer.request_id
            )
    raise BackgroundJobOverdueError(
        f"Canvas's background job is not done after {patience.deadline:.0f} seconds"
        f"{f' (it is {state})' if state in ('queued', 'running') else ''}.",
        method="GET",
        path=asked.path,
        request_id=asked.request_id,
    )

"""Analytics of one course (``/api/v1/courses/:id/analytics/...``).

Lives here: the three calls. Does not live here: departments (``analytics``), single students
(``student_analytics``), and turning answers into tables.

All need ``view_analytics`` and ``read_as_admin`` on the course (``ForbiddenError``). A course that is unpublished,
deleted, or has no active or completed student whom the token's owner may see is a ``NotFoundError``: a normal
answer, to be noted and passed by. Canvas keeps its results for 12 hours.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.progress import Patience, wait_for_job
from pipelines.canvas.shapes import Record, expect_records


async def course_activity(client: CanvasClient, course: CanvasId) -> Answer[list[Record]]:
    """GET /courses/:id/analytics/activity: ``date``, ``views``, ``participations`` per UTC day, in no order.

    One list, not paginated. A day that is absent is zero; teachers' views count too.
    """
    return expect_records(await client.get_json(api_path("courses", course, "analytics", "activity")))


async def course_assignments(
    client: CanvasClient,
    course: CanvasId,
    *,
    background: bool = False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Answer[list[Record]]:
    """GET /courses/:id/analytics/assignments: each assignment with its scores and how punctual submissions were.

    One list, not paginated; tardiness is in fractions of ``total``. ``background`` lets Canvas work it out in a job
    (``async=1``) where it would otherwise hold the request open; the job is waited for, whether or not it was asked
    for, and ``attempts`` counts every request. Raises ``BackgroundJobFailedError`` and ``BackgroundJobOverdueError``
    (after 10 minutes).
    """
    path = api_path("courses", course, "analytics", "assignments")
    params = {"async": 1} if background else None
    patience = Patience(sleep=sleep, clock=clock)
    requests = 0
    while True:
        answer: Answer[Any] = await client.get_json(path, params)
        requests += answer.attempts
        if not isinstance(answer.data, dict) or "progress_url" not in answer.data:
            return expect_records(replace(answer, attempts=requests))
        requests += await wait_for_job(client, answer, patience)


async def student_summaries(client: CanvasClient, course: CanvasId) -> AsyncIterator[Answer[list[Record]]]:
    """GET /courses/:id/analytics/student_summaries: pages of the students' views, participations and punctuality.

    Tardiness is in counts here. Needs ``view_all_grades`` or ``manage_grades`` too. In the default order, for other
    orders leave students out; a student may come twice.
    """
    async for page in client.pages(api_path("courses", course, "analytics", "student_summaries")):
        yield expect_records(page)

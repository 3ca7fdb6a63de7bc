"""One round of the life cycle of reports: lost answers found, wishes asked, reports looked at, loaded ones deleted.

Bounded in time and requests, so that a sensor's tick can hold it; what is left waits for the next round. What a round
leads to (runs, loads) is the caller's.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence

from pipelines.asking import adoptions
from pipelines.canvas import CanvasClient, CanvasError, RequestEvent
from pipelines.canvas.account_reports import delete_run
from pipelines.canvas.errors import NotFoundError
from pipelines.extract.reports import RepeatedReportIdError, ask, is_due, reconcile
from pipelines.extract.watching import Watched, nothing_to_look_at, watch
from pipelines.extract.work import concerns_all
from pipelines.ledger import Intent
from pipelines.ledger.intents import to_delete
from pipelines.ledger.report_facts import record_deleted
from pipelines.project import Project

ROUND_SECONDS = 40.0
"""A tick that takes longer than Dagster waits (60 s) is lost with all it found out."""

ROUND_REQUESTS = 200
"""Requests of one round, at most: what is left of the quota is for the pulls."""

_LAST_REQUEST_SECONDS = 12.0
"""How long the requests that are under way at the end of a round may go on before they are cut off."""


class Bounds:
    """How much time and how many requests a round has left."""

    def __init__(self, seconds: float = ROUND_SECONDS, requests: int = ROUND_REQUESTS) -> None:
        self._until = time.monotonic() + seconds
        self._half = time.monotonic() + seconds / 2
        self._requests = requests
        self._half_of_requests = requests // 2

    def seconds_left(self) -> float:
        """Return how long the round may go on at most, with the requests that are under way at its end."""
        return max(self._until - time.monotonic(), 0.0) + _LAST_REQUEST_SECONDS

    def note(self, event: RequestEvent) -> None:
        """Count a request."""
        del event
        self._requests -= 1

    def used_up(self) -> bool:
        """Return whether the round must end."""
        return time.monotonic() > self._until or self._requests <= 0

    def half_used(self) -> bool:
        """Return whether asking must make room for looking."""
        return time.monotonic() > self._half or self._requests <= self._half_of_requests


def nothing_to_do(project: Project) -> bool:
    """Return whether a round would find nothing to ask Canvas about."""
    ledger, instance = project.ledger, project.settings.instance
    return not to_delete(ledger, instance) and nothing_to_look_at(ledger, instance, adoptions(project))


async def look(
    project: Project, only: Collection[int] | None = None, *, idle: bool = False, bounds: Bounds | None = None
) -> Watched:
    """Ask Canvas about every open report; take up what a crash left behind first.

    `only` narrows it to some intents. With `idle`, also for reports that persons ran and the settings adopt, and for
    ones that complete late. While Canvas is away, deadlines are held all the same. What a round found out before its
    time was over is returned; the rest is for the next one.
    """
    bounds = bounds or Bounds()
    watched = Watched()
    try:
        async with asyncio.timeout(bounds.seconds_left()) as limit:
            await _look(project, only, watched, bounds, idle=idle)
    except TimeoutError:
        if not limit.expired():
            raise
        watched.warnings.append("Canvas was slow: the round ended before all reports were looked at.")
    return watched


async def _look(
    project: Project, only: Collection[int] | None, watched: Watched, bounds: Bounds, *, idle: bool
) -> None:
    ledger, instance = project.ledger, project.settings.instance
    async with project.client(light=True, on_request=bounds.note) as client:
        is_away = await _take_up(project, client, only, watched, bounds)
        await watch(
            ledger,
            client,
            instance,
            only=only,
            time_is_up=bounds.used_up,
            adoptions=adoptions(project) if idle else (),
            idle=idle,
            is_away=is_away,
            into=watched,
        )
        if not any(map(concerns_all, watched.problems)):
            watched.problems += await delete_loaded(project, client, bounds)


async def _take_up(
    project: Project, client: CanvasClient, only: Collection[int] | None, watched: Watched, bounds: Bounds
) -> bool:
    """Find lost answers and ask for what is wanted; return whether Canvas is away for all that is to be asked."""
    ledger = project.ledger
    try:
        due = await reconcile(ledger, client, project.settings.instance, time_is_up=bounds.half_used)
    except CanvasError as error:
        watched.problems.append(error)
        return True
    for intent in due:
        if bounds.half_used() or (only is not None and intent.intent_id not in only):
            continue
        try:
            await ask(ledger, client, intent)
        except (CanvasError, RepeatedReportIdError) as error:
            # One report that is refused does not keep the others from being looked at.
            watched.problems.append(error)
            if concerns_all(error):
                return True
    return False


async def delete_loaded(project: Project, client: CanvasClient, bounds: Bounds) -> list[Exception]:
    """Delete in Canvas the reports that are loaded and to be deleted then; return what kept some from it.

    Only reports that Canvas started on this canvaslake's own POST are ever deleted.
    """
    problems: list[Exception] = []
    for intent in to_delete(project.ledger, project.settings.instance):
        if bounds.used_up():
            break
        try:
            await delete_report(project, client, intent)
        except CanvasError as error:
            problems.append(error)
    return problems


async def delete_report(project: Project, client: CanvasClient, intent: Intent) -> None:
    """Delete a report in Canvas and record it; one that is gone already is as good. Raises CanvasError."""
    with contextlib.suppress(NotFoundError):
        await delete_run(client, intent.account_id or 0, intent.report, intent.report_id or 0)
    record_deleted(project.ledger, intent.intent_id)


def will_not_come(intent: Intent) -> str:
    """Return what is told of a report that ended without a file."""
    return f"{intent.report} {intent.report_id or ''} of {intent.place} will not come: {intent.failure}"


def ready(project: Project, finished: Sequence[Intent]) -> list[Intent]:
    """Return the finished intents that may be loaded now: not parked, and not waiting for another attempt."""
    return [intent for intent in finished if intent.parked_at is None and is_due(project.ledger, intent)]

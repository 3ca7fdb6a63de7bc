"""One round of the life cycle of reports: lost answers found, wishes asked, reports looked at, loaded ones deleted.

Bounded in time and requests, so that a sensor's tick can hold it; what is left waits for the next round. What a round
leads to (runs, loads) is the caller's.
"""

import contextlib
import time
from collections.abc import Collection, Sequence

from pipelines.asking import adoptions
from pipelines.canvas import CanvasClient, CanvasError, RequestEvent
from pipelines.canvas.account_reports import delete_run
from pipelines.canvas.errors import NotFoundError
from pipelines.extract.reports import (
    RepeatedReportIdError,
    Watched,
    ask,
    nothing_to_look_at,
    reconcile,
    watch,
)
from pipelines.ledger import Intent
from pipelines.ledger.intents import to_delete
from pipelines.ledger.report_facts import record_deleted
from pipelines.project import Project

ROUND_SECONDS = 40.0
"""A tick that takes longer than Dagster waits (60 s) is lost with all it found out."""

ROUND_REQUESTS = 200
"""Requests of one round, at most: what is left of the quota is for the pulls."""


class Bounds:
    """How much time and how many requests a round has left."""

    def __init__(self, seconds: float = ROUND_SECONDS, requests: int = ROUND_REQUESTS) -> None:
        self._until = time.monotonic() + seconds
        self._half = time.monotonic() + seconds / 2
        self._requests = requests
        self._half_of_requests = requests // 2

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
    ones that complete late.
    """
    bounds = bounds or Bounds()
    ledger, instance = project.ledger, project.settings.instance
    problems: list[Exception] = []
    async with project.client(light=True, on_request=bounds.note) as client:
        for intent in await reconcile(ledger, client, instance, time_is_up=bounds.half_used):
            if bounds.half_used() or (only is not None and intent.intent_id not in only):
                continue
            try:
                await ask(ledger, client, intent)
            except (CanvasError, RepeatedReportIdError) as error:
                # One report that is refused does not keep the others from being looked at.
                problems.append(error)
        adopted = adoptions(project) if idle else ()
        watched = await watch(
            ledger, client, instance, only=only, time_is_up=bounds.used_up, adoptions=adopted, idle=idle
        )
        problems += await delete_loaded(project, client, bounds)
    watched.problems[:0] = problems
    return watched


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
    now = project.clock()
    return [
        intent
        for intent in finished
        if intent.parked_at is None and (intent.next_attempt_at is None or intent.next_attempt_at <= now)
    ]

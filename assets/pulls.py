"""A pull of many questions as an asset runs it: one client, the budget of the token, progress, and how it ended."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import dagster as dg

from assets.endpoint_results import LoggedProgress, unreadable
from pipelines.canvas import CanvasClient
from pipelines.extract.interrupts import run_interruptibly
from pipelines.ledger.pulls import Pull
from pipelines.load.questions import Summary
from pipelines.load.work_list import Meter, Work, work_off_pull
from pipelines.project import Project

T = TypeVar("T")

CANVAS_POOL = "canvas_api"
"""Runs that pull from Canvas queue for it. A courtesy: the budget itself is held by a lock of the operating system."""


def pull_family(
    context: dg.AssetExecutionContext,
    project: Project,
    family: str,
    due: Callable[[Pull], Sequence[T]],
    works: Callable[[CanvasClient], Callable[[T], Work]],
) -> Summary:
    """Work off what is due of a family of questions; return how it ended, and warn of what could not be read."""
    task = f"{family} analytics" if family in ("department", "course", "student") else family
    told = LoggedProgress(task, project.progress, context.log.info)

    async def pull() -> Summary:
        meter = Meter()
        async with project.client(on_request=meter.heard) as client, client.exclusive(task, on_wait=told.waiting):
            return await work_off_pull(
                project.lake,
                project.settings.instance,
                family,
                due,
                works(client),
                width=project.settings.canvas.max_in_flight,
                meter=meter,
                batch=project.settings.sync.checkpoint,
                on_start=told.start,
                on_batch=told.saved,
            )

    summary = run_interruptibly(pull())
    told.finish()
    if summary.refused:
        context.log.warning(unreadable(summary))
    return summary

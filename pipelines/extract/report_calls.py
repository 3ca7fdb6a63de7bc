"""The calls about a report, whether it is about an account or about a course."""

from collections.abc import AsyncIterator, Callable, Collection

from pipelines.canvas import Answer, CanvasClient, Record
from pipelines.canvas.account_reports import report_runs, show_run, start_report
from pipelines.canvas.course_reports import last_course_report, show_course_report, start_course_report
from pipelines.extract.report_states import Observation, observe
from pipelines.ledger import Intent

_MOST_PAGES = 5


async def start(client: CanvasClient, intent: Intent) -> Answer[Record]:
    """Start the report of an intent and return it as Canvas shows it."""
    parameters = intent.parameters
    if intent.course_id is not None:
        return await start_course_report(client, intent.course_id, intent.report, parameters)  # type: ignore[arg-type]
    return await start_report(client, intent.account_id or 0, intent.report, parameters)  # type: ignore[arg-type]


async def show(client: CanvasClient, intent: Intent) -> Answer[Record]:
    """Return the report of an intent as Canvas shows it now; NotFoundError when it was deleted."""
    number = intent.report_id or 0
    if intent.course_id is not None:
        return await show_course_report(client, intent.course_id, intent.report, number)
    return await show_run(client, intent.account_id or 0, intent.report, number)


async def newest(client: CanvasClient, intent: Intent) -> AsyncIterator[list[Record]]:
    """Yield pages of the reports of an intent's kind, newest first: of a course, only the newest of our own."""
    if intent.course_id is not None:
        last = await last_course_report(client, intent.course_id, intent.report)
        yield [] if last is None else [last]
        return
    async for page in of_account(client, intent.account_id or 0, intent.report):
        yield page


async def of_account(client: CanvasClient, account: int, report: str) -> AsyncIterator[list[Record]]:
    """Yield pages of the reports of one kind about an account, newest first."""
    async for page in report_runs(client, account, report):
        yield page.data


async def observed(
    pages: AsyncIterator[list[Record]],
    time_is_up: Callable[[], bool] = lambda: False,
    *,
    wanted: Collection[int | None] | None = None,
) -> tuple[list[Observation], bool]:
    """Return the reports of a list, five pages at most, and whether there was time for them.

    With `wanted` it is read on only while some of these are missing.
    """
    found: list[Observation] = []
    missing = None if wanted is None else set(wanted) - {None}
    number = 0
    async for page in pages:
        number += 1
        found += [run for run in map(observe, page) if run is not None]
        if missing is not None:
            missing -= {run.report_id for run in found}
        if number >= _MOST_PAGES or missing == set():
            break
        if time_is_up():
            return found, False
    return found, True

"""The calls about a report, whether it is about an account or about a course."""

from collections.abc import AsyncIterator

from pipelines.canvas import Answer, CanvasClient, Record
from pipelines.canvas.account_reports import report_runs, show_run, start_report
from pipelines.canvas.course_reports import last_course_report, show_course_report, start_course_report
from pipelines.ledger import Intent


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
    async for page in report_runs(client, intent.account_id or 0, intent.report):
        yield page.data

"""When reports are asked for and endpoints are pulled. Which ones, and how, follows from the settings."""

import re
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from assets.failures import explained
from pipelines.canvas import CanvasClient, CanvasError, TransientCanvasError
from pipelines.canvas.accounts import show_account
from pipelines.extract.interrupts import run_interruptibly
from pipelines.extract.reports import RepeatedReportIdError, ask, reconcile
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import remember_account, remembered_account, want
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.settings import ReportSettings, Settings

ASK_OP = "ask"
ASK_JOB = "ask_for_reports"


class AskConfig(dg.Config):
    """Which reports to ask for, and for which window: a window asks once, however often its run is repeated."""

    reports: list[str]
    window: str
    origin: str = "schedule"
    reuse_open: bool = False
    cron: str = ""


# In no pool: it is a few light requests, and a pull of students can hold the pool for hours.
@dg.op(name=ASK_OP, out=dg.Out(dg.Nothing))
def ask_for_reports(context: dg.OpExecutionContext, config: AskConfig, projects: dg.ResourceParam[Projects]) -> None:
    """Ask Canvas for the configured reports; the sensor sees them finish."""
    project = projects.open()
    wanted = [
        report
        for report in project.settings.reports
        if report.report in config.reports and (not config.cron or report.cron == config.cron)
    ]
    with explained():
        intents = run_interruptibly(
            ask_reports(project, wanted, window=config.window, origin=config.origin, reuse_open=config.reuse_open)
        )
    for intent in intents:
        context.log.info(f"{intent.report} of account {intent.account_id}: report {intent.report_id}, {intent.state}")


@dg.job(name=ASK_JOB, description="Ask Canvas for account reports. Each window asks once.")
def ask_for_reports_job() -> None:
    """Hold the one step that asks."""
    ask_for_reports()


async def ask_reports(
    project: Project, reports: Sequence[ReportSettings], *, window: str, origin: str, reuse_open: bool = False
) -> list[Intent]:
    """Want and ask for reports, each for each of its accounts; return the intents.

    A wish is written down even if Canvas is away: the sensor asks for it when Canvas is back. Raises the first problem
    after every report was tried: one that is refused does not keep the others.
    """
    ledger, instance = project.ledger, project.settings.instance
    intents: list[Intent] = []
    problems: list[Exception] = []
    async with project.client(light=True) as client:
        try:
            await reconcile(ledger, client, instance)
        except CanvasError as error:
            problems.append(error)
        for report in reports:
            for name in dict.fromkeys(report.accounts or project.settings.canvas.accounts):
                try:
                    account = await account_number(project, client, name)
                    intent = want(
                        ledger,
                        instance=instance,
                        account_id=account,
                        report=report.report,
                        parameters=report.parameters,
                        window=window,
                        origin=origin,
                        deadline=timedelta(hours=report.deadline_hours),
                        reuse_open=reuse_open,
                    )
                    if intent.state is IntentState.WANTED:
                        intent = await ask(ledger, client, intent)
                    intents.append(intent)
                except (CanvasError, RepeatedReportIdError) as error:
                    problems.append(error)
    if problems:
        raise problems[0]
    return intents


async def account_number(project: Project, client: CanvasClient, name: str | int) -> int:
    """Return the Canvas id of an account that is named by id, `self` or `sis_account_id:X`.

    When Canvas is away, the id that it gave before. Raises CanvasError if it never gave one, or refuses.
    """
    if isinstance(name, int) or name.isdecimal():
        return int(name)
    ledger, instance = project.ledger, project.settings.instance
    try:
        number = int((await show_account(client, name)).data["id"])
    except TransientCanvasError:
        known = remembered_account(ledger, instance, name)
        if known is None:
            raise
        return known
    remember_account(ledger, instance, name, number)
    return number


def report_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return one schedule for each distinct cron of the configured reports."""
    crons = sorted({report.cron for report in settings.reports if report.cron})
    return [_ask_at(cron, settings) for cron in crons]


def _in_letters(cron: str) -> str:
    """Return a cron as part of a name; two crons never share one."""
    for sign, letters in (("*", "x"), ("-", "to"), (",", "and"), ("/", "by")):
        cron = cron.replace(sign, letters)
    return re.sub(r"[^0-9a-z]", "_", cron.lower())


def _ask_at(cron: str, settings: Settings) -> dg.ScheduleDefinition:
    names = sorted({report.report for report in settings.reports if report.cron == cron})

    @dg.schedule(
        name="ask_reports_" + _in_letters(cron),
        job_name=ASK_JOB,
        cron_schedule=cron,
        execution_timezone=settings.canvas.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for {', '.join(names)}.",
    )
    def ask_reports_at(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        window = context.scheduled_execution_time.isoformat()
        return dg.RunRequest(
            run_key=f"{cron} {window}",
            run_config={"ops": {ASK_OP: {"config": {"reports": names, "window": window, "cron": cron}}}},
        )

    return ask_reports_at


def endpoint_schedule(job_name: str, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that pulls the endpoints."""
    return dg.ScheduleDefinition(
        name="pull_endpoints",
        job_name=job_name,
        cron_schedule=settings.sync.cron,
        execution_timezone=settings.canvas.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Pulls the directory and the analytics.",
    )

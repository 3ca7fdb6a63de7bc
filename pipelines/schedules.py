"""When reports are asked for and endpoints are pulled. Which ones, and how, follows from the settings."""

import re
from datetime import UTC

import dagster as dg
from pydantic import Field

from assets.failures import explained
from pipelines.asking import ask_reports
from pipelines.extract.interrupts import run_interruptibly
from pipelines.ledger import Intent
from pipelines.resources import Projects
from pipelines.settings import Settings

ASK_OP = "ask"
ASK_JOB = "ask_for_reports"


class AskConfig(dg.Config):
    """Which reports to ask for, and for which window: a window asks once, however often its run is repeated."""

    reports: list[str] = Field(default_factory=list)
    course_reports: list[str] = Field(default_factory=list)
    window: str
    origin: str = "schedule"
    reuse_open: bool = False
    cron: str = ""


# In no pool: it is a few light requests, and a pull of students can hold the pool for hours.
@dg.op(name=ASK_OP, out=dg.Out(dg.Nothing))
def ask_for_reports(context: dg.OpExecutionContext, config: AskConfig, projects: dg.ResourceParam[Projects]) -> None:
    """Ask Canvas for the configured reports; the sensor sees them finish."""
    project = projects.open()
    settings = project.settings
    wanted = [
        report
        for report in settings.reports
        if report.report in config.reports and (not config.cron or report.cron == config.cron)
    ]
    of_courses = [
        report
        for report in settings.course_reports
        if report.report in config.course_reports and (not config.cron or report.cron == config.cron)
    ]
    matched = {*(one.report for one in wanted), *(one.report for one in of_courses)}
    gone = sorted({*config.reports, *config.course_reports} - matched)
    if gone:
        when = f" with the cron {config.cron}" if config.cron else ""
        context.log.warning(
            f"Not asked for: {', '.join(gone)}. The settings have no such report{when} any more. If they were changed, "
            "start canvaslake up again: it reads the schedules when it starts."
        )

    def unanswered(intent: Intent, error: Exception) -> None:
        context.log.warning(f"{intent.report} of {intent.place}: {error} The next look finds out what came of it.")

    with explained():
        intents = run_interruptibly(
            ask_reports(
                project,
                wanted,
                window=config.window,
                origin=config.origin,
                reuse_open=config.reuse_open,
                course_reports=of_courses,
                on_unanswered=unanswered,
            )
        )
    for intent in intents:
        context.log.info(f"{intent.report} of {intent.place}: report {intent.report_id}, {intent.state}")


@dg.job(name=ASK_JOB, description="Ask Canvas for account reports. Each window asks once.")
def ask_for_reports_job() -> None:
    """Hold the one step that asks."""
    ask_for_reports()


def report_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return one schedule for each distinct cron of the configured reports."""
    crons = sorted({one for one in _all_crons(settings) if one})
    return [_ask_at(cron, settings) for cron in crons]


def _all_crons(settings: Settings) -> list[str | None]:
    return [*(one.cron for one in settings.reports), *(one.cron for one in settings.course_reports)]


def _in_letters(cron: str) -> str:
    """Return a cron as part of a name; two crons never share one."""
    for sign, letters in (("*", "x"), ("-", "to"), (",", "and"), ("/", "by")):
        cron = cron.replace(sign, letters)
    return re.sub(r"[^0-9a-z]", "_", cron.lower())


def _ask_at(cron: str, settings: Settings) -> dg.ScheduleDefinition:
    names = sorted({report.report for report in settings.reports if report.cron == cron})
    of_courses = sorted({report.report for report in settings.course_reports if report.cron == cron})

    @dg.schedule(
        name="ask_reports_" + _in_letters(cron),
        job_name=ASK_JOB,
        cron_schedule=cron,
        execution_timezone=settings.canvas.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for {', '.join((*names, *of_courses))}.",
    )
    def ask_reports_at(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        # In UTC: the same moment is the same window, whatever the settings call its time zone.
        window = context.scheduled_execution_time.astimezone(UTC).isoformat()
        config = {"reports": names, "course_reports": of_courses, "window": window, "cron": cron}
        return dg.RunRequest(run_key=f"{cron} {window}", run_config={"ops": {ASK_OP: {"config": config}}})

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

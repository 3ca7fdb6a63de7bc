"""`canvaslake doctor`: what works and what does not between this machine and Canvas, each with the next step.

It asks and never changes anything. The order is that of dependence: what would fail anyway is not asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pipelines.canvas import CanvasClient, CanvasError, collect
from pipelines.canvas.account_reports import report_catalog
from pipelines.canvas.accounts import show_account
from pipelines.canvas.analytics import CURRENT, department_statistics
from pipelines.canvas.course_analytics import course_activity, student_summaries
from pipelines.canvas.courses import account_courses
from pipelines.canvas.errors import ForbiddenError, NotFoundError
from pipelines.canvas.student_analytics import student_communication
from pipelines.canvas.terms import terms
from pipelines.canvas.users import show_self
from pipelines.cli.console import put_table
from pipelines.cli.demo_canvas import is_demo
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.unknown_ids import unknown_id_warnings
from pipelines.load.catalog import offered_reports
from pipelines.load.report_parameters import parameter_problems
from pipelines.project import Project
from pipelines.settings import Settings, SettingsError, load_settings

_LOW_QUOTA = 150


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `code` is its exit code where it is wrong; what is not right without one is a warning."""

    subject: str
    ok: bool
    detail: str
    code: ExitCode = ExitCode.OK

    def as_json(self) -> dict[str, object]:
        """Return the finding for programs."""
        return {"subject": self.subject, "ok": self.ok, "detail": self.detail, "exit_code": int(self.code)}


def examine() -> list[Finding]:
    """Look at everything, as far as each step allows the next."""
    try:
        settings = load_settings()
        settings.require_canvas()
    except SettingsError as error:
        return [Finding("settings", False, str(error), ExitCode.SETTINGS)]
    where = settings.config_path or "the environment"
    findings = [Finding("settings", True, f"{where}; data in {settings.home}")]
    project = Project(settings)
    findings += asyncio.run(_ask(project))
    findings += _unknown_ids(project)
    findings += _published(settings)
    return findings


def show(findings: list[Finding]) -> None:
    """Print findings as a table."""
    put_table(["", "what", "found"], [[_mark(f), f.subject, f.detail] for f in findings])


def _mark(finding: Finding) -> str:
    if finding.ok:
        return "ok"
    return "!!" if finding.code else "!"


def _wrong(subject: str, error: CanvasError) -> Finding:
    return Finding(subject, False, str(error), exit_code_of(error))


async def _ask(project: Project) -> list[Finding]:
    findings: list[Finding] = []
    try:
        client = project.client(light=True)
    except CanvasError as error:
        return [_wrong("address", error)]
    async with client:
        try:
            top = await show_account(client, project.settings.canvas.accounts[0])
        except (ForbiddenError, NotFoundError):
            findings.append(Finding("connection", True, f"{client.base_url} answers as Canvas does"))
        except CanvasError as error:
            if is_demo(project.settings) and exit_code_of(error) is ExitCode.CONNECTION:
                hint = "the demo Canvas is only up during `canvaslake demo` and `canvaslake --demo up`"
                return [Finding("connection", False, hint, ExitCode.CONNECTION)]
            subject = "token" if exit_code_of(error) is ExitCode.TOKEN else "connection"
            return [_wrong(subject, error)]
        else:
            findings.append(Finding("connection", True, f"{client.base_url} answers as Canvas does"))
            findings.append(await _token(client))
            findings.append(_quota(top.remaining))
        for account in project.settings.canvas.accounts:
            findings += await _account(client, project, account)
    return findings


async def _token(client: CanvasClient) -> Finding:
    try:
        me = await show_self(client)
    except CanvasError:
        # A token with scopes need not be allowed to say whose it is; that it was accepted is known by now.
        return Finding("token", True, "accepted by Canvas")
    return Finding("token", True, f"accepted by Canvas; belongs to user {me.data['id']}")


def _quota(remaining: float | None) -> Finding:
    if remaining is None:
        return Finding("quota", True, "Canvas sends no quota headers here; requests go out a few at a time")
    if remaining < _LOW_QUOTA:
        detail = f"only {remaining:.0f} left: another program uses this token. Give canvaslake a token of its own."
        return Finding("quota", False, detail, ExitCode.CONNECTION)
    return Finding("quota", True, f"{remaining:.0f} left")


async def _account(client: CanvasClient, project: Project, account: str | int) -> list[Finding]:
    settings = project.settings
    subject = f"account {account}"
    try:
        found = await show_account(client, account)
    except CanvasError as error:
        return [_wrong(subject, error)]
    number = int(found.data["id"])
    is_root = found.data.get("root_account_id") in (None, number)
    findings = [Finding(subject, True, f"id {number}, {'a root account' if is_root else 'a sub-account'}")]

    async def first_page(pages: Any) -> None:
        async for _ in pages:
            return

    tries: list[tuple[str, str, Any]] = [
        ("read_course_list", "courses", lambda: first_page(account_courses(client, number, include=()))),
        ("view_analytics", "department analytics", lambda: department_statistics(client, number, CURRENT)),
        ("read_reports", "account reports", lambda: first_page(report_catalog(client, number))),
    ]
    if is_root:
        tries.insert(0, ("read_terms", "terms", lambda: first_page(terms(client, number))))
    for right, what, question in tries:
        # Asked and not looked up in the list of permissions: what counts is whether the endpoint answers.
        findings.append(await _tried(f"{right} ({what})", question, may_be_missing=False))
    if all(finding.ok for finding in findings):
        findings += await _courses(client, settings, number)
    findings += await _reports(project, client, number)
    return findings


async def _courses(client: CanvasClient, settings: Settings, account: int) -> list[Finding]:
    """Try course and student analytics on the first course that has students; what is missing there is missing."""
    try:
        async for page in account_courses(client, account, include=("total_students",)):
            course = next(
                (r for r in page.data if r.get("workflow_state") == "available" and r.get("total_students")), None
            )
            break
    except CanvasError:
        return []
    if course is None:
        return []
    number = int(course["id"])
    findings = [
        await _tried("view_analytics, read_as_admin (course analytics)", lambda: course_activity(client, number))
    ]
    if not findings[0].ok:
        return findings
    students: list[int] = []

    async def summaries() -> None:
        async for page in student_summaries(client, number):
            students.extend(int(record["id"]) for record in page.data)
            return

    findings.append(await _tried("view_all_grades or manage_grades (student summaries)", summaries))
    if students and settings.sync.student_analytics != "off":
        ask = partial(student_communication, client, number, students[0])
        findings.append(await _tried("read_grades (student analytics)", ask))
    return findings


async def _tried(subject: str, question: Callable[[], Awaitable[object]], *, may_be_missing: bool = True) -> Finding:
    try:
        await question()
    except CanvasError as error:
        if may_be_missing and isinstance(error, NotFoundError):
            return Finding(subject, True, "nothing there to try it on")
        return _wrong(subject, error)
    return Finding(subject, True, "may be read")


async def _reports(project: Project, client: CanvasClient, account: int) -> list[Finding]:
    reports = project.settings.reports
    if not reports:
        return [Finding("reports", True, "none configured; canvaslake reports catalog shows what there is")]
    try:
        # Asked without recording what came or went: the doctor changes nothing.
        offered = offered_reports(await collect(report_catalog(client, account)))
    except CanvasError:
        return []
    problems = [
        f"{report.report}: {problem}"
        for report in reports
        for problem in parameter_problems(report.report, report.parameters, offered, by_term=report.terms is not None)
    ]
    if problems:
        detail = f"{' '.join(problems)} See: canvaslake reports catalog"
        return [Finding("reports", False, detail, ExitCode.SETTINGS)]
    return [Finding("reports", True, f"all {len(reports)} configured ones are offered, and take their parameters")]


def _unknown_ids(project: Project) -> list[Finding]:
    if not project.paths.published.exists():
        # Nothing is loaded then; looking would make a ledger, and the doctor changes nothing.
        return []
    warnings = unknown_id_warnings(project, with_accounts=False)
    return [Finding("settings", False, warning) for warning in warnings]


def _published(settings: Settings) -> list[Finding]:
    path = Project(settings).paths.published
    if not path.exists():
        return [Finding("published file", True, "none yet. Next: canvaslake sync")]
    made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return [Finding("published file", True, f"{path}, made {made:%Y-%m-%d %H:%M} UTC")]

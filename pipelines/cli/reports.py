"""`canvaslake reports`: what Canvas offers, what was asked for, how it stands, and what a person can do about it."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pipelines.asking import NOT_ASKED, TERM_PARAMETER, account_number, ask_reports
from pipelines.canvas import CanvasClient
from pipelines.canvas.account_reports import abort_run
from pipelines.canvas.errors import NotFoundError
from pipelines.cli.app import current_project
from pipelines.cli.command_line import CommandLine
from pipelines.cli.console import put_json, put_table, say
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.report_files import file_id, load_by_hand, load_kept_again, take_out
from pipelines.cli.unknown_names import meant
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.catalog import CatalogChange, OfferedReport
from pipelines.ledger.intents import Outcome, all_intents, get_intent
from pipelines.ledger.report_facts import record_failed, record_status, unpark
from pipelines.load.catalog import read_catalog
from pipelines.load.report_parameters import parameter_problems
from pipelines.load.reports import still_speaks
from pipelines.looking import delete_report
from pipelines.normalize.contracts import REPORTS, report_contract
from pipelines.project import Project
from pipelines.settings import ReportSettings

app = CommandLine(no_args_is_help=True, help="Account reports: what Canvas offers, what was asked for, how it stands.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The id in the first column of `reports list`.")]
ParameterOption = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="name=value; may be given several times.")
]

T = TypeVar("T")

_CLOCK_DIFFERENCE = timedelta(minutes=5)


@app.command()
def catalog(as_json: Json = False) -> None:
    """List the reports that this Canvas offers, with their parameters, and check the configured ones against it."""
    project = current_project()
    offered, change = _with_client(project, lambda client: _catalog(project, client))
    problems = [
        f"{one.report}: {problem}"
        for one in project.settings.reports
        for problem in parameter_problems(one.report, one.parameters, offered, by_term=one.terms is not None)
    ]
    if as_json:
        put_json([_entry(one) for one in offered.values()])
    else:
        rows = [
            [
                one.report,
                one.title,
                ", ".join(one.parameters),
                ", ".join(one.required),
                "typed tables" if report_contract(one.report) else "text columns",
            ]
            for one in offered.values()
        ]
        put_table(["report", "title", "parameters", "required", "loads as"], rows)
    for words, names in (("New since the last look", change.appeared), ("No longer offered", change.vanished)):
        if names:
            say(f"{words}: {', '.join(names)}")
    for problem in problems:
        say(f"! {problem}")
    if problems:
        raise typer.Exit(ExitCode.SETTINGS)


async def _catalog(project: Project, client: CanvasClient) -> tuple[dict[str, OfferedReport], CatalogChange]:
    account = await account_number(project, client, project.settings.canvas.accounts[0])
    return await read_catalog(project.ledger, client, project.settings.instance, account)


def _entry(one: OfferedReport) -> dict[str, object]:
    contract = report_contract(one.report)
    tables = [table.qualified for table in contract.tables.values()] if contract else []
    return {"report": one.report, "title": one.title, "parameters": one.parameters, "typed_tables": tables}


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the reports that were asked for, newest first, with how each stands."""
    intents = list(reversed(all_intents(current_project().ledger)))
    if as_json:
        put_json([_as_json(intent) for intent in intents])
        return
    put_table(
        ["id", "report", "of", "state", "in Canvas", "wanted (UTC)", "loaded (UTC)", "failure"],
        [
            [
                intent.intent_id,
                intent.report,
                _about(intent),
                intent.state.value,
                f"{intent.report_id or ''} {intent.status or ''}".strip(),
                _time(intent.wanted_at),
                _time(intent.loaded_at),
                None if intent.state is IntentState.LOADED else intent.failure,
            ]
            for intent in intents
        ],
    )


@app.command()
def status(intent_id: Number) -> None:
    """Tell the whole story of one report, as JSON."""
    put_json(_as_json(_intent(current_project(), intent_id)))


@app.command()
def start(
    report: Annotated[str, typer.Argument(help="Name of the report in Canvas, such as grade_export_csv.")],
    parameter: ParameterOption = None,
) -> None:
    """Ask Canvas for a report now. The daemon loads it when it finishes; so does the next sync.

    What is under way already with the same parameters is not asked for a second time.
    """
    project = current_project()
    configured = [one for one in project.settings.reports if one.report == report]
    of_courses = [one for one in project.settings.course_reports if one.report == report]
    if not configured and not of_courses:
        _refuse_unknown(project, report)
    wanted = configured if configured and not parameter else [_wanted(report, parameter or [])]
    of_courses = [one.model_copy(update={"parameters": _values(parameter)}) if parameter else one for one in of_courses]
    window = f"command {uuid.uuid4().hex[:12]}"
    problem: Exception | None = None
    try:
        intents = asyncio.run(
            ask_reports(
                project,
                [] if of_courses else wanted,
                window=window,
                origin="command",
                course_reports=of_courses,
            )
        )
    except NOT_ASKED as error:
        # Some may have been started all the same, and one that was not answered is looked for.
        intents = [intent for intent in all_intents(project.ledger) if intent.window == window]
        problem = error
    for intent in intents:
        joined = "" if intent.window == window else ", which was under way already,"
        if intent.report_id is not None:
            say(
                f"{intent.report} of {_about(intent)}: report {intent.report_id}{joined} is {intent.status}. "
                f"For reports status, abort and delete it is {intent.intent_id}."
            )
        elif intent.state in (IntentState.WANTED, IntentState.POSTING):
            say(f"{intent.report} of {intent.place} is noted, and seen to by the daemon or the next canvaslake sync.")
    if problem is not None:
        say(str(problem))
        raise typer.Exit(exit_code_of(problem))


@app.command()
def abort(intent_id: Number) -> None:
    """Stop a report in Canvas that is running and was started from here."""
    project = current_project()
    intent = _own(project, intent_id, "aborted")
    if intent.state is not IntentState.ASKED or intent.course_id is not None:
        why = "Canvas cannot abort reports about courses" if intent.course_id else f"it is {intent.state.value}"
        say(f"Report {intent_id} cannot be aborted: {why}. See: canvaslake reports status {intent_id}")
        raise typer.Exit(ExitCode.USAGE)

    async def ask_to_abort(client: CanvasClient) -> None:
        await abort_run(client, intent.account_id or 0, intent.report, intent.report_id or 0)

    try:
        _with_client(project, ask_to_abort)
    except NotFoundError:
        say(
            f"Canvas did not abort report {intent.report_id}: it aborts only running ones, and this one waits, is done "
            f"or is gone. To drop it all the same: canvaslake reports delete {intent_id}"
        )
        raise typer.Exit(ExitCode.REPORT) from None
    record_status(project.ledger, intent_id, status="aborted", progress=None, ended_at=None)
    record_failed(project.ledger, intent_id, "Aborted by canvaslake reports abort", outcome=Outcome.CANCELLED)
    say(f"{intent.report} {intent.report_id} of {intent.place} is aborted. Its tables keep their rows.")


@app.command()
def delete(intent_id: Number) -> None:
    """Delete a report in Canvas that was started from here. What was loaded of it stays."""
    project = current_project()
    intent = _own(project, intent_id, "deleted")
    if intent.course_id is not None or intent.report_id is None:
        say(f"Report {intent_id} cannot be deleted: Canvas has none that could be.")
        raise typer.Exit(ExitCode.USAGE)
    _with_client(project, lambda client: delete_report(project, client, intent))
    record_failed(project.ledger, intent_id, "Deleted by canvaslake reports delete", outcome=Outcome.CANCELLED)
    say(f"{intent.report} {intent.report_id} of {intent.place} is deleted in Canvas.")


@app.command()
def retry(intent_id: Number) -> None:
    """Free a report that was parked after too many failed loads; the daemon or the next sync loads it."""
    if not unpark(current_project().ledger, intent_id):
        say(f"There is no parked report with the id {intent_id}. See: canvaslake reports list")
        raise typer.Exit(ExitCode.USAGE)
    say(f"Report {intent_id} is free again. Next: canvaslake sync, or wait for the daemon.")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A CSV or ZIP that Canvas made.")],
    report: Annotated[
        str | None, typer.Option(help="Name of the report; without it, the name of the file says it.")
    ] = None,
    parameter: ParameterOption = None,
    account: Annotated[str | None, typer.Option(help="The account it is about; the first configured one.")] = None,
    ended_at: Annotated[
        str | None, typer.Option(help="When Canvas made it, such as 2026-11-01T03:00:00Z; the time of the file.")
    ] = None,
    older_too: Annotated[
        bool, typer.Option("--older-too", help="Load it although it is older than the rows that it replaces.")
    ] = False,
) -> None:
    """Load a file of a report by hand, as if it had just been downloaded; a newer report replaces it.

    Without parameters it counts as one with the configured ones, and replaces their rows.
    """
    project = current_project()
    if not file.is_file():
        say(f"{file} is not a file. Give the path of a CSV or ZIP that Canvas made.")
        raise typer.Exit(ExitCode.USAGE)
    name = report or file_id(file)
    if name is None:
        say(f"{file.name} does not begin with the name of a report. Say which it is: --report provisioning_csv")
        raise typer.Exit(ExitCode.USAGE)
    configured = [one for one in project.settings.reports if one.report == name]
    if not configured:
        _refuse_unknown(project, name)
    wanted = configured[0] if configured and not parameter else _wanted(name, parameter or [])
    moment = _moment(ended_at, file)
    if moment > project.clock() + _CLOCK_DIFFERENCE:
        say(f"{moment:%Y-%m-%d %H:%M} UTC is in the future: rows from then would outlast every newer report.")
        raise typer.Exit(ExitCode.USAGE)
    outcome = load_by_hand(project, file, wanted, account=account, ended_at=moment, older_too=older_too)
    for table, rows in outcome.rows.items():
        bad = outcome.quarantined.get(table, 0)
        say(f"{table}: {rows:,} rows" + (f", {bad:,} in meta.quarantine" if bad else ""))
    say(f"{outcome.result.value}. Next: canvaslake publish")


@app.command()
def unload(intent_id: Number) -> None:
    """Take the rows that a report or a file brought out of the tables. Nothing is deleted in Canvas."""
    project = current_project()
    intent = _intent(project, intent_id)
    if intent.state is not IntentState.LOADED or not still_speaks(project.ledger, intent):
        say(f"Report {intent_id} has no rows in the tables now. See: canvaslake reports list")
        raise typer.Exit(ExitCode.USAGE)
    tables = take_out(project, intent)
    say(f"The rows of {intent.report} of {_about(intent)} are out of {', '.join(tables)}.")
    say(f"Next: canvaslake publish {' '.join(f'--accept {table}' for table in tables)}")


@app.command()
def reload(
    report: Annotated[str | None, typer.Argument(help="Name of the report; without it, every report.")] = None,
) -> None:
    """Read the files that are kept anew, as their columns are declared now. Canvas is not asked."""
    project = current_project()
    done, refused = load_kept_again(project, report)
    if refused and not done:
        raise typer.Exit(ExitCode.REPORT)
    if not done:
        days = project.settings.lake.keep_files_days
        say(
            f"No file of {report or 'a report'} is kept that has live rows. Files are kept for {days:g} days: "
            "[lake] keep_files_days."
        )
        raise typer.Exit(ExitCode.REPORT)
    put_table(["file", "rows", "outcome"], [[one.load_id, sum(one.rows.values()), one.result.value] for one in done])
    say("Next: canvaslake publish")


def _refuse_unknown(project: Project, report: str) -> None:
    """End the command if nothing would load a report: it has no declared tables and is not in the settings."""
    if report_contract(report) is not None:
        return
    add = (
        f'Add it to {project.settings.config_path or "canvaslake.toml"} as [[reports]] with report = "{report}", and '
        "its columns load as text."
    )
    settings = project.settings
    known = {*REPORTS, *(one.report for one in settings.reports), *(one.report for one in settings.course_reports)}
    say(f"{report} has no declared tables and is not in the settings. {meant(report, known, add)}")
    raise typer.Exit(ExitCode.SETTINGS)


def _with_client(project: Project, work: Callable[[CanvasClient], Awaitable[T]]) -> T:
    async def main() -> T:
        async with project.client(light=True) as client:
            return await work(client)

    return asyncio.run(main())


def _intent(project: Project, intent_id: int) -> Intent:
    try:
        return get_intent(project.ledger, intent_id)
    except KeyError:
        say(f"There is no report with the id {intent_id}. See: canvaslake reports list")
        raise typer.Exit(ExitCode.USAGE) from None


def _own(project: Project, intent_id: int, what: str) -> Intent:
    """Return an intent whose report was started from here; only such are touched in Canvas."""
    intent = _intent(project, intent_id)
    if not intent.is_own:
        say(f"Report {intent_id} is not {what}: it is not certain that canvaslake started it, so it leaves it alone.")
        raise typer.Exit(ExitCode.USAGE)
    return intent


def _wanted(report: str, parameters: list[str]) -> ReportSettings:
    return ReportSettings.model_validate({"report": report, "parameters": _values(parameters)})


def _values(parameters: list[str]) -> dict[str, str | bool | list[str]]:
    """Return parameters given as name=value; one that is given several times is a list."""
    values: dict[str, list[str]] = {}
    for text in parameters:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{text!r} is not of the form name=value")
        values.setdefault(name, []).append(value)
    words = {"true": True, "false": False}
    return {name: words.get(one[0].lower(), one[0]) if len(one) == 1 else one for name, one in values.items()}


def _moment(text: str | None, file: Path) -> datetime:
    if text is None:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time like 2026-11-01T03:00:00Z") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; write it with Z or +01:00")
    return moment


def _about(intent: Intent) -> str:
    term = intent.parameters.get(TERM_PARAMETER)
    return intent.place if term is None else f"{intent.place}, term {term}"


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _as_json(intent: Intent) -> dict[str, object]:
    return {
        **{name: getattr(intent, name) for name in intent.__dataclass_fields__},
        "parameters": json.loads(json.dumps(intent.parameters)),
        "state": intent.state.value,
        "needs_a_person": intent.state is IntentState.PARKED,
    }

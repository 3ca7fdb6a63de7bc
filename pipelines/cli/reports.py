"""`canvaslake reports`: what Canvas offers, what was asked for, and how it stands."""

import asyncio
import json
import uuid
from typing import Annotated

import typer

from pipelines.canvas import Record, collect
from pipelines.canvas.account_reports import report_catalog
from pipelines.cli.app import current_project
from pipelines.cli.command_line import CommandLine
from pipelines.cli.console import put_json, put_table, say
from pipelines.cli.exit_codes import ExitCode
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import all_intents, get_intent, unpark
from pipelines.normalize.contracts import report_contract
from pipelines.project import Project
from pipelines.settings import ReportSettings

app = CommandLine(no_args_is_help=True, help="Account reports: what Canvas offers, what was asked for, how it stands.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def catalog(as_json: Json = False) -> None:
    """List the reports that this Canvas offers, with their parameters."""
    project = current_project()
    found = asyncio.run(_catalog(project))
    if as_json:
        put_json(found)
        return
    rows = []
    for record in found:
        name, parameters = str(record.get("report")), record.get("parameters") or {}
        required = [key for key, value in parameters.items() if isinstance(value, dict) and value.get("required")]
        declared = "typed tables" if report_contract(name) else "text columns"
        rows.append([name, record.get("title"), ", ".join(parameters), ", ".join(required), declared])
    put_table(["report", "title", "parameters", "required", "loads as"], rows)


async def _catalog(project: Project) -> list[Record]:
    async with project.client(light=True) as client:
        return await collect(report_catalog(client, project.settings.canvas.accounts[0]))


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the reports that were asked for, newest first, with how each stands."""
    intents = list(reversed(all_intents(current_project().ledger)))
    if as_json:
        put_json([_as_json(intent) for intent in intents])
        return
    put_table(
        ["id", "report", "account", "state", "in Canvas", "asked", "loaded", "failure"],
        [
            [
                intent.intent_id,
                intent.report,
                str(intent.account_id),
                intent.state.value,
                f"{intent.report_id or ''} {intent.status or ''}".strip(),
                _time(intent.asked_at),
                _time(intent.loaded_at),
                intent.failure,
            ]
            for intent in intents
        ],
    )


@app.command()
def status(intent_id: Annotated[int, typer.Argument(help="The id in the first column of `reports list`.")]) -> None:
    """Tell the whole story of one report, as JSON."""
    try:
        put_json(_as_json(get_intent(current_project().ledger, intent_id)))
    except KeyError:
        say(f"There is no report with the id {intent_id}. See: canvaslake reports list")
        raise typer.Exit(ExitCode.USAGE) from None


@app.command()
def start(
    report: Annotated[str, typer.Argument(help="Name of the report in Canvas, such as grade_export_csv.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value; may be given several times.")
    ] = None,
) -> None:
    """Ask Canvas for a report now. The daemon loads it when it finishes; so does the next sync."""
    from pipelines.schedules import ask_reports  # Dagster takes a second to import, and only this command needs it

    project = current_project()
    configured = [one for one in project.settings.reports if one.report == report]
    if not configured and report_contract(report) is None:
        say(
            f"{report} has no declared tables and is not in the settings, so nothing would load it. Add it to "
            f'{project.settings.config_path or "canvaslake.toml"} as [[reports]] with report = "{report}".'
        )
        raise typer.Exit(ExitCode.SETTINGS)
    wanted = configured[:1] if configured and not parameter else [_wanted(report, parameter or [])]
    window = f"command {uuid.uuid4().hex[:12]}"
    intents = asyncio.run(ask_reports(project, wanted, window=window, origin="command"))
    for intent in intents:
        say(f"{intent.report} of account {intent.account_id}: report {intent.report_id} is {intent.status}.")


@app.command()
def retry(intent_id: Annotated[int, typer.Argument(help="The id in the first column of `reports list`.")]) -> None:
    """Free a report that was parked after too many failed loads; the daemon or the next sync loads it."""
    if not unpark(current_project().ledger, intent_id):
        say(f"There is no parked report with the id {intent_id}. See: canvaslake reports list")
        raise typer.Exit(ExitCode.USAGE)
    say(f"Report {intent_id} is free again. Next: canvaslake sync, or wait for the daemon.")


def _wanted(report: str, parameters: list[str]) -> ReportSettings:
    values: dict[str, str | bool] = {}
    for text in parameters:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{text!r} is not of the form name=value")
        values[name] = {"true": True, "false": False}.get(value.lower(), value)
    return ReportSettings.model_validate({"report": report, "parameters": values})


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _as_json(intent: Intent) -> dict[str, object]:
    return {
        **{name: getattr(intent, name) for name in intent.__dataclass_fields__},
        "parameters": json.loads(json.dumps(intent.parameters)),
        "state": intent.state.value,
        "needs_a_person": intent.state is IntentState.PARKED,
    }

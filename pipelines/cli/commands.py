"""The commands, in the order in which a newcomer needs them. What each does stands in a module of its own."""

import re
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import reports, token
from pipelines.cli.app import app, current_project
from pipelines.cli.console import put, put_json, say, say_held_back
from pipelines.cli.exit_codes import ExitCode
from pipelines.ledger import CoverageStatus
from pipelines.serve import FORMATS, describe_table, list_tables, render, run_query, to_terminal

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsOf = Annotated[
    str | None,
    typer.Option(help="A kept generation: its number, or a date or time for the newest published by then."),
]


def register() -> None:
    """Put the groups of commands on the command line; single commands are there by their decorators."""
    app.add_typer(reports.app, name="reports")
    app.add_typer(token.app, name="token")


@app.command()
def demo(
    institution: Annotated[
        Path | None, typer.Option(help="A folder of OULAD files to serve in place of the invented university.")
    ] = None,
    report_seconds: Annotated[float, typer.Option(help="How long the demo Canvas takes for a report.")] = 3.0,
) -> None:
    """Start a Canvas of our own, run the main job on it, and show what came of it."""
    from pipelines.cli.demo import run_demo

    raise typer.Exit(run_demo(institution, report_seconds))


@app.command()
def init(
    base_url: Annotated[str | None, typer.Option(help="Address of Canvas, such as https://canvas.example.edu.")] = None,
    account: Annotated[str, typer.Option(help="Account to pull: an id, sis_account_id:X, or self.")] = "self",
    time_zone: Annotated[str | None, typer.Option(help="Time zone of the schedules, such as America/Denver.")] = None,
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="Read the token from standard input.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace settings that are there.")] = False,
) -> None:
    """Write canvaslake.toml and a .env with the token that only you can read."""
    from pipelines.cli.init import write_settings

    write_settings(
        Path.cwd(), base_url=base_url, account=account, time_zone=time_zone, token_stdin=token_stdin, force=force
    )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at settings, connection, token, rights and quota, and say what is wrong and what to do."""
    from pipelines.cli.doctor import examine, show

    findings = examine()
    if as_json:
        put_json([finding.as_json() for finding in findings])
    else:
        show(findings)
    raise typer.Exit(next((finding.code for finding in findings if finding.code), ExitCode.OK))


@app.command()
def plan(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables, schemas or reports, as `canvaslake sync` takes them.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Price a sync with --full.")] = False,
    as_json: Json = False,
) -> None:
    """Price the next sync before it is spent: questions, requests, rows, time, and what other settings would save."""
    from pipelines.cli.plan import run_plan
    from pipelines.cli.unknown_names import UnknownTableError

    try:
        code = run_plan(current_project(), names or [], full=full, as_json=as_json)
    except UnknownTableError as error:
        say(str(error))
        raise typer.Exit(ExitCode.USAGE) from None
    raise typer.Exit(code)


@app.command()
def sync(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables, schemas or reports to narrow it to, such as canvas.terms.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Ask about settled terms and about every student, too.")] = False,
) -> None:
    """Ask for reports, pull the endpoints, load what finished, refresh the models, publish: everything once."""
    from pipelines.cli.sync import report_outcome
    from pipelines.cli.sync import sync as run
    from pipelines.cli.unknown_names import UnknownTableError

    project = current_project()
    try:
        outcome = run(project, names or [], full=full)
    except UnknownTableError as error:
        say(str(error))
        raise typer.Exit(ExitCode.USAGE) from None
    report_outcome(project, outcome)
    raise typer.Exit(outcome.exit_code)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster page.")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the Dagster page listens on.")] = "127.0.0.1",
    without_login: Annotated[
        bool, typer.Option("--without-login", help="Allow a --host that others can reach: the page has no login.")
    ] = False,
) -> None:
    """Start the Dagster page and the daemon: schedules ask, the sensor sees reports finish, the file follows."""
    from pipelines.cli.up import run_up

    raise typer.Exit(run_up(current_project(), host=host, port=port, without_login=without_login))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One statement that reads; - reads it from standard input.")],
    form: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    as_json: Json = False,
    limit: Annotated[int | None, typer.Option(help="Rows at most; 0 for all. 1,000 for tables.")] = None,
    as_of: AsOf = None,
) -> None:
    """Ask the published file a question in SQL. It can read, and do nothing else."""
    from pipelines.cli.which_file import file_meant

    if as_json and form not in ("table", "json"):
        raise typer.BadParameter(f"--json and --format {form} are two formats; name one", param_hint="--format")
    form = "json" if as_json else form
    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    most = limit if limit is not None else (1000 if form in ("table", "markdown") else 0)
    text = sys.stdin.read() if sql == "-" else sql
    result = run_query(file_meant(current_project(), as_of), text, limit=most or None)
    if form == "table" and sys.stdout.isatty():
        put(to_terminal(result, width=shutil.get_terminal_size().columns, color=True))
    else:
        put(render(result, form))
    say_held_back(result.held_back)


@app.command()
def export(
    question: Annotated[
        str,
        typer.Argument(metavar="TABLE_OR_SQL", help="A table, or one statement that reads; - reads standard input."),
    ],
    to: Annotated[Path, typer.Option(help="File to write, ending in .parquet, .csv or .xlsx.")],
    form: Annotated[
        str | None, typer.Option("--format", "-f", help="parquet, csv or xlsx, whatever the file ends in.")
    ] = None,
    as_of: AsOf = None,
    raw: Annotated[bool, typer.Option("--raw", help="CSV: leave texts that look like formulas as they are.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a table, or the answer to a question in SQL, to a Parquet, CSV or Excel file."""
    from pipelines.cli.export import run_export

    run_export(current_project(), question, to, form=form, as_of=as_of, raw=raw, force=force)


@app.command()
def tables(
    table: Annotated[str | None, typer.Argument(help="A table to describe, such as marts.dim_course.")] = None,
    schema: Annotated[str | None, typer.Option(help="Only the tables of this schema, such as marts.")] = None,
    as_json: Json = False,
) -> None:
    """List the tables of the published file, or describe one with its columns."""
    from pipelines.cli import tables as view

    if table is not None and schema is not None:
        raise typer.BadParameter("a TABLE or a --schema, not both")
    path = current_project().paths.published
    if table is not None:
        described = describe_table(path, table)
        if as_json:
            put_json(view.as_json(described))
        else:
            view.show_description(described)
        return
    entries = list_tables(path)
    if schema is not None:
        entries = view.of_schema(entries, schema)
    if as_json:
        put_json([asdict(entry) for entry in entries])
    else:
        view.show_list(entries)


@app.command()
def coverage(
    course: Annotated[int | None, typer.Option(help="Only questions about this course, one by one.")] = None,
    account: Annotated[str | None, typer.Option(help="Only questions about this account, one by one.")] = None,
    student: Annotated[
        str | None, typer.Option(help="Only questions about a student in a course: COURSE/USER.")
    ] = None,
    status: Annotated[
        CoverageStatus | None, typer.Option(help="Only questions that ended so, one by one.", show_choices=True)
    ] = None,
    endpoint: Annotated[str, typer.Option(help="Only endpoints whose name holds this text, one by one.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Single questions at most, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Tell how the last question to Canvas about each scope ended, and what needs attention."""
    from pipelines.cli.coverage import show_rows, show_summary

    scopes = [("account", account), ("course", None if course is None else str(course)), ("student", student)]
    chosen = [(kind, str(scope)) for kind, scope in scopes if scope is not None]
    if len(chosen) > 1:
        raise typer.BadParameter("one of --course, --account and --student at a time")
    if student is not None and not re.fullmatch(r"\d+/\d+", student):
        raise typer.BadParameter(f"{student!r} is not of the form COURSE/USER", param_hint="--student")
    project = current_project()
    if chosen or status is not None or endpoint:
        show_rows(
            project,
            scope=chosen[0] if chosen else None,
            status=status,
            endpoint=endpoint,
            limit=limit,
            as_json=as_json,
        )
    else:
        show_summary(project, as_json=as_json)


@app.command()
def overview(
    to: Annotated[Path | None, typer.Option(help="File or folder to write to; without it the data directory.")] = None,
    account: Annotated[int | None, typer.Option(help="Id of an account; the highest one without it.")] = None,
) -> None:
    """Write one HTML page about activity, grades, submissions and coverage, which opens without network."""
    from pipelines.cli.overview import write_overview

    write_overview(current_project(), to=to, account=account)


@app.command()
def publish(
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A table whose new rows are right, although a check holds them back; may be repeated."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Build the file anew from the lake alone, not from what has changed.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help="Make the warehouse as it was then, beside the published one: a date, or a time."),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="With --as-of: the file to write.")] = None,
) -> None:
    """Publish what is loaded, without asking Canvas for anything; it also ends a rollback."""
    from pipelines.cli.publish import run_as_of, run_publish

    if as_of is not None and (accept or full):
        raise typer.BadParameter("--as-of makes a file beside the published one: without --accept and --full")
    if to is not None and as_of is None:
        raise typer.BadParameter("--to goes with --as-of: the published file has its place")
    project = current_project()
    if as_of is not None:
        raise typer.Exit(run_as_of(project, as_of, to))
    raise typer.Exit(run_publish(project, accept or (), full=full))


@app.command()
def rollback(
    generation: Annotated[
        int | None, typer.Argument(help="Number of a generation that is kept; the one before the present without it.")
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the generations that are kept.")] = False,
    as_json: Json = False,
) -> None:
    """Make an older generation the published file again, until you publish."""
    from pipelines.cli.rollback import run_rollback, show_generations

    if list_them and generation is not None:
        raise typer.BadParameter("a GENERATION or --list, not both")
    if list_them:
        show_generations(current_project(), as_json=as_json)
    else:
        run_rollback(current_project(), generation, as_json=as_json)

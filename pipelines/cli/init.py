"""`canvaslake init`: a settings file to start from, and a secret file that only its owner can read."""

import os
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path

import typer

from pipelines.canvas.errors import CanvasError
from pipelines.canvas.origin import Origin
from pipelines.cli.console import say
from pipelines.cli.exit_codes import ExitCode
from pipelines.private_files import write_private
from pipelines.settings import CONFIG_NAME, CanvasSettings

_TEMPLATE = """\
# canvaslake: what is pulled from Canvas, and when. Secrets are in .env, never here.

home = {home}                              # the data directory: warehouse.duckdb, lake/, state/, dagster/

[canvas]
base_url = {base_url}
accounts = [{account}]                        # the accounts to pull, with everything below them
time_zone = {time_zone}                          # of the schedules below

[sync]
cron = "0 5 * * *"                          # when the endpoints are pulled; Canvas caches analytics for 12 hours
terms = "active"                            # "active" asks about settled terms once; "all", or a list of ids
departments = "all"                         # accounts whose department analytics are pulled: "all", "roots", or ids
student_analytics = {student_analytics}               # "off", "changed" (students whose summary has moved), or "all"
student_accounts = {student_accounts}                    # "all", or ids of accounts: only in their courses

[[reports]]
report = "provisioning_csv"
cron = "0 3 * * *"
parameters = {{ users = true, accounts = true, terms = true, courses = true, sections = true, enrollments = true, \
groups = true, group_categories = true, group_membership = true, xlist = true, user_observers = true, \
admins = true, include_deleted = true }}

[[reports]]
report = "grade_export_csv"
cron = "0 3 * * *"
parameters = {{ include_deleted = true, enrollment_term_id = "" }}   # "" asks for all terms; or terms = "active"
"""


def settings_text(
    *,
    base_url: str,
    account: str = "self",
    time_zone: str = "UTC",
    home: str = "data",
    student_analytics: str = "changed",
    student_accounts: Sequence[int] | None = None,
) -> str:
    """Return the settings file that `init` writes."""
    return _TEMPLATE.format(
        base_url=_toml(base_url),
        account=account if account.isdecimal() else _toml(account),
        time_zone=_toml(time_zone),
        home=_toml(home),
        student_analytics=_toml(student_analytics),
        student_accounts=_toml("all") if student_accounts is None else list(student_accounts),
    )


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_settings(
    folder: Path,
    *,
    base_url: str | None,
    account: str,
    time_zone: str | None,
    token_stdin: bool,
    force: bool,
) -> None:
    """Write `canvaslake.toml` and `.env` into a folder; asks for what is missing, on a terminal only."""
    config, secrets = folder / CONFIG_NAME, folder / ".env"
    there = [path.name for path in (config, secrets) if path.exists()]
    if there and not force:
        say(f"{' and '.join(there)} are here already. Edit them, or run: canvaslake init --force")
        raise typer.Exit(ExitCode.SETTINGS)
    base_url = (
        base_url or os.environ.get("CANVAS_BASE_URL") or _ask("Address of Canvas, such as https://canvas.example.edu")
    )
    base_url = base_url if "://" in base_url else f"https://{base_url}"
    try:
        CanvasSettings(base_url=base_url, time_zone=time_zone or "UTC")
        Origin.of(base_url)
    except (ValueError, CanvasError) as error:
        say(f"{base_url} will not do: {error}")
        raise typer.Exit(ExitCode.SETTINGS) from None
    token = _token(token_stdin)
    write_private(config, settings_text(base_url=base_url.rstrip("/"), account=account, time_zone=time_zone or "UTC"))
    write_private(secrets, f"CANVAS_API_TOKEN={token}\n")
    say(f"Wrote {config} and {secrets} (the token; readable by you alone). Keep .env out of version control.")
    say("Next: canvaslake doctor")


def _token(from_stdin: bool) -> str:
    if from_stdin:
        token = sys.stdin.readline().strip()
    elif os.environ.get("CANVAS_API_TOKEN"):
        token = os.environ["CANVAS_API_TOKEN"].strip()
    elif sys.stdin.isatty():
        say("A token: in Canvas, Account > Settings > New Access Token. It is not shown while you paste it.")
        token = getpass("Token: ").strip()
    else:
        token = ""
    if not token or any(character.isspace() for character in token):
        say("A token is needed: run this on a terminal, set CANVAS_API_TOKEN, or give it with --token-stdin.")
        raise typer.Exit(ExitCode.SETTINGS)
    return token


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        say("--base-url is needed when there is no terminal to ask on.")
        raise typer.Exit(ExitCode.USAGE)
    return str(typer.prompt(question, err=True)).strip()

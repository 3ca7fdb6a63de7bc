"""The command's frame: global options, the project of this call, and errors that say what to do.

Each command stands in a module beside this one.
"""

import errno
import os
import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.canvas import CanvasError
from pipelines.cli.command_line import CommandLine
from pipelines.cli.console import err, say
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.project import Project
from pipelines.settings import CONFIG_NAME, DEMO_HOME, load_settings

app = CommandLine(
    name="canvaslake",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Canvas LMS analytics and reports, in a DuckDB warehouse that analysts trust.",
)

_LEDGER_TROUBLE = ("readonly database", "unable to open database file", "database or disk is full", "disk I/O error")
_INTERRUPTED = 130
_STOPPED = "Stopped. What was loaded stays loaded; reports that were asked for go on in Canvas."


def _show_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"canvaslake {__version__}\n")
        raise typer.Exit


@app.callback()
def main_options(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings file; else canvaslake.toml here or above.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help=f"Use what `canvaslake demo` left in {DEMO_HOME}.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the global options."""
    # Whatever this process and the ones that it starts create is their owner's alone.
    os.umask(0o077)
    if debug:
        os.environ["CANVASLAKE_DEBUG"] = "1"
    if demo:
        config = DEMO_HOME / CONFIG_NAME
        if not config.is_file():
            say(f"There is no demo in {DEMO_HOME} yet. Run: canvaslake demo")
            raise typer.Exit(ExitCode.SETTINGS)
    if config is not None:
        os.environ["CANVASLAKE_CONFIG"] = str(config.absolute())
        if demo:
            # The demo's own settings stand, whatever the environment says about a real Canvas.
            for name in ("CANVAS_BASE_URL", "CANVAS_API_TOKEN", "CANVASLAKE_HOME"):
                os.environ.pop(name, None)


def current_project() -> Project:
    """Return the project of this call; raises SettingsError."""
    return Project(load_settings())


def _trouble_with_files(error: Exception) -> str | None:
    """Return what to do about a disk or folder that does not take our files; None for any other error."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk of {error.filename or 'the data directory'} is full. Make room, and run the command again."
    if isinstance(error, PermissionError | NotADirectoryError) and error.filename:
        return (
            f"{error.filename} cannot be used by this user: {error.strerror}. Give this user the folder, or name "
            f"another one: home = ... at the top of {CONFIG_NAME}, or CANVASLAKE_HOME."
        )
    words = str(error)
    if isinstance(error, sqlite3.OperationalError) and any(one in words for one in _LEDGER_TROUBLE):
        return (
            f"The ledger, state/ledger.sqlite in the data directory, cannot be written: {words}. Give this user the "
            "data directory with all that is in it, and see that its disk is not full."
        )
    return None


def run_app() -> None:
    """Run the command line; errors become messages and exit codes, and a traceback only comes with --debug."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        say(_STOPPED)
        sys.exit(_INTERRUPTED)
    except SystemExit as end:
        # Typer makes this of Ctrl-C within a command, and says nothing.
        if end.code == _INTERRUPTED:
            say(_STOPPED)
        raise
    except BrokenPipeError:
        # The reader of our output has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 (the one place where every error becomes a message)
        if os.environ.get("CANVASLAKE_DEBUG"):
            err.print_exception()
        code = exit_code_of(error)
        told = _trouble_with_files(error)
        if told is not None:
            code = ExitCode.SETTINGS
        elif code is ExitCode.UNEXPECTED:
            told = f"{type(error).__name__}: {error}. Run again with --debug, and report it."
        say(told or str(error))
        if isinstance(error, CanvasError) and code in (ExitCode.TOKEN, ExitCode.RIGHT, ExitCode.CONNECTION):
            say("For more: canvaslake doctor")
        sys.exit(code)

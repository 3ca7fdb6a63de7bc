"""`canvaslake up`: the Dagster page and the daemon, on this machine only, until they are stopped.

One daemon per data directory: two would ask for the same reports at the same moments.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from urllib.error import URLError

import dagster as dg
from filelock import FileLock, Timeout

from pipelines.cli.console import say
from pipelines.cli.dagster_home import prepare
from pipelines.cli.demo_canvas import demo_process, is_demo
from pipelines.cli.exit_codes import ExitCode
from pipelines.private_files import private_folder, write_private
from pipelines.project import Project
from pipelines.run_claims import clear_dead_runs

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
# Dagster starts its code servers anew each minute, and each old one warns that nobody talks to it any more.
_QUIET = ("--code-server-log-level", "error")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def run_up(project: Project, *, host: str, port: int, without_login: bool) -> int:
    """Serve until a signal comes or one of the two processes ends; return the exit code."""
    if host not in _LOOPBACK and not without_login:
        say(
            f"The Dagster page has no login, and {host} can be reached by others. Put a proxy with a login before it, "
            "or add --without-login."
        )
        return ExitCode.USAGE
    project.settings.require_canvas()
    lock = FileLock(private_folder(project.home / "state") / "up.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"canvaslake up is running already for {project.home}.")
        return ExitCode.SETTINGS
    with lock:
        return _run_alone(project, host, port)


def _run_alone(project: Project, host: str, port: int) -> int:
    if _end_orphans(project):
        say("An earlier canvaslake up was killed, and its parts were still running: they are ended now.")
    if _taken(host, port):
        say(f"Port {port} is taken. Choose another: canvaslake up --port {port + 1}")
        return ExitCode.SETTINGS
    stopped = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with ExitStack() as stack:
        if is_demo(project.settings):
            stack.enter_context(demo_process(project.settings))
            say(f"The demo Canvas is up at {project.settings.canvas.base_url}")
        return _serve(project, host, port, stopped)


def _serve(project: Project, host: str, port: int, stopped: threading.Event) -> int:
    home = prepare(project.settings)
    with dg.DagsterInstance.get() as instance:
        clear_dead_runs(instance, project.home)
    workspace = ["-w", str(home / "workspace.yaml")]
    commands = {
        "daemon": [sys.executable, "-m", "dagster._daemon", "run", *workspace, *_QUIET, "--log-level", "warning"],
        "page": [
            *(sys.executable, "-m", "dagster_webserver", "-h", host, "-p", str(port)),
            *(*workspace, *_QUIET, "--dagster-log-level", "warning"),
        ],
    }
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    # Not in the folder of the settings: Dagster would read the .env there once and keep its token for good, over the
    # one that a rotation puts into its place. Without a settings file that folder is all there is to find it by.
    folder = home if project.settings.config_path else None
    # A session of its own for each: Ctrl-C reaches this process, which then ends them in order.
    processes = {
        name: subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)
        for name, command in commands.items()
    }
    groups = _groups_file(project)
    write_private(groups, " ".join(str(process.pid) for process in processes.values()))
    try:
        url = f"http://{host}:{port}"
        if not _wait_for_page(url, processes, stopped):
            return ExitCode.OK if stopped.is_set() else ExitCode.UNEXPECTED
        say(f"The Dagster page is at {url}; the daemon asks for reports on schedule and loads them when they finish.")
        say(f"Analysts open {project.paths.published} (read-only). Stop with Ctrl-C.")
        while not stopped.wait(1):
            for name, process in processes.items():
                if process.poll() is not None:
                    say(f"The Dagster {name} ended with code {process.returncode}; its last words are above.")
                    return ExitCode.UNEXPECTED
        return ExitCode.OK
    finally:
        _end(list(processes.values()))
        groups.unlink(missing_ok=True)


def _groups_file(project: Project) -> Path:
    """Return where the process groups of Dagster's parts are noted while they run."""
    return private_folder(project.home / "state") / "up.groups"


def _end_orphans(project: Project) -> bool:
    """End the parts of an earlier call that was killed; return whether there were any. The caller holds the lock."""
    noted = _groups_file(project)
    if not noted.exists():
        return False
    ended = False
    for text in noted.read_text(encoding="utf-8").split():
        # Numbers are given to other processes in time: only what is Dagster still is what was noted.
        if text.isdecimal() and "dagster" in _command_line(int(text)):
            ended = True
            for number in (signal.SIGTERM, signal.SIGKILL):
                if _ended(int(text), number):
                    break
    noted.unlink(missing_ok=True)
    return ended


def _command_line(process: int) -> str:
    found = subprocess.run(
        ["ps", "-o", "command=", "-p", str(process)],  # noqa: S607 (wherever the system keeps it)
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _wait_for_page(url: str, processes: dict[str, subprocess.Popen[bytes]], stopped: threading.Event) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and not stopped.is_set():
        if any(process.poll() is not None for process in processes.values()):
            say("Dagster did not start; its last words are above.")
            return False
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=2):  # noqa: S310 (our own page on loopback)
                return True
        except (URLError, TimeoutError, ConnectionError):
            stopped.wait(0.3)
    return False


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End the processes and everything that they started; a load that is cut short is taken up at the next start."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    until = time.monotonic() + _STOP_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Code servers and runs are in the group of the process that started them, and outlive it for a while.
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _ended(process.pid, number):
                break


def _ended(group: int, number: signal.Signals) -> bool:
    until = time.monotonic() + _STOP_SECONDS / 2
    pause = threading.Event()
    try:
        os.killpg(group, number)
        while time.monotonic() < until:
            os.killpg(group, 0)
            pause.wait(0.1)
    except ProcessLookupError:
        return True
    return False

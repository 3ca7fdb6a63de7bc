"""Processes of the product that die at a chosen step, which is seen from outside: by what Canvas is asked for, by what
the ledger says, by what lies on disk.

A step that ends with a write to the ledger is held open by taking the ledger's write lock, so that the process cannot
get past it before it dies.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.demo import DemoCanvas
from tests.stories.conftest import Office

PATIENCE = 240.0
"""Seconds after which a step that does not come is taken for one that never will."""

Moment = Literal["arrives", "had its effect", "is half answered", "is answered"]


class TooLateError(Exception):
    """A process had gone past the step at which it was to die."""


@dataclass
class Trap:
    """The first request that fits kills: when it arrives (and has no effect then), or later on its way.

    `half_is_there` says when the first half of an answer has got to where the trap wants it.
    """

    method: str
    path: str
    moment: Moment
    kill: Callable[[], None]
    half_is_there: Callable[[], bool] = lambda: True
    sprung: bool = field(default=False, init=False)
    taken: bool = field(default=False, init=False)

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is the one, for the first time only."""
        fits = scope["type"] == "http" and scope["method"] == self.method and re.search(self.path, scope["path"])
        if not fits or self.taken:
            return False
        self.taken = True
        return True

    async def spring(self) -> None:
        """Kill, away from the server's event loop."""
        await asyncio.to_thread(self.kill)
        self.sprung = True


class TrappedCanvas(DemoCanvas):
    """The demo Canvas with a trap before its doors."""

    trap: Trap | None = None

    def swallowed(self, method: str) -> int:
        """Return how many requests were lost before they had an effect; the request log does not have them."""
        trap = self.trap
        return int(trap is not None and trap.taken and trap.method == method and trap.moment == "arrives")

    def _serve(self, app: ASGIApp, listener: socket.socket, name: str) -> None:
        async def trapped(scope: Scope, receive: Receive, send: Send) -> None:
            trap = self.trap
            if trap is None or not trap.takes(scope):
                await app(scope, receive, send)
            elif trap.moment == "arrives":
                await trap.spring()
            else:
                await _until_sprung(trap, app, scope, receive, send)

        super()._serve(trapped, listener, name)


async def _until_sprung(trap: Trap, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    async def sending(message: Message) -> None:
        if trap.sprung:
            return
        if trap.moment == "had its effect":
            await trap.spring()
        elif trap.moment == "is half answered" and message["type"] == "http.response.body":
            body = message["body"]
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
            async with asyncio.timeout(PATIENCE):
                while not trap.half_is_there():  # noqa: ASYNC110 - a file's appearance sets no event
                    await asyncio.sleep(0.001)
            await trap.spring()
        else:
            await send(message)

    await app(scope, receive, sending)
    if not trap.sprung:
        await trap.spring()


@dataclass
class Victim:
    """A process of the product, with all that it has started. `kill` ends them at once, as a power cut would."""

    office: Office
    process: subprocess.Popen[str]

    @property
    def home(self) -> Path:
        return self.office.folder / "data"

    def kill(self) -> None:
        """Stop everything, so that none sees another die, and end it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGSTOP)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in processes_of(self.office.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def wait_until(self, condition: Callable[[], object], what: str, *, pause: float = 0.0) -> None:
        """Wait for something that the living process leads to; TooLateError if it ends before."""
        until = time.monotonic() + PATIENCE
        while not condition():
            # Who kills it here says so a moment after it has died of that.
            if self.process.poll() not in (None, -signal.SIGKILL):
                raise TooLateError(f"{what} did not come before the process ended with {self.process.returncode}")
            assert time.monotonic() < until, f"{what} did not come"
            time.sleep(pause)

    @contextmanager
    def ledger(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to the ledger, as soon as there is one."""
        path = self.home / "state" / "ledger.sqlite"
        # Who opens the file before it is in WAL mode would be in the way of the switch.
        self.wait_until(lambda: path.exists() and _is_in_wal_mode(path), "the ledger")
        # Without SQLite's own waiting, which sleeps and would miss the moment between two writes.
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0, isolation_level=None)
        ) as connection:
            yield connection

    @contextmanager
    def writing_kept(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Keep every process from writing to the ledger."""
        until = time.monotonic() + PATIENCE
        while not _done(connection, "BEGIN IMMEDIATE"):
            assert time.monotonic() < until, "the ledger's write lock was not to be had"
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _is_in_wal_mode(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:] == b"\x02\x02"


def _done(connection: sqlite3.Connection, sql: str) -> bool:
    try:
        connection.execute(sql)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def _number(connection: sqlite3.Connection, sql: str) -> int:
    try:
        found = connection.execute(sql).fetchone()
    except sqlite3.OperationalError as error:
        if "no such" in str(error) or "locked" in str(error):
            return 0  # its tables are being made
        raise
    return int(found[0] or 0)


@contextmanager
def started(office: Office, *arguments: str) -> Iterator[Victim]:
    """Start a command in the background; whatever is left of it at the end is killed."""
    with (
        (office.folder / "output.log").open("ab") as log,
        office.started(*arguments, output=log.fileno()) as process,
    ):
        victim = Victim(office, process)
        try:
            yield victim
        finally:
            victim.kill()
            process.wait(10)


def processes_of(folder: Path) -> list[int]:
    """Return the processes that work on an office's data directory, oldest first, without this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue  # it has ended, or is somebody else's
        if os.fsencode(folder / "canvaslake.toml") in environment and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return sorted(found)


def killed_by_request(
    method: str, path: str, moment: Moment, half: str = "", *, kill: Callable[[Victim], None] = Victim.kill
) -> Callable[[Victim], None]:
    """Return what lets a process die by its first request that fits; `half`: when a file of this pattern is there."""

    def die(victim: Victim) -> None:
        canvas = victim.office.canvas
        assert isinstance(canvas, TrappedCanvas)
        there = (lambda: any(victim.home.glob(half))) if half else (lambda: True)
        trap = canvas.trap = Trap(method, path, moment, lambda: kill(victim), there)
        victim.wait_until(lambda: trap.sprung, f"{method} {path}", pause=0.005)

    return die


def killed_by_ledger(sql: str, *, kill: Callable[[Victim], None] = Victim.kill) -> Callable[[Victim], None]:
    """Return what lets a process die when a number in the ledger is not 0 any more, before its next write."""

    def die(victim: Victim) -> None:
        with victim.ledger() as connection:
            victim.wait_until(lambda: _number(connection, sql), sql)
            with victim.writing_kept(connection):
                if not _number(connection, sql):
                    raise TooLateError(sql)
                kill(victim)

    return die


def killed_by_file(pattern: str) -> Callable[[Victim], None]:
    """Return what lets a process die when a file of a pattern appears below the data directory."""

    def die(victim: Victim) -> None:
        victim.wait_until(lambda: any(victim.home.glob(pattern)), pattern)
        victim.kill()

    return die


def killed_before_it_records(
    first: str, then: str, count: int = 1, *, kill: Callable[[Victim], None] = Victim.kill
) -> Callable[[Victim], None]:
    """Return what lets a process die when `count` files of the pattern `then` are there and not in the ledger yet.

    From the first file of the pattern `first` on, it cannot write to the ledger.
    """

    def die(victim: Victim) -> None:
        victim.wait_until(lambda: any(victim.home.glob(first)), first)
        with victim.ledger() as connection, victim.writing_kept(connection):
            victim.wait_until(lambda: len(list(victim.home.glob(then))) == count, f"{count} {then}")
            kill(victim)

    return die


def kill_run_workers(victim: Victim) -> None:
    """End the processes that execute Dagster's runs, and nothing else of the daemon."""
    workers = [pid for pid in processes_of(victim.office.folder) if _executes_a_run(pid)]
    assert workers, "no run was being executed"
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def _executes_a_run(pid: int) -> bool:
    """Return whether a process was forked off to execute a run and holds the lock that says so."""
    process = Path("/proc") / str(pid)
    try:
        if b"multiprocessing" not in (process / "cmdline").read_bytes():
            return False
        files = [str(path.readlink()) for path in (process / "fd").iterdir()]
    except OSError:
        return False  # it has just ended
    return any("/state/runs/" in file for file in files)

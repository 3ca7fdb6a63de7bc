"""Processes of the pipeline that die at a chosen boundary, and two of them at work at once, in a chosen order.

A boundary is what a power cut can fall on either side of: a transaction of the ledger, a request, a file made durable.
What a dead process would not have done any more (tidying up, another transaction) does not happen here either.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.ledger import Ledger

_PATIENCE = 600.0
"""Seconds after which two processes that wait for each other are taken for stuck."""


class Killed(BaseException):
    """A process died, at a boundary that its message names."""


Death = int | Callable[[str], bool] | None
"""When a process dies: at the boundary of this number, counted from 1; at the first one that is so; or not at all."""

Order = Sequence[bool] | Callable[[int, str], bool]
"""Whether another process goes on: for each boundary in turn, and at all after those; or by process and boundary."""


class Process:
    """One process, and when it dies."""

    def __init__(self, dies: Death = None, turns: "Turns | None" = None) -> None:
        self.dies = dies
        self.dead = False
        self._passed = 0
        self._turns = turns
        self._turn = threading.Semaphore(0)

    def boundary(self, name: str, *, others_may_go_on: bool = True) -> None:
        """Pass a boundary: die there, or let another process go on."""
        if self.dead:
            raise Killed(f"after its death, {name}")
        self._passed += 1
        if self.dies(name) if callable(self.dies) else self.dies == self._passed:
            self.dead = True
            raise Killed(name)
        if self._turns is not None and others_may_go_on:
            self._turns.rest(self, name)

    def run(self, work: Callable[[], object]) -> None:
        """Do some work as this process; its death is no error."""
        token = _PRESENT.set(self)
        try:
            work()
        except Killed:
            assert self.dead
        finally:
            _PRESENT.reset(token)


_PRESENT: ContextVar[Process | None] = ContextVar("process", default=None)


def present() -> Process | None:
    """Return the process that is at work in this thread, or in the one that this thread works for."""
    return _PRESENT.get()


def boundary(name: str, *, others_may_go_on: bool = True) -> None:
    """Pass a boundary of the present process, if one is at work."""
    process = present()
    if process is not None:
        process.boundary(name, others_may_go_on=others_may_go_on)


class Turns:
    """Two processes, of which one goes on at a time; who is next is decided at each boundary.

    `meanwhile` is called with the number of each turn, while both rest.
    """

    def __init__(self, order: Order, meanwhile: Callable[[int], None]) -> None:
        self._order = order
        self._boundary = "at its start"
        self._meanwhile = meanwhile
        self._rested = threading.Semaphore(0)

    def rest(self, process: Process, name: str) -> None:
        """Wait at a boundary until it is the process's turn again."""
        self._boundary = name
        self._rested.release()
        if not process._turn.acquire(timeout=_PATIENCE):
            raise AssertionError("nobody gave this process its turn")

    def run(self, works: Sequence[Callable[[], object]], deaths: Sequence[Death]) -> int:
        """Do two pieces of work at once, each in a process of its own that may die; return how many died."""
        ended = [False, False]
        failures: list[BaseException] = []

        def one(number: int, process: Process, work: Callable[[], object]) -> None:
            process._turn.acquire()
            try:
                process.run(work)
            except BaseException as error:  # noqa: BLE001 - whatever went wrong is the finding
                failures.append(error)
            finally:
                ended[number] = True
                self._rested.release()

        processes = [Process(dies, self) for dies in deaths]
        threads = [
            threading.Thread(target=copy_context().run, args=(one, number, process, work), daemon=True)
            for number, (process, work) in enumerate(zip(processes, works, strict=True))
        ]
        for thread in threads:
            thread.start()
        turn, now = 0, 0
        while not all(ended):
            if callable(self._order):
                other = self._order(now, self._boundary)
            else:
                other = self._order[turn] if turn < len(self._order) else True
            now = 1 - now if (other and not ended[1 - now]) or ended[now] else now
            self._meanwhile(turn)
            processes[now]._turn.release()
            if not self._rested.acquire(timeout=_PATIENCE):
                raise AssertionError(f"process {now} does not come to an end")
            turn += 1
        for thread in threads:
            thread.join(_PATIENCE)
        if failures:
            raise failures[0]
        return sum(process.dead for process in processes)


class WatchedLedger(Ledger):
    """The ledger, with a boundary on either side of every commit. It keeps its connections, for speed."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._idle: list[sqlite3.Connection] = []
        super().__init__(path, clock)

    def close(self) -> None:
        """Close the connections, as the end of a process does."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._idle:
            connection = self._idle.pop()
        else:
            # The work of one process may go from thread to thread.
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            # What is lost with the power is not lost here: only processes die.
            connection.execute("PRAGMA synchronous = OFF")
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        finally:
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[Any]:
        boundary("before a transaction")
        with super().write() as connection:
            yield connection
            boundary("before a commit", others_may_go_on=False)
        boundary("after a commit")


@contextmanager
def watched_system() -> Iterator[None]:
    """Make files and waiting part of the world: a boundary at each sync, and no act of a process that is dead."""
    unlink, rmtree, sleep = Path.unlink, shutil.rmtree, time.sleep

    def alive() -> bool:
        process = present()
        return process is None or not process.dead

    def watched_unlink(path: Path, missing_ok: bool = False) -> None:
        if alive():
            unlink(path, missing_ok=missing_ok)

    def watched_rmtree(path: Any, *arguments: Any, **options: Any) -> None:
        if alive():
            rmtree(path, *arguments, **options)

    def watched_sleep(seconds: float) -> None:
        # Only a lock that another process holds is waited for in this way: let that one go on.
        if present() is None:
            sleep(seconds)
        else:
            boundary("while it waits for a lock")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: boundary("when a file was to be made durable"))
        patch.setattr(Path, "unlink", watched_unlink)
        patch.setattr(shutil, "rmtree", watched_rmtree)
        patch.setattr(time, "sleep", watched_sleep)
        yield

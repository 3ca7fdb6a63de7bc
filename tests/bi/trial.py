"""One client under publishes: it looks until it has seen enough, or something is wrong."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from tests.bi.clients import Client, Place
from tests.bi.installs import InstallError
from tests.bi.judge import LookError, Verdict
from tests.bi.sessions import Session

TRIAL_SECONDS = 300
"""Publishes come about every second; a busy machine needs several for one."""


class PublisherError(Exception):
    """The publishes ended, so that there is nothing to look at."""


class Publisher:
    """The process that publishes."""

    def __init__(self, home: Path, log: Path) -> None:
        self._newest = 0
        self._error = ""
        self._said = threading.Condition()
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.bi.publisher", str(home)],
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def newest(self) -> int:
        """The last generation that the process said is in place; 0 before the first."""
        return self._newest

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                said = json.loads(line)
                with self._said:
                    self._newest = said.get("generation", self._newest)
                    self._error = said.get("error", "")
                    self._said.notify_all()
        with self._said:
            last = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            self._error = self._error or f"the publisher ended: {''.join(last)}"
            self._said.notify_all()

    def wait_for(self, generation: int) -> None:
        """Return when a generation is in place. Raises PublisherError."""
        with self._said:
            there = self._said.wait_for(lambda: self._error or self._newest >= generation, timeout=TRIAL_SECONDS)
            if self._error or not there:
                raise PublisherError(self._error or f"generation {generation} did not come in {TRIAL_SECONDS} s")

    def end(self) -> None:
        """Let the publisher finish the publish it is at."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=TRIAL_SECONDS)
        self._listener.join()


class Generations(Protocol):
    """Generations that come one after the other: `newest` is in place."""

    @property
    def newest(self) -> int:
        """The number of the last one that is in place."""

    def wait_for(self, generation: int, /) -> None:
        """Return when a generation is in place. Raises PublisherError."""


def look_until_enough(
    session: Session, publisher: Generations, verdict: Verdict, seconds: float = TRIAL_SECONDS
) -> None:
    """Let a client look while publishes go on, and note what it sees. Raises PublisherError."""
    until = time.monotonic() + seconds
    while not verdict.is_enough:
        if time.monotonic() > until:
            verdict.fail(f"only {verdict.looks} looks at {len(verdict.generations)} generations within {seconds:.0f} s")
            return
        publisher.wait_for(1)
        floor = publisher.newest
        try:
            verdict.take(session.look(), floor)
        except LookError as error:
            verdict.fail(str(error))


def try_client(client: Client, place: Place, publisher: Publisher) -> Verdict:
    """Install a client, let it look under publishes, and return what came of it. Raises PublisherError."""
    verdict = Verdict(client.name)
    try:
        started = client.start(place)
    except InstallError as error:
        verdict.fail(f"not installed: {error}")
        return verdict
    except LookError as error:
        verdict.fail(str(error))
        return verdict
    verdict.version = started.version
    try:
        look_until_enough(started.session, publisher, verdict)
    finally:
        try:
            started.session.close()
        except LookError as error:
            verdict.fail(str(error))
    return verdict

"""The clients as seen from outside: something that can be told to look, and gives rows or an error."""

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.bi.judge import LookError, Rows

LOOK_SECONDS = 90
"""How long a client may take for one look. A busy machine starts Node or a kernel in several seconds."""


class Session(Protocol):
    """A client at work."""

    def look(self) -> Rows:
        """Return the rows that the client sees who opens the file now. Raises LookError."""

    def close(self) -> None:
        """Let the client end. Raises LookError if it cannot."""


class LineSession:
    """A client in a process that stays: a line to it is a wish for a look, and a line from it is the answer."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def look(self) -> Rows:
        """Return the rows of the next answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            raise LookError(f"no answer within {LOOK_SECONDS} s{self._last_words()}") from None
        except OSError:
            raise LookError(f"the client ended{self._last_words()}") from None
        if not line:
            raise LookError(f"the client ended{self._last_words()}")
        return _rows_of(json.loads(line))

    def close(self) -> None:
        """Close the client's input and wait for its end."""
        assert self._process.stdin is not None
        # A client that is gone already cannot take what is still in the pipe.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            code = self._process.wait(timeout=LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise LookError(f"the client did not end{self._last_words()}") from None
        finally:
            self._reader.join()
        if code:
            raise LookError(f"the client ended with {code}{self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


class CommandSession:
    """A client that is a command: each look is a process of its own, and the answer is JSON objects."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command, self._folder, self._environment = command, folder, dict(environment)

    def look(self) -> Rows:
        """Run the command and return the rows that it prints."""
        answer = run(self._command, self._folder, self._environment)
        return [list(row.values()) for row in json.loads(answer)]

    def close(self) -> None:
        """Nothing is left running."""


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a client's command and return what it prints. Raises LookError with its last words."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=dict(environment), capture_output=True, timeout=LOOK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LookError(f"no answer within {LOOK_SECONDS} s") from None
    if done.returncode:
        raise LookError(done.stderr.decode(errors="replace").strip()[-500:] or f"exit code {done.returncode}")
    return done.stdout.decode()


def _rows_of(said: Mapping[str, object]) -> Rows:
    rows = said.get("rows")
    if not isinstance(rows, list):
        raise LookError(str(said.get("error", said)))
    return rows


def clean_environment(scratch: Path, programs: Path | None = None) -> dict[str, str]:
    """Return the environment of a client: nothing of canvaslake's, no configuration of the user's, UTC."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "CANVAS", "DAGSTER"))}
    kept |= {"HOME": str(scratch), "TZ": "UTC"}
    if programs is not None:
        kept["PATH"] = f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept

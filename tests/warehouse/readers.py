"""Readers in processes of their own, as analysts and BI tools are: one keeps the file open, others open it anew.

Run as `python readers.py hold|reopen|ask <file>`: `ask` opens it anew and asks one question after the other. A line is
written for each generation seen first; when the standard input ends, a last line says how many looks there were and
what went wrong.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

LOOK = """select (select generation from meta.generation), (select min(name) from canvas.accounts),
    (select max(name) from canvas.accounts), (select min(name) from canvas.terms), (select max(name) from canvas.terms),
    (select count(*) from canvas.accounts), (select count(*) from canvas.terms)"""


QUESTIONS = (
    "select generation from meta.generation",
    "select min(name), max(name) from canvas.accounts",
    "select min(name), max(name) from canvas.terms",
    "select count(*) from canvas.accounts",
    "select count(*) from canvas.terms",
)


def _look(connection: duckdb.DuckDBPyConnection, questions: Sequence[str]) -> tuple[Any, ...]:
    return tuple(value for question in questions for value in connection.execute(question).fetchone() or ())


def _main(kind: str, path: str) -> None:
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    held = duckdb.connect(path, read_only=True, config={"threads": 1}) if kind == "hold" else None
    questions, pause = (QUESTIONS, 0.5) if kind == "ask" else ((LOOK,), 0.005)
    looks, errors, torn, newest = 0, list[str](), list[str](), -1
    while not ended.wait(pause) or looks == 0:
        try:
            if held is not None:
                seen = _look(held, questions)
            else:
                with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
                    seen = _look(connection, questions)
        except Exception as error:  # noqa: BLE001 - any error of a reader is the finding
            errors.append(f"{type(error).__name__}: {error}")
            continue
        looks += 1
        generation, *names, accounts, terms = seen
        if set(names) != {f"g{generation}"} or accounts != terms:
            torn.append(str(seen))
        if generation < newest:
            torn.append(f"{generation} after {newest}")
        if generation != newest:
            newest = generation
            sys.stdout.write(json.dumps({"generation": generation}) + "\n")
            sys.stdout.flush()
    sys.stdout.write(json.dumps({"looks": looks, "errors": errors, "torn": torn, "last": newest}) + "\n")


class Reader:
    """A reader at work in a process of its own."""

    def __init__(self, kind: str, path: Path) -> None:
        command = [sys.executable, __file__, kind, str(path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_for(self, generation: int) -> None:
        """Return when the reader has seen a generation."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if json.loads(line).get("generation") == generation:
                return
        raise AssertionError(f"the reader ended before it saw generation {generation}")

    def end(self) -> dict[str, Any]:
        """Let the reader end and return what it found."""
        out, _ = self._process.communicate(timeout=60)
        result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return result


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2])

"""Talking to the person at the terminal: talk on stderr, data on stdout, bars on a terminal, plain lines elsewhere."""

import atexit
import io
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.serve.layout import as_records, fits, least_widths

# A descriptor of our own: while a Dagster step runs, everything written to the usual one goes into its logs.
_stderr = os.fdopen(os.dup(2), "w", buffering=1)
atexit.register(_stderr.close)
err = Console(file=_stderr, highlight=False)

_PLAIN_SECONDS = 10.0


def say(text: str) -> None:
    """Say something to the person, on stderr."""
    err.print(text, soft_wrap=True, markup=False)


def say_held_back(tables: Mapping[str, str]) -> None:
    """Say of each table that keeps earlier rows why it does."""
    for table, why in tables.items():
        say(f"! {table} {why}")


def put(text: str) -> None:
    """Write data to stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def put_json(value: Any) -> None:
    """Write data to stdout as JSON."""
    put(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def put_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Write rows to stdout as a table; numbers in the columns of `right` stand right.

    On a terminal that is too narrow each row is written as a record.
    """
    texts = [
        ["" if value is None else f"{value:,}" if isinstance(value, int) else str(value) for value in row]
        for row in rows
    ]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 100_000
    numbers = {place for place, column in enumerate(columns) if column in right}
    # What a row is about is broken last, and a number never.
    for whole in ({0, *numbers}, numbers):
        least = least_widths(columns, texts, whole)
        if fits(least, width):
            break
    else:
        put(as_records(columns, texts))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if place in numbers else "left",
            overflow="fold",
            no_wrap=place in whole,
            min_width=least[place],
        )
    for row in texts:
        table.add_row(*row)
    buffer = io.StringIO()
    Console(file=buffer, highlight=False, markup=False, width=width).print(table)
    put("\n".join(line.rstrip() for line in buffer.getvalue().splitlines()))


class TerminalProgress:
    """Progress bars on a terminal; elsewhere a line when a task ends, and now and then while it lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=err,
        )
        self._tasks: dict[str, TaskID] = {}
        self._plain: dict[str, tuple[int, int | None, float]] = {}

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if err.is_terminal:
            self._bars.stop()

    def start(self, task: str, total: int | None) -> None:
        """Show that a task begins."""
        with self._lock:
            if err.is_terminal:
                if task not in self._tasks:
                    self._tasks[task] = self._bars.add_task(task, total=total, note="")
                else:
                    self._bars.update(self._tasks[task], total=total)
            else:
                self._plain.setdefault(task, (0, total, time.monotonic()))

    def advance(self, task: str, steps: int = 1, note: str = "") -> None:
        """Show that a task went on."""
        with self._lock:
            if err.is_terminal:
                if task in self._tasks:
                    self._bars.update(self._tasks[task], advance=steps, note=note)
                return
            done, total, told = self._plain.get(task, (0, None, time.monotonic()))
            done += steps
            if time.monotonic() - told > _PLAIN_SECONDS:
                told = time.monotonic()
                say(f"{task}: {done:,}" + (f" of {total:,}" if total else "") + (f" {note}" if note else ""))
            self._plain[task] = (done, total, told)

    def note(self, task: str, note: str, completed: int | None = None) -> None:
        """Show what a task waits for, and how far it is if that is known."""
        with self._lock:
            if err.is_terminal and task in self._tasks:
                self._bars.update(self._tasks[task], note=note, completed=completed)

    def tell(self, text: str) -> None:
        """Say something between the bars."""
        say(text)

    def finish(self, task: str, note: str = "") -> None:
        """Show that a task is over."""
        with self._lock:
            if err.is_terminal:
                if task in self._tasks:
                    bar = self._bars.tasks[self._bars.task_ids.index(self._tasks[task])]
                    total = bar.total or bar.completed or 1
                    self._bars.update(self._tasks[task], total=total, completed=total, note=note)
                return
            self._plain.pop(task, None)
            say(f"{task}: done" + (f", {note}" if note else ""))

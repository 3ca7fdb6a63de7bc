"""`canvaslake export`: what it takes from the command line, what it shows while it writes, what it says after."""

import sys
from pathlib import Path

from pipelines.cli.console import TerminalProgress, say, say_held_back
from pipelines.cli.which_file import file_meant
from pipelines.project import Project
from pipelines.serve import export_answer

_LONG = 500_000
"""Rows from which a bar is worth showing."""


def run_export(
    project: Project, question: str, to: Path, *, form: str | None, as_of: str | None, raw: bool, force: bool
) -> None:
    """Write a table or an answer to a file, and say in one line what it is; raises QueryError."""
    text = sys.stdin.read() if question == "-" else question
    with TerminalProgress() as progress:
        started, shown = False, 0

        def heard(rows: int, total: int | None) -> None:
            nonlocal started, shown
            if not started and max(rows, total or 0) >= _LONG:
                progress.start(to.name, total)
                started = True
            if started:
                progress.advance(to.name, rows - shown)
                shown = rows

        written = export_answer(
            file_meant(project, as_of),
            text,
            to.expanduser(),
            form=form,
            raw=raw,
            force=force,
            home=project.home,
            heard=heard,
            memory_limit=project.settings.warehouse.memory_limit,
        )
    rows = f"{written.rows:,} row{'' if written.rows == 1 else 's'}"
    facts = [rows, _size(written.bytes)]
    if written.answer.generation is not None:
        facts.append(f"generation {written.answer.generation}")
    say(f"{written.path}: {', '.join(facts)}. {written.answer.privacy_note}".rstrip())
    say_held_back(written.answer.held_back)


def _size(size: int) -> str:
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} bytes"

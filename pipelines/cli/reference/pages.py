"""The pages by file name: written into a folder, or compared with what is there."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipelines.cli.reference.checks import checks_page
from pipelines.cli.reference.commands import commands_page
from pipelines.cli.reference.endpoints import endpoints_page
from pipelines.cli.reference.errors import errors_page
from pipelines.cli.reference.exit_codes import exit_codes_page
from pipelines.cli.reference.settings import settings_page
from pipelines.cli.reference.tables import schema_page, schema_tables_page, tables_page
from pipelines.serve.dictionary import SCHEMAS

PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    **{schema_page(schema): partial(schema_tables_page, schema) for schema in SCHEMAS},
    "checks.md": checks_page,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "exit-codes.md": exit_codes_page,
    "endpoints.md": endpoints_page,
    "errors.md": errors_page,
}
"""The pages by file name."""


def stale_pages(folder: Path) -> list[str]:
    """Return the names of the pages in a folder that are missing or say something else than the code."""
    stale = []
    for name, page in PAGES.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != page():
            stale.append(name)
    return stale


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check only name the stale ones; return the exit code."""
    folders = [Path(one) for one in arguments if not one.startswith("-")]
    if len(folders) != 1 or set(arguments) - {str(folders[0]), "--check"}:
        sys.stderr.write("usage: python -m pipelines.cli.reference [--check] docs/reference\n")
        return 2
    [folder] = folders
    if "--check" in arguments:
        stale = stale_pages(folder)
        for name in stale:
            sys.stderr.write(f"{folder / name} is stale. Run: python -m pipelines.cli.reference {folder}\n")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
    return 0

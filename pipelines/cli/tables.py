"""What `canvaslake tables` shows: the list of tables by schema, and one table with its columns.

On a terminal that is wide enough, tables; on a narrow one, entries of a few lines; elsewhere plain columns.
"""

import io
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from itertools import groupby
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipelines.cli.console import put, put_table, say, say_held_back
from pipelines.serve import QueryError
from pipelines.serve.dictionary import SCHEMAS, ColumnEntry, TableDescription, TableEntry

_WIDE = 120
"""Characters from which a description has room beside what else is said."""

_MOST = 160
"""Characters that a line has at most: a longer one loses the eye."""

_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def of_schema(entries: Sequence[TableEntry], schema: str) -> list[TableEntry]:
    """Return the tables of a schema. Raises QueryError with close names if it has none."""
    found = [entry for entry in entries if entry.schema == schema.lower()]
    if not found:
        schemas = list(dict.fromkeys(entry.schema for entry in entries))
        close = get_close_matches(schema.lower(), schemas, n=1)
        raise QueryError(
            f"There is no schema {schema}.",
            "The published file has no table in it.",
            f"Did you mean {close[0]}?" if close else f"There are {', '.join(schemas)}.",
        )
    return found


def show_list(entries: Sequence[TableEntry]) -> None:
    """Write the list of tables to stdout."""
    if sys.stdout.isatty():
        put(list_text(entries, width=shutil.get_terminal_size().columns, color=True))
        say("Times are UTC: when Canvas last gave rows. To see what a table holds: canvaslake tables TABLE")
    else:
        put_table(
            ["table", "rows", "columns", "extracted_at", "description"],
            [[one.qualified, one.rows, one.columns, one.extracted_at, one.description] for one in entries],
            right=["rows", "columns"],
        )
    say_held_back({one.qualified: one.held_back for one in entries if one.held_back})


def show_description(described: TableDescription) -> None:
    """Write a table and its columns to stdout."""
    if sys.stdout.isatty():
        put(description_text(described, width=shutil.get_terminal_size().columns, color=True))
        return
    put(_rendered([*_head(described), ""], 100_000, color=False) + "\n")
    put_table(
        ["column", "type", "key", "unit", "privacy", "description", "from"],
        [
            [one.name, _type(one), "key" if one.is_key else "", one.unit, one.privacy, one.description, _origin(one)]
            for one in described.columns
        ],
    )


def as_json(described: TableDescription) -> dict[str, Any]:
    """Return a table and its columns as JSON takes them; `columns` are the columns and not their number."""
    return asdict(described.table) | {"columns": [asdict(column) for column in described.columns]}


def list_text(entries: Sequence[TableEntry], *, width: int, color: bool) -> str:
    """Return the tables by schema, each with rows, the minute of the last answer in UTC, and what it holds."""
    parts: list[RenderableType] = []
    name, rows = _widest(one.qualified for one in entries), _widest(_rows(one) for one in entries)
    for schema, tables in groupby(entries, key=lambda entry: entry.schema):
        said = SCHEMAS.get(schema, "")
        parts += [Text.assemble((schema, "bold cyan"), f"  {said}" if said else ""), ""]
        if width >= _WIDE:
            grid = _grid(name, rows, len("0000-00-00 00:00"))
            for one in tables:
                grid.add_row(Text(one.qualified, "bold"), _rows(one), Text(_minute(one), "dim"), _summary(one))
            parts.append(Padding(grid, (0, 0, 0, 2)))
        else:
            for one in tables:
                facts = "  ".join(filter(None, (_rows(one), _minute(one))))
                parts += _entry(one.qualified, facts, [_summary(one)])
        parts.append("")
    return _rendered(parts, width, color)


def description_text(described: TableDescription, *, width: int, color: bool) -> str:
    """Return what a table is, and its columns with key, type, unit, privacy class and where they come from."""
    parts = [*_head(described), ""]
    if width >= _WIDE:
        parts.append(_column_table(described.columns))
    else:
        for one in described.columns:
            facts = "  ".join(filter(None, (_type(one), "key" if one.is_key else "", one.unit, one.privacy)))
            origin = _origin(one)
            parts += _entry(one.name, facts, [one.description, f"from {origin}" if origin else ""])
    return _rendered(parts, width, color)


def _head(described: TableDescription) -> list[RenderableType]:
    table = described.table
    endpoints = sorted({one for column in described.columns for one in column.endpoint.split("; ") if one})
    facts = {
        "grain": table.grain,
        "key": table.key,
        "rows": f"{table.rows:,}",
        "held back": table.held_back,
        "fresh": f"{_minute(table)} UTC: when Canvas last gave rows" if table.extracted_at else "",
        "kind": table.kind,
        "source": table.source if table.kind != "loaded" else "",
        "owner": table.owner,
        "asked": "\n".join(endpoints) if endpoints != ["canvaslake"] else "",
    }
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, said in facts.items():
        if said:
            grid.add_row(label, said)
    return [Text(table.qualified, "bold cyan"), table.description, "", grid]


def _column_table(columns: Sequence[ColumnEntry]) -> Table:
    """Return the columns as a table; what a column comes from stands below its description."""
    grid = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    for title in ("column", "type", "key", "unit", "privacy"):
        grid.add_column(title, style="bold" if title == "column" else "", no_wrap=title != "unit")
    grid.add_column("description", overflow="fold", ratio=1)
    for one in columns:
        origin = _origin(one)
        said = Text.assemble(one.description, (f"\nfrom {origin}" if origin else "", "dim"))
        grid.add_row(one.name, _type(one), "key" if one.is_key else "", one.unit, one.privacy, said)
    return grid


def _grid(*widths: int) -> Table:
    grid = Table(box=None, show_header=False, padding=(0, 3, 0, 0), pad_edge=False)
    for place, least in enumerate(widths):
        grid.add_column(no_wrap=True, min_width=least, justify="right" if place == 1 else "left")
    grid.add_column(overflow="fold")
    return grid


def _entry(name: str, facts: str, lines: Collection[str]) -> list[RenderableType]:
    """Return an entry of a narrow list: the name with its facts, and below it what is said, indented."""
    head = Text.assemble("  ", (name, "bold"), "  ", (facts, "dim"))
    return [head, *(Padding(Text(line), (0, 0, 0, 4)) for line in lines if line)]


def _rendered(parts: Iterable[RenderableType], width: int, color: bool) -> str:
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=min(width, _MOST) if width < 10_000 else width,
        force_terminal=color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(part if not isinstance(part, str) else Text(part))
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines()) + "\n"


def _widest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)


def _rows(entry: TableEntry) -> str:
    return f"{entry.rows:,} row{'' if entry.rows == 1 else 's'}"


def _summary(entry: TableEntry) -> str:
    """Return the first sentence of a description: what the table is. The others are about reading it."""
    return _SENTENCE.split(entry.description, maxsplit=1)[0]


def _minute(entry: TableEntry) -> str:
    return entry.extracted_at[:16].replace("T", " ")


def _type(column: ColumnEntry) -> str:
    return column.type.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


def _origin(column: ColumnEntry) -> str:
    """Return what a column is made from, or what it is called in Canvas where that is something else."""
    return column.derived_from or (column.source if column.source != column.name else "")

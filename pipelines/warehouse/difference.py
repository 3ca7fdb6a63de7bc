"""What a reader would see differ between the build file and the published one, without reading the rows of tables.

Rows follow from the loads that brought them and from what models were made from, which `meta` says of each file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.warehouse.build import literal
from pipelines.warehouse.paths import WarehousePaths

_ROWS = (
    "SELECT table_name, slice, load_id FROM {file}.meta.loads",
    "SELECT model AS table_name, fingerprint FROM {file}.meta.models",
    "SELECT table_schema || '.' || table_name AS table_name, column_name, data_type FROM {file}.meta.columns",
)
"""What tells that a table has other rows or other columns."""

_WORDS = (
    "FROM {file}.meta.coverage",
    "FROM {file}.meta.report_runs",
    "FROM {file}.meta.drift",
    # A check that passed tells what it counted when it looked.
    "SELECT * EXCLUDE (detail, checked_at), CASE WHEN NOT passed THEN detail END FROM {file}.meta.checks",
    # The number of rows follows from the loads, and the table of generations has its row only when it is written.
    "SELECT * EXCLUDE (row_count) FROM {file}.meta.tables",
    "FROM {file}.meta.columns",
)
"""What else a reader can be told."""


@dataclass(frozen=True)
class Difference:
    """`generation` is the number of the published file; `tables` have other rows; `told`: `meta` says other things."""

    generation: int
    canvaslake_version: str
    tables: tuple[str, ...]
    told: bool


@contextmanager
def beside_published(connection: duckdb.DuckDBPyConnection, paths: WarehousePaths) -> Iterator[bool]:
    """Attach the published file as `published` for reading; give whether it is there and can be opened."""
    opened = attach_published(connection, paths.published)
    yield opened
    # After an error the connection is closed, and the file goes with it.
    if opened:
        connection.execute("DETACH published")


def attach_published(connection: duckdb.DuckDBPyConnection, file: Path) -> bool:
    """Attach a published file, or a copy of one, as `published` for reading; return whether it can be opened."""
    # A log beside it is of a client that wrote: what such a file says is not what was published.
    if not file.exists() or file.with_name(f"{file.name}.wal").exists():
        return False
    try:
        connection.execute(f"ATTACH {literal(str(file))} AS published (READ_ONLY)")
    except duckdb.Error:
        return False
    return True


def difference(connection: duckdb.DuckDBPyConnection) -> Difference | None:
    """Compare the build file, the default catalog, with `published`, which is attached; None if they are not alike.

    What a transaction that is open has written counts. A file of another canvaslake can have other columns in `meta`.
    """
    try:
        found = connection.execute("SELECT generation, canvaslake_version FROM published.meta.generation").fetchone()
        if found is None:
            return None
        tables = {
            str(name)
            for rows in _ROWS
            for (name,) in connection.execute(f"SELECT DISTINCT table_name FROM ({_either(rows)})").fetchall()
            if not str(name).startswith("meta.")
        }
        # Where rows differ, what is said of them does too: nobody has to look.
        told = bool(tables) or any(
            connection.execute(f"SELECT 1 FROM ({_either(words)}) LIMIT 1").fetchone() for words in _WORDS
        )
    except duckdb.Error:
        return None
    return Difference(int(found[0]), str(found[1]), tuple(sorted(tables)), told)


def _either(rows: str) -> str:
    """Return the SQL of the rows that only one of the two files has."""
    here, there = (f"({rows.format(file=file)})" for file in ("warehouse", "published"))
    return f"({here} EXCEPT ALL {there}) UNION ALL ({there} EXCEPT ALL {here})"

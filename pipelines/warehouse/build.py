"""The build file: its tables kept in step with the contracts and with the live slices of the lake.

Only the publisher opens it, under its lock. What goes on around it (models, checks, the rename) stands in `publish`.
"""

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.ledger import LiveFile
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Table
from pipelines.normalize.contracts.meta import LOADS, WRITTEN_TABLES
from pipelines.normalize.values import from_json
from pipelines.private_files import private_folder
from pipelines.warehouse.paths import WarehousePaths

_EMPTIED_OR_SHRUNK = 0.5
_FEW_ROWS = 20


class PublishError(Exception):
    """The next file could not be made; the old one is in its place, untouched."""


@dataclass(frozen=True)
class Change:
    """What a table needs to be in step with the lake: files to add, loads to take out."""

    table: str
    add: tuple[LiveFile, ...]
    remove: tuple[str, ...]
    rows_before: int
    rows_after: int


@contextmanager
def open_build(paths: WarehousePaths, *, memory_limit: str, threads: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build file as the default catalog, in the file format that DuckDB 1.0 and later read.

    A build file that is damaged is made again: from the published file, which is a copy of it and keeps what is held
    back, or else from the lake alone. Raises PublishError if another program has it open.
    """
    private_folder(paths.build.parent)
    private_folder(paths.spill)
    connection = duckdb.connect(":memory:", config={"memory_limit": memory_limit, "temp_directory": str(paths.spill)})
    try:
        # Not in the configuration above: while a connection opens, the built-in icu extension is not there yet.
        connection.execute("SET TimeZone = 'UTC'")
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        _attach_or_mend(connection, paths)
        paths.build.chmod(0o600)
        connection.execute("USE warehouse")
        yield connection
    finally:
        connection.close()


def _attach_or_mend(connection: duckdb.DuckDBPyConnection, paths: WarehousePaths) -> None:
    try:
        if paths.build.exists() or not paths.published.exists():
            _attach(connection, paths.build)
            return
    except duckdb.Error as error:
        if "set lock on file" in str(error).lower():
            raise PublishError(
                f"{paths.build} is open in another program, so nothing can be published. Close it there; analysts open "
                f"{paths.published}."
            ) from error
    for stale in (paths.build, paths.build.with_name(f"{paths.build.name}.wal")):
        stale.unlink(missing_ok=True)
    try:
        if paths.published.exists():
            shutil.copyfile(paths.published, paths.build)
        _attach(connection, paths.build)
    except duckdb.Error:
        paths.build.unlink(missing_ok=True)
        _attach(connection, paths.build)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS warehouse (STORAGE_VERSION 'v1.0.0')")


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(qualified: str) -> str:
    """Return `schema.table` as a quoted SQL name."""
    schema, name = qualified.split(".", 1)
    return f"{quoted(schema)}.{quoted(name)}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every declared table that is not there, and make a table anew whose contract has changed.

    A table that was never loaded is there and empty, so that models and readers can count on its columns.
    """
    there = columns_by_table(connection)
    for table in WRITTEN_TABLES:
        if not _matches(there.get(table.qualified, []), table, system=False):
            _create(connection, table, system=False)
    for table in TABLES.values():
        if not _matches(there.get(table.qualified, []), table, system=True):
            _create(connection, table, system=True)
            connection.execute("DELETE FROM meta.loads WHERE table_name = ?", [table.qualified])


def _matches(columns: Sequence[tuple[str, str]], table: Table, *, system: bool) -> bool:
    there = dict(columns)
    wanted = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    return bool(there) and all(_same(there.get(column.name), column.type.value) for column in wanted)


def _same(there: str | None, wanted: str) -> bool:
    return there == {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(wanted, wanted)


def columns_by_table(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Return the columns of every table of the build file as (name, DuckDB type), in order, by qualified name."""
    result: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, name, data_type in connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE database_name = 'warehouse' ORDER BY 1, column_index"
    ).fetchall():
        result[table].append((name, data_type))
    return dict(result)


def columns_of(connection: duckdb.DuckDBPyConnection, qualified: str) -> list[tuple[str, str]]:
    """Return the columns of a table of the build file as (name, DuckDB type), in order; empty if it is not there."""
    schema, name = qualified.split(".", 1)
    return connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'warehouse' AND schema_name = ?"
        " AND table_name = ? ORDER BY column_index",
        [schema, name],
    ).fetchall()


def _create(connection: duckdb.DuckDBPyConnection, table: Table, *, system: bool) -> None:
    columns = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
    declared = ", ".join(f"{quoted(column.name)} {column.type.value}" for column in columns)
    connection.execute(f"CREATE OR REPLACE TABLE {quoted_table(table.qualified)} ({declared})")
    connection.execute(f"COMMENT ON TABLE {quoted_table(table.qualified)} IS {_text(table.description)}")
    for column in columns:
        connection.execute(
            f"COMMENT ON COLUMN {quoted_table(table.qualified)}.{quoted(column.name)} IS {_text(column.description)}"
        )


def changes(connection: duckdb.DuckDBPyConnection, live: Sequence[LiveFile]) -> list[Change]:
    """Compare the loads inside the build file with the live set; return what each differing table needs."""
    wanted: dict[str, dict[str, LiveFile]] = defaultdict(dict)
    for file in live:
        wanted[file.table_name][file.slice] = file
    applied: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for table, slice_, load_id, rows in connection.execute(
        "SELECT table_name, slice, load_id, rows FROM meta.loads"
    ).fetchall():
        applied[table][slice_] = (load_id, rows)
    result = []
    for table in sorted(wanted.keys() | applied.keys()):
        there, due = applied[table], wanted[table]
        add = [file for slice_, file in due.items() if there.get(slice_, ("", 0))[0] != file.load_id]
        remove = [load for slice_, (load, _) in there.items() if slice_ not in due or due[slice_].load_id != load]
        if add or remove:
            rows_before = sum(rows for _, rows in there.values())
            rows_after = sum(file.rows for file in due.values())
            result.append(Change(table, tuple(add), tuple(remove), rows_before, rows_after))
    return result


def is_suspicious(change: Change) -> bool:
    """Return whether a table was emptied, or shrank by half or more: the sign of a bad pull, not of a quiet night."""
    if change.rows_before == 0 or change.table.startswith("meta."):
        return False
    if change.rows_after == 0:
        return True
    return change.rows_before >= _FEW_ROWS and change.rows_after < _EMPTIED_OR_SHRUNK * change.rows_before


def apply_change(connection: duckdb.DuckDBPyConnection, change: Change, root: Path) -> None:
    """Bring one table in step with the lake, in one transaction: old loads out, new ones in, sorted by the key.

    `root` is the lake's folder.
    """
    target = quoted_table(change.table)
    paths = [str(root / file.path) for file in change.add]
    if paths:
        # Before the transaction: DuckDB cannot commit one that alters a table and changes its rows.
        _fit_columns(connection, change.table, paths)
    connection.execute("BEGIN")
    try:
        if change.remove and _exists(connection, change.table):
            connection.execute(
                f"DELETE FROM {target} WHERE _load_id IN (SELECT unnest(?::VARCHAR[]))", [list(change.remove)]
            )
        if paths:
            order = _order(change.table)
            connection.execute(
                f"INSERT INTO {target} BY NAME SELECT * FROM read_parquet(?, union_by_name = true){order}", [paths]
            )
        connection.execute(
            "DELETE FROM meta.loads WHERE table_name = ? AND load_id IN (SELECT unnest(?::VARCHAR[]))",
            [change.table, list(change.remove)],
        )
        insert_rows(connection, LOADS, [asdict(file) for file in change.add])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _exists(connection: duckdb.DuckDBPyConnection, qualified: str) -> bool:
    return bool(columns_of(connection, qualified))


def _order(qualified: str) -> str:
    table = TABLES.get(qualified)
    if table is None or not table.key:
        return ""
    return " ORDER BY " + ", ".join(quoted(name) for name in table.key)


def _fit_columns(connection: duckdb.DuckDBPyConnection, qualified: str, paths: list[str]) -> None:
    """Give the table every column that the files have: an undeclared column is added, never dropped."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?, union_by_name = true)", [paths]).fetchall()
    there = {name.lower() for name, _ in columns_of(connection, qualified)}
    if not there:
        schema = qualified.split(".", 1)[0]
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        declared = ", ".join(f"{quoted(row[0])} {row[1]}" for row in described)
        connection.execute(f"CREATE TABLE {quoted_table(qualified)} ({declared})")
        return
    for row in described:
        if row[0].lower() not in there:
            connection.execute(f"ALTER TABLE {quoted_table(qualified)} ADD COLUMN {quoted(row[0])} {row[1]}")


def insert_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Append rows, given by column name, to a table that publish writes; times may be ISO 8601 text."""
    columns = {column.name: [row.get(column.name) for row in rows] for column in table.columns}
    arrays = {column.name: from_json(columns[column.name], column.type)[0] for column in table.columns}
    connection.register("_rows_to_insert", pa.table(arrays))
    try:
        connection.execute(f"INSERT INTO {quoted_table(table.qualified)} BY NAME SELECT * FROM _rows_to_insert")
    finally:
        connection.unregister("_rows_to_insert")


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the qualified names of the build file's tables, ordered."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'warehouse' ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def row_counts(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> dict[str, int]:
    """Return the exact number of rows of each table."""
    counts = {}
    for table in tables:
        found = connection.execute(f"SELECT count(*) FROM {quoted_table(table)}").fetchone()
        counts[table] = int(found[0]) if found else 0
    return counts

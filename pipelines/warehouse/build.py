"""The build file: its tables kept in step with the contracts and with the live slices of the lake.

Only the publisher opens it, under its lock. What goes on around it (models, checks, the rename) stands in `publish`.
"""

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.live_sql import quoted
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Table
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.normalize.values import from_json
from pipelines.private_files import private_folder
from pipelines.warehouse.paths import WarehousePaths

_BEFORE = " before its columns changed"
"""Behind the id of a load whose rows were converted, so that it is no load of the lake."""


class PublishError(Exception):
    """The next file could not be made; the old one is in its place, untouched."""


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
    connection.execute(f"ATTACH {literal(str(path))} AS warehouse (STORAGE_VERSION 'v1.0.0')")


def quoted_table(qualified: str) -> str:
    """Return `schema.table` as a quoted SQL name."""
    schema, name = qualified.split(".", 1)
    return f"{quoted(schema)}.{quoted(name)}"


def literal(value: str) -> str:
    """Return a text as a quoted SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def ensure_tables(connection: duckdb.DuckDBPyConnection, leave: Collection[str] = ()) -> None:
    """Create every declared table that is not there, and give a table whose contract has changed its new columns.

    A table that was never loaded is there and empty, so that models and readers can count on its columns. Those of
    `leave` that are there stay as they are: their rows do not fit the new contract.
    """
    there = columns_by_table(connection)
    # In one transaction: a commit for each table and each comment takes longer than all that is written.
    with transaction(connection):
        for table in (*WRITTEN_TABLES, *TABLES.values()):
            if table.qualified not in there:
                _create(connection, table, system=table.qualified in TABLES)
    there = columns_by_table(connection)
    for table in WRITTEN_TABLES:
        if not _matches(there[table.qualified], table, system=False):
            _fit(connection, table, there[table.qualified], system=False)
    for table in TABLES.values():
        if table.qualified in leave and table.qualified in there:
            continue
        if not _matches(there[table.qualified], table, system=True):
            _fit(connection, table, there[table.qualified], system=True)


def _fit(
    connection: duckdb.DuckDBPyConnection, table: Table, there: Sequence[tuple[str, str]], *, system: bool
) -> None:
    """Give a table the columns of its contract. It keeps its rows: they are the last good ones if the next are not.

    Where a column has another type now, its values are converted as far as that goes, and the loads of the table count
    as replaced: they are brought in again from the lake, where the values are as Canvas gave them.
    """
    columns = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    kinds = dict(there)
    place = quoted_table(table.qualified)
    if all(column.name not in kinds or _same(kinds[column.name], column.type.value) for column in columns):
        for column in columns:
            if column.name not in kinds:
                connection.execute(f"ALTER TABLE {place} ADD COLUMN {quoted(column.name)} {column.type.value}")
        return
    chosen = [
        f"TRY_CAST({quoted(column.name) if column.name in kinds else 'NULL'} AS {column.type.value})"
        f" AS {quoted(column.name)}"
        for column in table.columns
    ]
    declared = {column.name for column in columns}
    chosen += [quoted(name) for name in kinds if name not in declared]
    if system:
        chosen += [f"{quoted('_load_id')} || '{_BEFORE}' AS {quoted('_load_id')}", quoted("_extracted_at")]
    with transaction(connection):
        connection.execute(f"CREATE OR REPLACE TABLE {place} AS SELECT {', '.join(chosen)} FROM {place}")
        if system:
            connection.execute(
                f"UPDATE meta.loads SET load_id = load_id || '{_BEFORE}' WHERE table_name = ?", [table.qualified]
            )


def _matches(columns: Sequence[tuple[str, str]], table: Table, *, system: bool) -> bool:
    there = dict(columns)
    wanted = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    return all(_same(there.get(column.name), column.type.value) for column in wanted)


def duckdb_type(kind: str) -> str:
    """Return a type of a contract by the name that DuckDB lists it under."""
    return {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(kind, kind)


def _same(there: str | None, wanted: str) -> bool:
    return there == duckdb_type(wanted)


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
    """Return the columns of a table of the file in use as (name, DuckDB type), in order; empty if it is not there."""
    schema, name = qualified.split(".", 1)
    return connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database()"
        " AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [schema, name],
    ).fetchall()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep all that is done, or nothing of it."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        # A commit that failed has ended the transaction by itself; the first error is the one to tell.
        with suppress(duckdb.TransactionException):
            connection.rollback()
        raise


def _create(connection: duckdb.DuckDBPyConnection, table: Table, *, system: bool) -> None:
    columns = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
    declared = ", ".join(f"{quoted(column.name)} {column.type.value}" for column in columns)
    connection.execute(f"CREATE OR REPLACE TABLE {quoted_table(table.qualified)} ({declared})")
    connection.execute(f"COMMENT ON TABLE {quoted_table(table.qualified)} IS {literal(table.description)}")
    for column in columns:
        connection.execute(
            f"COMMENT ON COLUMN {quoted_table(table.qualified)}.{quoted(column.name)} IS {literal(column.description)}"
        )


def insert_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Append rows, given by column name, to a table that publish writes; times may be ISO 8601 text."""
    insert_columns(connection, table, {column.name: [row.get(column.name) for row in rows] for column in table.columns})


def insert_columns(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: Mapping[str, Sequence[object]]
) -> None:
    """Append rows, given in columns, to a table that publish writes; columns that it does not have are left out."""
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
    if not tables:
        return {}
    # One statement: a hundred small ones take longer than the counting.
    counted = " UNION ALL ".join(f"SELECT {literal(table)}, count(*) FROM {quoted_table(table)}" for table in tables)
    return {str(table): int(rows) for table, rows in connection.execute(counted).fetchall()}

"""What differs between the build file and the lake, slice by slice, and bringing a table in step.

A pull of students brings hundreds of thousands of slices; they are compared and moved inside DuckDB, never one by one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.lake.live_sql import READ_FILES, quoted, same_slice, slices
from pipelines.lake.versions import HISTORY
from pipelines.normalize.contracts import TABLES, Table
from pipelines.warehouse.build import columns_of, quoted_table


@dataclass(frozen=True)
class Change:
    """What a table needs to be in step with the lake: how many slices to add and to take out, and its rows then."""

    table: str
    added: int
    removed: int
    rows_before: int
    rows_after: int
    slices_after: int = 0


def changes(connection: duckdb.DuckDBPyConnection, live: Iterable[Mapping[str, Sequence[object]]]) -> list[Change]:
    """Compare the slices inside the build file with the live ones (columns, in the ledger's chunks), by table.

    What differs is kept in temporary tables for `apply_change`: a first pull brings hundreds of thousands of slices.
    """
    same = "one.table_name = other.table_name AND one.slice = other.slice AND one.load_id = other.load_id"
    numbers = {"rows": pa.int64(), "report_id": pa.int64()}
    into = "CREATE OR REPLACE TEMP TABLE live_slices AS"
    for chunk in live:
        columns = {name: pa.array(values, numbers.get(name, pa.string())) for name, values in chunk.items()}
        connection.register("_live", pa.table(columns))
        # Versions of rows are no table's rows: the models that keep them read them by themselves.
        connection.execute(f"{into} SELECT * FROM _live WHERE NOT starts_with(table_name, '{HISTORY}.')")
        connection.unregister("_live")
        into = "INSERT INTO live_slices"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE slices_to_add AS"
        f" SELECT one.* FROM live_slices AS one ANTI JOIN meta.loads AS other ON {same}"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE slices_to_remove AS SELECT one.table_name, one.slice, one.load_id"
        f" FROM meta.loads AS one ANTI JOIN live_slices AS other ON {same}"
    )
    found = connection.execute(
        """
        WITH added AS (SELECT table_name, count(*) AS n FROM slices_to_add GROUP BY 1),
             removed AS (SELECT table_name, count(*) AS n FROM slices_to_remove GROUP BY 1),
             before AS (SELECT table_name, sum(rows) AS n FROM meta.loads GROUP BY 1),
             after AS (SELECT table_name, sum(rows) AS n, count(*) AS slices FROM live_slices GROUP BY 1)
        SELECT table_name, coalesce(added.n, 0), coalesce(removed.n, 0), coalesce(before.n, 0), coalesce(after.n, 0),
               coalesce(after.slices, 0)
        FROM added FULL JOIN removed USING (table_name) LEFT JOIN before USING (table_name)
             LEFT JOIN after USING (table_name)
        ORDER BY table_name
        """
    ).fetchall()
    return [Change(table, *map(int, counts)) for table, *counts in found]


def apply_change(
    connection: duckdb.DuckDBPyConnection, change: Change, root: Path, *, is_good: Callable[[], bool] = lambda: True
) -> bool:
    """Bring one table in step with the lake, in one transaction: old slices out, new ones in, sorted by the key.

    `root` is the lake's folder; `changes` has been called on this connection. `is_good` is asked when the new rows
    stand there: if they are not, those of before come back. Returns whether the new rows stay.
    """
    target, table = quoted_table(change.table), TABLES.get(change.table)
    mine = [change.table]
    found = connection.execute("SELECT DISTINCT path FROM slices_to_add WHERE table_name = ? ORDER BY ALL", mine)
    paths = [str(root / path) for (path,) in found.fetchall()]
    if paths:
        # Before the transaction: DuckDB cannot commit one that alters a table and changes its rows.
        _fit_columns(connection, change.table, paths, all_new=change.added == change.slices_after)
    connection.execute("BEGIN")
    try:
        if change.removed and _exists(connection, change.table):
            connection.execute(
                f"DELETE FROM {target} AS rows USING {slices('slices_to_remove', table)} WHERE {same_slice(table)}",
                mine,
            )
        if paths:
            # The empty part gives every column of the table to files that were written before it was declared.
            rows = f"(SELECT * FROM {target} WHERE false UNION ALL BY NAME SELECT * FROM {READ_FILES})"
            connection.execute(
                f"INSERT INTO {target} BY NAME SELECT rows.* FROM {rows} AS rows"
                f" SEMI JOIN {slices('slices_to_add', table)} ON {same_slice(table)}{_order(table)}",
                [paths, *mine],
            )
        connection.execute(
            "DELETE FROM meta.loads AS loads USING slices_to_remove AS gone WHERE gone.table_name = ?"
            " AND loads.table_name = gone.table_name AND loads.slice = gone.slice AND loads.load_id = gone.load_id",
            mine,
        )
        connection.execute(
            "INSERT INTO meta.loads BY NAME SELECT table_name, slice, load_id, source, report_id, rows, sha256, path,"
            " extracted_at::TIMESTAMPTZ AS extracted_at, committed_at::TIMESTAMPTZ AS committed_at FROM slices_to_add"
            " WHERE table_name = ?",
            mine,
        )
        good = is_good()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if good else "ROLLBACK")
    return good


def _exists(connection: duckdb.DuckDBPyConnection, qualified: str) -> bool:
    return bool(columns_of(connection, qualified))


def _order(table: Table | None) -> str:
    if table is None or not table.key:
        return ""
    return " ORDER BY " + ", ".join(f"rows.{quoted(name)}" for name in table.key)


def _fit_columns(connection: duckdb.DuckDBPyConnection, qualified: str, paths: list[str], *, all_new: bool) -> None:
    """Give the table every column that the files have: an undeclared column is added, never dropped.

    Columns of a table that nobody declared take the types of its files, when all of them are `all_new`; while some are
    of before, they are text.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {READ_FILES}", [paths]).fetchall()
    there = {name.lower(): kind for name, kind in columns_of(connection, qualified)}
    if not there:
        schema = qualified.split(".", 1)[0]
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        declared = ", ".join(f"{quoted(row[0])} {row[1]}" for row in described)
        connection.execute(f"CREATE TABLE {quoted_table(qualified)} ({declared})")
        return
    for row in described:
        before = there.get(row[0].lower())
        if before is None:
            connection.execute(f"ALTER TABLE {quoted_table(qualified)} ADD COLUMN {quoted(row[0])} {row[1]}")
        elif before != row[1] and qualified not in TABLES:
            kind = row[1] if all_new else "VARCHAR"
            # The rows that are there leave the table in the next step, or become text.
            connection.execute(
                f"ALTER TABLE {quoted_table(qualified)} ALTER COLUMN {quoted(row[0])} SET DATA TYPE {kind}"
                f" USING TRY_CAST({quoted(row[0])} AS {kind})"
            )

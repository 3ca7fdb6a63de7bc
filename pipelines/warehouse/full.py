"""The build file made anew of the lake alone, when it is not trusted any more: the same rows as little by little.

Two things are not in the lake and come from the published file: the last good rows of what is held back, and the
columns that nobody declared and no load brings any more. Where that file cannot be read, its generation has them too.
"""

import os
import shutil
from collections.abc import Collection, Mapping

import duckdb

from pipelines.lake.live_sql import quoted
from pipelines.lake.versions import HISTORY
from pipelines.ledger.generations import present_generation
from pipelines.ledger.loads import live_row_counts
from pipelines.normalize.contracts import TABLES
from pipelines.private_files import create_private, private_folder, sync_folder
from pipelines.warehouse.build import PublishError, columns_by_table, ensure_tables, open_build, quoted_table
from pipelines.warehouse.check_list import checks_of, row_count_check
from pipelines.warehouse.checks import accepted, row_count
from pipelines.warehouse.difference import attach_published
from pipelines.warehouse.model_runs import Models, Refreshing
from pipelines.warehouse.paths import WarehousePaths
from pipelines.warehouse.publish import (
    Loaded,
    PublishOutcome,
    Warehouse,
    apply_loads,
    locked,
    publish,
    update_told,
)
from pipelines.warehouse.scratch import scratch


def publish_full(
    warehouse: Warehouse, models: Models, accept: Collection[str] = (), *, unfit: Mapping[str, str] | None = None
) -> PublishOutcome:
    """Make the build file anew of the lake, and publish the next generation from it.

    What speaks against new rows of a table speaks against them here too: the table takes its last good rows from the
    published file. Raises what `publish` raises, and PublishError if that file and its kept generation are there and
    neither can be read; until the new build file is whole, everything is as it was.
    """
    rebuild(warehouse, models, accept, unfit=unfit)
    return publish(warehouse, models, accept, unfit=unfit, release=True, force=True)


def rebuild(
    warehouse: Warehouse, models: Models, accept: Collection[str] = (), *, unfit: Mapping[str, str] | None = None
) -> None:
    """Make the build file anew beside the old one, and put it in its place."""
    unfit = unfit or {}
    with locked(warehouse), scratch(warehouse.paths) as beside:
        with open_build(beside, memory_limit=warehouse.memory_limit, threads=warehouse.threads) as connection:
            at = warehouse.ledger.clock()
            before = _Before(connection) if _attach_last(warehouse, connection, beside) else None
            kept = before.lay_out(live_row_counts(warehouse.ledger), models, accept, unfit) if before else []
            ensure_tables(connection, leave=unfit)
            if before:
                before.take(kept)
            loaded = apply_loads(warehouse, connection, accept, unfit)
            held = [change.table for change in loaded.held_back if change.table not in kept]
            if before and held:
                before.take(held)
                # They are held back again, and told beside their last good rows.
                again = apply_loads(warehouse, connection, accept, unfit)
                loaded = Loaded(loaded.applied, again.held_back, (*loaded.outcomes, *again.outcomes))
            runs = models.refresh(connection, Refreshing(at, accept))
            models_held = [run.qualified for run in runs if run.held_back]
            if before and models_held:
                before.take_fingerprints(models_held)
                # They have their published rows already; what is made from them gets the fingerprint that says so.
                runs += models.refresh(connection, Refreshing(at, accept))
            update_told(warehouse, connection, models, loaded, runs, at)
            if before:
                before.tell_counts({change.table for change in loaded.applied}, accept)
                connection.execute("DETACH published")
            connection.execute("CHECKPOINT warehouse")
        _into_place(beside, warehouse.paths)


def _attach_last(warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, beside: WarehousePaths) -> bool:
    """Attach what was published last as `published`; return False if nothing was, or no file of it is left.

    A client that has the published file open for writing keeps others from opening it; a copy of its generation in
    the folder of `beside` can be opened. Raises PublishError if there are files and none can be read.
    """
    present, published = present_generation(warehouse.ledger), warehouse.paths.published
    if attach_published(connection, published):
        return True
    kept = warehouse.paths.generation(present.generation) if present else published
    if kept.exists():
        with kept.open("rb") as source, os.fdopen(create_private(beside.published), "wb") as copy:
            shutil.copyfileobj(source, copy, length=8 << 20)
        if attach_published(connection, beside.published):
            return True
    if not kept.exists() and not published.exists():
        return False
    raise PublishError(
        f"Neither {published} nor its generation, {kept}, can be read, so the last good rows of what is held back "
        "cannot be taken from them; nothing was changed. If a program has one of them open for writing, close it there "
        "and run this again. If they are damaged: canvaslake rollback, and then this again; if no older generation is "
        "kept, move both away, and the warehouse is made of the lake alone."
    )


def _into_place(made: WarehousePaths, paths: WarehousePaths) -> None:
    # The log of the old file would be replayed against the new one.
    paths.build.with_name(f"{paths.build.name}.wal").unlink(missing_ok=True)
    made.build.replace(paths.build)
    sync_folder(private_folder(paths.build.parent))


class _Before:
    """What the published file, attached as `published`, gives to a build file that is made from nothing."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables = {
            str(name)
            for (name,) in connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'published'"
            ).fetchall()
        }
        counted = connection.execute("SELECT table_name, sum(rows) FROM published.meta.loads GROUP BY 1").fetchall()
        self._rows = {str(table): int(rows) for table, rows in counted}

    def lay_out(
        self, live: Mapping[str, int], models: Models, accept: Collection[str], unfit: Collection[str]
    ) -> list[str]:
        """Make the tables as they are published, empty, and models with their rows; return what keeps its rows, too."""
        kept = []
        for table in sorted(self._tables & (TABLES.keys() | self._rows.keys())):
            check = row_count_check(checks_of(table))
            fell = (
                check is not None
                and table not in accept
                and row_count(table, check, self._rows.get(table, 0), live.get(table, 0)).holds_back
            )
            self._create(table, "LIMIT 0")
            if fell or table in unfit:
                kept.append(table)
        for note in models.notes:
            # A model that is held back keeps them; the others are made anew. Versions of rows are all in the lake.
            if note.qualified in self._tables and not note.qualified.startswith(f"{HISTORY}."):
                self._create(note.qualified)
        return kept

    def take(self, tables: Collection[str]) -> None:
        """Give some tables, which are empty, the published rows and loads, unless they have other columns now."""
        there = columns_by_table(self._connection)
        taken = [
            table
            for table in self._tables.intersection(tables)
            if set(self._columns(table)) <= set(there.get(table, ()))
        ]
        for table in taken:
            place = quoted_table(table)
            self._connection.execute(f"INSERT INTO {place} BY NAME FROM published.{place}")
        self._take("meta.loads", "table_name", taken)

    def take_fingerprints(self, models: Collection[str]) -> None:
        """Say of some models that they were made from what they were made from in the published file."""
        self._take("meta.models", "model", models)

    def tell_counts(self, applied: Collection[str], accept: Collection[str]) -> None:
        """Make the checks of the number of rows compare with the published file, and not with nothing.

        A table that is what it was in there keeps what was said when it became so.
        """
        changed = self._changed()
        self._connection.execute(
            "UPDATE meta.checks AS mine SET passed = theirs.passed, severity = theirs.severity, detail = theirs.detail,"
            " checked_at = theirs.checked_at FROM published.meta.checks AS theirs"
            " WHERE mine.table_name = theirs.table_name AND mine.check_name = theirs.check_name AND mine.passed"
            " AND mine.check_name = 'row_count' AND mine.table_name NOT IN (SELECT unnest($1::VARCHAR[]))",
            [sorted(changed)],
        )
        for table in changed & set(applied):
            check = row_count_check(checks_of(table))
            now = self._connection.execute(f"SELECT count(*) FROM {quoted_table(table)}").fetchone()
            if check is None or now is None:
                continue
            found = row_count(table, check, self._rows.get(table, 0), int(now[0]))
            found = accepted(found) if table in accept else found
            self._connection.execute(
                "UPDATE meta.checks SET passed = ?, severity = ?, detail = ?"
                " WHERE table_name = ? AND check_name = 'row_count' AND passed",
                [found.passed, found.severity, found.detail, table],
            )

    def _changed(self) -> set[str]:
        """Return the tables whose loads, and the models whose inputs, are others than in the published file."""
        loads = "SELECT table_name, slice, load_id FROM {}.meta.loads"
        models = "SELECT model, fingerprint FROM {}.meta.models"
        names: set[str] = set()
        for one in (loads, models):
            here, there = f"({one.format('warehouse')})", f"({one.format('published')})"
            for rows in (f"{here} EXCEPT {there}", f"{there} EXCEPT {here}"):
                names |= {str(row[0]) for row in self._connection.execute(rows).fetchall()}
        return names

    def _columns(self, table: str) -> list[tuple[str, str]]:
        """Return the columns of a published table as (name, DuckDB type)."""
        return self._connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'published'"
            " AND schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()

    def _create(self, table: str, limit: str = "") -> None:
        schema = quoted(table.split(".", 1)[0])
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self._connection.execute(
            f"CREATE OR REPLACE TABLE {quoted_table(table)} AS FROM published.{quoted_table(table)} {limit}"
        )

    def _take(self, target: str, name: str, wanted: Collection[str]) -> None:
        self._connection.execute(
            f"INSERT INTO {target} BY NAME SELECT * FROM published.{target} AS theirs"
            f" WHERE theirs.{name} IN (SELECT unnest($1::VARCHAR[]))"
            f" AND theirs.{name} NOT IN (SELECT {name} FROM {target})",
            [sorted(wanted)],
        )

"""Publish: the build file brought up to date, checked, copied beside the old file and renamed into its place.

The file that readers open is never written: a reader that holds it keeps the generation it opened, and one that opens
it again gets the next. One publisher at a time, by a lock of the operating system.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from filelock import FileLock

from pipelines import __version__
from pipelines.lake import Lake
from pipelines.ledger import Ledger
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import live_chunks
from pipelines.private_files import create_private, private_folder, sync_folder
from pipelines.warehouse.build import (
    PublishError,
    ensure_tables,
    open_build,
    row_counts,
    table_names,
)
from pipelines.warehouse.changes import Change, apply_change, changes, is_suspicious
from pipelines.warehouse.checks import (
    CheckOutcome,
    KeyedTable,
    check_keys,
    contract_keys,
    row_count_outcomes,
    unfit_outcomes,
)
from pipelines.warehouse.meta_tables import (
    TableNote,
    write_checks,
    write_dictionary,
    write_generation,
    write_ledger_tables,
)
from pipelines.warehouse.paths import WarehousePaths


@dataclass(frozen=True)
class ModelRun:
    """A model that was made anew: its table, its rows, and how long it took."""

    qualified: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Models:
    """What publish needs to know of the models: how to refresh the stale ones, and what they are.

    `refresh` gets the connection to the build file and returns what it made anew.
    """

    refresh: Callable[[duckdb.DuckDBPyConnection], list[ModelRun]]
    notes: Sequence[TableNote] = ()

    @property
    def keys(self) -> list[KeyedTable]:
        """The models whose key should tell their rows apart."""
        return [KeyedTable(note.qualified, note.key) for note in self.notes if note.key]


@dataclass(frozen=True)
class Applied:
    """What bringing the build file in step with the lake did, and the rows of every table in it then."""

    applied: tuple[Change, ...]
    held_back: tuple[Change, ...]
    models: tuple[ModelRun, ...]
    checks: tuple[CheckOutcome, ...]
    rows: dict[str, int]


@dataclass(frozen=True)
class PublishOutcome:
    """What a publish did: the number of the generation, where it is, what went into it.

    `changed` names the tables and models that differ from the generation before.
    """

    generation: int
    path: Path
    applied: Applied
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Warehouse:
    """The warehouse of one data directory, with the limits that DuckDB works in."""

    paths: WarehousePaths
    lake: Lake
    ledger: Ledger
    memory_limit: str = "2GB"
    threads: int | None = None
    keep_generations: int = 5


def refresh_build(warehouse: Warehouse, models: Models, accept: Collection[str] = ()) -> Applied:
    """Bring the build file in step with the lake and refresh the stale models, without publishing."""
    with _locked(warehouse), _build(warehouse) as connection:
        return _counted(connection, _bring_up_to_date(warehouse, connection, models, accept, {}))


def publish(
    warehouse: Warehouse, models: Models, accept: Collection[str] = (), *, unfit: Mapping[str, str] | None = None
) -> PublishOutcome:
    """Publish the next generation: what the lake holds now, and the models made from it.

    A table that was emptied or shrank by half keeps its last good rows, and `meta.checks` says so, unless it is in
    `accept`. So does one of `unfit`, tables whose rows in the lake do not fit their contract, each with the reason.
    Raises PublishError, and whatever a model raises; the old file stays in its place then.
    """
    ledger = warehouse.ledger
    with _locked(warehouse):
        number = _next_generation(ledger)
        at = ledger.now()
        with _build(warehouse, unfit or {}) as connection:
            applied = _bring_up_to_date(warehouse, connection, models, accept, unfit or {})
            connection.execute("BEGIN")
            write_ledger_tables(connection, ledger)
            write_checks(connection, applied.checks, at)
            write_generation(connection, number=number, at=at, version=__version__)
            write_dictionary(connection, models.notes)
            connection.execute("COMMIT")
            applied = _counted(connection, applied)
            connection.execute("CHECKPOINT warehouse")
        _put_in_place(warehouse, number)
        changed = _record(ledger, number, warehouse.paths.generation(number), sum(applied.rows.values()))
        _prune(warehouse, number)
    return PublishOutcome(number, warehouse.paths.published, applied, changed)


@contextmanager
def _locked(warehouse: Warehouse) -> Iterator[None]:
    private_folder(warehouse.paths.lock.parent)
    with FileLock(warehouse.paths.lock, mode=0o600):
        yield


@contextmanager
def _build(warehouse: Warehouse, unfit: Collection[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_build(warehouse.paths, memory_limit=warehouse.memory_limit, threads=warehouse.threads) as connection:
        ensure_tables(connection, leave=unfit)
        yield connection


def _bring_up_to_date(
    warehouse: Warehouse,
    connection: duckdb.DuckDBPyConnection,
    models: Models,
    accept: Collection[str],
    unfit: Mapping[str, str],
) -> Applied:
    due = [change for change in changes(connection, live_chunks(warehouse.ledger)) if change.table not in unfit]
    held_back = [change for change in due if is_suspicious(change) and change.table not in accept]
    applied = [change for change in due if change not in held_back]
    for change in applied:
        try:
            apply_change(connection, change, warehouse.lake.root)
        except duckdb.Error as error:
            # Its words may quote a value of a row, so only their kind is passed on.
            raise PublishError(
                f"{change.table} does not take its files ({type(error).__name__}); the old file stays. If canvaslake "
                "was upgraded, delete state/build.duckdb and publish again; else please report this as a bug."
            ) from None
    runs = models.refresh(connection)
    _note_unpublished(warehouse.ledger, [*(change.table for change in applied), *(run.qualified for run in runs)])
    checks = [
        *row_count_outcomes(applied, held_back),
        *unfit_outcomes(unfit),
        *check_keys(connection, [*contract_keys(), *models.keys]),
    ]
    return Applied(tuple(applied), tuple(held_back), tuple(runs), tuple(checks), {})


def _counted(connection: duckdb.DuckDBPyConnection, applied: Applied) -> Applied:
    """Return what was applied with the rows of every table as they are now."""
    return replace(applied, rows=row_counts(connection, table_names(connection)))


def _note_unpublished(ledger: Ledger, tables: Sequence[str]) -> None:
    """Remember what differs from the published file: it may be another process that publishes it."""
    with ledger.write() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO unpublished (table_name) VALUES (?)", [(table,) for table in tables]
        )


def _next_generation(ledger: Ledger) -> int:
    with ledger.write() as connection:
        cursor = connection.execute("INSERT INTO generations (started_at) VALUES (?)", (ledger.now(),))
        return int(cursor.lastrowid or 0)


def _put_in_place(warehouse: Warehouse, number: int) -> None:
    paths = warehouse.paths
    private_folder(paths.generations)
    final = paths.generation(number)
    copy = final.with_suffix(".next")
    copy.unlink(missing_ok=True)
    with paths.build.open("rb") as source, os.fdopen(create_private(copy), "wb") as target:
        shutil.copyfileobj(source, target, length=8 << 20)
        target.flush()
        os.fsync(target.fileno())
    _prove(copy, number)
    copy.replace(final)
    sync_folder(paths.generations)
    link_in_place(final, paths.published)


def link_in_place(generation: Path, published: Path) -> None:
    """Make a generation the published file by one rename: readers see the old file or the new one, never neither."""
    following = published.with_name(f".{published.name}.next")
    following.unlink(missing_ok=True)
    try:
        following.hardlink_to(generation)
    except OSError:
        # Some file systems have no hard links; a copy costs time and space and is as good.
        shutil.copyfile(generation, following)
        following.chmod(0o600)
    # A client that opened the file for writing may have left a log behind. Under the new file it would be replayed
    # against the wrong database, and no reader could open it any more.
    published.with_name(f"{published.name}.wal").unlink(missing_ok=True)
    following.replace(published)
    sync_folder(published.parent)


def _prove(path: Path, number: int) -> None:
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute("SELECT generation FROM meta.generation").fetchone()
    except duckdb.Error as error:
        raise PublishError(
            f"generation {number} cannot be opened ({error}); the old file stays. Is the disk full?"
        ) from error
    if found is None or found[0] != number:
        raise PublishError(f"generation {number} says it is {found}; the old file stays. Please report this as a bug.")


def _record(ledger: Ledger, number: int, path: Path, rows: int) -> tuple[str, ...]:
    """Record that a generation is published, and return what it brought that the one before had not."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE generations SET published_at = ?, file = ?, rows = ?, bytes = ? WHERE generation = ?",
            (ledger.now(), path.name, rows, path.stat().st_size, number),
        )
        changed = connection.execute("SELECT table_name FROM unpublished ORDER BY table_name").fetchall()
        connection.execute("DELETE FROM unpublished")
    return tuple(row["table_name"] for row in changed)


def _prune(warehouse: Warehouse, newest: int) -> None:
    published = rows_of(
        warehouse.ledger,
        "SELECT generation FROM generations WHERE published_at IS NOT NULL AND generation <= ?"
        " ORDER BY generation DESC",
        (newest,),
    )
    kept = {warehouse.paths.generation(int(str(row["generation"]))) for row in published[: warehouse.keep_generations]}
    # Files of publishes that were killed in the middle go too: nothing else knows of them.
    for file in warehouse.paths.generations.glob("warehouse-*"):
        if file not in kept:
            file.unlink(missing_ok=True)

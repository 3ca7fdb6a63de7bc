"""Publish: the build file brought up to date, checked, copied beside the old file and renamed into its place.

The file that readers open is never written: a reader that holds it keeps the generation it opened, and one that opens
it again gets the next. One publisher at a time, by a lock of the operating system.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock

from pipelines import __version__
from pipelines.lake import Lake
from pipelines.ledger import Ledger
from pipelines.ledger.generations import (
    begin_generation,
    following_generation,
    note_unpublished,
    pinned_generation,
    present_generation,
    published_generations,
    record_published,
    take_unpublished,
)
from pipelines.ledger.generations import release as release_pin
from pipelines.ledger.loads import live_chunks
from pipelines.private_files import create_private, private_folder, sync_folder
from pipelines.warehouse.build import (
    PublishError,
    ensure_tables,
    open_build,
    row_counts,
    table_names,
)
from pipelines.warehouse.changes import Change, apply_change, changes
from pipelines.warehouse.check_list import Found, checks_of, row_count_check, update_checks
from pipelines.warehouse.checks import CheckOutcome, accepted, held_back, row_count, run_checks, unfit_outcomes
from pipelines.warehouse.difference import Difference, beside_published, difference
from pipelines.warehouse.meta_tables import write_dictionary, write_generation, write_ledger_tables
from pipelines.warehouse.model_runs import ModelRun, Models, Refreshing
from pipelines.warehouse.paths import WarehousePaths


@dataclass(frozen=True)
class Applied:
    """What bringing the build file in step with the lake did, and the rows of every table in it then."""

    applied: tuple[Change, ...]
    held_back: tuple[Change, ...]
    models: tuple[ModelRun, ...]
    checks: tuple[CheckOutcome, ...]
    rows: dict[str, int]


@dataclass(frozen=True)
class Loaded:
    """What applying the loads did: the tables in step now, those that keep their last good rows, and what was found."""

    applied: tuple[Change, ...]
    held_back: tuple[Change, ...]
    outcomes: tuple[CheckOutcome, ...]


@dataclass(frozen=True)
class PublishOutcome:
    """What a publish did: the number of the generation, where it is, what went into it.

    `changed` names the tables and models that differ from the generation before. Not `made`: readers still see that
    one, because nothing differs from it, or because a person went back to it and it is `pinned`.
    """

    generation: int
    path: Path
    applied: Applied
    changed: tuple[str, ...]
    made: bool = True
    pinned: bool = False


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
    with locked(warehouse), _build(warehouse) as connection:
        return _counted(connection, bring_up_to_date(warehouse, connection, models, accept, {}))


def publish(
    warehouse: Warehouse,
    models: Models,
    accept: Collection[str] = (),
    *,
    unfit: Mapping[str, str] | None = None,
    release: bool = False,
    force: bool = False,
) -> PublishOutcome:
    """Publish the next generation: what the lake holds now, and the models made from it.

    A table that was emptied or shrank by half keeps its last good rows, and `meta.checks` says so, unless it is in
    `accept`. So does one of `unfit`, tables whose rows in the lake do not fit their contract, each with the reason.
    A file that would say the same as the published one is not made, unless `force`. After a rollback the build file
    is brought up to date and the published one stays, unless a person means to `release` it.
    Raises PublishError, and whatever a model raises; the old file stays in its place then.
    """
    ledger = warehouse.ledger
    with locked(warehouse):
        number, at = following_generation(ledger), ledger.now()
        pinned = None if release else pinned_generation(ledger)
        with _build(warehouse, unfit or {}) as connection:
            applied = bring_up_to_date(warehouse, connection, models, accept, unfit or {})
            if pinned is not None:
                _keep_in_place(warehouse, pinned.generation)
                return _not_made(warehouse, pinned.generation, _counted(connection, applied), pinned=True)
            with beside_published(connection, warehouse.paths) as is_beside:
                connection.execute("BEGIN")
                write_ledger_tables(connection, ledger)
                write_generation(connection, number=number, at=at, version=__version__)
                write_dictionary(connection, models.notes)
                differs = difference(connection) if is_beside else None
                if not force and differs is not None and _says_the_same(warehouse, differs):
                    connection.execute("ROLLBACK")
                    release_pin(ledger)
                    return _not_made(warehouse, differs.generation, _counted(connection, applied), pinned=False)
                begin_generation(ledger, number)
                connection.execute("COMMIT")
            applied = _counted(connection, applied)
            connection.execute("CHECKPOINT warehouse")
        _put_in_place(warehouse, number)
        noted = _record(ledger, number, warehouse.paths.generation(number), sum(applied.rows.values()))
        _prune(warehouse)
    changed = noted if differs is None else differs.tables
    return PublishOutcome(number, warehouse.paths.published, applied, changed)


@contextmanager
def locked(warehouse: Warehouse) -> Iterator[None]:
    """Hold the lock of the one publisher; wait for it if another has it."""
    private_folder(warehouse.paths.lock.parent)
    with FileLock(warehouse.paths.lock, mode=0o600):
        yield


def _not_made(warehouse: Warehouse, generation: int, applied: Applied, *, pinned: bool) -> PublishOutcome:
    return PublishOutcome(generation, warehouse.paths.published, applied, (), made=False, pinned=pinned)


def _says_the_same(warehouse: Warehouse, differs: Difference) -> bool:
    """Return whether the published file may stay: it says what the build file says, and it is what was published."""
    present = present_generation(warehouse.ledger)
    return (
        not (differs.tables or differs.told)
        and differs.canvaslake_version == __version__
        and present is not None
        and present.generation == differs.generation
        # A client that opened the file for writing has changed it, and the generation it is a link of.
        and present.bytes == warehouse.paths.published.stat().st_size
    )


@contextmanager
def _build(warehouse: Warehouse, unfit: Collection[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_build(warehouse.paths, memory_limit=warehouse.memory_limit, threads=warehouse.threads) as connection:
        ensure_tables(connection, leave=unfit)
        yield connection


def bring_up_to_date(
    warehouse: Warehouse,
    connection: duckdb.DuckDBPyConnection,
    models: Models,
    accept: Collection[str],
    unfit: Mapping[str, str],
) -> Applied:
    """Bring the build file that is open in step with the lake, refresh the stale models and run the checks.

    The caller holds the lock. The rows of the tables are not counted.
    """
    at = warehouse.ledger.clock()
    loaded = apply_loads(warehouse, connection, accept, unfit)
    return update_told(warehouse, connection, models, loaded, models.refresh(connection, Refreshing(at, accept)), at)


def apply_loads(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, accept: Collection[str], unfit: Mapping[str, str]
) -> Loaded:
    """Bring the loaded tables in step with the lake; models and `meta.checks` stay as they are.

    What is made from the tables must not be made before a table that is held back has its last good rows.
    """
    due = [change for change in changes(connection, live_chunks(warehouse.ledger)) if change.table not in unfit]
    applied: list[Change] = []
    held: list[Change] = []
    outcomes = unfit_outcomes(unfit)
    for change in due:
        good, found = _apply(warehouse, connection, change, accept=change.table in accept)
        (applied if good else held).append(change)
        outcomes += found
    return Loaded(tuple(applied), tuple(held), tuple(outcomes))


def update_told(
    warehouse: Warehouse,
    connection: duckdb.DuckDBPyConnection,
    models: Models,
    loaded: Loaded,
    runs: Sequence[ModelRun],
    at: datetime,
) -> Applied:
    """Run the checks that are due after loads and models, tell all of them in `meta.checks`, and note what changed.

    Of two outcomes of one check the later counts. The rows of the tables are not counted.
    """
    outcomes = [*loaded.outcomes, *(outcome for run in runs for outcome in run.checks)]
    changed = [*(change.table for change in loaded.applied), *(run.qualified for run in runs if not run.held_back)]
    note_unpublished(warehouse.ledger, changed)
    model_checks = {note.qualified: note.checks for note in models.notes}
    checks = update_checks(connection, warehouse.ledger, Found(changed, outcomes), model_checks, at)
    return Applied(loaded.applied, loaded.held_back, tuple(runs), tuple(checks), {})


def _apply(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, change: Change, *, accept: bool
) -> tuple[bool, list[CheckOutcome]]:
    """Apply a change unless a blocking check speaks against it; return whether it stays, and what was found."""
    checks = checks_of(change.table)
    counting = row_count_check(checks)
    found = [row_count(change.table, counting, change.rows_before, change.rows_after)] if counting else []
    if not accept and any(outcome.holds_back for outcome in found):
        return False, [held_back(outcome) for outcome in found]

    def is_good() -> bool:
        found.extend(run_checks(connection, change.table, [check for check in checks if check.blocking]))
        return accept or not any(outcome.holds_back for outcome in found)

    try:
        good = apply_change(connection, change, warehouse.lake.root, is_good=is_good)
    except duckdb.Error as error:
        # Its words may quote a value of a row, so only their kind is passed on.
        raise PublishError(
            f"{change.table} does not take its files ({type(error).__name__}); the old file stays. If canvaslake "
            "was upgraded: canvaslake publish --full. Else please report this as a bug."
        ) from None
    if good:
        return True, [accepted(outcome) for outcome in found]
    return False, [held_back(outcome) if outcome.holds_back else outcome for outcome in found]


def _counted(connection: duckdb.DuckDBPyConnection, applied: Applied) -> Applied:
    """Return what was applied with the rows of every table as they are now."""
    return replace(applied, rows=row_counts(connection, table_names(connection)))


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
    prove(copy, number)
    copy.replace(final)
    sync_folder(paths.generations)
    link_in_place(final, paths.published)


def _keep_in_place(warehouse: Warehouse, number: int) -> None:
    """Put a pinned generation in place if it is not: the rollback was killed between its word and the rename."""
    try:
        prove(warehouse.paths.published, number)
    except PublishError:
        link_in_place(warehouse.paths.generation(number), warehouse.paths.published)


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


def prove(path: Path, number: int) -> None:
    """Raise PublishError unless a file can be opened and says that it is that generation."""
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
    """Record that a generation is published; return what was noted since the one before."""
    record_published(ledger, number, file=path.name, rows=rows, size=path.stat().st_size)
    return take_unpublished(ledger)


def _prune(warehouse: Warehouse) -> None:
    """Remove the files of generations that are over: older than the newest to be kept, or withdrawn."""
    standing = [one for one in published_generations(warehouse.ledger) if one.withdrawn_at is None]
    kept = {warehouse.paths.generation(one.generation) for one in standing[: warehouse.keep_generations]}
    # Files of publishes that were killed in the middle go too: nothing else knows of them.
    for file in warehouse.paths.generations.glob("warehouse-*"):
        if file not in kept:
            file.unlink(missing_ok=True)

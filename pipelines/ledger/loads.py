"""Loads and the files they brought: the lake's commit log.

A load replaces the live file of each of its slices in one transaction. The files themselves are written by the lake;
here stands only which of them are live, since when, and until when.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pipelines.ledger.coverage import Coverage, write_coverage
from pipelines.ledger.database import Ledger, chunks_of, columns_of, rows_of, timestamp


@dataclass(frozen=True)
class Load:
    """One answer of Canvas, taken in: where it came from, what scope it speaks for, how its rows add up.

    `load_id` is the identity of the load: the same report gives the same id, so that loading it twice is one load.
    `version` orders the answers of one slice where they can arrive out of order (the id of a report); None: the later
    commit is the newer answer.
    """

    load_id: str
    instance: str
    source: str
    scope: dict[str, str | int | None]
    extracted_at: datetime
    rows_read: int
    rows_loaded: int
    rows_quarantined: int
    content_hash: str
    report_id: int | None = None
    version: int | None = None

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_loaded + self.rows_quarantined:
            raise ValueError(
                f"load {self.load_id} does not add up: {self.rows_read} rows read, {self.rows_loaded} loaded, "
                f"{self.rows_quarantined} quarantined. Nothing was committed; please report this as a bug."
            )


@dataclass(frozen=True)
class LoadFile:
    """One Parquet file of a load. `path` is relative to the lake; `content_hash` leaves out the system columns."""

    table: str
    slice: str
    path: str
    rows: int
    bytes: int
    sha256: str
    content_hash: str


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file of a batch: many slices of one table. `path` is relative to the lake."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class BatchSlice:
    """One slice of a table in the Parquet file of its batch. `content_hash` is over its values."""

    table: str
    slice: str
    rows: int
    content_hash: str


@dataclass(frozen=True)
class LiveFile:
    """A file that speaks for a slice, with the load that brought it; the fields are those of `meta.loads`."""

    instance: str
    table_name: str
    slice: str
    load_id: str
    source: str
    report_id: int | None
    rows: int
    sha256: str
    path: str
    extracted_at: str
    committed_at: str


@dataclass(frozen=True)
class Drift:
    """A difference between a contract and what came: an unknown column, a missing one."""

    table: str
    kind: str
    name: str
    detail: str


_FILES = (
    "SELECT loads.instance, slices.table_name, slices.slice, slices.load_id, loads.source, loads.report_id,"
    " slices.rows, parquet.sha256, parquet.path, loads.extracted_at, loads.committed_at"
    " FROM slices JOIN loads USING (load_id) JOIN parquet USING (parquet_id)"
)
"""The fields of `LiveFile`."""


class CommitResult(StrEnum):
    """What a commit did."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    """Every file equals the live file of its slice: recorded, and the live files stay."""
    ALREADY_LOADED = "already loaded"
    """The load_id is in the ledger: nothing was done."""
    SUPERSEDED = "superseded"
    """A newer answer for the slices is live: recorded, and the newer one stays."""


def commit_load(
    ledger: Ledger,
    load: Load,
    files: Sequence[LoadFile],
    *,
    cleared: Sequence[tuple[str, str]] = (),
    drift: Sequence[Drift] = (),
    intent_id: int | None = None,
    is_wanted: Callable[[dict[str, object]], bool] | None = None,
) -> CommitResult:
    """Record a load and make its files live, in one transaction. Before it nothing happened; after it all did.

    `cleared` are (table, slice) pairs that the load found empty without writing a file. `intent_id` is the report
    intent that the load fulfils. Scopes of the same source that are no longer `is_wanted` leave with it.
    """
    with ledger.write() as connection:
        now, stamp = ledger.now(), _stamp(ledger, connection)
        if connection.execute("SELECT 1 FROM loads WHERE load_id = ?", (load.load_id,)).fetchone():
            _fulfil(connection, intent_id, load.load_id, now)
            if is_wanted is not None:
                _retire_scopes(connection, load.instance, load.source, is_wanted, None, stamp)
            return CommitResult.ALREADY_LOADED
        live = {file.table: _live(connection, file.table, file.slice) for file in files}
        due = [(table, slice_name) for table, slice_name in cleared if _live(connection, table, slice_name) is not None]
        due += _left_out(connection, load, files)
        result = _decide(load, files, live, changed=bool(due))
        _insert_load(connection, load, stamp, unchanged=result is CommitResult.UNCHANGED)
        if result is not CommitResult.UNCHANGED:
            for file in files:
                _insert_file(connection, load, file, stamp, live=result is CommitResult.COMMITTED)
        if result is CommitResult.COMMITTED:
            for table, slice_name in due:
                _retire(connection, table, slice_name, stamp)
        if result is CommitResult.UNCHANGED and load.version is not None:
            # The live rows are as new as this answer: one between the two that arrives late must not replace them.
            for file in files:
                connection.execute(
                    "UPDATE slices SET version = ? WHERE table_name = ? AND slice = ? AND live_to IS NULL",
                    (load.version, file.table, file.slice),
                )
        for item in drift:
            write_drift(connection, item, load.load_id, now)
        if is_wanted is not None:
            _retire_scopes(connection, load.instance, load.source, is_wanted, None, stamp)
        _fulfil(connection, intent_id, load.load_id, now)
    return result


def commit_batch(
    ledger: Ledger,
    load: Load,
    files: Mapping[str, ParquetFile],
    slices: Sequence[BatchSlice],
    *,
    emptied: Sequence[tuple[str, str]] = (),
    drift: Sequence[Drift] = (),
    coverage: Sequence[Coverage] = (),
) -> None:
    """Record a load of many slices and how its questions ended, in one transaction.

    `files` are the Parquet files by table. `slices` are those whose rows have changed; `emptied` are (table, slice)
    pairs that have no rows now. What is named in neither stays as it is.
    """
    with ledger.write() as connection:
        now, stamp = ledger.now(), _stamp(ledger, connection)
        _insert_load(connection, load, stamp, unchanged=not slices and not emptied)
        numbers = {table: _insert_parquet(connection, file) for table, file in files.items()}
        for table, slice_name in (*emptied, *((one.table, one.slice) for one in slices)):
            _retire(connection, table, slice_name, stamp)
        connection.executemany(
            "INSERT INTO slices (load_id, table_name, slice, parquet_id, rows, content_hash, live_from)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (load.load_id, one.table, one.slice, numbers[one.table], one.rows, one.content_hash, stamp)
                for one in slices
            ],
        )
        for item in drift:
            write_drift(connection, item, load.load_id, now)
        write_coverage(connection, coverage, now)


def live_version(ledger: Ledger, slice_name: str) -> int | None:
    """Return the version of the answer that is live in a slice; None if it has none, or is not there."""
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT max(version) AS version FROM slices WHERE slice = ? AND live_to IS NULL", (slice_name,)
        ).fetchone()
    return None if row["version"] is None else int(row["version"])


def live_since(ledger: Ledger, slice_name: str) -> datetime | None:
    """Return when Canvas gave the newest rows that are live in a slice; None if there are none."""
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT max(loads.extracted_at) AS moment FROM slices JOIN loads USING (load_id)"
            " WHERE slices.slice = ? AND slices.live_to IS NULL",
            (slice_name,),
        ).fetchone()
    return None if row["moment"] is None else datetime.fromisoformat(row["moment"])


def live_loads(ledger: Ledger, slice_name: str) -> set[str]:
    """Return the loads that speak for a slice in any table."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT DISTINCT load_id FROM slices WHERE slice = ? AND live_to IS NULL", (slice_name,)
        ).fetchall()
    return {row["load_id"] for row in rows}


def live_hashes(ledger: Ledger, table: str, slices: Sequence[str]) -> dict[str, str]:
    """Return the content hashes of those of some slices of a table that are live."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT slice, content_hash FROM slices WHERE live_to IS NULL AND table_name = ?"
            " AND slice IN (SELECT value FROM json_each(?))",
            (table, json.dumps(list(slices))),
        ).fetchall()
    return {row["slice"]: row["content_hash"] for row in rows}


def live_row_counts(ledger: Ledger) -> dict[str, int]:
    """Return the number of live rows of each table that was ever loaded and is not empty of slices."""
    rows = rows_of(ledger, "SELECT table_name, sum(rows) AS n FROM slices WHERE live_to IS NULL GROUP BY table_name")
    return {str(row["table_name"]): int(str(row["n"])) for row in rows}


def _left_out(connection: sqlite3.Connection, load: Load, files: Sequence[LoadFile]) -> list[tuple[str, str]]:
    """Return what an earlier answer of the same slices had and this one has not: a file that a report no longer has."""
    found = []
    for slice_name in {file.slice for file in files}:
        rows = connection.execute(
            "SELECT slices.table_name FROM slices JOIN loads USING (load_id) WHERE slices.slice = ?"
            " AND loads.source = ? AND slices.live_to IS NULL",
            (slice_name, load.source),
        ).fetchall()
        here = {file.table for file in files if file.slice == slice_name}
        found += [(row["table_name"], slice_name) for row in rows if row["table_name"] not in here]
    return found


def retire_scopes(
    ledger: Ledger,
    instance: str,
    source: str,
    *,
    keep: Callable[[dict[str, object]], bool],
    place: Callable[[dict[str, object]], tuple[str, str]] | None = None,
) -> int:
    """Take out of the live set what a source brought for scopes that nobody asks for any more; return how many slices.

    Without it, an account or a set of parameters that left the settings would speak for ever. `keep` is given the
    scope; of a load of many slices, the texts that the slice is named by. `place` gives for a scope the kind and id
    that the coverage of its analytics stands under: what is taken out is forgotten there too, and asked about anew if
    it comes back.
    """
    with ledger.write() as connection:
        return _retire_scopes(connection, instance, source, keep, place, _stamp(ledger, connection))


def _retire_scopes(
    connection: sqlite3.Connection,
    instance: str,
    source: str,
    keep: Callable[[dict[str, object]], bool],
    place: Callable[[dict[str, object]], tuple[str, str]] | None,
    stamp: str,
) -> int:
    rows = connection.execute(
        "SELECT slices.load_id, slices.table_name, slices.slice, loads.scope FROM slices JOIN loads USING (load_id)"
        " WHERE slices.live_to IS NULL AND loads.instance = ? AND loads.source = ?",
        (instance, source),
    ).fetchall()
    scopes = {row["slice"]: json.loads(row["scope"]) or scope_of(row["slice"]) for row in rows}
    out = {name for name, scope in scopes.items() if not keep(scope)}
    gone = [(row["load_id"], row["table_name"], row["slice"]) for row in rows if row["slice"] in out]
    if place is not None:
        connection.executemany(
            "DELETE FROM coverage WHERE instance = ? AND scope_kind = ? AND scope_id = ?"
            " AND endpoint GLOB 'analytics/*'",
            {(instance, *place(scopes[name])) for name in out},
        )
    connection.executemany(
        "UPDATE slices SET live_to = ? WHERE load_id = ? AND table_name = ? AND slice = ?",
        [(stamp, *one) for one in gone],
    )
    return len(gone)


def scope_of(slice_name: str) -> dict[str, object]:
    """Return the parts that a slice is named by, as texts: the inverse of the name for scopes of plain ids."""
    pairs = (part.partition("=") for part in slice_name.split(","))
    return {name: value for name, _, value in pairs}


def _decide(
    load: Load, files: Sequence[LoadFile], live: dict[str, sqlite3.Row | None], *, changed: bool
) -> CommitResult:
    rows = [(file, live[file.table]) for file in files]
    if load.version is not None and any(
        row is not None and row["version"] is not None and row["version"] > load.version for _, row in rows
    ):
        return CommitResult.SUPERSEDED
    if rows and not changed and all(row is not None and row["content_hash"] == file.content_hash for file, row in rows):
        return CommitResult.UNCHANGED
    return CommitResult.COMMITTED


def _live(connection: sqlite3.Connection, table: str, slice_name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM slices WHERE table_name = ? AND slice = ? AND live_to IS NULL", (table, slice_name)
    ).fetchone()
    return row


def _stamp(ledger: Ledger, connection: sqlite3.Connection) -> str:
    """Return the moment of the commit that is under way, for what becomes live by it and what is live no more.

    It is the present moment, unless the clock was set back since the last commit: then the one right after that, for
    otherwise a slice would have two files at one moment of the past.
    """
    row = connection.execute("SELECT at FROM last_commit").fetchone()
    stamp = ledger.now()
    if row is not None and row["at"] > stamp:
        stamp = timestamp(datetime.fromisoformat(row["at"]) + timedelta(microseconds=1))
    connection.execute("INSERT OR REPLACE INTO last_commit (one, at) VALUES (1, ?)", (stamp,))
    return stamp


def _insert_load(connection: sqlite3.Connection, load: Load, stamp: str, *, unchanged: bool) -> None:
    connection.execute(
        "INSERT INTO loads (load_id, instance, source, scope, report_id, rows_read, rows_loaded, rows_quarantined,"
        " content_hash, unchanged, extracted_at, committed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            load.load_id,
            load.instance,
            load.source,
            json.dumps(load.scope, sort_keys=True),
            load.report_id,
            load.rows_read,
            load.rows_loaded,
            load.rows_quarantined,
            load.content_hash,
            unchanged,
            timestamp(load.extracted_at),
            stamp,
        ),
    )


def _insert_file(connection: sqlite3.Connection, load: Load, file: LoadFile, stamp: str, *, live: bool) -> None:
    if live:
        _retire(connection, file.table, file.slice, stamp)
    number = _insert_parquet(connection, ParquetFile(file.path, file.bytes, file.sha256))
    connection.execute(
        "INSERT INTO slices (load_id, table_name, slice, parquet_id, rows, content_hash, version, live_from, live_to)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            load.load_id,
            file.table,
            file.slice,
            number,
            file.rows,
            file.content_hash,
            load.version,
            stamp,
            None if live else stamp,
        ),
    )


def _insert_parquet(connection: sqlite3.Connection, file: ParquetFile) -> int:
    cursor = connection.execute(
        "INSERT INTO parquet (path, bytes, sha256) VALUES (?, ?, ?)", (file.path, file.bytes, file.sha256)
    )
    return int(cursor.lastrowid or 0)


def _retire(connection: sqlite3.Connection, table: str, slice_name: str, stamp: str) -> None:
    connection.execute(
        "UPDATE slices SET live_to = ? WHERE table_name = ? AND slice = ? AND live_to IS NULL",
        (stamp, table, slice_name),
    )


def _fulfil(connection: sqlite3.Connection, intent_id: int | None, load_id: str, now: str) -> None:
    if intent_id is None:
        return
    connection.execute(
        "UPDATE intents SET load_id = ?, loaded_at = ?, ended_at = COALESCE(ended_at, ?), parked_at = NULL,"
        " outcome = NULL"
        " WHERE intent_id = ? AND loaded_at IS NULL",
        (load_id, now, now, intent_id),
    )


def write_drift(connection: sqlite3.Connection, drift: Drift, load_id: str | None, now: str) -> None:
    """Record a difference in a transaction that is under way; `load_id` is the load that showed it, if one did."""
    connection.execute(
        "INSERT INTO drift (table_name, kind, name, detail, first_load_id, first_seen_at, last_seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (table_name, kind, name) DO UPDATE SET last_seen_at = excluded.last_seen_at,"
        " detail = excluded.detail",
        (drift.table, drift.kind, drift.name, drift.detail, load_id, now, now),
    )


def live_columns(
    ledger: Ledger, as_of: datetime | None = None, tables: Sequence[str] | None = None
) -> dict[str, list[Any]]:
    """Return the slices that are live now, or as of a moment, in columns: the fields of `LiveFile`.

    The rows are ordered by table and slice.
    """
    return columns_of(ledger, *_live_sql(as_of, tables))


def live_chunks(ledger: Ledger, as_of: datetime | None = None) -> Iterator[dict[str, list[Any]]]:
    """Yield the same in chunks: there may be millions of slices."""
    return chunks_of(ledger, *_live_sql(as_of, None))


def _live_sql(as_of: datetime | None, tables: Sequence[str] | None) -> tuple[str, list[str]]:
    condition, arguments = "slices.live_to IS NULL", list[str]()
    if as_of is not None:
        at = timestamp(as_of)
        condition, arguments = "slices.live_from <= ? AND (slices.live_to IS NULL OR slices.live_to > ?)", [at, at]
    if tables is not None:
        condition += f" AND slices.table_name IN ({', '.join('?' * len(tables))})"
        arguments += tables
    return f"{_FILES} WHERE {condition} ORDER BY slices.table_name, slices.slice", arguments


def live_files(ledger: Ledger, as_of: datetime | None = None, tables: Sequence[str] | None = None) -> list[LiveFile]:
    """Return the slices that are live now, or as of a moment, one by one. For tables with few slices."""
    columns = live_columns(ledger, as_of, tables)
    return [LiveFile(*row) for row in zip(*columns.values(), strict=True)]


def loaded_files(ledger: Ledger, start: str) -> list[LiveFile]:
    """Return the files of the loads whose ids begin so, live or not, the last load first.

    The ledger names those whose rows were replaced too; on disk they may be gone.
    """
    with ledger.read() as connection:
        rows = connection.execute(
            f"{_FILES} WHERE slices.load_id >= ? AND slices.load_id < ? ORDER BY slices.live_from DESC, slices.load_id",
            (start, start + chr(0x10FFFF)),
        ).fetchall()
    return [LiveFile(*row) for row in rows]


def is_loaded(ledger: Ledger, load_id: str) -> bool:
    """Return whether a load with that id has been committed."""
    with ledger.read() as connection:
        return connection.execute("SELECT 1 FROM loads WHERE load_id = ?", (load_id,)).fetchone() is not None


def files_of(ledger: Ledger, load_id: str) -> set[str]:
    """Return the paths of the Parquet files that a load has brought; none before it is committed."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT DISTINCT parquet.path FROM slices JOIN parquet USING (parquet_id) WHERE slices.load_id = ?",
            (load_id,),
        ).fetchall()
    return {row["path"] for row in rows}

"""The SQLite file under the ledger: opening it, its tables, one transaction at a time.

What the rows mean stands in the modules beside this one (intents, loads, coverage, notes). Several processes use the
file at once: WAL lets readers go on beside one writer, and every write takes the write lock at its start, so that a
decision and the row it leads to are one step.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipelines.ledger.schema import MIGRATIONS
from pipelines.private_files import private_folder

_BUSY_SECONDS = 60.0


def utc_now() -> datetime:
    """Return the present moment in UTC; the one clock that tests replace."""
    return datetime.now(UTC)


class Ledger:
    """A handle on `ledger.sqlite`. Cheap to make; opens one connection per use, so threads and forks can share it.

    `clock` gives the present moment in UTC.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self.path = path
        self.clock = clock
        private_folder(path.parent)
        if not path.exists():
            path.touch(mode=0o600)
        # SQLite's own waiting does not cover the switch to WAL: of several that open a new file at once, some would
        # be told that it is locked.
        with FileLock(f"{path}.lock", mode=0o600), self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection, path)

    def now(self) -> str:
        """Return the present moment as the ledger writes it: ISO 8601 in UTC, to the microsecond, sortable as text."""
        return timestamp(self.clock())

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the ledger."""
        with self._connection() as connection:
            connection.execute("BEGIN DEFERRED")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that holds the write lock: all of the block happens, or nothing does."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            # FULL: a load that was reported as committed is still there after the machine lost its power.
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        finally:
            connection.close()


def rows_of(ledger: Ledger, sql: str, arguments: Sequence[object] = ()) -> list[dict[str, object]]:
    """Return the rows of a read of the ledger, as the warehouse copies them into `meta`."""
    with ledger.read() as connection:
        return [dict(row) for row in connection.execute(sql, tuple(arguments)).fetchall()]


def columns_of(ledger: Ledger, sql: str, arguments: Sequence[object] = ()) -> dict[str, list[Any]]:
    """Return a read of the ledger in columns, by name; with no rows, empty columns."""
    (columns,) = chunks_of(ledger, sql, arguments, size=None)
    return columns


def chunks_of(
    ledger: Ledger, sql: str, arguments: Sequence[object] = (), *, size: int | None = 50_000
) -> Iterator[dict[str, list[Any]]]:
    """Yield a read of the ledger in columns, so many rows at a time; at least one chunk, if an empty one."""
    with ledger.read() as connection:
        cursor = connection.execute(sql, tuple(arguments))
        names = [column[0] for column in cursor.description]
        cursor.row_factory = None
        rows = cursor.fetchall() if size is None else cursor.fetchmany(size)
        while True:
            columns = list(zip(*rows, strict=True))
            yield {name: list(columns[position]) if columns else [] for position, name in enumerate(names)}
            if size is None or len(rows) < size:
                return
            rows = cursor.fetchmany(size)
            if not rows:
                return


def timestamp(moment: datetime) -> str:
    """Return a moment as the ledger writes it; ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """Return a stored moment, or None."""
    return None if text is None else datetime.fromisoformat(text)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise RuntimeError(
            f"{path} was written by a newer canvaslake (ledger version {version}, this one knows {len(MIGRATIONS)}). "
            "Upgrade canvaslake, or point CANVASLAKE_HOME at another folder."
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while this one waited for the lock.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

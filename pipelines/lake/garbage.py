"""Parquet files whose rows were replaced long ago: which they are, and which moments cannot be told without them.

The ledger keeps what it knows of them and says that they are gone. The files themselves are removed by `sweep`.
"""

from datetime import datetime, timedelta

from pipelines.lake.versions import HISTORY
from pipelines.ledger import Ledger
from pipelines.ledger.database import columns_of, moment, rows_of, timestamp

STILL_READ = timedelta(hours=1)
"""What reads the live rows may have asked which they are a moment ago, and open their files only now."""

_OVER = """
SELECT slices.parquet_id
FROM slices JOIN parquet USING (parquet_id)
WHERE parquet.removed_at IS NULL
GROUP BY slices.parquet_id
HAVING count(*) = count(slices.live_to) AND max(slices.live_to) <= ?"""

# Observations are only ever added: the file that took the place of an earlier one tells of its moments too.
_REMOVED = (
    "FROM parquet JOIN slices USING (parquet_id) WHERE parquet.removed_at IS NOT NULL"
    f" AND NOT slices.table_name GLOB '{HISTORY}.*'"
)


def give_up(ledger: Ledger, keep: timedelta) -> int:
    """Mark as removed the files none of whose slices is live or was live within `keep`; return how many.

    A file is marked before it goes, so that no moment is taken for whole while its files are being removed. A slice
    that is over never becomes live again, so what is found may be marked a moment later. The caller holds the lock of
    the publisher: a warehouse that is being made of a moment in the past reads such files.
    """
    over = timestamp(ledger.clock() - max(keep, STILL_READ))
    found = columns_of(ledger, _OVER, (over,))["parquet_id"]
    if not found:
        return 0
    now = ledger.now()
    with ledger.write() as connection:
        connection.executemany(
            "UPDATE parquet SET removed_at = ? WHERE parquet_id = ? AND removed_at IS NULL",
            [(now, number) for number in found],
        )
    return len(found)


def given_up(ledger: Ledger) -> set[str]:
    """Return the paths, below the lake, of the files that are marked as removed. Some may still be there."""
    return set(columns_of(ledger, "SELECT path FROM parquet WHERE removed_at IS NOT NULL")["path"])


def is_whole(ledger: Ledger, at: datetime) -> bool:
    """Return whether no file is removed of the slices that were live at a moment."""
    found = rows_of(
        ledger,
        f"SELECT 1 {_REMOVED} AND slices.live_from <= ? AND slices.live_to > ? LIMIT 1",
        (timestamp(at), timestamp(at)),
    )
    return not found


def whole_since(ledger: Ledger) -> datetime | None:
    """Return the moment from which on nothing that was live is removed; None if no file was ever removed."""
    (row,) = rows_of(ledger, f"SELECT max(slices.live_to) AS since {_REMOVED}")
    return None if row["since"] is None else moment(str(row["since"]))

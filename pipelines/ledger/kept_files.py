"""Files of reports that are kept for a time, so that a load can be done again without asking Canvas."""

from dataclasses import dataclass
from datetime import datetime

from pipelines.ledger.database import Ledger, timestamp


@dataclass(frozen=True)
class KeptFile:
    """The file of one load. `path` is relative to the lake, `bytes` and `sha256` are those of the file as it came."""

    load_id: str
    intent_id: int
    path: str
    bytes: int
    sha256: str
    extracted_at: datetime
    kept_at: datetime


def record_kept(
    ledger: Ledger, load_id: str, intent_id: int, *, path: str, size: int, sha256: str, extracted_at: datetime
) -> None:
    """Record that the file of a load is kept; a later file of the same load takes its place."""
    with ledger.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO kept_files (load_id, intent_id, path, bytes, sha256, extracted_at, kept_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (load_id, intent_id, path, size, sha256, timestamp(extracted_at), ledger.now()),
        )


def kept_files(ledger: Ledger, intent_id: int | None = None) -> list[KeptFile]:
    """Return the files that are there, oldest first; with `intent_id`, those of one intent."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT load_id, intent_id, path, bytes, sha256, extracted_at, kept_at FROM kept_files"
            " WHERE discarded_at IS NULL AND (? IS NULL OR intent_id = ?) ORDER BY kept_at, load_id",
            (intent_id, intent_id),
        ).fetchall()
    return [
        KeptFile(
            row["load_id"],
            row["intent_id"],
            row["path"],
            row["bytes"],
            row["sha256"],
            datetime.fromisoformat(row["extracted_at"]),
            datetime.fromisoformat(row["kept_at"]),
        )
        for row in rows
    ]


def record_discarded(ledger: Ledger, load_id: str) -> None:
    """Record that the file of a load was removed."""
    with ledger.write() as connection:
        connection.execute("UPDATE kept_files SET discarded_at = ? WHERE load_id = ?", (ledger.now(), load_id))

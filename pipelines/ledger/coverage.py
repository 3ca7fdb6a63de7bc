"""Coverage: how the last question about each scope and endpoint ended. Unreadable is not empty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipelines.ledger.database import Ledger, timestamp


class CoverageStatus(StrEnum):
    """How a question to Canvas ended."""

    LOADED = "loaded"
    EMPTY = "empty"
    FORBIDDEN = "forbidden"
    """The token's user lacks a right."""
    MISSING = "missing"
    """Canvas has nothing there: an unpublished course, a course without students, a deleted term."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Coverage:
    """How one question ended. `scope_kind` is account, course or student; `scope_id` names it."""

    instance: str
    scope_kind: str
    scope_id: str
    endpoint: str
    status: CoverageStatus
    http_status: int | None = None
    request_id: str | None = None
    attempts: int = 1
    detail: str | None = None


def record_coverage(ledger: Ledger, entries: Sequence[Coverage]) -> None:
    """Write how questions ended; the newest answer per scope and endpoint stands."""
    now = ledger.now()
    with ledger.write() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO coverage (instance, scope_kind, scope_id, endpoint, status, http_status,"
            " request_id, attempts, detail, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    entry.instance,
                    entry.scope_kind,
                    entry.scope_id,
                    entry.endpoint,
                    entry.status.value,
                    entry.http_status,
                    entry.request_id,
                    entry.attempts,
                    entry.detail,
                    now,
                )
                for entry in entries
            ],
        )


def coverage_since(ledger: Ledger, instance: str, since: datetime) -> list[Coverage]:
    """Return the entries written at or after a moment."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT * FROM coverage WHERE instance = ? AND answered_at >= ? ORDER BY scope_kind, scope_id, endpoint",
            (instance, timestamp(since)),
        ).fetchall()
    return [
        Coverage(
            row["instance"],
            row["scope_kind"],
            row["scope_id"],
            row["endpoint"],
            CoverageStatus(row["status"]),
            row["http_status"],
            row["request_id"],
            row["attempts"],
            row["detail"],
        )
        for row in rows
    ]

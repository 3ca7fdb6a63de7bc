"""Coverage: how the last question about each scope and endpoint ended. Unreadable is not empty."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pipelines.ledger.database import Ledger, columns_of, timestamp


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
    """How one question ended. `scope_kind` is account, course or student; `scope_id` names it.

    The id of a student in a course is `<course>/<user>`. `fingerprint` is what made the question due, so that it need
    not be asked again while that stands; an answer that is not `settled` may be older than that, and is.
    """

    instance: str
    scope_kind: str
    scope_id: str
    endpoint: str
    status: CoverageStatus
    http_status: int | None = None
    request_id: str | None = None
    attempts: int = 1
    detail: str | None = None
    fingerprint: str | None = None
    settled: bool = True


@dataclass(frozen=True)
class Answered:
    """What is remembered of the last answer to a question."""

    status: CoverageStatus
    answered_at: datetime
    fingerprint: str | None
    settled: bool

    @property
    def is_good(self) -> bool:
        """Whether the answer was one, with rows or without."""
        return self.status in (CoverageStatus.LOADED, CoverageStatus.EMPTY)


def record_coverage(ledger: Ledger, entries: Sequence[Coverage]) -> None:
    """Write how questions ended; the newest answer per scope and endpoint stands."""
    now = ledger.now()
    with ledger.write() as connection:
        write_coverage(connection, entries, now)


def write_coverage(connection: sqlite3.Connection, entries: Sequence[Coverage], now: str) -> None:
    """Write how questions ended, within the transaction of a connection."""
    connection.executemany(
        "INSERT OR REPLACE INTO coverage (instance, scope_kind, scope_id, endpoint, status, http_status,"
        " request_id, attempts, detail, fingerprint, settled, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                entry.fingerprint,
                entry.settled,
                now,
            )
            for entry in entries
        ],
    )


def record_skipped(ledger: Ledger, entries: Sequence[Coverage]) -> None:
    """Write which questions are not asked, and why, where no answer of before is remembered.

    A question that was skipped before and is skipped no more has an answer by then, which replaces the entry.
    """
    now = ledger.now()
    with ledger.write() as connection:
        there = "SELECT status FROM coverage WHERE instance = ? AND scope_kind = ? AND scope_id = ? AND endpoint = ?"
        new = []
        for entry in entries:
            row = connection.execute(there, (entry.instance, entry.scope_kind, entry.scope_id, entry.endpoint))
            found = row.fetchone()
            if found is None or found["status"] == CoverageStatus.SKIPPED:
                new.append(entry)
        write_coverage(connection, new, now)


def coverage_since(
    ledger: Ledger, instance: str, since: datetime, statuses: Sequence[CoverageStatus] = tuple(CoverageStatus)
) -> list[Coverage]:
    """Return the entries written at or after a moment that ended in one of some ways."""
    marks = ", ".join("?" * len(statuses))
    with ledger.read() as connection:
        rows = connection.execute(
            f"SELECT * FROM coverage WHERE instance = ? AND answered_at >= ? AND status IN ({marks})"
            " ORDER BY scope_kind, scope_id, endpoint",
            (instance, timestamp(since), *(status.value for status in statuses)),
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
            row["fingerprint"],
            bool(row["settled"]),
        )
        for row in rows
    ]


def answers(ledger: Ledger, instance: str, scope_kind: str, *, below: str = "") -> dict[tuple[str, str], Answered]:
    """Return the last answers to questions about scopes of a kind, by (scope id, endpoint).

    `below` narrows it to the students of one course.
    """
    sql = "SELECT * FROM coverage WHERE instance = ? AND scope_kind = ?"
    arguments = [instance, scope_kind]
    if below:
        # "0" is the character after "/": all that begins with the course, by the primary key.
        sql += " AND scope_id >= ? AND scope_id < ?"
        arguments += [f"{below}/", f"{below}0"]
    with ledger.read() as connection:
        rows = connection.execute(sql, arguments).fetchall()
    return {
        (row["scope_id"], row["endpoint"]): Answered(
            CoverageStatus(row["status"]),
            datetime.fromisoformat(row["answered_at"]),
            row["fingerprint"],
            bool(row["settled"]),
        )
        for row in rows
    }


_WITH_IDS = """
SELECT instance, scope_kind, scope_id, endpoint, status, http_status, request_id, attempts, detail, answered_at,
       CASE WHEN scope_kind = 'account' AND scope_id NOT GLOB '*[^0-9]*' THEN CAST(scope_id AS INTEGER) END
           AS account_id,
       CASE scope_kind WHEN 'course' THEN CAST(scope_id AS INTEGER)
            WHEN 'student' THEN CAST(substr(scope_id, 1, instr(scope_id, '/') - 1) AS INTEGER) END AS course_id,
       CASE scope_kind WHEN 'student' THEN CAST(substr(scope_id, instr(scope_id, '/') + 1) AS INTEGER) END AS user_id
FROM coverage"""


def coverage_columns(ledger: Ledger) -> dict[str, list[Any]]:
    """Return all of the coverage in columns, each scope also by the ids that its name is made of."""
    return columns_of(ledger, _WITH_IDS)

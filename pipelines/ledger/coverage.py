"""Coverage: how the last question about each scope and endpoint ended. Unreadable is not empty."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pipelines.ledger.database import Ledger, chunks_of, rows_of, timestamp


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


@dataclass(frozen=True, slots=True)
class CoverageCount:
    """How many questions about scopes of a kind ended in one way."""

    scope_kind: str
    endpoint: str
    status: CoverageStatus
    questions: int


@dataclass(frozen=True, slots=True)
class CoverageCause:
    """Questions that ended alike and for the same reason: how many, at which endpoints, and the newest of them."""

    status: CoverageStatus
    detail: str
    questions: int
    endpoints: tuple[str, ...]
    newest: "CoverageRow"


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How one question ended, and when."""

    scope_kind: str
    scope_id: str
    endpoint: str
    status: CoverageStatus
    http_status: int | None
    request_id: str | None
    attempts: int
    answered_at: datetime
    detail: str


def coverage_counts(ledger: Ledger, instance: str) -> list[CoverageCount]:
    """Return how many questions ended how, by kind of scope and endpoint."""
    rows = rows_of(
        ledger,
        "SELECT scope_kind, endpoint, status, count(*) AS questions FROM coverage WHERE instance = ?"
        " GROUP BY scope_kind, endpoint, status ORDER BY scope_kind, endpoint, status",
        (instance,),
    )
    return [
        CoverageCount(
            str(row["scope_kind"]),
            str(row["endpoint"]),
            CoverageStatus(str(row["status"])),
            int(str(row["questions"])),
        )
        for row in rows
    ]


def coverage_causes(
    ledger: Ledger, instance: str, statuses: Sequence[CoverageStatus], limit: int
) -> list[CoverageCause]:
    """Return why questions ended in one of some ways, each reason once, the most frequent first."""
    marks = ", ".join("?" * len(statuses))
    # SQLite takes the columns that are not grouped from the row of the maximum.
    rows = rows_of(
        ledger,
        "SELECT *, max(answered_at), count(*) AS questions, group_concat(DISTINCT endpoint) AS endpoints FROM coverage"
        f" WHERE instance = ? AND status IN ({marks}) GROUP BY status, detail"
        " ORDER BY questions DESC, status, detail LIMIT ?",
        (instance, *(status.value for status in statuses), limit),
    )
    return [
        CoverageCause(
            CoverageStatus(str(row["status"])),
            str(row["detail"] or ""),
            int(str(row["questions"])),
            tuple(sorted(str(row["endpoints"]).split(","))),
            _row(row),
        )
        for row in rows
    ]


def coverage_rows(
    ledger: Ledger,
    instance: str,
    *,
    scope: tuple[str, str] | None = None,
    status: CoverageStatus | None = None,
    endpoint: str = "",
    limit: int,
) -> list[CoverageRow]:
    """Return single entries, the newest first; `scope` is (kind, id), `endpoint` a part of its name."""
    sql, arguments = "SELECT * FROM coverage WHERE instance = ?", [instance]
    if scope is not None:
        sql += " AND scope_kind = ? AND scope_id = ?"
        arguments += scope
    if status is not None:
        sql += " AND status = ?"
        arguments.append(status.value)
    if endpoint:
        sql += " AND instr(endpoint, ?) > 0"
        arguments.append(endpoint)
    sql += " ORDER BY answered_at DESC, scope_kind, scope_id, endpoint LIMIT ?"
    return [_row(row) for row in rows_of(ledger, sql, (*arguments, limit))]


def _row(row: dict[str, object]) -> CoverageRow:
    http_status, request_id = row["http_status"], row["request_id"]
    return CoverageRow(
        str(row["scope_kind"]),
        str(row["scope_id"]),
        str(row["endpoint"]),
        CoverageStatus(str(row["status"])),
        None if http_status is None else int(str(http_status)),
        None if request_id is None else str(request_id),
        int(str(row["attempts"])),
        datetime.fromisoformat(str(row["answered_at"])),
        str(row["detail"] or ""),
    )


_WITH_IDS = """
SELECT instance, scope_kind, scope_id, endpoint, status, http_status, request_id, attempts, detail, answered_at,
       CASE WHEN scope_kind = 'account' AND scope_id NOT GLOB '*[^0-9]*' THEN CAST(scope_id AS INTEGER) END
           AS account_id,
       CASE scope_kind WHEN 'course' THEN CAST(scope_id AS INTEGER)
            WHEN 'student' THEN CAST(substr(scope_id, 1, instr(scope_id, '/') - 1) AS INTEGER) END AS course_id,
       CASE scope_kind WHEN 'student' THEN CAST(substr(scope_id, instr(scope_id, '/') + 1) AS INTEGER) END AS user_id
FROM coverage"""


def coverage_chunks(ledger: Ledger) -> Iterator[dict[str, list[Any]]]:
    """Yield all of the coverage in columns, chunk by chunk, each scope also by the ids that its name is made of."""
    return chunks_of(ledger, _WITH_IDS)

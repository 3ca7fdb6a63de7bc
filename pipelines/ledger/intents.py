"""Intents: reports that somebody wants, from the wish to the load.

Asked, finished and loaded are three facts, each written when it has happened. Starting a report is not idempotent in
Canvas, so the wish is written before the POST, and one process at a time holds the right to send it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipelines.ledger.database import Ledger, moment, timestamp

Parameters = Mapping[str, object]


class IntentState(StrEnum):
    """Where an intent stands; follows from the facts in its row."""

    WANTED = "wanted"
    POSTING = "posting"
    """A POST was about to be sent, and its answer is not recorded: Canvas may or may not have started the report."""
    ASKED = "asked"
    FINISHED = "finished"
    """Complete in Canvas, not loaded yet."""
    PARKED = "parked"
    """Complete in Canvas; loading failed so often that a person has to look."""
    LOADED = "loaded"
    FAILED = "failed"
    """Ended in Canvas without a file (error, aborted, deleted), refused, or overdue."""


@dataclass(frozen=True)
class Intent:
    """One wish for one report, with every fact known about it."""

    intent_id: int
    instance: str
    account_id: int
    report: str
    parameters: dict[str, object]
    parameters_hash: str
    window: str
    origin: str
    wanted_at: datetime
    posting_at: datetime | None
    report_id: int | None
    asked_at: datetime | None
    status: str | None
    progress: int | None
    reported_ended_at: datetime | None
    deadline_at: datetime
    finished_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    attempts: int
    next_attempt_at: datetime | None
    parked_at: datetime | None
    load_id: str | None
    loaded_at: datetime | None

    @property
    def state(self) -> IntentState:
        """Where the intent stands."""
        if self.loaded_at is not None:
            return IntentState.LOADED
        if self.ended_at is not None:
            return IntentState.FAILED
        if self.parked_at is not None:
            return IntentState.PARKED
        if self.finished_at is not None:
            return IntentState.FINISHED
        if self.report_id is not None:
            return IntentState.ASKED
        return IntentState.POSTING if self.posting_at is not None else IntentState.WANTED


def parameters_hash(parameters: Parameters) -> str:
    """Return a short, stable name for a set of report parameters; their order does not matter."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()[:12]


def want(
    ledger: Ledger,
    *,
    instance: str,
    account_id: int,
    report: str,
    parameters: Parameters,
    window: str,
    origin: str,
    deadline: timedelta,
    reuse_open: bool = False,
) -> Intent:
    """Write the wish for a report down, once per instance, account, report, parameters and window.

    With `reuse_open`, an intent for the same report that has not ended is returned instead, until its deadline: a
    restart takes up what the killed process had asked for.
    """
    digest = parameters_hash(parameters)
    same = (instance, account_id, report, digest)
    with ledger.write() as connection:
        if reuse_open:
            row = connection.execute(
                "SELECT * FROM intents WHERE instance = ? AND account_id = ? AND report = ? AND parameters_hash = ?"
                " AND ended_at IS NULL AND parked_at IS NULL AND deadline_at > ?"
                " ORDER BY intent_id DESC LIMIT 1",
                (*same, ledger.now()),
            ).fetchone()
            if row is not None:
                return _intent(row)
        now = ledger.clock()
        connection.execute(
            "INSERT INTO intents (instance, account_id, report, parameters, parameters_hash, window, origin,"
            " wanted_at, deadline_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                instance,
                account_id,
                report,
                json.dumps(dict(parameters), sort_keys=True),
                digest,
                window,
                origin,
                timestamp(now),
                timestamp(now + deadline),
            ),
        )
        row = connection.execute(
            "SELECT * FROM intents WHERE instance = ? AND account_id = ? AND report = ? AND parameters_hash = ?"
            " AND window = ?",
            (*same, window),
        ).fetchone()
    return _intent(row)


def remember_account(ledger: Ledger, instance: str, name: str, account_id: int) -> None:
    """Remember the id of an account that the settings name otherwise (`self`, `sis_account_id:X`)."""
    with ledger.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO account_numbers (instance, name, account_id) VALUES (?, ?, ?)",
            (instance, name, account_id),
        )


def remembered_account(ledger: Ledger, instance: str, name: str) -> int | None:
    """Return the id that an account had when Canvas was last asked for it; None if it never was."""
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT account_id FROM account_numbers WHERE instance = ? AND name = ?", (instance, name)
        ).fetchone()
    return None if row is None else int(row["account_id"])


def claim_post(ledger: Ledger, intent_id: int, owner: str) -> bool:
    """Take the right to POST an intent; False if it is asked, ended, or somebody else has the right."""
    with ledger.write() as connection:
        cursor = connection.execute(
            "UPDATE intents SET posting_at = ?, posting_owner = ? WHERE intent_id = ? AND report_id IS NULL"
            " AND posting_at IS NULL AND ended_at IS NULL",
            (ledger.now(), owner, intent_id),
        )
        return cursor.rowcount == 1


def release_post(ledger: Ledger, intent_id: int) -> None:
    """Give the right to POST back, when it is certain that Canvas started nothing for it."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE intents SET posting_at = NULL, posting_owner = NULL WHERE intent_id = ? AND report_id IS NULL",
            (intent_id,),
        )


def record_asked(ledger: Ledger, intent_id: int, report_id: int, status: str) -> bool:
    """Record that Canvas has the report; False if the report already belongs to another intent."""
    with ledger.write() as connection:
        now = ledger.now()
        try:
            connection.execute(
                "UPDATE intents SET report_id = ?, asked_at = ?, status = ?, status_at = ? WHERE intent_id = ?"
                " AND report_id IS NULL",
                (report_id, now, status, now, intent_id),
            )
        except sqlite3.IntegrityError:
            return False
        return True


def record_status(
    ledger: Ledger, intent_id: int, *, status: str, progress: int | None, ended_at: datetime | None
) -> None:
    """Record what Canvas says of a report. `complete` makes the intent finished, once and for all."""
    with ledger.write() as connection:
        now = ledger.now()
        connection.execute(
            "UPDATE intents SET status = ?, status_at = ?, progress = ?, reported_ended_at = ?,"
            " finished_at = CASE WHEN ? = 'complete' THEN COALESCE(finished_at, ?) ELSE finished_at END"
            " WHERE intent_id = ? AND loaded_at IS NULL",
            (status, now, progress, timestamp(ended_at) if ended_at else None, status, now, intent_id),
        )


def record_failed(ledger: Ledger, intent_id: int, failure: str) -> None:
    """Record that a report will not come: it ended without a file, was refused, or is overdue."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE intents SET failure = ?, ended_at = ? WHERE intent_id = ? AND ended_at IS NULL",
            (failure, ledger.now(), intent_id),
        )


def record_attempt_failed(
    ledger: Ledger, intent_id: int, failure: str, *, attempt: int, most: int, pause: timedelta
) -> Intent:
    """Count a load that failed: it is tried again after a pause that doubles, and parked after `most` attempts.

    `attempt` is the number of the attempt that failed; the same attempt is counted once, whoever reports it.
    """
    with ledger.write() as connection:
        now = ledger.clock()
        later = now + pause * 2 ** (attempt - 1)
        connection.execute(
            "UPDATE intents SET attempts = ?, failure = ?, next_attempt_at = ?,"
            " parked_at = CASE WHEN ? >= ? THEN ? ELSE NULL END"
            " WHERE intent_id = ? AND attempts = ? AND loaded_at IS NULL AND ended_at IS NULL",
            (attempt, failure, timestamp(later), attempt, most, timestamp(now), intent_id, attempt - 1),
        )
        return _intent(connection.execute("SELECT * FROM intents WHERE intent_id = ?", (intent_id,)).fetchone())


def unpark(ledger: Ledger, intent_id: int) -> bool:
    """Free a parked intent for more attempts to load it; False if it is not parked."""
    with ledger.write() as connection:
        cursor = connection.execute(
            "UPDATE intents SET parked_at = NULL, next_attempt_at = NULL WHERE intent_id = ? AND parked_at IS NOT NULL",
            (intent_id,),
        )
        return cursor.rowcount == 1


def get_intent(ledger: Ledger, intent_id: int) -> Intent:
    """Return an intent; KeyError if there is none with that id."""
    found = _select(ledger, "intent_id = ?", (intent_id,))
    if not found:
        raise KeyError(intent_id)
    return found[0]


def intent_of_report(ledger: Ledger, instance: str, report_id: int) -> Intent | None:
    """Return the intent that a report in Canvas belongs to, or None."""
    found = _select(ledger, "instance = ? AND report_id = ?", (instance, report_id))
    return found[0] if found else None


def open_intents(ledger: Ledger, instance: str) -> list[Intent]:
    """Return every intent that has not ended, oldest first."""
    return _select(ledger, "instance = ? AND ended_at IS NULL", (instance,))


def all_intents(ledger: Ledger, instance: str | None = None) -> list[Intent]:
    """Return every intent, oldest first."""
    return _select(ledger, "? IS NULL OR instance = ?", (instance, instance))


def _select(ledger: Ledger, condition: str, arguments: tuple[object, ...]) -> list[Intent]:
    with ledger.read() as connection:
        rows = connection.execute(f"SELECT * FROM intents WHERE {condition} ORDER BY intent_id", arguments).fetchall()
    return [_intent(row) for row in rows]


_MOMENTS = (
    "wanted_at",
    "posting_at",
    "asked_at",
    "reported_ended_at",
    "deadline_at",
    "finished_at",
    "ended_at",
    "next_attempt_at",
    "parked_at",
    "loaded_at",
)
_NOT_SHOWN = ("posting_owner", "status_at")


def _intent(row: sqlite3.Row) -> Intent:
    values = {name: row[name] for name in row.keys() if name not in _NOT_SHOWN}  # noqa: SIM118 (a Row iterates values)
    for name in _MOMENTS:
        values[name] = moment(values[name])
    values["parameters"] = json.loads(values["parameters"])
    return Intent(**values)

"""What becomes of an intent, fact by fact: posted, asked, finished, failed, tried again, deleted.

One process at a time holds the right to POST. Nothing here is undone but by a later fact.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from pipelines.ledger.database import Ledger, timestamp
from pipelines.ledger.intents import IdentifiedBy, Intent, Outcome, intent_of

_LONGEST_PAUSE = timedelta(days=1)


def claim_post(ledger: Ledger, intent_id: int, owner: str) -> bool:
    """Take the right to POST an intent; False if it is asked, ended or overdue, or somebody else has the right."""
    with ledger.write() as connection:
        cursor = connection.execute(
            "UPDATE intents SET posting_at = ?, posting_owner = ? WHERE intent_id = ? AND report_id IS NULL"
            " AND posting_at IS NULL AND ended_at IS NULL AND deadline_at > ?",
            (ledger.now(), owner, intent_id, ledger.now()),
        )
        return cursor.rowcount == 1


def release_post(ledger: Ledger, intent_id: int) -> None:
    """Give the right to POST back, when it is certain that Canvas started nothing for it."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE intents SET posting_at = NULL, posting_owner = NULL WHERE intent_id = ? AND report_id IS NULL"
            " AND ended_at IS NULL",
            (intent_id,),
        )


def record_asked(
    ledger: Ledger,
    intent_id: int,
    report_id: int,
    status: str,
    *,
    by: IdentifiedBy = IdentifiedBy.ANSWER,
    created_at: datetime | None = None,
) -> bool:
    """Record that Canvas has the report; False if the report already belongs to another intent.

    An answer that comes after its intent was given up as lost goes to the intent that took its place, if that has not
    been posted.
    """
    with ledger.write() as connection:
        now = ledger.now()
        if by is IdentifiedBy.ANSWER:
            # Somebody found it in the list before its answer came: now it is certain that it is ours.
            cursor = connection.execute(
                "UPDATE intents SET identified_by = ? WHERE intent_id = ? AND report_id = ? AND identified_by = ?",
                (by.value, intent_id, report_id, IdentifiedBy.INDEX.value),
            )
            if cursor.rowcount:
                return True
        try:
            for target in ("intent_id = ?", "replaces = ? AND posting_at IS NULL"):
                cursor = connection.execute(
                    "UPDATE intents SET report_id = ?, identified_by = ?, asked_at = ?, status = ?, status_at = ?,"
                    " reported_created_at = ?, next_attempt_at = NULL"
                    f" WHERE {target} AND report_id IS NULL AND ended_at IS NULL",
                    (report_id, by.value, now, status, now, timestamp(created_at) if created_at else None, intent_id),
                )
                if cursor.rowcount:
                    break
        except sqlite3.IntegrityError:
            return False
        return True


def record_status(
    ledger: Ledger,
    intent_id: int,
    *,
    status: str,
    progress: int | None,
    ended_at: datetime | None,
    started_at: datetime | None = None,
) -> None:
    """Record what Canvas says of a report. `complete` makes the intent finished, once and for all."""
    with ledger.write() as connection:
        now = ledger.now()
        connection.execute(
            "UPDATE intents SET status = ?, status_at = ?, progress = ?, reported_ended_at = ?,"
            " reported_started_at = COALESCE(?, reported_started_at),"
            " finished_at = CASE WHEN ? = 'complete' THEN COALESCE(finished_at, ?) ELSE finished_at END"
            " WHERE intent_id = ? AND loaded_at IS NULL",
            (
                status,
                now,
                progress,
                timestamp(ended_at) if ended_at else None,
                timestamp(started_at) if started_at else None,
                status,
                now,
                intent_id,
            ),
        )


def record_failed(ledger: Ledger, intent_id: int, failure: str, *, outcome: Outcome = Outcome.FAILED) -> None:
    """Record that a report will not come: it ended without a file, was refused, is overdue, or was cancelled."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE intents SET failure = ?, outcome = ?, ended_at = ? WHERE intent_id = ? AND ended_at IS NULL",
            (failure, outcome.value, ledger.now(), intent_id),
        )


def record_refused_file(ledger: Ledger, intent_id: int, failure: str) -> None:
    """Record why a file that a person gave was not loaded."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE intents SET failure = ?, ended_at = ? WHERE intent_id = ? AND loaded_at IS NULL",
            (failure, ledger.now(), intent_id),
        )


def record_file(ledger: Ledger, intent_id: int, file_id: int | None) -> None:
    """Record which file of a report is being loaded; Canvas may make another one of it later."""
    with ledger.write() as connection:
        connection.execute("UPDATE intents SET file_id = ? WHERE intent_id = ?", (file_id, intent_id))


def reopen(ledger: Ledger, intent: Intent) -> bool:
    """Take an intent up again whose report has a file after all, or another one than the file that was loaded.

    False if somebody did so meanwhile. A report that its intent had given up may still complete.
    """
    with ledger.write() as connection:
        cursor = connection.execute(
            "UPDATE intents SET version = version + (loaded_at IS NOT NULL), attempts = attempts + 1,"
            " attempts_before = attempts + 1, finished_at = ?, status = 'complete', next_attempt_at = NULL,"
            " ended_at = NULL, outcome = NULL, failure = NULL, load_id = NULL, loaded_at = NULL, parked_at = NULL,"
            " told_at = NULL"
            " WHERE intent_id = ? AND ended_at IS NOT NULL AND version = ? AND outcome IS ? AND deleted_at IS NULL",
            (ledger.now(), intent.intent_id, intent.version, intent.outcome.value if intent.outcome else None),
        )
        return cursor.rowcount == 1


def record_attempt_failed(
    ledger: Ledger, intent_id: int, failure: str, *, attempt: int, most: int, pause: timedelta
) -> Intent:
    """Count a load that failed: it is tried again after a pause that doubles, up to a day, and parked after `most`.

    `attempt` is the number of the attempt that failed; the same attempt is counted once, whoever reports it. The
    attempts before a person freed the intent do not count towards `most`.
    """
    with ledger.write() as connection:
        now = ledger.clock()
        row = connection.execute("SELECT attempts_before FROM intents WHERE intent_id = ?", (intent_id,)).fetchone()
        tried = max(attempt - int(row["attempts_before"]), 1)
        later = now + min(pause * 2 ** min(tried - 1, 16), _LONGEST_PAUSE)
        connection.execute(
            "UPDATE intents SET attempts = ?, failure = ?, next_attempt_at = ?,"
            " parked_at = CASE WHEN ? >= ? THEN ? ELSE NULL END"
            " WHERE intent_id = ? AND attempts = ? AND loaded_at IS NULL AND ended_at IS NULL",
            (attempt, failure, timestamp(later), tried, most, timestamp(now), intent_id, attempt - 1),
        )
        return intent_of(connection.execute("SELECT * FROM intents WHERE intent_id = ?", (intent_id,)).fetchone())


def unpark(ledger: Ledger, intent_id: int) -> bool:
    """Free a parked intent for as many attempts as it had at first; False if it is not parked."""
    with ledger.write() as connection:
        cursor = connection.execute(
            "UPDATE intents SET parked_at = NULL, next_attempt_at = NULL, attempts_before = attempts, told_at = NULL"
            " WHERE intent_id = ? AND parked_at IS NOT NULL",
            (intent_id,),
        )
        return cursor.rowcount == 1


def record_told(ledger: Ledger, intents: Sequence[Intent]) -> None:
    """Record that people were told how intents stand; not of one that has been taken up again meanwhile."""
    with ledger.write() as connection:
        for intent in intents:
            connection.execute(
                "UPDATE intents SET told_at = ? WHERE intent_id = ? AND ended_at IS ? AND parked_at IS ?",
                (
                    ledger.now(),
                    intent.intent_id,
                    timestamp(intent.ended_at) if intent.ended_at else None,
                    timestamp(intent.parked_at) if intent.parked_at else None,
                ),
            )


def want_deleted(ledger: Ledger, intent_id: int) -> None:
    """Write down that the report is to be deleted in Canvas when it is loaded."""
    with ledger.write() as connection:
        connection.execute("UPDATE intents SET delete_wanted = 1 WHERE intent_id = ?", (intent_id,))


def record_deleted(ledger: Ledger, intent_id: int) -> None:
    """Record that the report was deleted in Canvas."""
    with ledger.write() as connection:
        connection.execute("UPDATE intents SET deleted_at = ? WHERE intent_id = ?", (ledger.now(), intent_id))


def record_look(ledger: Ledger, instance: str, context: str, report: str) -> None:
    """Record that the list of one report was looked at, whatever it showed."""
    with ledger.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO looks (instance, context, report, looked_at) VALUES (?, ?, ?, ?)",
            (instance, context, report, ledger.now()),
        )


def last_looks(ledger: Ledger, instance: str) -> dict[tuple[str, str], datetime]:
    """Return when the list of each report was looked at last, by context and report."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT context, report, looked_at FROM looks WHERE instance = ?", (instance,)
        ).fetchall()
    return {(row["context"], row["report"]): datetime.fromisoformat(row["looked_at"]) for row in rows}

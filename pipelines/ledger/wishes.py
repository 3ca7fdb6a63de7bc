"""How a wish for a report becomes an intent: once per window, and one intent for equal wishes at one time.

Starting a report is not idempotent in Canvas, so the wish is written before the POST.
"""

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime, timedelta

from pipelines.ledger.database import Ledger, timestamp
from pipelines.ledger.intents import IdentifiedBy, Intent, Parameters, context_of, intent_of, parameters_hash

_FIRST_PAUSE = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(hours=1)


def want(
    ledger: Ledger,
    *,
    instance: str,
    account_id: int | None = None,
    course_id: int | None = None,
    report: str,
    parameters: Parameters,
    window: str,
    origin: str,
    deadline: timedelta,
    reuse_open: bool = False,
    under_way: Collection[int] = (),
) -> Intent:
    """Write the wish for a report down, once per instance, account or course, report, parameters and window.

    A wish for what is under way already joins that intent, until its deadline: Canvas would start a second run of the
    same report and let it wait behind the first. An intent counts as under way while Canvas has not answered its POST,
    or if it is among `under_way`, the intents that Canvas was just seen to be at work on: what was asked for some time
    ago may be finished by now, and old. With `reuse_open` it joins every one that is not loaded: a restart takes
    up what the killed process had asked for.
    """
    context, digest = context_of(account_id, course_id), parameters_hash(parameters)
    place = (instance, context, report, digest)
    with ledger.write() as connection:
        row = connection.execute(
            "SELECT intents.* FROM wishes JOIN intents USING (intent_id)"
            " WHERE wishes.instance = ? AND wishes.context = ? AND wishes.report = ?"
            " AND wishes.parameters_hash = ? AND wishes.window = ?",
            (*place, window),
        ).fetchone()
        if row is not None:
            return intent_of(row)
        now = ledger.clock()
        row = connection.execute(
            "SELECT * FROM intents WHERE instance = ? AND account_id IS ? AND course_id IS ? AND report = ?"
            " AND parameters_hash = ? AND ended_at IS NULL AND parked_at IS NULL AND deadline_at > ?"
            " AND (? OR finished_at IS NULL AND (report_id IS NULL OR intent_id IN (SELECT value FROM json_each(?))))"
            " ORDER BY intent_id DESC LIMIT 1",
            (
                *(instance, account_id, course_id, report, digest, timestamp(now)),
                *(reuse_open, json.dumps(list(under_way))),
            ),
        ).fetchone()
        if row is None:
            row = _insert_wish(
                connection,
                parameters,
                instance=instance,
                account_id=account_id,
                course_id=course_id,
                report=report,
                window=window,
                origin=origin,
                wanted_at=timestamp(now),
                deadline_at=timestamp(now + deadline),
            )
        else:
            # Who joins waits as long as who asks anew; but what sticks must not be waited for without end.
            latest = datetime.fromisoformat(row["wanted_at"]) + 2 * deadline
            row = connection.execute(
                "UPDATE intents SET deadline_at = max(deadline_at, ?) WHERE intent_id = ? RETURNING *",
                (timestamp(min(now + deadline, latest)), row["intent_id"]),
            ).fetchone()
        connection.execute(
            "INSERT INTO wishes (instance, context, report, parameters_hash, window, origin, wanted_at, intent_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*place, window, origin, timestamp(now), row["intent_id"]),
        )
    return intent_of(row)


def adopt(
    ledger: Ledger,
    *,
    instance: str,
    account_id: int,
    report: str,
    parameters: Parameters,
    report_id: int,
    created_at: datetime | None,
    deadline: timedelta,
) -> Intent | None:
    """Take up a report that a person ran in Canvas, as an intent with its report.

    None if the report belongs to an intent already, or may yet turn out to: while a POST for the same report has no
    recorded answer, every report that nobody owns could be the one.
    """
    with ledger.write() as connection:
        taken = connection.execute(
            "SELECT 1 FROM intents WHERE instance = ? AND account_id IS NOT NULL AND (report_id = ?"
            " OR (account_id = ? AND report = ? AND posting_at IS NOT NULL AND report_id IS NULL"
            " AND ended_at IS NULL))",
            (instance, report_id, account_id, report),
        ).fetchone()
        if taken:
            return None
        now = ledger.clock()
        row = _insert_wish(
            connection,
            parameters,
            instance=instance,
            account_id=account_id,
            report=report,
            window=f"report {report_id}",
            origin="adoption",
            wanted_at=timestamp(now),
            report_id=report_id,
            identified_by=IdentifiedBy.ADOPTION.value,
            asked_at=timestamp(created_at or now),
            deadline_at=timestamp(now + deadline),
        )
    return intent_of(row)


def want_file(
    ledger: Ledger, *, instance: str, account_id: int, report: str, parameters: Parameters, window: str
) -> Intent:
    """Write down that a person gives the file of a report; the same `window` gives the same intent again."""
    with ledger.write() as connection:
        row = connection.execute(
            "SELECT * FROM intents WHERE instance = ? AND account_id = ? AND report = ? AND parameters_hash = ?"
            " AND window = ? AND identified_by = 'file'",
            (instance, account_id, report, parameters_hash(parameters), window),
        ).fetchone()
        if row is None:
            now = timestamp(ledger.clock())
            row = _insert_wish(
                connection,
                parameters,
                instance=instance,
                account_id=account_id,
                report=report,
                window=window,
                origin="file",
                identified_by=IdentifiedBy.FILE.value,
                wanted_at=now,
                deadline_at=now,
                finished_at=now,
                # Nothing waits for it: it is over when it is loaded, and over when it is refused.
                ended_at=now,
                outcome="failed",
            )
    return intent_of(row)


def record_lost(ledger: Ledger, intent_id: int, failure: str) -> Intent | None:
    """End an intent whose POST led to no report, and put another in its place; None if it has a report by now.

    The other is asked for at once after the first that was lost, and then after pauses that double, up to an hour, for
    as long as the deadline of the wish allows: Canvas may be unable to take POSTs for a while.

    No intent is posted twice: what became of each POST can be read from its own row.
    """
    with ledger.write() as connection:
        row = connection.execute(
            "SELECT * FROM intents WHERE intent_id = ? AND posting_at IS NOT NULL AND report_id IS NULL"
            " AND ended_at IS NULL",
            (intent_id,),
        ).fetchone()
        if row is None:
            return None
        lost_before = connection.execute(
            "WITH RECURSIVE chain (intent_id, replaces) AS (SELECT intent_id, replaces FROM intents WHERE intent_id = ?"
            " UNION ALL SELECT one.intent_id, one.replaces FROM intents AS one JOIN chain"
            " ON one.intent_id = chain.replaces) SELECT count(*) - 1 FROM chain",
            (intent_id,),
        ).fetchone()[0]
        connection.execute(
            "UPDATE intents SET failure = ?, outcome = 'lost', ended_at = ? WHERE intent_id = ?",
            (failure, ledger.now(), intent_id),
        )
        kept = ("instance", "account_id", "course_id", "report", "parameters", "parameters_hash", "window", "origin",
                "wanted_at", "deadline_at")  # fmt: skip
        again_at = None
        if lost_before:
            # Of a few, for two to the power of many is no number of minutes.
            again_at = timestamp(ledger.clock() + min(_FIRST_PAUSE * 2 ** min(lost_before - 1, 10), _LONGEST_PAUSE))
        successor = _insert(
            connection, {**{name: row[name] for name in kept}, "replaces": intent_id, "next_attempt_at": again_at}
        )
        connection.execute("UPDATE wishes SET intent_id = ? WHERE intent_id = ?", (successor["intent_id"], intent_id))
    return intent_of(successor)


def _insert_wish(connection: sqlite3.Connection, parameters: Parameters, **facts: object) -> sqlite3.Row:
    asked = {
        "parameters": json.dumps(dict(parameters), sort_keys=True),
        "parameters_hash": parameters_hash(parameters),
    }
    return _insert(connection, {**facts, **asked})


def _insert(connection: sqlite3.Connection, values: dict[str, object]) -> sqlite3.Row:
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    cursor = connection.execute(f"INSERT INTO intents ({names}) VALUES ({marks})", tuple(values.values()))
    row: sqlite3.Row = connection.execute("SELECT * FROM intents WHERE intent_id = ?", (cursor.lastrowid,)).fetchone()
    return row

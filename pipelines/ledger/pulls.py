"""Pulls: a work list of questions from its start to its end, so that one that broke off is taken up again.

Which questions of a pull are answered stands in the coverage: an entry that is as new as the pull.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.ledger.database import Ledger, timestamp

TAKEN_UP_WITHIN = timedelta(hours=12)
"""Canvas answers analytics from a cache of 12 hours: what is younger need not be asked again."""


@dataclass(frozen=True)
class Pull:
    """A work list under way. `taken_up` says that an earlier process began it.

    Answers as new as `since` are those of the pull, or of Canvas's cache: they are not asked for again.
    """

    pull_id: int
    since: datetime
    taken_up: bool


@dataclass(frozen=True)
class Spent:
    """What some questions took: requests, their cost in units of Canvas's quota, seconds."""

    questions: int = 0
    requests: int = 0
    cost: float = 0.0
    seconds: float = 0.0


def begin_pull(ledger: Ledger, instance: str, family: str) -> Pull:
    """Take up the last pull of a family if its last checkpoint is less than 12 hours old, or begin a new one."""
    now = ledger.clock()
    with ledger.write() as connection:
        last = connection.execute(
            "SELECT * FROM pulls WHERE instance = ? AND family = ? ORDER BY pull_id DESC LIMIT 1", (instance, family)
        ).fetchone()
        if last is not None and last["finished_at"] is None:
            started_at, saved_at = (datetime.fromisoformat(last[name]) for name in ("started_at", "saved_at"))
            if timedelta(0) <= now - saved_at < TAKEN_UP_WITHIN:
                return Pull(last["pull_id"], max(started_at, now - TAKEN_UP_WITHIN), taken_up=True)
        cursor = connection.execute(
            "INSERT INTO pulls (instance, family, started_at, saved_at, questions) VALUES (?, ?, ?, ?, 0)",
            (instance, family, timestamp(now), timestamp(now)),
        )
        return Pull(int(cursor.lastrowid or 0), now, taken_up=False)


def plan_pull(ledger: Ledger, pull: Pull, questions: int) -> None:
    """Write down how many questions are left in a pull."""
    with ledger.write() as connection:
        connection.execute("UPDATE pulls SET questions = answered + ? WHERE pull_id = ?", (questions, pull.pull_id))


def add_spent(ledger: Ledger, pull: Pull, spent: Spent) -> None:
    """Add what a batch of a pull took."""
    with ledger.write() as connection:
        connection.execute(
            "UPDATE pulls SET answered = answered + ?, requests = requests + ?, cost = cost + ?, seconds = seconds + ?,"
            " saved_at = ? WHERE pull_id = ?",
            (spent.questions, spent.requests, spent.cost, spent.seconds, ledger.now(), pull.pull_id),
        )


def finish_pull(ledger: Ledger, pull: Pull) -> None:
    """Write down that every question of a pull was asked."""
    with ledger.write() as connection:
        connection.execute("UPDATE pulls SET finished_at = ? WHERE pull_id = ?", (ledger.now(), pull.pull_id))


def spent_before(ledger: Ledger, instance: str, family: str) -> Spent | None:
    """Return what the last pulls of a family took together; None before the first.

    The newest ten: a Canvas that has become slower shows soon.
    """
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT sum(answered) AS questions, sum(requests) AS requests, sum(cost) AS cost, sum(seconds) AS seconds"
            " FROM (SELECT * FROM pulls WHERE instance = ? AND family = ? AND requests > 0 ORDER BY pull_id DESC"
            " LIMIT 10)",
            (instance, family),
        ).fetchone()
    if row["requests"] is None:
        return None
    return Spent(row["questions"], row["requests"], row["cost"], row["seconds"])

"""Intents: reports that somebody wants, from the wish to the load.

Asked, finished and loaded are three facts, each written when it has happened (`report_facts`). How a wish becomes an
intent is in `wishes`.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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
    LOST = "lost"
    """Posted without an answer, and no report came of it; another intent has taken its place."""
    CANCELLED = "cancelled"
    """Aborted or deleted by a person's command."""


class Outcome(StrEnum):
    """How an intent ended that was not loaded."""

    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


class IdentifiedBy(StrEnum):
    """How it is known which report in Canvas is the one that was wanted."""

    ANSWER = "answer"
    """Canvas answered the POST."""
    INDEX = "index"
    """The answer was lost; a report that fits was found in Canvas's list."""
    ADOPTION = "adoption"
    """A person ran it in Canvas, and the settings adopt such reports."""
    FILE = "file"
    """A person gave the file."""


@dataclass(frozen=True)
class Intent:
    """One wish for one report, with every fact known about it. It is about an account or about a course.

    `version` counts the files that Canvas made of the report: it may complete again with another one.
    """

    intent_id: int
    instance: str
    account_id: int | None
    course_id: int | None
    report: str
    parameters: dict[str, object]
    parameters_hash: str
    window: str
    origin: str
    replaces: int | None
    wanted_at: datetime
    posting_at: datetime | None
    report_id: int | None
    identified_by: IdentifiedBy | None
    asked_at: datetime | None
    status: str | None
    progress: int | None
    reported_created_at: datetime | None
    reported_started_at: datetime | None
    reported_ended_at: datetime | None
    deadline_at: datetime
    finished_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    outcome: Outcome | None
    attempts: int
    attempts_before: int
    next_attempt_at: datetime | None
    parked_at: datetime | None
    version: int
    file_id: int | None
    load_id: str | None
    loaded_at: datetime | None
    delete_wanted: bool
    deleted_at: datetime | None

    @property
    def state(self) -> IntentState:
        """Where the intent stands."""
        if self.loaded_at is not None:
            return IntentState.LOADED
        if self.ended_at is not None:
            return IntentState(self.outcome or Outcome.FAILED)
        if self.parked_at is not None:
            return IntentState.PARKED
        if self.finished_at is not None:
            return IntentState.FINISHED
        if self.report_id is not None:
            return IntentState.ASKED
        return IntentState.POSTING if self.posting_at is not None else IntentState.WANTED

    @property
    def context(self) -> str:
        """What the report is about, as Canvas's paths name it: `accounts/1`, `courses/17`."""
        return context_of(self.account_id, self.course_id)

    @property
    def place(self) -> str:
        """What the report is about, in words."""
        return f"account {self.account_id}" if self.course_id is None else f"course {self.course_id}"

    @property
    def is_own(self) -> bool:
        """Whether this canvaslake certainly started the report: only such are aborted and deleted in Canvas.

        One that was found in the list after a lost answer may be a person's of the same minutes.
        """
        return self.identified_by is IdentifiedBy.ANSWER


def context_of(account_id: int | None, course_id: int | None) -> str:
    """Return what a report is about, as Canvas's paths name it."""
    return f"accounts/{account_id}" if course_id is None else f"courses/{course_id}"


def parameters_hash(parameters: Parameters) -> str:
    """Return a short, stable name for a set of report parameters; their order does not matter."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()[:12]


def get_intent(ledger: Ledger, intent_id: int) -> Intent:
    """Return an intent; KeyError if there is none with that id."""
    found = _select(ledger, "intent_id = ?", (intent_id,))
    if not found:
        raise KeyError(intent_id)
    return found[0]


def intent_of_report(ledger: Ledger, instance: str, report_id: int, *, of_course: bool = False) -> Intent | None:
    """Return the intent that a report in Canvas belongs to, or None. Reports of courses are numbered apart."""
    condition = "instance = ? AND report_id = ? AND (course_id IS NULL) = ?"
    found = _select(ledger, condition, (instance, report_id, not of_course))
    return found[0] if found else None


def successor_of(ledger: Ledger, intent: Intent) -> Intent:
    """Return the intent that has taken the place of one that was lost, as it stands now; itself if it was not."""
    while intent.state is IntentState.LOST:
        found = _select(ledger, "replaces = ?", (intent.intent_id,))
        if not found:
            break
        intent = found[-1]
    return intent


def open_intents(ledger: Ledger, instance: str) -> list[Intent]:
    """Return every intent that has not ended, oldest first."""
    return _select(ledger, "instance = ? AND ended_at IS NULL", (instance,))


def ended_since(ledger: Ledger, instance: str, since: datetime) -> list[Intent]:
    """Return the intents with a report that ended at a moment or later, oldest first; not those that were cancelled."""
    condition = "instance = ? AND ended_at >= ? AND report_id IS NOT NULL AND outcome IS NOT 'cancelled'"
    return _select(ledger, condition, (instance, timestamp(since)))


def all_intents(ledger: Ledger, instance: str | None = None) -> list[Intent]:
    """Return every intent, oldest first."""
    return _select(ledger, "? IS NULL OR instance = ?", (instance, instance))


def to_delete(ledger: Ledger, instance: str) -> list[Intent]:
    """Return the intents whose report is to be deleted in Canvas now that it is loaded."""
    return _select(
        ledger, "instance = ? AND delete_wanted AND deleted_at IS NULL AND loaded_at IS NOT NULL", (instance,)
    )


def untold(ledger: Ledger, instance: str, since: datetime) -> list[Intent]:
    """Return the intents that failed or were parked at a moment or later and of which nobody was told, oldest first.

    Not those that were lost, for another took their place, nor those that a person ended or gave the file of: the
    person was there.
    """
    at = timestamp(since)
    return _select(
        ledger,
        "instance = ? AND told_at IS NULL AND loaded_at IS NULL AND identified_by IS NOT 'file'"
        " AND outcome IS NOT 'lost' AND outcome IS NOT 'cancelled'"
        " AND (ended_at >= ? OR (ended_at IS NULL AND parked_at >= ?))",
        (instance, at, at),
    )


def newest_finished(ledger: Ledger, instance: str, account_id: int, report: str, digest: str) -> int:
    """Return the id of the newest report of a kind that was seen to be complete; 0 if there is none."""
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT max(report_id) AS newest FROM intents WHERE instance = ? AND account_id = ? AND report = ?"
            " AND parameters_hash = ? AND finished_at IS NOT NULL",
            (instance, account_id, report, digest),
        ).fetchone()
    return int(row["newest"] or 0)


def owned_reports(ledger: Ledger, instance: str, *, of_course: bool = False) -> set[int]:
    """Return the ids of all reports in Canvas that belong to an intent."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT report_id FROM intents WHERE instance = ? AND report_id IS NOT NULL AND (course_id IS NULL) = ?",
            (instance, not of_course),
        ).fetchall()
    return {int(row["report_id"]) for row in rows}


def known_parameters(ledger: Ledger, instance: str, report: str) -> dict[str, dict[str, object]]:
    """Return every set of parameters that a report was ever wanted with, by its hash."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT DISTINCT parameters_hash, parameters FROM intents WHERE instance = ? AND report = ?",
            (instance, report),
        ).fetchall()
    return {row["parameters_hash"]: json.loads(row["parameters"]) for row in rows}


def _select(ledger: Ledger, condition: str, arguments: tuple[object, ...]) -> list[Intent]:
    with ledger.read() as connection:
        rows = connection.execute(f"SELECT * FROM intents WHERE {condition} ORDER BY intent_id", arguments).fetchall()
    return [intent_of(row) for row in rows]


_MOMENTS = (
    "wanted_at",
    "posting_at",
    "asked_at",
    "reported_created_at",
    "reported_started_at",
    "reported_ended_at",
    "deadline_at",
    "finished_at",
    "ended_at",
    "next_attempt_at",
    "parked_at",
    "loaded_at",
    "deleted_at",
)
_NOT_SHOWN = ("posting_owner", "status_at", "told_at")


def intent_of(row: sqlite3.Row) -> Intent:
    """Return a row of the table as an intent."""
    values = {name: row[name] for name in row.keys() if name not in _NOT_SHOWN}  # noqa: SIM118 (a Row iterates values)
    for name in _MOMENTS:
        values[name] = moment(values[name])
    values["parameters"] = json.loads(values["parameters"])
    values["identified_by"] = IdentifiedBy(values["identified_by"]) if values["identified_by"] else None
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    values["delete_wanted"] = bool(values["delete_wanted"])
    return Intent(**values)

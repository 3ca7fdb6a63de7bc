"""A ledger of an older version: nothing of what it remembers is lost, and its rules still hold."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import IntentState, Ledger
from pipelines.ledger.database import moment, rows_of, timestamp
from pipelines.ledger.generations import (
    Generation,
    following_generation,
    pin,
    pinned_generation,
    present_generation,
    published_generations,
)
from pipelines.ledger.intents import (
    IdentifiedBy,
    all_intents,
    get_intent,
    intent_of_report,
    open_intents,
    parameters_hash,
)
from pipelines.ledger.loads import commit_load
from pipelines.ledger.report_facts import (
    claim_post,
    record_asked,
    record_attempt_failed,
    record_status,
    reopen,
    unpark,
)
from pipelines.ledger.schema import MIGRATIONS
from pipelines.ledger.wishes import record_lost, want
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST, NOON, a_file, a_load, wish

BEFORE = 4
WANTED = NOON - timedelta(hours=2)
LATER = NOON - timedelta(hours=1)

POSTED = {"posting_at": timestamp(WANTED), "posting_owner": "7-abcdef"}
ASKED = {**POSTED, "asked_at": timestamp(WANTED), "status": "running", "status_at": timestamp(LATER), "progress": 40}
COMPLETE = {
    **ASKED,
    "status": "complete",
    "progress": 100,
    "reported_ended_at": timestamp(LATER),
    "finished_at": timestamp(LATER),
}
TRIED = {**COMPLETE, "attempts": 3, "next_attempt_at": timestamp(NOON), "failure": "cut off"}

ROWS: dict[IntentState, dict[str, Any]] = {
    IntentState.WANTED: {},
    IntentState.POSTING: POSTED,
    IntentState.ASKED: {**ASKED, "report_id": 1003},
    IntentState.FINISHED: {**COMPLETE, "report_id": 1004},
    IntentState.PARKED: {**TRIED, "report_id": 1005, "parked_at": timestamp(NOON)},
    IntentState.LOADED: {
        **COMPLETE,
        "report_id": 1006,
        "ended_at": timestamp(NOON),
        "load_id": "report-1006",
        "loaded_at": timestamp(NOON),
    },
    IntentState.FAILED: {**ASKED, "report_id": 1007, "ended_at": timestamp(NOON), "failure": "Overdue"},
}
"""A row for each state that there was, by what set it apart."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as the version before wrote it: a wish in every state, each for its own account, and one refused."""
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for statements in MIGRATIONS[:BEFORE]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {BEFORE}")
    refused = {**POSTED, "ended_at": timestamp(NOON), "failure": "Canvas refuses a parameter."}
    for account, facts in enumerate([*ROWS.values(), refused], start=1):
        _insert(connection, account, facts)
    connection.close()
    return path


def _insert(connection: sqlite3.Connection, account: int, facts: dict[str, Any]) -> None:
    parameters = {"users": True}
    row = {
        "instance": HOST,
        "account_id": account,
        "report": "provisioning_csv",
        "parameters": json.dumps(parameters),
        "parameters_hash": parameters_hash(parameters),
        "window": "monday",
        "origin": "schedule",
        "wanted_at": timestamp(WANTED),
        "deadline_at": timestamp(NOON + timedelta(hours=10)),
        **facts,
    }
    connection.execute(
        f"INSERT INTO intents ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
    )


@pytest.fixture
def ledger(path: Path, clock: ManualClock) -> Ledger:
    return Ledger(path, clock)


def test_every_fact_of_every_state_is_still_there(path: Path, clock: ManualClock) -> None:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    before = [dict(row) for row in connection.execute("SELECT * FROM intents ORDER BY intent_id")]
    connection.close()
    after = rows_of(Ledger(path, clock), "SELECT * FROM intents ORDER BY intent_id")
    assert len(before) == len(after) == len(ROWS) + 1
    for old, new in zip(before, after, strict=True):
        assert {name: new[name] for name in old} == old


def test_every_wish_stands_where_it_stood(ledger: Ledger) -> None:
    intents = all_intents(ledger)
    assert [intent.state for intent in intents] == [*ROWS, IntentState.FAILED]
    for intent in intents:
        assert (intent.account_id, intent.course_id, intent.version) == (intent.intent_id, None, 1)
        assert (intent.attempts_before, intent.replaces, intent.delete_wanted) == (0, None, False)
        by = IdentifiedBy.INDEX if intent.report_id else None
        assert (intent.identified_by, intent.is_own) == (by, False), "how each was known was not written down"
        assert intent.wanted_at == moment(timestamp(WANTED))
    assert len(open_intents(ledger, HOST)) == 5


def test_a_window_that_had_its_wish_does_not_get_another(ledger: Ledger) -> None:
    wishes = rows_of(ledger, "SELECT context, window, origin, wanted_at, intent_id FROM wishes ORDER BY intent_id")
    assert [tuple(row.values()) for row in wishes] == [
        (f"accounts/{n}", "monday", "schedule", timestamp(WANTED), n) for n in range(1, len(ROWS) + 2)
    ]
    for intent in all_intents(ledger):
        assert want(ledger, **wish(account_id=intent.account_id, window="monday")) == intent
    assert len(all_intents(ledger)) == len(ROWS) + 1


def test_a_wish_of_tomorrow_joins_what_is_under_way_and_nothing_else(ledger: Ledger) -> None:
    joined = {
        intent.state
        for intent in all_intents(ledger)
        if want(ledger, **wish(account_id=intent.account_id, window="tuesday")).intent_id == intent.intent_id
    }
    assert joined == {IntentState.WANTED, IntentState.POSTING}


def test_a_report_in_canvas_still_belongs_to_one_wish(ledger: Ledger) -> None:
    free = want(ledger, **wish(account_id=99))
    assert not record_asked(ledger, free.intent_id, 1003, "created")
    owner = intent_of_report(ledger, HOST, 1003)
    assert owner is not None
    assert owner.state is IntentState.ASKED
    with pytest.raises(sqlite3.IntegrityError), ledger.write() as connection:
        connection.execute("UPDATE intents SET report_id = 1003 WHERE intent_id = ?", (free.intent_id,))
    course = want(ledger, **wish(account_id=None, course_id=1, report="course_pace_docx"))
    assert record_asked(ledger, course.intent_id, 1003, "created")


@pytest.mark.parametrize(("account", "course"), [(None, None), (1, 17)], ids=["neither", "both"])
def test_an_intent_is_about_an_account_or_about_a_course(
    ledger: Ledger, account: int | None, course: int | None
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        want(ledger, **wish(account_id=account, course_id=course))


def test_each_goes_on_from_where_it_stood(ledger: Ledger, clock: ManualClock) -> None:
    by_state = {intent.state: intent.intent_id for intent in all_intents(ledger)[: len(ROWS)]}
    assert claim_post(ledger, by_state[IntentState.WANTED], "me")
    successor = record_lost(ledger, by_state[IntentState.POSTING], "no answer")
    assert successor is not None
    assert want(ledger, **wish(account_id=2, window="monday")) == successor
    record_status(ledger, by_state[IntentState.ASKED], status="complete", progress=100, ended_at=clock())
    commit_load(ledger, a_load("report-1004"), [a_file("a")], intent_id=by_state[IntentState.FINISHED])
    assert unpark(ledger, by_state[IntentState.PARKED])
    pause = timedelta(minutes=2)
    tried = record_attempt_failed(ledger, by_state[IntentState.PARKED], "no", attempt=4, most=2, pause=pause)
    assert (tried.state, tried.attempts) == (IntentState.FINISHED, 4)
    for state in (IntentState.LOADED, IntentState.FAILED):
        assert reopen(ledger, get_intent(ledger, by_state[state])), state
    states = [get_intent(ledger, number).state.value for number in by_state.values()]
    assert states == ["posting", "lost", "finished", "loaded", "finished", "finished", "finished"]


def test_a_broken_reference_is_nowhere_in_the_file(ledger: Ledger) -> None:
    with ledger.read() as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'intents'").fetchone()
    assert "intents_2" not in sql
    posted = next(one for one in all_intents(ledger) if one.state is IntentState.POSTING)
    after = record_lost(ledger, posted.intent_id, "no answer")
    assert after is not None
    with pytest.raises(sqlite3.IntegrityError), ledger.write() as connection:
        connection.execute("DELETE FROM intents WHERE intent_id = ?", (posted.intent_id,))


def test_of_many_that_open_the_old_file_at_once_one_brings_it_up_to_date(path: Path, clock: ManualClock) -> None:
    found = in_threads(lambda: len(all_intents(Ledger(path, clock))), 6)
    assert found == [len(ROWS) + 1] * 6
    assert len(rows_of(Ledger(path, clock), "SELECT * FROM wishes")) == len(ROWS) + 1


BEFORE_ROLLBACKS = 5


@pytest.fixture
def with_generations(tmp_path: Path) -> Path:
    """A ledger of the version before rollbacks: two generations, one of a publish that was killed, and a file."""
    path = tmp_path / "generations.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (one for step in MIGRATIONS[:BEFORE_ROLLBACKS] for one in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {BEFORE_ROLLBACKS}")
    at = timestamp(WANTED)
    rows = [(1, at, at, "warehouse-000001.duckdb", 10, 100), (2, at, None, None, None, None)]
    connection.executemany(
        "INSERT INTO generations (generation, started_at, published_at, file, rows, bytes) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.execute("INSERT INTO parquet (path, bytes, sha256) VALUES ('canvas/accounts/a.parquet', 1, 'x')")
    connection.close()
    return path


def test_generations_of_before_rollbacks_can_be_gone_back_to(with_generations: Path, clock: ManualClock) -> None:
    ledger = Ledger(with_generations, clock)
    [first] = published_generations(ledger)
    assert first == Generation(1, WANTED, "warehouse-000001.duckdb", 10, 100, None, None)
    assert (present_generation(ledger), pinned_generation(ledger)) == (first, None)
    assert following_generation(ledger) == 3, "a number is never used twice"
    assert pin(ledger, 1) == ()
    pinned = pinned_generation(ledger)
    assert pinned is not None
    assert (pinned.generation, pinned.pinned_at) == (1, NOON)


def test_no_file_of_before_counts_as_removed(with_generations: Path, clock: ManualClock) -> None:
    ledger = Ledger(with_generations, clock)
    assert rows_of(ledger, "SELECT path, removed_at FROM parquet") == [
        {"path": "canvas/accounts/a.parquet", "removed_at": None}
    ]


BEFORE_LAST_COMMIT = 6


@pytest.mark.parametrize("replaced", [True, False])
def test_commits_go_on_after_the_last_one_of_before(tmp_path: Path, clock: ManualClock, replaced: bool) -> None:
    path = tmp_path / "commits.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (one for step in MIGRATIONS[:BEFORE_LAST_COMMIT] for one in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {BEFORE_LAST_COMMIT}")
    ahead = NOON + timedelta(hours=1)
    times = (timestamp(WANTED), timestamp(ahead)) if replaced else (timestamp(ahead), None)
    connection.execute(
        "INSERT INTO loads VALUES ('old', ?, 'accounts', '{}', NULL, 1, 1, 0, 'c', 0, ?, ?)",
        (HOST, timestamp(WANTED), timestamp(WANTED)),
    )
    connection.execute("INSERT INTO parquet (parquet_id, path, bytes, sha256) VALUES (1, 'a.parquet', 1, 'x')")
    connection.execute(
        "INSERT INTO slices (load_id, table_name, slice, parquet_id, rows, content_hash, live_from, live_to)"
        " VALUES ('old', 'canvas.accounts', 'account=1', 1, 1, 'c', ?, ?)",
        times,
    )
    connection.close()
    ledger = Ledger(path, clock)
    commit_load(ledger, a_load("new"), [a_file("n")])
    [row] = rows_of(ledger, "SELECT live_from FROM slices WHERE load_id = 'new'")
    assert row["live_from"] == timestamp(ahead + timedelta(microseconds=1))

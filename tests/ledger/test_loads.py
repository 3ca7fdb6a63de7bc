"""The commit log: all of a load or nothing, once, and never an older answer over a newer one."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import CommitResult, Drift, IntentState, Ledger
from pipelines.ledger.database import rows_of, timestamp
from pipelines.ledger.intents import get_intent
from pipelines.ledger.loads import commit_batch, commit_load, is_loaded, live_files, retire_scopes
from pipelines.ledger.wishes import want
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST, NOON, a_file, a_load, wish

QUARANTINE = "meta.quarantine"


def live(ledger: Ledger) -> dict[tuple[str, str], str]:
    return {(file.table_name, file.slice): file.load_id for file in live_files(ledger)}


def test_a_load_makes_all_its_files_live_and_retires_the_old_ones_of_their_slices(ledger: Ledger) -> None:
    commit_load(ledger, a_load("one"), [a_file("a"), a_file("b", table="canvas.terms")])
    commit_load(ledger, a_load("other"), [a_file("c", slice_="account=2")])
    commit_load(ledger, a_load("two"), [a_file("d"), a_file("e", table="canvas.terms")])
    assert live(ledger) == {
        ("canvas.accounts", "account=1"): "two",
        ("canvas.accounts", "account=2"): "other",
        ("canvas.terms", "account=1"): "two",
    }


def test_a_commit_that_breaks_in_the_middle_has_not_happened(ledger: Ledger) -> None:
    commit_load(ledger, a_load("old"), [a_file("a")])
    intent = want(ledger, **wish())
    twice = [a_file("b"), a_file("c", table="canvas.terms"), a_file("d", table="canvas.terms")]
    with pytest.raises(sqlite3.IntegrityError):
        commit_load(ledger, a_load("new"), twice, intent_id=intent.intent_id, drift=[Drift("t", "k", "n", "d")])
    assert live(ledger) == {("canvas.accounts", "account=1"): "old"}
    assert not is_loaded(ledger, "new")
    assert get_intent(ledger, intent.intent_id).loaded_at is None
    assert rows_of(ledger, "SELECT * FROM drift") == []


def test_rows_that_do_not_add_up_cannot_be_loaded(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="does not add up: 5 rows read, 3 loaded, 1 quarantined"):
        a_load("lost", read=5, bad=1, loaded=3)
    with pytest.raises(sqlite3.IntegrityError), ledger.write() as connection:
        connection.execute("INSERT INTO loads VALUES ('x', 'h', 's', '{}', NULL, 5, 3, 1, 'c', 0, 'now', 'now')")


def test_the_same_load_again_does_nothing_but_fulfils_the_wish(ledger: Ledger, clock: ManualClock) -> None:
    commit_load(ledger, a_load("report-5"), [a_file("a")])
    before = live_files(ledger)
    clock.advance(60)
    intent = want(ledger, **wish())
    again = commit_load(ledger, a_load("report-5"), [a_file("b")], intent_id=intent.intent_id)
    assert again is CommitResult.ALREADY_LOADED
    assert live_files(ledger) == before
    fulfilled = get_intent(ledger, intent.intent_id)
    assert (fulfilled.state, fulfilled.load_id) == (IntentState.LOADED, "report-5")


def test_one_of_many_loads_of_the_same_report_commits(ledger: Ledger) -> None:
    results = in_threads(lambda: commit_load(ledger, a_load("report-5"), [a_file("a")]), 8)
    assert sorted(map(str, results)) == ["already loaded"] * 7 + ["committed"]
    assert len(rows_of(ledger, "SELECT * FROM slices")) == 1


def test_equal_content_is_recorded_and_the_live_file_stays(ledger: Ledger, clock: ManualClock) -> None:
    commit_load(ledger, a_load("one"), [a_file("same")])
    clock.advance(60)
    assert commit_load(ledger, a_load("two"), [a_file("same")]) is CommitResult.UNCHANGED
    assert live(ledger) == {("canvas.accounts", "account=1"): "one"}


def test_one_changed_file_of_a_load_makes_all_of_them_live(ledger: Ledger) -> None:
    commit_load(ledger, a_load("one"), [a_file("same"), a_file("t1", table="canvas.terms")])
    second = commit_load(ledger, a_load("two"), [a_file("same"), a_file("t2", table="canvas.terms")])
    assert second is CommitResult.COMMITTED
    assert set(live(ledger).values()) == {"two"}


def test_an_older_report_that_arrives_late_never_replaces_a_newer_one(ledger: Ledger) -> None:
    commit_load(ledger, a_load("report-10", version=10), [a_file("new")])
    late = commit_load(ledger, a_load("report-9", version=9), [a_file("old")])
    assert late is CommitResult.SUPERSEDED
    assert set(live(ledger).values()) == {"report-10"}
    assert is_loaded(ledger, "report-9")


def test_an_older_report_does_not_replace_a_newer_one_that_found_nothing_changed(ledger: Ledger) -> None:
    commit_load(ledger, a_load("report-8", version=8), [a_file("same")])
    assert commit_load(ledger, a_load("report-10", version=10), [a_file("same")]) is CommitResult.UNCHANGED
    late = commit_load(ledger, a_load("report-9", version=9), [a_file("between")])
    assert late is CommitResult.SUPERSEDED
    assert [file.sha256 for file in live_files(ledger)] == ["sha-same"]


def test_a_newer_report_replaces_an_older_one_whatever_their_load_ids(ledger: Ledger) -> None:
    commit_load(ledger, a_load("report-9", version=9), [a_file("old")])
    assert commit_load(ledger, a_load("report-10", version=10), [a_file("new")]) is CommitResult.COMMITTED
    assert set(live(ledger).values()) == {"report-10"}


def test_yesterdays_bad_rows_are_gone_once_they_are_mended_though_the_good_ones_are_the_same(ledger: Ledger) -> None:
    bad = a_file("bad", table=QUARANTINE, rows=1)
    commit_load(ledger, a_load("one", read=4, bad=1), [a_file("same"), bad])
    mended = commit_load(ledger, a_load("two"), [a_file("same")], cleared=[(QUARANTINE, "account=1")])
    assert mended is CommitResult.COMMITTED
    assert {table for table, _ in live(ledger)} == {"canvas.accounts"}


def test_an_older_report_does_not_clear_the_bad_rows_of_a_newer_one(ledger: Ledger) -> None:
    bad = a_file("bad", table=QUARANTINE, rows=1)
    commit_load(ledger, a_load("report-10", version=10, read=4, bad=1), [a_file("new"), bad])
    commit_load(ledger, a_load("report-9", version=9), [a_file("old")], cleared=[(QUARANTINE, "account=1")])
    assert {table for table, _ in live(ledger)} == {"canvas.accounts", QUARANTINE}


def test_the_live_set_can_be_read_as_it_was_on_census_day(ledger: Ledger, clock: ManualClock) -> None:
    start = clock()
    clock.advance(3600)
    commit_load(ledger, a_load("monday"), [a_file("a")])
    monday = clock()
    clock.advance(86_400)
    commit_load(ledger, a_load("tuesday"), [a_file("b")])
    commit_load(ledger, a_load("other"), [a_file("c", slice_="account=2")])

    def at(moment: object) -> list[str]:
        return [file.load_id for file in live_files(ledger, moment)]  # type: ignore[arg-type]

    assert at(start) == []
    assert at(monday) == at(clock() - timedelta(microseconds=1)) == ["monday"]
    assert at(clock()) == at(None) == ["tuesday", "other"]
    assert at(clock() + timedelta(days=365)) == ["tuesday", "other"]


def test_drift_is_seen_first_and_last_and_kept_once(ledger: Ledger, clock: ManualClock) -> None:
    drift = [Drift("canvas.accounts", "unknown column", "colour", "Kept as text.")]
    commit_load(ledger, a_load("one"), [a_file("a")], drift=drift)
    first = ledger.now()
    clock.advance(60)
    commit_load(ledger, a_load("two"), [a_file("b")], drift=drift)
    (row,) = rows_of(ledger, "SELECT * FROM drift")
    assert (row["first_load_id"], row["first_seen_at"], row["last_seen_at"]) == ("one", first, ledger.now())


def test_a_clock_that_was_set_back_leaves_one_file_to_a_slice_at_every_moment(tmp_path: Path) -> None:
    present = [NOON]
    ledger = Ledger(tmp_path / "ledger.sqlite", lambda: present[0])
    commit_load(ledger, a_load("old"), [a_file("old")])
    for number, hour in enumerate([2, 1, 1, 0, 3]):
        present[0] = NOON + timedelta(hours=hour)
        commit_load(ledger, a_load(f"load-{number}"), [a_file(f"c{number}")])
    stamps = [str(row["live_from"]) for row in rows_of(ledger, "SELECT live_from FROM slices ORDER BY parquet_id")]
    assert stamps == sorted(set(stamps))
    assert stamps[0] == timestamp(NOON)
    assert stamps[1] == timestamp(NOON + timedelta(hours=2))
    assert stamps[-1] == timestamp(NOON + timedelta(hours=3)), "the clock is right again"
    seen = [[file.load_id for file in live_files(ledger, datetime.fromisoformat(stamp))] for stamp in stamps]
    assert seen == [["old"], *([f"load-{number}"] for number in range(5))]
    between = NOON + timedelta(minutes=90)
    assert [file.load_id for file in live_files(ledger, between)] == ["old"]


def test_batches_and_retirements_after_the_clock_was_set_back_are_later_too(tmp_path: Path) -> None:
    present = [NOON]
    ledger = Ledger(tmp_path / "ledger.sqlite", lambda: present[0])
    commit_load(ledger, a_load("one"), [a_file("one")])
    present[0] = NOON - timedelta(hours=1)
    commit_batch(ledger, a_load("two"), {}, [], emptied=[("canvas.accounts", "account=1")])
    commit_load(ledger, a_load("three"), [a_file("three")])
    assert retire_scopes(ledger, HOST, "accounts", keep=lambda _: False) == 1
    times = [(str(row["live_from"]), str(row["live_to"])) for row in rows_of(ledger, "SELECT * FROM slices")]
    after = [timestamp(NOON + timedelta(microseconds=number)) for number in range(4)]
    assert sorted(times) == [(after[0], after[1]), (after[2], after[3])]


def test_a_commit_that_waited_for_another_is_stamped_after_it(ledger: Ledger, clock: ManualClock) -> None:
    """The moment of a commit is taken when it has the lock, not when it asks for it."""
    write = ledger.write

    @contextmanager
    def waiting() -> Iterator[sqlite3.Connection]:
        clock.advance(60)
        with write() as connection:
            yield connection

    ledger.write = waiting  # type: ignore[method-assign]
    commit_load(ledger, a_load("one"), [a_file("one")])
    assert [row["live_from"] for row in rows_of(ledger, "SELECT live_from FROM slices")] == [ledger.now()]

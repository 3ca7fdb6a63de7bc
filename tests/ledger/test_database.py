"""Opening the ledger: by many at once, over and over, and never one that a newer version wrote."""

import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pipelines.ledger import Ledger
from pipelines.ledger.database import moment, timestamp
from pipelines.ledger.intents import all_intents
from pipelines.ledger.schema import MIGRATIONS
from pipelines.ledger.wishes import want
from tests.ledger.crowd import in_processes, in_threads, open_and_claim
from tests.ledger.stories import wish


def test_opening_again_keeps_what_is_remembered(ledger: Ledger) -> None:
    intent = want(ledger, **wish())
    again = Ledger(ledger.path, ledger.clock)
    assert all_intents(again) == [intent]
    with again.read() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)


def test_processes_that_open_a_new_ledger_at_once_all_work_and_one_posts(tmp_path: Path) -> None:
    found = in_processes(open_and_claim, tmp_path / "ledger.sqlite", 6)
    assert sorted(found, key=str) == [(1, False)] * 5 + [(1, True)]


def test_threads_that_open_a_new_ledger_at_once_all_work_and_one_posts(tmp_path: Path) -> None:
    for round_ in range(5):
        path = tmp_path / f"{round_}.sqlite"
        found = in_threads(lambda path=path: open_and_claim(path), 8)  # type: ignore[misc]
        assert sorted(found, key=str) == [(1, False)] * 7 + [(1, True)]


def test_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is(ledger: Ledger) -> None:
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(RuntimeError, match=r"newer canvaslake \(ledger version 999"):
        Ledger(ledger.path)
    connection = sqlite3.connect(ledger.path)
    assert connection.execute("PRAGMA user_version").fetchone() == (999,)
    connection.close()


def test_a_migration_that_fails_leaves_the_old_version_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (*MIGRATIONS, ("CREATE TABLE half (a INTEGER)", "CREATE TABLE broken ("))
    monkeypatch.setattr("pipelines.ledger.database.MIGRATIONS", steps)
    with pytest.raises(sqlite3.OperationalError):
        Ledger(ledger.path)
    monkeypatch.undo()
    with Ledger(ledger.path).read() as connection:
        tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "half" not in tables


def test_the_ledger_and_its_log_are_closed_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = Ledger(tmp_path / "home" / "state" / "ledger.sqlite")
        with ledger.write() as connection:
            connection.execute("INSERT INTO drift VALUES ('t', 'k', 'n', 'd', NULL, 'now', 'now')")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in ledger.path.parent.iterdir()}
    finally:
        os.umask(before)
    assert {"ledger.sqlite", "ledger.sqlite-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(ledger.path.parent.parent.stat().st_mode) == 0o700


def test_a_block_that_raises_has_written_nothing(ledger: Ledger) -> None:
    with pytest.raises(KeyboardInterrupt), ledger.write() as connection:  # noqa: PT012 - the block is the test
        connection.execute("INSERT INTO drift VALUES ('t', 'k', 'n', 'd', NULL, 'now', 'now')")
        raise KeyboardInterrupt
    with ledger.read() as connection:
        assert connection.execute("SELECT count(*) FROM drift").fetchone()[0] == 0


def test_a_reader_sees_one_state_while_others_write(ledger: Ledger) -> None:
    with ledger.read() as connection:
        before = connection.execute("SELECT count(*) FROM intents").fetchone()[0]
        want(ledger, **wish())
        assert connection.execute("SELECT count(*) FROM intents").fetchone()[0] == before


def test_moments_sort_as_text_and_come_back_as_they_were() -> None:
    eastern = timezone(timedelta(hours=-5))
    moments = [
        datetime(2026, 11, 21, 12, tzinfo=UTC),
        datetime(2026, 11, 21, 7, 0, 0, 1, tzinfo=eastern),
        datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC),
    ]
    texts = [timestamp(one) for one in moments]
    assert texts == sorted(texts)
    assert [moment(text) for text in texts] == moments
    with pytest.raises(ValueError, match="without a time zone"):
        timestamp(datetime(2026, 11, 21))  # noqa: DTZ001 - that is the point

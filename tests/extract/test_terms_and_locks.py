"""Which terms are worth asking about, and whether a load is at work: a killed process is not."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from pipelines.extract.run_lock import load_lock
from pipelines.extract.terms import TermDates, is_active, is_due

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def term(start: int | None, end: int | None) -> TermDates:
    return TermDates(1, None if start is None else NOON + start * DAY, None if end is None else NOON + end * DAY)


@pytest.mark.parametrize(
    ("dates", "active"),
    [
        ((None, None), True),
        ((-90, 30), True),
        ((0, None), True),
        ((-90, -30), True),
        ((-90, -31), False),
        ((1, 90), False),
        ((None, -31), False),
        ((None, 5), True),
    ],
)
def test_a_term_is_active_from_its_first_day_until_grades_have_settled(
    dates: tuple[int | None, int | None], active: bool
) -> None:
    assert is_active(term(*dates), NOON) is active


@pytest.mark.parametrize(
    ("dates", "loaded_days_ago", "due"),
    [
        ((-90, 30), 0, True),
        ((-200, -100), None, True),
        ((-200, -100), 71, True),
        ((-200, -100), 69, False),
        ((-200, -100), 0, False),
        ((10, 90), None, True),
        ((10, 90), 1, False),
        ((None, None), 0, True),
    ],
)
def test_an_old_term_is_asked_once_more_after_it_settled_and_then_rests(
    dates: tuple[int, int], loaded_days_ago: int | None, due: bool
) -> None:
    loaded = None if loaded_days_ago is None else NOON - loaded_days_ago * DAY
    assert is_due(term(*dates), NOON, loaded) is due


def hold(home: Path, ready: Any) -> None:
    """Hold the lock of a load until killed."""
    with load_lock(home, 7):
        ready.set()
        signal.pause()


def is_at_work(home: Path, intent_id: int) -> bool:
    lock = FileLock(home / "state" / "loads" / f"{intent_id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def test_a_load_is_at_work_until_its_process_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready))
    process.start()
    try:
        assert ready.wait(60)
        assert is_at_work(tmp_path, 7)
        assert not is_at_work(tmp_path, 8)
    finally:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(30)
    assert not is_at_work(tmp_path, 7)
    with load_lock(tmp_path, 7):
        assert is_at_work(tmp_path, 7)
    assert not is_at_work(tmp_path, 7)


def test_the_files_of_locks_do_not_become_more_without_end(tmp_path: Path) -> None:
    for intent_id in range(1, 1000):
        with load_lock(tmp_path, intent_id):
            pass
    assert len(list((tmp_path / "state" / "loads").iterdir())) < 300

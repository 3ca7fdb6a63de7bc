"""Files whose rows were replaced go when their time is over: never one that is live, or that a running load reads."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo import ManualClock
from pipelines.lake import Lake
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.lake.garbage import STILL_READ, give_up, given_up, is_whole, whole_since
from pipelines.lake.sweep import Swept, sweep
from pipelines.lake.versions import record_observations
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import live_files
from pipelines.normalize import course as course_rows
from tests.lake.batches import accounts, load
from tests.load.worlds import HOST, NOON

DAY = timedelta(days=1)
KEEP = 10 * DAY


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def lake(tmp_path: Path, clock: ManualClock) -> Lake:
    return Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite", clock))


def swept(lake: Lake, keep: timedelta = KEEP) -> Swept:
    return sweep(lake, lake.root.parent / "downloads", keep=timedelta(days=30), keep_superseded=keep)


def there(lake: Lake) -> set[str]:
    return {path.relative_to(lake.root).as_posix() for path in lake.root.rglob("*.parquet")}


def pull(lake: Lake, name: str, views: dict[int, int]) -> None:
    """Load the views of courses as one batch: one file with a slice per course."""
    answers = [
        SliceAnswer({"course": course}, [course_rows.activity([{"date": "2026-11-01", "views": n}], course)], NOON)
        for course, n in views.items()
    ]
    courses = list(views)

    def note(position: int, _: SliceResult) -> Coverage:
        return Coverage(HOST, "course", str(courses[position]), "analytics/activity", CoverageStatus.LOADED, 200)

    load_batch(lake, load_id=name, instance=HOST, source="course_activity", answers=answers, note=note)


def test_a_replaced_file_goes_after_its_time_and_not_a_moment_earlier(lake: Lake, clock: ManualClock) -> None:
    load(lake, "one", [accounts(1)])
    [first] = there(lake)
    clock.advance(DAY.total_seconds() * 400)
    load(lake, "two", [accounts(1, 2)])
    clock.advance(KEEP.total_seconds() - 1)
    assert swept(lake) == Swept()
    clock.advance(1)
    assert swept(lake) == Swept(superseded=1)
    assert swept(lake) == Swept()
    assert there(lake) == {file.path for file in live_files(lake.ledger)}
    assert given_up(lake.ledger) == {first}
    # What it was is still known.
    assert rows_of(lake.ledger, "SELECT load_id, rows FROM slices ORDER BY 1") == [
        {"load_id": "one", "rows": 1},
        {"load_id": "two", "rows": 2},
    ]


def test_without_a_time_nothing_of_the_tables_goes(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    load(lake, "one", [accounts(1)])
    load(lake, "two", [accounts(1, 2)])
    clock.advance(DAY.total_seconds() * 10_000)
    assert sweep(lake, tmp_path / "downloads", keep=DAY) == Swept()
    assert len(there(lake)) == 2


def test_keeping_none_leaves_an_hour_to_whoever_reads(lake: Lake, clock: ManualClock) -> None:
    load(lake, "one", [accounts(1)])
    load(lake, "two", [accounts(1, 2)])
    clock.advance(STILL_READ.total_seconds() - 1)
    assert swept(lake, timedelta(0)) == Swept()
    clock.advance(1)
    assert swept(lake, timedelta(0)) == Swept(superseded=1)


def test_the_file_of_a_batch_goes_when_all_its_slices_are_over(lake: Lake, clock: ManualClock) -> None:
    pull(lake, "a", {1: 1, 2: 1, 3: 1})
    for name, views in (("b", {1: 2}), ("c", {2: 2}), ("d", {3: 2})):
        clock.advance(DAY.total_seconds())
        pull(lake, name, views)
    clock.advance((KEEP - DAY).total_seconds())
    assert swept(lake) == Swept(), "one of its slices was live nine days ago"
    clock.advance(DAY.total_seconds())
    assert swept(lake) == Swept(superseded=1)
    assert {file.load_id for file in live_files(lake.ledger)} == {"b", "c", "d"}
    assert there(lake) == {file.path for file in live_files(lake.ledger)}


def test_an_answer_that_came_too_late_to_be_live_goes_too(lake: Lake, clock: ManualClock) -> None:
    load(lake, "newer", [accounts(1)], version=2)
    load(lake, "older", [accounts(1, 2)], version=1)
    clock.advance(KEEP.total_seconds())
    assert swept(lake) == Swept(superseded=1)
    assert there(lake) == {file.path for file in live_files(lake.ledger)}


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_sweep_that_was_killed_is_finished_by_the_next(lake: Lake, clock: ManualClock, left: int) -> None:
    for number in range(3):
        load(lake, f"load-{number}", [accounts(*range(number + 1))])
    clock.advance(KEEP.total_seconds())
    # Killed between the word and the last of the files.
    assert give_up(lake.ledger, KEEP) == 2
    for path in sorted(given_up(lake.ledger))[left:]:
        (lake.root / path).unlink()
    assert not is_whole(lake.ledger, NOON - DAY) or whole_since(lake.ledger) == NOON
    assert swept(lake) == Swept(superseded=left)
    assert there(lake) == {file.path for file in live_files(lake.ledger)}


def test_the_publisher_is_waited_for_before_a_file_is_given_up(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    load(lake, "one", [accounts(1)])
    load(lake, "two", [accounts(1, 2)])
    clock.advance(KEEP.total_seconds())
    held: list[set[str]] = []

    class Lock:
        def __enter__(self) -> None:
            held.append(given_up(lake.ledger))

        def __exit__(self, *_: object) -> None:
            held.append(given_up(lake.ledger))

    sweep(lake, tmp_path / "downloads", keep=DAY, keep_superseded=KEEP, publisher=Lock)
    assert [len(one) for one in held] == [0, 1], "the word is given while the lock is held"


def test_a_file_that_is_out_of_reach_is_removed_when_it_is_back(lake: Lake, clock: ManualClock) -> None:
    load(lake, "one", [accounts(1)])
    [first] = there(lake)
    load(lake, "two", [accounts(1, 2)])
    clock.advance(KEEP.total_seconds())
    path = lake.root / first
    aside = lake.root.parent / "elsewhere"
    path.parent.rename(aside)
    path.parent.symlink_to(aside)
    # Behind a link nothing is walked, so nothing is removed and nothing is said of it.
    assert swept(lake).superseded == 0
    path.parent.unlink()
    aside.rename(path.parent)
    assert swept(lake) == Swept(superseded=1)


def test_observations_of_versions_take_no_moment_with_them(
    lake: Lake, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.lake.versions._MANY", 2)
    load(lake, "one", [accounts(1)])
    for number in range(3):
        clock.advance(60)
        record_observations(lake, HOST, "history.accounts", pa.table({"n": [number]}), clock())
    clock.advance(KEEP.total_seconds())
    assert swept(lake) == Swept(superseded=2)
    assert is_whole(lake.ledger, NOON + timedelta(seconds=90))
    assert whole_since(lake.ledger) is None


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("load"), st.integers(1, 3), st.integers(1, 5)),
            st.tuples(st.just("wait"), st.integers(0, 12), st.just(0)),
            st.tuples(st.just("sweep"), st.integers(0, 12), st.just(0)),
        ),
        max_size=14,
    )
)
def test_every_moment_that_is_called_whole_has_all_its_files(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    home = tmp_path_factory.mktemp("whole")
    clock = ManualClock(NOON)
    lake = Lake(home / "lake", Ledger(home / "ledger.sqlite", clock))
    moments: list[datetime] = []
    for number, (kind, first, second) in enumerate(steps):
        if kind == "load":
            load(lake, f"load-{number}", [accounts(*range(second))], scope=first)
        elif kind == "wait":
            clock.advance(first * DAY.total_seconds())
        else:
            swept(lake, first * DAY)
        clock.advance(1)
        moments.append(clock())
    since = whole_since(lake.ledger)
    for moment in moments:
        files = [lake.path_of(file) for file in live_files(lake.ledger, moment)]
        assert is_whole(lake.ledger, moment) == all(path.exists() for path in files)
        if since is None or moment >= since:
            assert is_whole(lake.ledger, moment)
    assert all(lake.path_of(file).exists() for file in live_files(lake.ledger))

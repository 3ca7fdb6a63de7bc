"""The warehouse of any moment, from the lake alone: what a snapshot of then holds, or a refusal with a reason."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.lake.sweep import sweep
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.ledger.loads import Drift, write_drift
from pipelines.ledger.wishes import want
from pipelines.warehouse import PublishError, publish
from pipelines.warehouse.as_of import publish_as_of
from tests.ledger.stories import wish
from tests.load.worlds import HOST, NOON
from tests.warehouse.test_incremental import EVERYTHING
from tests.warehouse.walks import DAY, Walk, hashes

LATER_WORDS = {
    "meta.generation": ("*",),
    "meta.models": ("*",),
    "meta.checks": ("*",),
    "meta.coverage": ("*",),
    "meta.drift": ("*",),
    "meta.columns": ("*",),
    "meta.tables": ("row_count", "extracted_at"),
}
"""Tables of which the ledger knows the last word only, and those that say when a file was made."""


ACCEPTED = (*EVERYTHING, "marts.names")
"""A snapshot in which something is held back shows rows of before, and those are of no moment."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_day_is_as_a_snapshot_of_that_day(tmp_path: Path, seed: int) -> None:
    walk = Walk(tmp_path, seed=seed)
    snapshots: list[tuple[datetime, int, dict[str, str]]] = []
    for _ in range(8):
        walk.step()
        walk.clock.advance(60)
        outcome = publish(walk.shop.warehouse, walk.models, ACCEPTED)
        snapshots.append((walk.now(), outcome.generation, rows_of(walk.shop.path)))
    walk.clock.advance(DAY)
    present = walk.shop.path.read_bytes()
    build = walk.shop.warehouse.paths.build.read_bytes()
    for moment, generation, snapshot in snapshots:
        found = publish_as_of(walk.shop.warehouse, walk.models, moment)
        assert found.path == walk.shop.warehouse.paths.as_of_file(moment)
        assert (found.generation, found.as_of, found.unfit) == (generation, moment, ())
        assert rows_of(found.path) == snapshot
        said = walk.shop.rows("select generation, epoch_us(as_of) from meta.generation", found.path)
        assert said == [(generation, int(moment.timestamp() * 1_000_000))]
    assert walk.shop.path.read_bytes() == present
    assert walk.shop.warehouse.paths.build.read_bytes() == build
    assert not walk.shop.warehouse.paths.scratch.exists()
    assert publish(walk.shop.warehouse, walk.models, ACCEPTED).applied.applied == ()


def rows_of(path: Path) -> dict[str, str]:
    """Return the hashes of the tables that have rows: one that was first loaded later is there, and empty."""
    found = hashes(path, LATER_WORDS)
    return {name: said for name, said in found.items() if not said.endswith(" of 0") and name != "meta.tables"}


def test_between_two_publishes_it_is_what_the_lake_held(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    publish(walk.shop.warehouse, walk.models)
    walk.clock.advance(3600)
    walk.load([1, 2], "b")
    between = walk.now()
    walk.clock.advance(3600)
    walk.load([1, 2, 3], "c")
    publish(walk.shop.warehouse, walk.models)
    found = publish_as_of(walk.shop.warehouse, walk.models, between)
    assert found.generation == 1
    assert walk.shop.rows("select account_id, name from marts.names order by 1", found.path) == [(1, "b"), (2, "b")]
    # A version is known when a publish has seen it: at that moment, the one of the first.
    assert walk.shop.rows("select account_id, name from history.names", found.path) == [(1, "a")]


def test_models_take_that_moment_for_now(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.filler.courses({1: {1: 5}})
    moment = walk.now()
    walk.clock.advance(10 * DAY)
    publish(walk.shop.warehouse, walk.models)
    found = publish_as_of(walk.shop.warehouse, walk.models, moment)
    days = (moment.date() - datetime(2026, 11, 1, tzinfo=UTC).date()).days
    assert walk.shop.rows("select days from marts.days_since", found.path) == [(days,)]
    assert walk.shop.rows("select days from marts.days_since") == [(days + 10,)]


def test_what_nobody_knew_then_is_not_told(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    ledger = walk.shop.warehouse.ledger
    for name in ("early", "late"):
        record_coverage(ledger, [Coverage(HOST, "course", "1", name, CoverageStatus.EMPTY, 200)])
        want(ledger, **wish(report=name))
        with ledger.write() as connection:
            write_drift(connection, Drift("canvas.terms", "unknown column", name, "Kept."), None, ledger.now())
        walk.clock.advance(60)
    found = publish_as_of(walk.shop.warehouse, walk.models, NOON + timedelta(seconds=30))
    for sql in (
        "select endpoint from meta.coverage",
        "select report from meta.report_runs",
        "select name from meta.drift",
    ):
        assert walk.shop.rows(sql, found.path) == [("early",)], sql


def test_it_goes_where_it_is_wanted_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    moment = walk.now()
    walk.clock.advance(60)
    target = tmp_path / "elsewhere" / "census.duckdb"
    for path in (target, None):
        found = publish_as_of(walk.shop.warehouse, walk.models, moment, path)
        assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700
        assert [one.name for one in found.path.parent.iterdir()] == [found.path.name]
    assert not walk.shop.path.exists()
    with pytest.raises(PublishError, match="is there already"):
        publish_as_of(walk.shop.warehouse, walk.models, moment, target)


def test_a_moment_that_nothing_can_be_said_of_is_refused(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    with pytest.raises(PublishError, match="Nothing has been loaded yet"):
        publish_as_of(walk.shop.warehouse, walk.models, NOON)
    walk.load([1], "a")
    with pytest.raises(PublishError, match=r"2026-11-21T12:00:01Z is not over yet"):
        publish_as_of(walk.shop.warehouse, walk.models, NOON + timedelta(seconds=1))
    with pytest.raises(PublishError, match=r"the first load is of 2026-11-21T12:00:00Z"):
        publish_as_of(walk.shop.warehouse, walk.models, NOON - timedelta(days=1))
    assert not walk.shop.warehouse.paths.as_of.exists()


def test_a_moment_whose_files_are_removed_is_refused_with_the_earliest_that_is_whole(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    walk.clock.advance(DAY)
    walk.load([1, 2], "b")
    whole = walk.now()
    walk.clock.advance(20 * DAY)
    walk.load([1, 2, 3], "c")
    swept = sweep(walk.shop.warehouse.lake, tmp_path / "d", keep=timedelta(0), keep_superseded=timedelta(days=10))
    assert swept.superseded == 2
    with pytest.raises(PublishError, match=r"The earliest moment .* is 2026-11-22T12:00:00\.000000Z"):
        publish_as_of(walk.shop.warehouse, walk.models, whole - timedelta(microseconds=1))
    found = publish_as_of(walk.shop.warehouse, walk.models, whole)
    assert walk.shop.rows("select count(*) from canvas.accounts", found.path) == [(2,)]


def test_a_file_that_somebody_removed_by_hand_is_named(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    moment = walk.now()
    walk.clock.advance(60)
    for path in (walk.shop.warehouse.lake.root / "canvas" / "accounts").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(PublishError, match=r"Files of canvas\.accounts that were live at .* cannot be read"):
        publish_as_of(walk.shop.warehouse, walk.models, moment)
    assert not walk.shop.warehouse.paths.as_of.exists()


def test_checks_hold_nothing_back_in_it(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "a")
    walk.load([1], "twice", slice_=2)
    moment = walk.now()
    walk.clock.advance(60)
    found = publish_as_of(walk.shop.warehouse, walk.models, moment)
    assert walk.shop.rows("select count(*) from marts.names", found.path) == [(2,)]
    told = walk.shop.rows(
        "select passed from meta.checks where table_name = 'marts.names' and check_name = 'key_unique'", found.path
    )
    assert told == [(False,)]

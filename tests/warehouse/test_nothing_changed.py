"""A publish that would say the same makes no generation, and one that would say anything else does."""

import importlib
from pathlib import Path

import duckdb
import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import Drift, write_drift
from pipelines.ledger.wishes import want
from pipelines.warehouse import publish, refresh_build
from tests.ledger.stories import wish
from tests.load.worlds import HOST, NOON
from tests.warehouse.conftest import NO_MODELS, Shop, open_warehouse
from tests.warehouse.test_batches_publish import Filler
from tests.warehouse.walks import DAY, Walk

MODULE = importlib.import_module("pipelines.warehouse.publish")


def generations(shop: Shop) -> list[int]:
    rows = rows_of(shop.warehouse.ledger, "SELECT generation FROM generations ORDER BY 1")
    return [int(str(row["generation"])) for row in rows]


def test_the_file_stays_when_nothing_differs(shop: Shop) -> None:
    shop.load([1, 2])
    first = shop.publish()
    assert (first.generation, first.made, first.pinned) == (1, True, False)
    inode = shop.path.stat().st_ino
    # The same rows again are a load, and no difference.
    shop.load([1, 2])
    for _ in range(2):
        again = shop.publish()
        assert (again.generation, again.made, again.changed) == (1, False, ())
        assert again.applied.rows["canvas.accounts"] == 2
    assert shop.path.stat().st_ino == inode
    assert generations(shop) == [1]
    assert shop.rows("select generation from meta.generation") == [(1,)]


def test_the_next_difference_makes_the_next_generation(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.publish()
    shop.load([1, 2])
    outcome = shop.publish()
    assert (outcome.generation, outcome.made) == (2, True)
    assert outcome.changed == ("canvas.accounts", "canvas.terms")
    assert generations(shop) == [1, 2]


def _coverage(shop: Shop) -> None:
    record_coverage(
        shop.warehouse.ledger, [Coverage(HOST, "course", "1", "analytics/activity", CoverageStatus.EMPTY, 200)]
    )


def _report(shop: Shop) -> None:
    want(shop.warehouse.ledger, **wish())


def _drift(shop: Shop) -> None:
    with shop.warehouse.ledger.write() as connection:
        write_drift(
            connection, Drift("canvas.terms", "unknown column", "x", "Kept."), None, shop.warehouse.ledger.now()
        )


def _lost_file(shop: Shop) -> None:
    shop.path.unlink()


def _scribbled(shop: Shop) -> None:
    with duckdb.connect(str(shop.path)) as connection:
        connection.execute("CREATE TABLE scribble AS SELECT range AS n FROM range(100000)")


def _garbled(shop: Shop) -> None:
    shop.path.write_bytes(b"half a file")


def _left_log(shop: Shop) -> None:
    shop.path.with_name(f"{shop.path.name}.wal").write_bytes(b"\xff" * 64)


@pytest.mark.slow
@pytest.mark.parametrize("what", [_coverage, _report, _drift, _lost_file, _scribbled, _garbled, _left_log])
def test_whatever_else_a_reader_would_see_makes_one(shop: Shop, what: object) -> None:
    shop.load([1, 2])
    shop.publish()
    what(shop)  # type: ignore[operator]
    assert shop.publish().made is True
    assert shop.rows("select generation, (select count(*) from canvas.accounts) from meta.generation") == [(2, 2)]
    assert shop.publish().made is False


@pytest.mark.slow
def test_another_canvaslake_and_a_person_who_insists_make_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load([1])
    shop.publish()
    monkeypatch.setattr(MODULE, "__version__", "999.0")
    assert shop.publish().generation == 2
    assert shop.rows("select canvaslake_version from meta.generation") == [("999.0",)]
    assert shop.publish().made is False
    forced = publish(shop.warehouse, NO_MODELS, force=True)
    assert (forced.generation, forced.changed) == (3, ())


def test_what_another_process_brought_into_the_build_file_is_published(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2])
    refresh_build(shop.warehouse, NO_MODELS)
    outcome = shop.publish()
    assert outcome.applied.applied == ()
    assert outcome.changed == ("canvas.accounts", "canvas.terms")
    assert shop.ids() == [1, 2]


def test_a_table_that_is_held_back_is_told_once(shop: Shop) -> None:
    shop.load(list(range(40)))
    shop.publish()
    shop.load([1])
    outcome = shop.publish()
    assert (outcome.made, outcome.changed) == (True, ())
    again = shop.publish()
    assert (again.made, again.generation) == (False, 2)
    assert {change.table for change in again.applied.held_back} == {"canvas.accounts", "canvas.terms"}


def test_a_model_that_looks_at_the_clock_makes_one_a_day(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.filler.courses({1: {1: 5}})
    assert publish(walk.shop.warehouse, walk.models).made is True
    walk.clock.advance(60)
    assert publish(walk.shop.warehouse, walk.models).made is False
    walk.clock.advance(DAY)
    outcome = publish(walk.shop.warehouse, walk.models)
    assert (outcome.made, outcome.changed) == (True, ("marts.days_since",))


def test_a_publish_that_was_killed_before_it_was_recorded_is_done_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load([1])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MODULE, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.publish()
    # Readers see generation 1, but nobody knows its size and when it was published.
    outcome = shop.publish()
    assert (outcome.generation, outcome.made) == (2, True)


@pytest.mark.slow
def test_slices_by_the_thousand_are_compared_by_their_loads(tmp_path: Path) -> None:
    shop = Shop(open_warehouse(tmp_path / "home", ManualClock(NOON)))
    filler = Filler(shop)
    filler.courses({course: {1: 1} for course in range(2000)})
    assert shop.publish().made is True
    filler.courses({course: {1: 1} for course in range(2000)})
    with shop.warehouse.ledger.write() as connection:
        connection.execute("UPDATE coverage SET answered_at = ?", (shop.warehouse.ledger.now(),))
    assert shop.publish().made is False
    filler.courses({7: {1: 2}})
    assert shop.publish().changed == ("analytics.course_activity",)

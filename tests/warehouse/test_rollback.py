"""Going back: readers have the older file at once, it stays until a person publishes, and no number comes twice."""

import importlib
import os
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.demo import ManualClock
from pipelines.ledger.generations import generation_at, pinned_generation, published_generations
from pipelines.warehouse import PublishError, publish
from pipelines.warehouse.rollback import generation_files, roll_back
from tests.load.worlds import NOON
from tests.warehouse.conftest import NO_MODELS, Shop, open_warehouse

MODULE = importlib.import_module("pipelines.warehouse.rollback")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def three(tmp_path: Path, clock: ManualClock) -> Shop:
    """Return a shop with generations 1 to 3, an hour apart; each has as many accounts as its number."""
    shop = Shop(open_warehouse(tmp_path / "home", clock))
    for count in (1, 2, 3):
        shop.load(list(range(1, count + 1)))
        assert shop.publish().generation == count
        clock.advance(3600)
    return shop


def seen(shop: Shop) -> tuple[int, list[int]]:
    [(generation,)] = shop.rows("select generation from meta.generation")
    return generation, shop.ids()


def release(shop: Shop) -> int:
    return publish(shop.warehouse, NO_MODELS, release=True).generation


def kept(shop: Shop) -> list[str]:
    return sorted(path.name for path in shop.warehouse.paths.generations.iterdir())


def test_the_one_before_is_published_again_and_stays_until_a_person_publishes(three: Shop) -> None:
    outcome = roll_back(three.warehouse)
    assert (outcome.generation, outcome.withdrawn, outcome.path) == (2, (3,), three.path)
    assert seen(three) == (2, [1, 2])
    three.load([1, 2, 3, 4])
    held = three.publish()
    assert (held.generation, held.made, held.pinned, held.changed) == (2, False, True, ())
    assert held.applied.rows["canvas.accounts"] == 4, "the build file goes on"
    assert seen(three) == (2, [1, 2])
    outcome_after = publish(three.warehouse, NO_MODELS, release=True)
    assert (outcome_after.generation, outcome_after.made, outcome_after.pinned) == (4, True, False)
    assert outcome_after.changed == ("canvas.accounts", "canvas.terms")
    assert seen(three) == (4, [1, 2, 3, 4])
    three.load([1])
    assert three.publish(accept=("canvas.accounts", "canvas.terms")).generation == 5


def test_a_withdrawn_one_is_passed_over_and_can_still_be_named(three: Shop) -> None:
    roll_back(three.warehouse)
    assert roll_back(three.warehouse).generation == 1
    assert seen(three) == (1, [1])
    with pytest.raises(PublishError, match="No generation from before the present one, 1, is kept"):
        roll_back(three.warehouse)
    # Forward again: a person found that the newest was right.
    assert roll_back(three.warehouse, 3).withdrawn == ()
    assert seen(three) == (3, [1, 2, 3])
    assert [one.generation for one in published_generations(three.warehouse.ledger) if one.withdrawn_at] == [2]
    three.load([1, 2, 3, 4])
    assert release(three) == 4
    assert roll_back(three.warehouse).generation == 3


def test_when_nothing_differs_from_it_a_person_releases_it_without_a_new_one(three: Shop) -> None:
    roll_back(three.warehouse, 3)
    outcome = publish(three.warehouse, NO_MODELS, release=True)
    assert (outcome.generation, outcome.made, outcome.pinned) == (3, False, False)
    assert pinned_generation(three.warehouse.ledger) is None
    three.load([1, 2, 3, 4])
    assert three.publish().generation == 4


def test_a_publish_that_fails_leaves_it_pinned(three: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    roll_back(three.warehouse)
    with monkeypatch.context() as patched:
        patched.setattr(importlib.import_module("pipelines.warehouse.publish"), "prove", _stopped)
        with pytest.raises(PublishError, match="stopped"):
            release(three)
    three.load([1, 2, 3, 4])
    assert three.publish().pinned is True
    assert seen(three) == (2, [1, 2])


def _stopped(*_: object) -> None:
    raise PublishError("stopped")


def test_the_list_says_which_are_kept_and_how_they_stand(three: Shop, clock: ManualClock) -> None:
    roll_back(three.warehouse)
    files = generation_files(three.warehouse)
    assert [(one.generation, one.is_published, one.is_pinned) for one in files] == [
        (3, False, False), (2, True, True), (1, False, False),
    ]  # fmt: skip
    assert [one.withdrawn_at for one in files] == [clock(), None, None]
    assert [one.published_at for one in files] == [NOON + timedelta(hours=hours) for hours in (2, 1, 0)]
    assert all(one.rows > 0 for one in files)
    assert files[1].bytes == three.path.stat().st_size
    assert generation_files(open_warehouse(three.warehouse.paths.home.parent / "new")) == []


def test_what_is_not_kept_is_refused_with_what_is(three: Shop, tmp_path: Path) -> None:
    three.warehouse.paths.generation(1).unlink()
    for number in (1, 17):
        with pytest.raises(PublishError, match=rf"Generation {number} is not kept.*Kept are: 2, 3\."):
            roll_back(three.warehouse, number)
    with pytest.raises(PublishError, match="Nothing has been published yet"):
        roll_back(open_warehouse(tmp_path / "new"))
    assert seen(three) == (3, [1, 2, 3])


def test_a_file_that_cannot_be_opened_is_not_put_in_place(three: Shop) -> None:
    os.truncate(three.warehouse.paths.generation(2), 5000)
    with pytest.raises(PublishError, match="generation 2 cannot be opened"):
        roll_back(three.warehouse)
    assert seen(three) == (3, [1, 2, 3])
    assert pinned_generation(three.warehouse.ledger) is None


def test_one_that_is_killed_before_the_rename_is_finished_by_the_next_publish(
    three: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MODULE, "link_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back(three.warehouse)
    assert seen(three) == (3, [1, 2, 3])
    assert three.publish().pinned is True
    assert seen(three) == (2, [1, 2])


def test_a_file_that_went_missing_comes_back_while_it_is_pinned(three: Shop) -> None:
    roll_back(three.warehouse)
    three.path.unlink()
    three.publish()
    assert seen(three) == (2, [1, 2])


@pytest.mark.parametrize("keep", [1, 2])
def test_pruning_keeps_the_pinned_one_and_counts_no_withdrawn_one(
    tmp_path: Path, clock: ManualClock, keep: int
) -> None:
    shop = Shop(open_warehouse(tmp_path / "home", clock, keep_generations=3))
    for count in (1, 2, 3):
        shop.load(list(range(1, count + 1)))
        shop.publish()
    roll_back(shop.warehouse, 1)
    few = Shop(open_warehouse(tmp_path / "home", clock, keep_generations=keep), loads=3)
    for count in (4, 5):
        few.load(list(range(1, count + 1)))
        few.publish()
    assert kept(few) == [f"warehouse-00000{number}.duckdb" for number in (1, 2, 3)]
    assert release(few) == 4
    standing = [1, 4] if keep == 2 else [4]
    assert kept(few) == [f"warehouse-00000{number}.duckdb" for number in standing]
    assert few.ids() == [1, 2, 3, 4, 5]


def test_readers_saw_what_was_published_at_each_moment(three: Shop, clock: ManualClock) -> None:
    clock.advance(3600)
    roll_back(three.warehouse)
    clock.advance(3600)
    three.load([1, 2, 3, 4])
    release(three)
    at = [generation_at(three.warehouse.ledger, NOON + timedelta(hours=hours)) for hours in (-1, 0, 1.5, 2, 3.9, 4, 5)]
    assert at == [0, 1, 2, 3, 3, 2, 4]


def test_a_reader_that_holds_the_newer_file_keeps_it(three: Shop) -> None:
    with duckdb.connect(str(three.path), read_only=True) as held:
        roll_back(three.warehouse)
        assert held.execute("select count(*) from canvas.accounts").fetchall() == [(3,)]
    assert seen(three) == (2, [1, 2])

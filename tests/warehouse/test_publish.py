"""Publishing: the next file whole or the old one, whatever fails, and never a shrunken table unasked."""

import importlib
import os
from pathlib import Path

import duckdb
import pytest

from pipelines.ledger.database import rows_of
from pipelines.warehouse import Models, PublishError, publish, refresh_build
from pipelines.warehouse.check_list import checks_of, row_count_check
from pipelines.warehouse.checks import row_count
from tests.ledger.crowd import in_processes
from tests.warehouse.conftest import NO_MODELS, Shop, open_warehouse

# The package's function of the same name hides the module from an import statement.
MODULE = importlib.import_module("pipelines.warehouse.publish")


class BrokenError(Exception):
    """Stands for anything that stops a publish."""


def breaking(*_: object) -> None:
    raise BrokenError


def test_only_the_slices_that_changed_are_touched(shop: Shop) -> None:
    shop.load([1, 2])
    shop.load([5], slice_=2)
    assert {change.table for change in shop.publish().applied.applied} == {"canvas.accounts", "canvas.terms"}
    assert shop.publish().applied.applied == ()
    shop.load([1, 3])
    changes = shop.publish().applied.applied
    assert [(change.added, change.removed) for change in changes] == [(1, 1)] * 2
    assert shop.ids() == [1, 3, 5]


@pytest.mark.parametrize("left", [[], [1]], ids=["emptied", "shrunk"])
def test_a_table_that_collapsed_overnight_keeps_its_last_good_rows_until_somebody_accepts(
    shop: Shop, left: list[int]
) -> None:
    shop.load(list(range(1, 41)))
    shop.publish()
    shop.load(left)
    outcome = shop.publish(accept=("canvas.terms",))
    assert [change.table for change in outcome.applied.held_back] == ["canvas.accounts"]
    assert shop.ids() == list(range(1, 41))
    assert shop.rows("select count(*) from canvas.terms") == [(len(left),)]
    (check,) = shop.rows("select detail from meta.checks where table_name = 'canvas.accounts' and not passed")
    assert f"fell from 40 rows to {len(left)}" in check[0]
    assert "canvaslake publish --accept canvas.accounts" in check[0]
    # It stays held back at the next publish too, and the accepted one is applied once.
    assert [change.table for change in shop.publish().applied.held_back] == ["canvas.accounts"]
    shop.publish(accept=("canvas.accounts",))
    assert shop.ids() == left


@pytest.mark.parametrize(
    ("table", "before", "after", "held"),
    [("a.b", 40, 19, True), ("a.b", 40, 20, False), ("a.b", 19, 1, False), ("a.b", 19, 0, True), ("a.b", 0, 0, False),
     ("a.b", 0, 5, False), ("meta.quarantine", 40, 0, False), ("a.b", 40, 400, False)],
)  # fmt: skip
def test_what_counts_as_a_collapse(table: str, before: int, after: int, held: bool) -> None:
    check = row_count_check(checks_of(table))
    assert (check is not None and row_count(table, check, before, after).holds_back) is held


def test_a_column_nobody_declared_appears_as_text_and_stays_when_it_is_gone_again(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2], motto="sapere", rank=7)
    shop.publish()
    assert shop.rows("select motto, rank, typeof(rank) from canvas.accounts where account_id = 2") == [
        ("sapere", "7", "VARCHAR")
    ]
    shop.load([1, 2, 3])
    shop.publish()
    assert shop.rows("select count(*), count(motto) from canvas.accounts") == [(3, 0)]
    described = shop.rows("select privacy from meta.columns where table_name = 'accounts' and column_name = 'motto'")
    assert described == [("identity",)]


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _garbled_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(12_288)
        file.write(b"\xff" * (path.stat().st_size - 12_288))


def _not_a_database(path: Path) -> None:
    path.write_text("half a download")


def _garbled_log(path: Path) -> None:
    path.with_name(f"{path.name}.wal").write_bytes(b"\xff" * 4096)


@pytest.mark.parametrize("damage", [_truncated, _garbled_middle, _not_a_database, _garbled_log])
def test_a_damaged_build_file_is_made_again_from_the_lake(shop: Shop, damage: object) -> None:
    shop.load(list(range(2000)))
    shop.load([9001, 9002], slice_=2)
    shop.publish()
    damage(shop.warehouse.paths.build)  # type: ignore[operator]
    shop.load([9001, 9002, 9003], slice_=2)
    shop.publish()
    assert shop.ids() == [*range(2000), 9001, 9002, 9003]


def test_a_crash_before_the_rename_leaves_the_old_file_and_the_next_publish_works(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2])
    for step in ("_put_in_place", "link_in_place", "_record"):
        with monkeypatch.context() as patched:
            patched.setattr(MODULE, step, breaking)
            with pytest.raises(BrokenError):
                shop.publish()
        assert shop.ids() in ([1], [1, 2])
        assert shop.ids() == [1] or step == "_record"
    assert shop.publish().generation == 5
    assert shop.ids() == [1, 2]
    # Nothing of the crashed ones is left to fill the disk.
    kept = sorted(path.name for path in shop.warehouse.paths.generations.iterdir())
    assert kept == ["warehouse-000001.duckdb", "warehouse-000005.duckdb"]


def test_a_file_that_cannot_be_read_back_is_not_published(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2])
    monkeypatch.setattr(MODULE.shutil, "copyfileobj", lambda _, target, **__: target.write(b"short"))
    with pytest.raises(PublishError, match=r"generation 2 cannot be opened.*the old file stays"):
        shop.publish()
    assert shop.ids() == [1]


def test_a_model_that_fails_leaves_the_old_file_and_what_was_loaded(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2])
    with pytest.raises(BrokenError):
        shop.publish(Models(refresh=breaking))  # type: ignore[arg-type]
    assert shop.ids() == [1]
    shop.publish()
    assert shop.ids() == [1, 2]


def test_refreshing_the_build_does_not_show_readers_anything(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.load([1, 2])
    applied = refresh_build(shop.warehouse, NO_MODELS)
    assert applied.rows["canvas.accounts"] == 2
    assert shop.ids() == [1]


def test_the_newest_generations_are_kept_and_older_ones_go(shop: Shop, tmp_path: Path) -> None:
    few = Shop(open_warehouse(tmp_path / "few", keep_generations=2))
    for count in range(1, 5):
        few.load(list(range(count)))
        few.publish()
    paths = few.warehouse.paths
    assert sorted(path.name for path in paths.generations.iterdir()) == [
        "warehouse-000003.duckdb",
        "warehouse-000004.duckdb",
    ]
    assert few.rows("select count(*) from canvas.accounts", paths.generation(3)) == [(3,)]
    recorded = rows_of(few.warehouse.ledger, "SELECT generation, file, bytes FROM generations ORDER BY generation")
    assert [row["generation"] for row in recorded] == [1, 2, 3, 4]
    assert recorded[-1]["bytes"] == few.path.stat().st_size


def publish_once(home: Path) -> int:
    """Publish what the lake at `home` holds, whether it differs or not; run by several processes."""
    return publish(open_warehouse(home), NO_MODELS, force=True).generation


def test_two_publishers_at_once_publish_one_after_the_other(shop: Shop) -> None:
    shop.load([1, 2])
    found = in_processes(publish_once, shop.warehouse.paths.home, 2)
    assert sorted(found) == [1, 2]
    assert shop.rows("select generation from meta.generation") == [(2,)]
    assert shop.ids() == [1, 2]


def test_bi_drivers_of_older_duckdbs_can_open_the_file(shop: Shop) -> None:
    shop.publish()
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{shop.path}' as w (read_only)")
        (tags,) = connection.execute("select tags from duckdb_databases() where database_name = 'w'").fetchone() or ()
    assert str(tags["storage_version"]).startswith("v1.0.0")


def test_what_is_held_back_stays_when_the_build_file_is_lost(shop: Shop) -> None:
    shop.load(list(range(100)))
    shop.publish()
    shop.load([1])
    assert "canvas.accounts" in {change.table for change in shop.publish().applied.held_back}
    shop.warehouse.paths.build.unlink()
    assert "canvas.accounts" in {change.table for change in shop.publish().applied.held_back}
    assert shop.ids() == list(range(100))

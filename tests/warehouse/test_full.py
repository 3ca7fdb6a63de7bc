"""A full build of the lake gives the file that many small ones gave, and what is held back stays held back."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.lake.garbage import STILL_READ
from pipelines.lake.sweep import sweep
from pipelines.warehouse import PublishError, publish
from pipelines.warehouse.full import publish_full, rebuild
from pipelines.warehouse.rollback import roll_back
from tests.warehouse.test_incremental import EVERYTHING
from tests.warehouse.walks import Walk, hashes

FULL = importlib.import_module("pipelines.warehouse.full")


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_the_full_and_the_incremental_build_hold_the_same_rows(tmp_path: Path, seed: int) -> None:
    walk = Walk(tmp_path, seed=seed)
    for step in range(9):
        walk.step()
        if walk.rng.random() < 0.5 or step == 8:
            publish(walk.shop.warehouse, walk.models, EVERYTHING if step % 2 else ())
    before = hashes(walk.shop.path)
    assert len(before) > 60
    outcome = publish_full(walk.shop.warehouse, walk.models)
    assert hashes(walk.shop.path) == before
    assert (outcome.made, outcome.changed) == (True, ())
    assert not walk.shop.warehouse.paths.scratch.exists()
    assert publish(walk.shop.warehouse, walk.models).made is False


@pytest.mark.slow
def test_what_waits_in_the_lake_is_in_the_full_build_too(tmp_path: Path) -> None:
    full, small = Walk(tmp_path / "full"), Walk(tmp_path / "small")
    for walk in (full, small):
        walk.load(list(range(40)), "first")
        publish(walk.shop.warehouse, walk.models)
        walk.load(list(range(35)), "second")
        walk.filler.courses({1: {1: 5}})
    publish(small.shop.warehouse, small.models)
    publish_full(full.shop.warehouse, full.models)
    # Where the Parquet files lie differs from lake to lake.
    leave = {"meta.generation": ("*",), "meta.models": ("*",), "meta.checks": ("checked_at",), "meta.loads": ("path",)}
    assert hashes(full.shop.path, leave) == hashes(small.shop.path, leave)


def test_a_table_that_is_held_back_keeps_its_last_good_rows_in_a_full_build(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load(list(range(100)), "good")
    publish(walk.shop.warehouse, walk.models)
    walk.load([1], "bad")
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path)
    outcome = publish_full(walk.shop.warehouse, walk.models)
    assert [change.table for change in outcome.applied.held_back] == ["canvas.accounts", "canvas.terms"]
    assert walk.shop.ids() == list(range(100))
    assert walk.shop.rows("select distinct name from marts.names") == [("good",)]
    assert hashes(walk.shop.path) == before
    publish_full(walk.shop.warehouse, walk.models, ("canvas.accounts", "canvas.terms", "marts.names"))
    assert walk.shop.ids() == [1]
    assert walk.shop.rows("select name from marts.names") == [("bad",)]


@pytest.mark.slow
def test_rows_that_a_check_refuses_do_not_come_in_by_a_full_build(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1, 2], "good")
    publish(walk.shop.warehouse, walk.models)
    # Two slices with the same account: its key stands twice in marts.names.
    walk.load([2], "twice", slice_=2)
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path)
    assert walk.shop.rows("select count(*) from marts.names") == [(2,)]
    publish_full(walk.shop.warehouse, walk.models)
    assert walk.shop.rows("select account_id, name from marts.names order by 1") == [(1, "good"), (2, "good")]
    assert hashes(walk.shop.path) == before


@pytest.mark.slow
def test_a_table_that_does_not_fit_its_types_keeps_its_published_rows(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1, 2], "good")
    publish(walk.shop.warehouse, walk.models)
    walk.load([1, 2, 3], "other")
    publish_full(walk.shop.warehouse, walk.models, unfit={"canvas.accounts": "its types changed."})
    assert walk.shop.ids() == [1, 2]
    assert walk.shop.rows("select count(*) from canvas.terms") == [(3,)]


@pytest.mark.slow
def test_a_build_file_that_lost_rows_is_right_again(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load(list(range(30)), "x")
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path)
    with duckdb.connect(str(walk.shop.warehouse.paths.build)) as connection:
        connection.execute("delete from canvas.accounts where account_id < 20")
        connection.execute("delete from history.names")
    publish_full(walk.shop.warehouse, walk.models)
    assert hashes(walk.shop.path) == before


@pytest.mark.slow
def test_a_column_that_nobody_declared_stays_when_no_load_brings_it_any_more(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load([1, 2], "x", fields={"motto": "sapere"})
    publish(walk.shop.warehouse, walk.models)
    walk.load([1, 2, 3], "y")
    publish(walk.shop.warehouse, walk.models)
    publish_full(walk.shop.warehouse, walk.models)
    assert walk.shop.rows("select count(*), count(motto) from canvas.accounts") == [(3, 0)]


@pytest.mark.slow
def test_a_table_held_back_by_another_check_than_the_number_of_rows_keeps_them_and_so_does_its_history(
    tmp_path: Path,
) -> None:
    walk = Walk(tmp_path)
    walk.load(list(range(30)), "good")
    publish(walk.shop.warehouse, walk.models)
    walk.clock.advance(3600)
    files = set(walk.shop.warehouse.lake.root.rglob("*.parquet"))
    walk.load(list(range(30)), "bad")
    [file] = [
        one for one in walk.shop.warehouse.lake.root.rglob("*.parquet") if one not in files and "accounts" in str(one)
    ]
    without_an_id(file)
    outcome = publish(walk.shop.warehouse, walk.models)
    assert [change.table for change in outcome.applied.held_back] == ["canvas.accounts"]
    before = hashes(walk.shop.path)
    walk.clock.advance(3600)
    publish_full(walk.shop.warehouse, walk.models)
    assert walk.shop.rows("select count(*), count(*) filter (is_current) from history.names") == [(30, 30)]
    assert hashes(walk.shop.path) == before


def without_an_id(file: Path) -> None:
    """Take the id out of the first row of a Parquet file of accounts."""
    rows = pq.read_table(file)
    place = rows.schema.get_field_index("account_id")
    ids = pa.array([None, *rows["account_id"].to_pylist()[1:]], rows.schema.field(place).type)
    file.unlink()
    pq.write_table(rows.set_column(place, "account_id", ids), file)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["open", "log"])
def test_a_client_that_writes_to_the_published_file_takes_nothing_from_what_is_held_back(
    tmp_path: Path, kind: str
) -> None:
    walk = Walk(tmp_path)
    walk.load(list(range(30)), "good")
    publish(walk.shop.warehouse, walk.models)
    walk.load([], "bad")
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path)
    walk.clock.advance(3600)
    with writer(walk.shop.path) if kind == "open" else nullcontext():
        if kind == "log":
            walk.shop.path.with_name(f"{walk.shop.path.name}.wal").write_bytes(b"")
        outcome = publish_full(walk.shop.warehouse, walk.models)
    assert [change.table for change in outcome.applied.held_back] == ["canvas.accounts", "canvas.terms"]
    assert hashes(walk.shop.path) == before


@contextmanager
def writer(path: Path) -> Iterator[None]:
    """Hold a file open for writing in a process of its own."""
    code = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield
        process.communicate()


@pytest.mark.slow
def test_with_files_that_cannot_be_read_nothing_is_given_up(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.load(list(range(30)), "good")
    publish(walk.shop.warehouse, walk.models)
    walk.load([], "bad")
    paths = walk.shop.warehouse.paths
    build = paths.build.read_bytes()
    # The generation is a link of the same file.
    paths.published.write_bytes(b"half a file")
    with pytest.raises(PublishError, match=r"last good rows .* canvaslake rollback"):
        publish_full(walk.shop.warehouse, walk.models)
    assert paths.build.read_bytes() == build
    assert not paths.scratch.exists()
    paths.published.unlink()
    paths.generation(1).unlink()
    publish_full(walk.shop.warehouse, walk.models)
    assert walk.shop.ids() == []


def test_it_needs_nothing_but_the_lake(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    for _ in range(6):
        walk.step()
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path, {"meta.generation": ("*",), "meta.models": ("*",), "meta.checks": ("*",)})
    paths = walk.shop.warehouse.paths
    paths.build.unlink()
    paths.published.unlink()
    paths.generation(1).unlink()
    publish_full(walk.shop.warehouse, walk.models)
    assert hashes(walk.shop.path, {"meta.generation": ("*",), "meta.models": ("*",), "meta.checks": ("*",)}) == before


@pytest.mark.slow
def test_files_that_were_given_up_are_not_missed(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    for _ in range(8):
        walk.step()
    walk.clock.advance(STILL_READ.total_seconds() + 1)
    publish(walk.shop.warehouse, walk.models)
    before = hashes(walk.shop.path)
    swept = sweep(walk.shop.warehouse.lake, tmp_path / "downloads", keep=STILL_READ, keep_superseded=STILL_READ * 0)
    assert swept.superseded > 0
    publish_full(walk.shop.warehouse, walk.models)
    assert hashes(walk.shop.path) == before


@pytest.mark.slow
def test_until_the_new_build_is_whole_everything_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk(tmp_path)
    walk.load([1], "x")
    publish(walk.shop.warehouse, walk.models)
    build = walk.shop.warehouse.paths.build.read_bytes()
    walk.load([1, 2], "x")

    def breaking(*_: object) -> None:
        raise PublishError("stopped")

    monkeypatch.setattr(FULL, "_into_place", breaking)
    with pytest.raises(PublishError, match="stopped"):
        rebuild(walk.shop.warehouse, walk.models)
    assert walk.shop.warehouse.paths.build.read_bytes() == build
    assert walk.shop.ids() == [1]
    assert not walk.shop.warehouse.paths.scratch.exists()


def test_it_ends_a_rollback(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    for count in (1, 2):
        walk.load(list(range(count)), "x")
        publish(walk.shop.warehouse, walk.models)
    roll_back(walk.shop.warehouse)
    assert walk.shop.ids() == [0]
    outcome = publish_full(walk.shop.warehouse, walk.models)
    assert (outcome.generation, outcome.made) == (3, True)
    assert walk.shop.ids() == [0, 1]

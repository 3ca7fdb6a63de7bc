"""The promise to analysts and BI tools: no refresh ever gives them an error or half of a file."""

import multiprocessing
import os
import signal
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.conftest import Shop
from tests.warehouse.readers import Reader


@pytest.mark.slow
def test_readers_see_no_error_and_one_generation_at_a_time_through_ten_refreshes(shop: Shop) -> None:
    shop.load(list(range(1, 2001)), "g1")
    shop.publish()
    held, anew = Reader("hold", shop.path), [Reader("reopen", shop.path) for _ in range(2)]
    try:
        for reader in (held, *anew):
            reader.wait_for(1)
        for generation in range(2, 12):
            shop.load(list(range(1, 2001 + generation)), f"g{generation}")
            assert shop.publish().generation == generation
            for reader in anew:
                reader.wait_for(generation)
    finally:
        results = [reader.end() for reader in (held, *anew)]
    for result in results:
        assert (result["errors"], result["torn"]) == ([], [])
    # The one that kept the file kept its generation, and the others are at the last.
    assert [result["last"] for result in results] == [1, 11, 11]
    assert all(result["looks"] >= 11 for result in results)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_eight_readers_see_one_generation_in_three_tables_through_three_hundred_publishes(shop: Shop) -> None:
    shop.load([1, 2, 3], "g1")
    shop.publish()
    readers = [Reader("ask", shop.path) for _ in range(8)]
    try:
        for reader in readers:
            reader.wait_for(1)
        for generation in range(2, 302):
            shop.load(list(range(1, 4 + generation % 3)), f"g{generation}")
            outcome = shop.publish()
            assert (outcome.generation, outcome.made) == (generation, True)
        for reader in readers:
            reader.wait_for(301)
    finally:
        results = [reader.end() for reader in readers]
    for result in results:
        assert (result["errors"], result["torn"], result["last"]) == ([], [], 301)
        assert result["looks"] > 20


def test_the_published_file_is_complete_private_and_says_which_it_is(shop: Shop) -> None:
    before = os.umask(0)
    try:
        shop.load([1, 2])
        outcome = shop.publish()
    finally:
        os.umask(before)
    assert shop.rows("select generation, canvaslake_version from meta.generation")[0][0] == outcome.generation == 1
    assert shop.ids() == [1, 2]
    home = shop.warehouse.paths.home
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_file()} == {0o600}


def test_a_table_that_was_never_loaded_is_there_with_its_columns(shop: Shop) -> None:
    shop.publish()
    assert shop.rows("select count(course_id), count(name) from canvas.courses") == [(0, 0)]
    (comment,) = shop.rows(
        "select comment from duckdb_columns() where table_name = 'courses' and column_name = 'name'"
    )[0]
    assert comment == "Display name of the course."


def leave_a_log(path: Path, ready: Any) -> None:
    """Open the published file for writing, as a careless client does, write, and be killed."""
    connection = duckdb.connect(str(path))
    connection.execute("SET wal_autocheckpoint = '1GB'")
    connection.execute("CREATE TABLE scribble AS SELECT range AS n FROM range(1000)")
    ready.set()
    signal.pause()


def test_the_log_of_a_careless_writer_does_not_poison_the_next_generation(shop: Shop) -> None:
    shop.load([1, 2])
    shop.publish()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=leave_a_log, args=(shop.path, ready))
    process.start()
    try:
        assert ready.wait(60)
    finally:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(30)
    log = shop.path.with_name(f"{shop.path.name}.wal")
    assert log.exists()
    shop.load([1, 2, 3])
    shop.publish()
    assert shop.ids() == [1, 2, 3]
    assert shop.rows("select count(*) from duckdb_tables() where table_name = 'scribble'") == [(0,)]
    assert not log.exists()

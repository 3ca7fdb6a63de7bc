"""Little by little or all at once: the file holds the same rows, and only what is stale is made anew."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.models import ModelError
from pipelines.normalize.contracts import TABLES
from pipelines.warehouse import Models
from tests.warehouse.conftest import Shop, WriteModel

Model = tuple[Callable[[], Models], WriteModel]
EVERYTHING = tuple(TABLES)


def contents(shop: Shop) -> dict[str, list[str]]:
    """Return every row of the file, table by table, without NULLs; not the tables that say when the file was made.

    A column that nobody declared outlives the load that brought it, as NULL: that is no difference between rows.
    """
    passing = {"meta.generation", "meta.checks", "meta.models", "meta.columns", "meta.tables"}
    found = {}
    with duckdb.connect(str(shop.path), read_only=True) as connection:
        names = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        for (name,) in names:
            if name not in passing:
                rows = connection.execute(f"select * from {name}")
                columns = [column[0] for column in rows.description or []]
                found[name] = sorted(
                    repr([(c, v) for c, v in zip(columns, row, strict=True) if v is not None])
                    for row in rows.fetchall()
                )
    return found


def test_many_small_refreshes_give_the_same_rows_as_one_from_nothing(shop: Shop, models: Model) -> None:
    read, write = models
    write("n_accounts", "select count(*) as n from canvas.accounts")
    write("n_above", "select n + 1 as n from marts.n_accounts")
    rng = random.Random(2)  # noqa: S311
    for step in range(7):
        extra: dict[str, Any] = {"motto": "x"} if step == 4 else {}
        shop.load(sorted(rng.sample(range(300), rng.randint(20, 200))), f"n{step}", slice_=rng.randint(1, 4), **extra)
        if rng.random() < 0.7:
            shop.publish(read(), EVERYTHING)
    shop.publish(read(), EVERYTHING)
    step_by_step = contents(shop)
    assert len(step_by_step["canvas.accounts"]) > 100
    shop.warehouse.paths.build.unlink()
    shop.publish(read(), EVERYTHING)
    assert contents(shop) == step_by_step


def ran(shop: Shop, models: Models) -> list[str]:
    return [run.qualified for run in shop.publish(models, EVERYTHING).applied.models]


def test_only_models_whose_inputs_or_text_changed_run(shop: Shop, models: Model) -> None:
    read, write = models
    write("accounts", "select count(*) as n from canvas.accounts")
    write("above", "select n + 1 as n from marts.accounts")
    write("courses", "select count(*) as n from canvas.courses")
    shop.load([1])
    assert sorted(ran(shop, read())) == ["marts.above", "marts.accounts", "marts.courses"]
    assert ran(shop, read()) == []
    shop.load([1, 2])
    assert ran(shop, read()) == ["marts.accounts", "marts.above"]
    assert shop.rows("select n from marts.above") == [(3,)]
    write("courses", "select count(*) + 10 as n from canvas.courses")
    assert ran(shop, read()) == ["marts.courses"]
    assert shop.rows("select n from marts.courses") == [(10,)]


def test_a_load_that_found_nothing_new_runs_no_model(shop: Shop, models: Model) -> None:
    read, write = models
    write("accounts", "select count(*) as n from canvas.accounts")
    shop.load([1, 2])
    ran(shop, read())
    shop.load([1, 2])
    assert ran(shop, read()) == []


def test_a_model_that_was_taken_away_leaves_the_file(shop: Shop, models: Model, tmp_path: Path) -> None:
    read, write = models
    write("accounts", "select count(*) as n from canvas.accounts")
    write("other", "select 1 as n from canvas.terms limit 1")
    ran(shop, read())
    (tmp_path / "sql" / "marts" / "other.sql").unlink()
    assert ran(shop, read()) == []
    assert shop.rows("select table_name from duckdb_tables() where schema_name = 'marts'") == [("accounts",)]


def test_a_model_that_fails_runs_again_when_it_is_mended_and_the_others_were_not_lost(
    shop: Shop, models: Model
) -> None:
    read, write = models
    write("accounts", "select count(*) as n from canvas.accounts")
    shop.load([1])
    ran(shop, read())
    write("broken", "select cast(name as int) as n from canvas.accounts")
    shop.load([1, 2])
    with pytest.raises(ModelError, match=r"marts\.broken does not run"):
        shop.publish(read(), EVERYTHING)
    assert shop.rows("select n from marts.accounts") == [(1,)]
    write("broken", "select account_id as n from canvas.accounts")
    assert sorted(ran(shop, read())) == ["marts.accounts", "marts.broken"]
    assert shop.rows("select n from marts.accounts") == [(2,)]


def test_the_dictionary_counts_what_is_in_the_file(shop: Shop, models: Model) -> None:
    read, write = models
    write("accounts", "select count(*) as n from canvas.accounts")
    shop.load([1, 2, 3])
    shop.publish(read())
    listed = dict(shop.rows("select table_schema || '.' || table_name, row_count from meta.tables"))
    real = shop.rows("select schema_name || '.' || table_name from duckdb_tables()")
    assert {name for (name,) in real} == set(listed)
    for name, count in listed.items():
        assert shop.rows(f"select count(*) from {name}") == [(count,)], name
    undescribed = shop.rows("select table_name, column_name from meta.columns where description is null")
    assert undescribed == []


def test_what_the_ledger_knows_is_in_the_file(shop: Shop) -> None:
    shop.load([1, 2], motto="x")
    shop.publish()
    loads = shop.rows("select table_name, load_id, rows from meta.loads order by 1")
    assert loads == [("canvas.accounts", "load-0001", 2), ("canvas.terms", "load-0001", 2)]
    drift = shop.rows("select table_name, name from meta.drift order by 1")
    assert drift == [("canvas.accounts", "motto"), ("canvas.terms", "motto")]

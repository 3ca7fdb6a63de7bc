"""A refresh runs what has to run, all of it or nothing."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.models import Model, ModelError, load_models, refresh

HEADER = "-- description: It's one.\n-- grain: one row\n-- key: id\n-- owner: team:analytics\n"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A file being built, attached and in use, as the warehouse package has it."""
    with duckdb.connect(":memory:") as con:
        con.execute(f"attach '{tmp_path / 'next.duckdb'}' as building (storage_version 'v1.0.0')")
        con.execute("use building")
        con.execute("create schema canvas")
        con.execute("create table canvas.courses (id bigint); insert into canvas.courses values (3), (1), (2)")
        con.execute("create table canvas.terms (id bigint)")
        yield con


def _models(folder: Path, **queries: str) -> tuple[Model, ...]:
    (folder / "marts").mkdir(exist_ok=True)
    for name, sql in queries.items():
        (folder / "marts" / f"{name}.sql").write_text(f"{HEADER}-- column id: The course's id.\n{sql}\n")
    return load_models(folder, ["canvas.courses", "canvas.terms"])


def _chain(folder: Path) -> tuple[Model, ...]:
    return _models(
        folder,
        a="select id from canvas.courses",
        b="select id from marts.a -- no line end swallows this",
        other="select id from canvas.terms;",
    )


def test_rows_are_sorted_counted_and_described(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    [result] = refresh(con, _models(tmp_path, a="select id from canvas.courses"))

    assert result.rows == 3
    assert con.execute("from marts.a").fetchall() == [(1,), (2,), (3,)]
    assert con.execute("select comment from duckdb_tables() where table_name = 'a'").fetchall() == [("It's one.",)]
    assert con.execute("select comment from duckdb_columns() where table_name = 'a'").fetchall() == [
        ("The course's id.",)
    ]


def test_a_model_that_fails_leaves_every_table_as_it_was(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, _models(tmp_path, a="select id from canvas.courses"))
    con.execute("insert into canvas.courses values (4)")
    models = _models(tmp_path, b="select cast('x' || id as bigint) as id from marts.a")

    with pytest.raises(ModelError) as caught:
        refresh(con, models)

    assert caught.value.model == "marts.b"
    assert caught.value.path == tmp_path / "marts" / "b.sql"
    # The words of DuckDB quote the value, which may be a name.
    assert "ConversionException in a row" in str(caught.value)
    assert "x1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert con.execute("select count(*) from marts.a").fetchall() == [(3,)]
    assert con.execute("select count(*) from duckdb_tables() where table_name = 'b'").fetchall() == [(0,)]
    con.begin()
    con.rollback()


def test_a_description_without_its_column_leaves_every_table_as_it_was(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    models = _models(tmp_path, a="select id from canvas.courses", b="select * exclude (id), 1 as n from marts.a")

    with pytest.raises(ModelError, match=r"marts.b"):
        refresh(con, models)

    assert con.execute("select count(*) from duckdb_tables() where schema_name = 'marts'").fetchall() == [(0,)]


def test_an_edited_query_has_another_digest_and_a_moved_file_has_not(tmp_path: Path) -> None:
    [before] = _models(tmp_path, a="select id from canvas.courses")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    [moved] = _models(elsewhere, a="select id from canvas.courses")
    [edited] = _models(tmp_path, a="select id from canvas.terms")

    assert before.digest == moved.digest != edited.digest

"""Asking the published file: every read works, and nothing gets out, in, or stays behind."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.serve import QueryError, run_query


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from marts.dim_course",
        "with c as (from marts.dim_course) select * from c",
        "from marts.dim_course",
        "from warehouse.marts.dim_course",
        "values (1)",
        "describe marts.dim_course",
        "show all tables",
        "summarize marts.dim_course",
        "explain select 1",
        "explain analyze select count(*) from marts.fct_day",
        "pivot marts.dim_course on name using count(*)",
        "  -- why\nselect 1; -- because",
    ],
)
def test_every_way_of_reading_is_answered(warehouse: Path, sql: str) -> None:
    assert len(run_query(warehouse, sql)) >= 1


def test_times_are_spelt_in_utc_wherever_the_machine_stands(warehouse: Path) -> None:
    program = f"""
from pathlib import Path
from pipelines.serve import run_query
print(run_query(Path({str(warehouse)!r}), "select start_at::varchar from marts.dim_course where course_id = 1").rows())
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "TZ": "America/Denver"},
        capture_output=True,
        text=True,
    )

    assert answer.stdout.strip() == "[('2024-07-01 10:00:00+00',)]"


def test_times_and_their_type_arrive_as_stored(warehouse: Path) -> None:
    result = run_query(warehouse, "select start_at from marts.dim_course where course_id = 1")

    [(at,)] = result.rows()
    assert at.isoformat() == "2024-07-01T10:00:00+00:00"
    assert result.types == ("TIMESTAMP WITH TIME ZONE",)


@pytest.mark.parametrize(("limit", "rows", "truncated"), [(1, 1, True), (2, 2, False), (0, 0, True), (None, 2, False)])
def test_an_answer_says_whether_there_was_more(warehouse: Path, limit: int | None, rows: int, truncated: bool) -> None:
    result = run_query(warehouse, "from marts.dim_course", limit=limit)

    assert (len(result), result.truncated) == (rows, truncated)


def test_a_limit_beyond_one_batch_is_exact(warehouse: Path) -> None:
    result = run_query(warehouse, "from marts.fct_day order by n", limit=25_001)

    assert [row[0] for row in result.rows()] == list(range(25_001))


def test_a_refused_file_is_refused_by_the_engine_and_not_only_by_the_parser(warehouse: Path) -> None:
    (warehouse.parent / "secret.csv").write_text("password\nhunter2\n")

    with pytest.raises(QueryError, match="reaches outside the published file"):
        run_query(warehouse, f"from read_text('{warehouse.parent / 'secret.csv'}')")


def test_a_query_runs_while_this_process_has_the_file_open_with_other_settings(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        assert run_query(warehouse, "select count(*) from marts.dim_course").rows() == [(2,)]
        assert con.execute("select count(*) from marts.dim_course").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("sql", "close"),
    [
        ("from marts.dim_corse", "marts.dim_course"),
        ("from dim_course", "marts.dim_course"),
        ("from mart.fct_days", "marts.fct_day"),
        ("select course from marts.dim_course", '"course_id"'),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one(warehouse: Path, sql: str, close: str) -> None:
    with pytest.raises(QueryError) as caught:
        run_query(warehouse, sql)

    assert close in caught.value.next_step


def test_a_query_beyond_its_memory_says_so(warehouse: Path) -> None:
    with pytest.raises(QueryError, match="more memory than it may take"):
        run_query(warehouse, "select list(n || repeat('x', 1000)) from marts.fct_day", memory_limit="20MB")


def test_a_query_that_fails_half_way_says_why(warehouse: Path) -> None:
    with pytest.raises(QueryError, match="Could not convert string"):
        run_query(warehouse, "select if(n > 90000, 'x', '1')::integer from marts.fct_day")


def test_a_long_query_draws_nothing_into_the_data(warehouse: Path) -> None:
    program = f"""
from pathlib import Path
from pipelines.serve import run_query
print(run_query(Path({str(warehouse)!r}), "select current_setting('enable_progress_bar')").rows())
"""
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert answer.stdout.strip() == "[(False,)]"


def test_before_the_first_publish_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="canvaslake sync"):
        run_query(tmp_path / "warehouse.duckdb", "select 1")


def test_a_file_that_is_no_warehouse_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_text("not a database, but long enough to be looked at" * 100)

    with pytest.raises(QueryError, match="cannot be opened"):
        run_query(path, "select 1")


def test_a_file_may_have_any_name(warehouse: Path) -> None:
    moved = warehouse.rename(warehouse.with_name('o\'ne "two".duckdb'))

    assert len(run_query(moved, "from marts.dim_course")) == 2

"""A table that keeps earlier rows says so wherever a person reads it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from pipelines.serve.overview import page, read_overview
from tests.cli.conftest import run
from tests.warehouse.conftest import Shop

TOLD = "! canvas.accounts fell from 40 rows to 1; the last good rows stay in the file."


@pytest.fixture
def held(shop: Shop, said: list[str]) -> Shop:
    for count in (40, 1):
        shop.load(list(range(1, count + 1)))
        shop.publish()
    said.clear()
    return shop


def told(said: list[str]) -> list[bool]:
    return [line.startswith(TOLD) for line in said]


def test_a_question_about_it_is_answered_with_a_word_about_it(held: Shop, said: list[str]) -> None:
    for sql, is_about_it in {
        "select count(*) from canvas.accounts": True,
        "with a as (from Canvas.Accounts) select count(*) from a": True,
        "select count(*) from canvas.courses join canvas.accounts using (account_id)": True,
        "pivot canvas.accounts on name using count(*)": True,
        "explain pivot canvas.accounts on name in ('x') using count(*)": True,
        "select count(*) from canvas.accounts as a tablesample 50%": True,
        "select count(*) from canvas.courses": False,
    }.items():
        said.clear()
        result = run("query", sql, "--format", "csv")
        assert result.exit_code == 0
        assert told(said) == ([True] if is_about_it else []), sql
        assert TOLD not in result.stdout


def test_the_lists_of_tables_say_it(held: Shop, said: list[str]) -> None:
    assert run("tables").exit_code == 0
    assert told(said) == [True, False]
    assert said[1].startswith("! canvas.terms fell from 40 rows to 1;")
    [accounts] = [one for one in json.loads(run("tables", "--json").stdout) if one["name"] == "accounts"]
    assert f"! canvas.accounts {accounts['held_back']}".startswith(TOLD)
    assert TOLD.removeprefix("! canvas.accounts ") in run("tables", "canvas.accounts").stdout
    assert "fell from" not in run("tables", "canvas.courses").stdout


def test_a_file_of_its_rows_says_it(held: Shop, said: list[str], tmp_path: Path) -> None:
    target = tmp_path / "accounts.xlsx"
    assert run("export", "canvas.accounts", "--to", str(target)).exit_code == 0
    assert told(said)[-1]
    flat = target.with_suffix(".parquet")
    assert run("export", "select * from canvas.accounts", "--to", str(flat)).exit_code == 0
    assert pq.read_schema(flat).metadata[b"canvaslake.held_back"].decode().startswith(TOLD.removeprefix("! "))
    facts = [str(cell.value) for row in load_workbook(target).worksheets[-1].iter_rows() for cell in row]
    assert any(fact.startswith(TOLD.removeprefix("! ")) for fact in facts)


def test_the_overview_names_it(held: Shop) -> None:
    assert (
        "2 tables keep earlier rows because a check failed (meta.checks says why): canvas.accounts, canvas.terms."
        in page(read_overview(held.path))
    )


def test_it_is_over_with_good_rows(held: Shop, said: list[str]) -> None:
    held.load(list(range(1, 42)))
    held.publish()
    assert run("query", "select count(*) from canvas.accounts").exit_code == 0
    assert said == []

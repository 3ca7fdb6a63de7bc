"""Declared checks: what they find, what they hold back, and what an acceptance lets through."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from pipelines.demo import ManualClock
from pipelines.normalize.contracts import TABLES, Check, CheckKind
from pipelines.warehouse import Models
from pipelines.warehouse.checks import check_freshness, check_references, newest_time, run_checks
from pipelines.warehouse.dictionary import TableNote
from tests.load.worlds import NOON
from tests.warehouse.conftest import Shop, WriteModel

Model = tuple[Callable[[], Models], WriteModel]

ROWS = """create schema s; create table s.t as select * from (values (1, 'a', 10, timestamptz '2026-01-01 00:00:00+00'),
(2, 'b', 20, null), (2, null, null, timestamptz '2026-01-03 00:00:00+00')) as v (id, state, other, seen);
create table s.other as select 10 as id; create table s.nothing (id int)"""


def found(check: Check) -> tuple[bool, str]:
    with duckdb.connect(":memory:") as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(ROWS)
        if check.kind is CheckKind.REFERENCES:
            outcome = check_references(con, "s.t", check, {"s.other": 1, "s.nothing": 1})
        elif check.kind is CheckKind.FRESHNESS:
            outcome = check_freshness("s.t", check, newest_time(con, "s.t", check.columns[0]), NOON)
        else:
            [outcome] = run_checks(con, "s.t", [check])
        return outcome.passed, outcome.detail


@pytest.mark.parametrize(
    ("check", "passed", "detail"),
    [
        (Check(CheckKind.KEY_UNIQUE, ("id",)), False, "1 values of (id) stand in 2 rows"),
        (Check(CheckKind.KEY_UNIQUE, ("id", "state")), True, "no key repeats"),
        (Check(CheckKind.NOT_NULL, ("id",)), True, "id has a value in every row."),
        (Check(CheckKind.NOT_NULL, ("state",)), False, "state is NULL in 1 rows"),
        (Check(CheckKind.ACCEPTED_VALUES, ("state",), values=("a", "b")), True, "state is one of: a, b."),
        (Check(CheckKind.ACCEPTED_VALUES, ("state",), values=("a", "it's")), False,
         "state is none of a, it's in 1 rows"),
        (Check(CheckKind.REFERENCES, ("other",), refers_to="s.other.id"), False,
         "1 values in 1 rows are not in s.other.id"),
        (Check(CheckKind.REFERENCES, ("other",), refers_to="s.nothing.id"), True, "not compared: s.nothing is empty"),
        (Check(CheckKind.REFERENCES, ("other",), refers_to="s.gone.id"), False, "there is no table s.gone"),
    ],
)  # fmt: skip
def test_what_a_check_finds(check: Check, passed: bool, detail: str) -> None:
    assert found(check) == (passed, detail)


def test_freshness_is_measured_from_the_newest_time() -> None:
    with duckdb.connect(":memory:") as con:
        con.execute(ROWS)
        newest = newest_time(con, "s.t", "seen")
    assert newest is not None
    check = Check(CheckKind.FRESHNESS, ("seen",), age=timedelta(days=2))
    assert check_freshness("s.t", check, newest, newest + timedelta(days=2)).passed
    late = check_freshness("s.t", check, newest, newest + timedelta(days=2, seconds=1))
    assert (late.passed, late.detail) == (False, "the newest is of 2026-01-03 00:00 UTC, and 2 days are allowed")
    assert check_freshness("s.t", check, None, NOON).passed


def told(shop: Shop, table: str, check: str) -> list[tuple[Any, ...]]:
    return shop.rows(
        f"select passed, severity, detail from meta.checks where table_name = '{table}' and check_name = '{check}'"
    )


def test_a_model_that_fails_a_blocking_check_keeps_its_rows_until_it_is_accepted(shop: Shop, models: Model) -> None:
    read, write = models
    write("doubled", "select account_id as n from canvas.accounts, range((select count(*) from canvas.accounts) - 1)")
    write("above", "select count(*) as n from marts.doubled")
    shop.load([1, 2])
    first = shop.publish(read())
    assert not any(run.held_back for run in first.applied.models)
    assert shop.rows("select n from marts.doubled order by 1") == [(1,), (2,)]
    shop.load([1, 2, 3])
    held = shop.publish(read())
    assert [run.qualified for run in held.applied.models if run.held_back] == ["marts.doubled"]
    assert shop.rows("select n from marts.doubled order by 1") == [(1,), (2,)]
    assert shop.rows("select n from marts.above") == [(2,)]
    [(passed, severity, detail)] = told(shop, "marts.doubled", "key_unique")
    assert (passed, severity) == (False, "error")
    assert "3 values of (n) stand in 6 rows; the last good rows stay" in detail
    assert detail.endswith("canvaslake publish --accept marts.doubled")
    # What was loaded is there all the same, and the model is tried again at each publish.
    assert shop.ids() == [1, 2, 3]
    shop.load([1, 2, 3], "again")
    assert [run.qualified for run in shop.publish(read()).applied.models if run.held_back] == ["marts.doubled"]
    shop.publish(read(), accept=("marts.doubled",))
    assert len(shop.rows("select n from marts.doubled")) == 6
    assert shop.rows("select n from marts.above") == [(6,)]
    assert told(shop, "marts.doubled", "key_unique")[0][:2] == (False, "warning")


def test_a_model_that_never_was_good_is_empty_and_what_reads_it_goes_on(shop: Shop, models: Model) -> None:
    read, write = models
    write("doubled", "select 1 as n from range(2)")
    write("above", "select count(*) as n from marts.doubled")
    assert [run.qualified for run in shop.publish(read()).applied.models if run.held_back] == ["marts.doubled"]
    assert shop.rows("select n from marts.doubled") == []
    assert shop.rows("select n from marts.above") == [(0,)]
    write("doubled", "select 1 as n")
    shop.publish(read())
    assert shop.rows("select n from marts.doubled") == [(1,)]
    assert shop.rows("select n from marts.above") == [(1,)]


def test_a_warning_holds_nothing_back(shop: Shop, models: Model) -> None:
    read, write = models
    write("numbers", "select 1 as n")
    path = shop.path.parent.parent / "sql" / "marts" / "numbers.sql"
    path.write_text(path.read_text().replace("select 1 as n", "-- warn accepted_values n: 2, 3\nselect 1 as n"))
    shop.publish(read())
    assert shop.rows("select n from marts.numbers") == [(1,)]
    assert told(shop, "marts.numbers", "accepted_values_n")[0][:2] == (False, "warning")


def test_a_check_stands_until_its_table_changes(shop: Shop) -> None:
    clock = shop.warehouse.ledger.clock
    assert isinstance(clock, ManualClock)
    shop.load([1, 2])
    shop.publish()
    before = "select checked_at from meta.checks where table_name = '{}' and check_name = 'key_unique'"
    [(at,)] = shop.rows(before.format("canvas.accounts"))
    clock.advance(3600)
    shop.load([1, 2, 3], slice_=2)
    shop.publish()
    assert shop.rows(before.format("canvas.accounts")) > [(at,)]
    assert shop.rows(before.format("canvas.courses")) == [(at,)]


def test_what_refers_to_a_changed_table_is_looked_at_again(shop: Shop) -> None:
    shop.load([1])
    shop.publish()
    shop.load_courses([(7, 1), (8, 2)])
    shop.publish()
    assert told(shop, "canvas.courses", "references_account_id") == [
        (False, "warning", "1 values in 1 rows are not in canvas.accounts.account_id")
    ]
    shop.load([1, 2])
    shop.publish()
    assert told(shop, "canvas.courses", "references_account_id")[0][0] is True


def test_freshness_of_a_loaded_table_counts_answers_that_brought_nothing_new(shop: Shop) -> None:
    clock = shop.warehouse.ledger.clock
    assert isinstance(clock, ManualClock)
    shop.load([1, 2])
    shop.publish()
    assert told(shop, "canvas.accounts", "freshness")[0][0] is True
    clock.advance(timedelta(days=9).total_seconds())
    shop.load([1, 2, 3], slice_=2, at=NOON)
    shop.publish()
    assert told(shop, "canvas.accounts", "freshness")[0][:2] == (False, "warning")
    shop.load([1, 2, 3], slice_=2, at=NOON + timedelta(days=9))
    shop.load([1, 2, 3, 4], slice_=2, at=NOON + timedelta(days=9))
    shop.publish()
    assert told(shop, "canvas.accounts", "freshness")[0][0] is True


def test_no_check_quotes_a_value(shop: Shop) -> None:
    shop.load([1], workflow_state="Ada Lovelace")
    shop.publish()
    [(passed, severity, detail)] = told(shop, "canvas.accounts", "accepted_values_workflow_state")
    assert (passed, severity) == (False, "warning")
    assert "Ada" not in detail


def test_a_model_with_a_new_column_that_is_held_back_stops_neither_the_others_nor_those_that_read_it(
    shop: Shop, models: Model
) -> None:
    read, write = models
    write("base", "select account_id as n from canvas.accounts")
    write("above", "select n from marts.base")
    shop.load([1, 2])
    shop.publish(read())
    write("base", "select 1 as n, 2 as more from canvas.accounts")
    write("above", "select n + more as n from marts.base")
    write("other", "select count(*) as n from canvas.accounts")
    path = shop.path.parent.parent / "sql" / "marts" / "base.sql"
    path.write_text("-- column more: More.\n".join(path.read_text().split("-- column n: The number.\n")[:2]))
    shop.load([1, 2, 3])
    runs = {run.qualified: run.held_back for run in shop.publish(read()).applied.models}
    assert runs == {"marts.base": True, "marts.above": True, "marts.other": False}
    assert shop.rows("select n from marts.above order by 1") == [(1,), (2,)]
    assert told(shop, "marts.above", "inputs_fit")[0][:2] == (False, "error")
    shop.publish(read(), accept=("marts.base",))
    assert told(shop, "marts.above", "inputs_fit") == []


def test_a_model_that_is_put_back_as_it_was_is_held_back_no_more(shop: Shop, models: Model) -> None:
    read, write = models
    noted = read
    write("numbers", "select 1 as n")
    shop.publish(with_checks(noted()))
    write("numbers", "select 1 as n from range(2)")
    assert [run.held_back for run in shop.publish(with_checks(noted())).applied.models] == [True]
    assert told(shop, "marts.numbers", "key_unique")[0][:2] == (False, "error")
    write("numbers", "select 1 as n")
    outcome = shop.publish(with_checks(noted()))
    assert outcome.applied.models == ()
    assert not any(one.holds_back for one in outcome.applied.checks)
    assert told(shop, "marts.numbers", "key_unique")[0][:2] == (True, "error")


def with_checks(models: Models) -> Models:
    """Return the models of the fixture with a note of the one that has checks, as a project gives them."""
    check = Check(CheckKind.KEY_UNIQUE, ("n",), blocking=True)
    note = TableNote("marts.numbers", "Numbers.", "one row", ("n",), "sql", {"n": "N."}, {"n": "none"}, checks=(check,))
    return Models(models.refresh, [note])


def test_a_check_that_cannot_be_run_is_a_warning_that_quotes_nothing(shop: Shop, models: Model) -> None:
    read, write = models
    write("numbers", "select 'anna.mueller' as n")
    wrong = (
        Check(CheckKind.REFERENCES, ("n",), refers_to="canvas.accounts.account_id"),
        Check(CheckKind.REFERENCES, ("n",), refers_to="canvas.accounts.gone"),
        Check(CheckKind.FRESHNESS, ("n",), age=timedelta(days=1)),
    )
    shop.load([1])
    for check in wrong:
        note = TableNote("marts.numbers", "N.", "one row", ("n",), "sql", {}, {}, checks=(check,))
        shop.publish(Models(read().refresh, [note]))
        [(passed, severity, detail)] = told(shop, "marts.numbers", check.name)
        assert severity == "warning"
        assert "anna" not in detail
        assert passed is (check.kind is CheckKind.FRESHNESS)


def test_a_model_of_a_report_that_is_not_loaded_yet_waits_and_the_others_do_not(
    shop: Shop, models: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = models
    monkeypatch.setattr("tests.warehouse.conftest.TABLES", {**TABLES, "reports.ours": None})
    write("ours", "select n from reports.ours")
    write("above", "select n from marts.ours")
    write("other", "select 1 as n")
    runs = {run.qualified: run.held_back for run in shop.publish(read()).applied.models}
    assert runs == {"marts.ours": True, "marts.above": True, "marts.other": False}
    [(passed, severity, detail)] = told(shop, "marts.ours", "inputs_there")
    assert (passed, severity) == (False, "warning")
    assert "reports.ours, which is not loaded yet" in detail


def test_a_table_whose_contract_has_changed_keeps_its_rows_if_the_next_are_held_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load(list(range(30)))
    shop.publish()
    with duckdb.connect(str(shop.warehouse.paths.build)) as con:
        con.execute("alter table canvas.accounts alter column account_id set data type varchar")
        con.execute("alter table canvas.accounts drop column sis_account_id")
    shop.load([])
    assert "canvas.accounts" in {change.table for change in shop.publish().applied.held_back}
    assert shop.ids() == list(range(30))
    shop.publish(accept=("canvas.accounts", "canvas.terms"))
    assert shop.ids() == []
    shop.load([1, 2])
    shop.publish()
    assert shop.ids() == [1, 2]
    assert shop.rows("select distinct _load_id from canvas.accounts") == [("load-0003",)]

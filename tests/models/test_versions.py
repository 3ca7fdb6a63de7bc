"""Every version of a row is kept: on any day the table says what a snapshot of that day says, however it was made."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo import ManualClock
from pipelines.lake import Lake
from pipelines.ledger import Ledger
from pipelines.ledger.loads import live_files
from pipelines.models import Model, ModelError, load_models
from pipelines.models.refresh import Refresher
from pipelines.models.versions import Observations
from pipelines.warehouse import ModelRun, Refreshing
from pipelines.warehouse.build import transaction

START = datetime(2026, 9, 1, 6, tzinfo=UTC)
HEADER = (
    "-- description: People as they were.\n-- grain: one row per person\n-- key: person, place\n-- owner: team:tests\n"
)
SELECT = "select person, place, score, seen as extracted_at from canvas.people"

Rows = dict[tuple[int, str | None], int | None]


class World:
    """A table that changes, and the history of it in one file or another."""

    def __init__(self, folder: Path, *, sql: str = SELECT) -> None:
        self.folder = folder
        self.clock = ManualClock(START)
        self.lake = Lake(folder / "lake", Ledger(folder / "ledger.sqlite", self.clock))
        self.write(sql)

    def write(self, sql: str) -> None:
        path = self.folder / "sql" / "history" / "people.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + sql)

    @property
    def model(self) -> Model:
        [model] = load_models(self.folder / "sql", ["canvas.people"])
        return model

    def refresh(self, con: duckdb.DuckDBPyConnection, rows: Rows, at: datetime, **said: Any) -> ModelRun:
        con.execute("create schema if not exists canvas")
        con.execute(
            "create or replace table canvas.people (person bigint, place varchar, score bigint, seen timestamptz)"
        )
        for (person, place), score in rows.items():
            con.execute("insert into canvas.people values (?, ?, ?, ?)", [person, place, score, at])
        refresher = Refresher(con, Refreshing(at, **said), Observations(self.lake, "canvas.example.edu"))
        with transaction(con):
            return refresher.run(self.model)


def database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:")
    con.execute("set TimeZone = 'UTC'")
    return con


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with database() as con:
        yield con


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def as_of(con: duckdb.DuckDBPyConnection, moment: datetime) -> Rows:
    found = con.execute(
        "select person, place, score from history.people"
        " where valid_from <= $1 and (valid_to > $1 or valid_to is null)",
        [moment],
    ).fetchall()
    assert len({(person, place) for person, place, _ in found}) == len(found)
    return {(person, place): score for person, place, score in found}


def content(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("select * from history.people order by all").fetchall()


STATES = st.lists(
    st.dictionaries(
        st.tuples(st.integers(1, 4), st.sampled_from([None, "a"])), st.one_of(st.none(), st.integers(0, 2)), max_size=6
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=10, deadline=None)
@given(states=STATES, hours=st.lists(st.integers(1, 60), min_size=7, max_size=7))
def test_any_moment_shows_what_a_snapshot_of_it_showed(
    tmp_path_factory: pytest.TempPathFactory, states: list[Rows], hours: list[int]
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    moments: list[tuple[datetime, Rows]] = []
    at = START
    with database() as con, database() as anew, database() as then:
        for rows, pause in zip(states, hours, strict=False):
            world.refresh(con, rows, at)
            moments.append((at, rows))
            at += timedelta(hours=pause)
        for moment, rows in moments:
            assert as_of(con, moment) == rows
        # From the lake alone, and as it was known at a moment in between.
        world.refresh(anew, states[len(moments) - 1], at)
        assert content(anew) == content(con)
        middle, known = moments[len(moments) // 2]
        world.refresh(then, {}, middle, only_recorded=True)
        current = then.execute("select person, place, score from history.people where is_current").fetchall()
        assert {(person, place): score for person, place, score in current} == known
        assert all(row[-1] is (row[-2] is None) for row in content(con))


def test_a_version_ends_when_the_next_begins_and_what_is_the_same_stays_one(
    world: World, con: duckdb.DuckDBPyConnection
) -> None:
    days = [START + timedelta(days=day) for day in range(4)]
    for day, score in zip(days, (1, 1, 2, 1), strict=True):
        world.refresh(con, {(1, "a"): score}, day)
    assert con.execute("select score, valid_from, valid_to, is_current from history.people order by 2").fetchall() == [
        (1, days[0], days[2], False),
        (2, days[2], days[3], False),
        (1, days[3], None, True),
    ]


def test_a_run_that_died_after_recording_shows_it_the_next_time(
    world: World, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.refresh(con, {(1, None): 1}, START)
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.models.versions._show", lambda *_: 1 / 0)
        with suppress(ZeroDivisionError):
            world.refresh(con, {(1, None): 2}, START + timedelta(days=1))
    assert as_of(con, START + timedelta(days=1)) == {(1, None): 1}
    world.refresh(con, {(1, None): 3}, START + timedelta(days=2))
    assert [as_of(con, START + timedelta(days=day))[1, None] for day in range(3)] == [1, 2, 3]


def test_a_clock_that_stands_still_orders_versions_all_the_same(world: World, con: duckdb.DuckDBPyConnection) -> None:
    for score in (1, 2, 3):
        world.refresh(con, {(1, None): score}, START)
    rows = con.execute("select score from history.people order by valid_from").fetchall()
    assert rows == [(1,), (2,), (3,)]
    assert con.execute("select count(*) from history.people where valid_to <= valid_from").fetchall() == [(0,)]


def test_many_small_files_are_put_together_and_say_the_same(
    world: World, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.lake.versions._MANY", 4)
    for hour in range(11):
        world.refresh(con, {(1, None): hour}, START + timedelta(hours=hour))
        assert len(live_files(world.lake.ledger)) <= 4
    assert sum(file.rows for file in live_files(world.lake.ledger)) == 11
    with database() as anew:
        world.refresh(anew, {(1, None): 10}, START + timedelta(hours=20))
        assert content(anew) == content(con)


def test_a_column_may_change_its_type_within_a_day_and_back(world: World, con: duckdb.DuckDBPyConnection) -> None:
    world.refresh(con, {(1, None): 1}, START)
    for hour, kind in enumerate(("varchar", "bigint", "double"), start=1):
        world.write(SELECT.replace("score,", f"cast(score as {kind}) as score,"))
        world.refresh(con, {(1, None): 1}, START + timedelta(hours=hour))
    world.write(SELECT.replace("score,", "'anna.mueller' as score,"))
    world.refresh(con, {(1, None): 1}, START + timedelta(hours=5))
    world.write(SELECT)
    world.refresh(con, {(1, None): 1}, START + timedelta(hours=6))
    rows = con.execute("select score, is_current from history.people order by valid_from").fetchall()
    # A word is no number: NULL in the table, and as it was in the lake.
    assert rows[-2:] == [(None, False), (1, True)]


@pytest.mark.parametrize("name", ["valid_from", "IS_CURRENT", "_present"])
def test_a_query_that_gives_a_column_of_validity_itself_is_refused(world: World, name: str) -> None:
    world.write(SELECT.replace("score,", f"score as {name},"))
    with pytest.raises(ModelError, match="which the table gets by itself"):
        _ = world.model


def test_a_clock_that_was_far_ahead_is_told(world: World, con: duckdb.DuckDBPyConnection) -> None:
    world.refresh(con, {(1, None): 1}, START + timedelta(days=3650))
    run = world.refresh(con, {(1, None): 2}, START)
    [told] = [outcome for outcome in run.checks if outcome.check == "clock_agrees"]
    assert (told.passed, told.severity) == (False, "warning")
    assert "2036-08-29" in told.detail


def test_a_key_that_repeats_keeps_the_versions_of_before_even_if_accepted(
    world: World, con: duckdb.DuckDBPyConnection
) -> None:
    world.refresh(con, {(1, None): 1}, START)
    world.write("select 1 as person, null::varchar as place, range as score, now() as extracted_at from range(2)")
    run = world.refresh(con, {}, START + timedelta(days=1), accept=("history.people",))
    assert run.held_back
    assert [outcome.check for outcome in run.checks if outcome.holds_back] == ["key_unique"]
    assert as_of(con, START + timedelta(days=1)) == {(1, None): 1}


def test_a_column_that_is_added_later_is_unknown_before(world: World, con: duckdb.DuckDBPyConnection) -> None:
    world.refresh(con, {(1, None): 1}, START)
    world.write(SELECT.replace("score,", "score, 'x' as word,"))
    world.refresh(con, {(1, None): 1}, START + timedelta(days=1))
    rows = con.execute("select score, word, is_current from history.people order by valid_from").fetchall()
    assert rows == [(1, None, False), (1, "x", True)]


def test_a_history_without_a_key_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    path = tmp_path / "sql" / "history" / "people.sql"
    path.write_text(path.read_text().replace("-- key: person, place\n", "-- key: ,\n"))
    with pytest.raises(ModelError, match="no key"):
        _ = world.model


def test_the_columns_of_validity_are_described_and_part_of_the_key(world: World) -> None:
    model = world.model
    assert model.row_key == ("person", "place", "valid_from")
    assert set(model.columns) == {"valid_from", "valid_to", "is_current"}

"""Rows of reports that came before anybody declared their columns: declared later, typed then, and Canvas not asked."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from pipelines.demo.builders import REPORT_TYPES
from pipelines.demo.csv_text import zip_bytes
from pipelines.extract.watching import watch
from pipelines.ledger import Intent
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import get_intent
from pipelines.ledger.kept_files import kept_files
from pipelines.load.reports import Reading, load_again, load_report
from pipelines.load.retyping import load_stale
from pipelines.normalize.contracts import REPORTS, TABLES, Column, ColumnType, Report, Table
from pipelines.warehouse import Models, Warehouse, WarehousePaths, publish
from tests.load.report_worlds import (
    Loaded,
    assert_holds,
    assert_same,
    due_rows,
    files_of,
    lake_rows,
    load_counts,
    loaded,
    published,
    published_rows,
    quarantine,
    wished,
)
from tests.load.worlds import HOST, Rows, World

pytestmark = pytest.mark.slow

NO_MODELS = Models(lambda *_: [])

REPORT = "user_course_access_log_csv"
TABLE = "user_course_access_log"
KEEP = timedelta(days=30)
OF_HEADER = {
    "user id": ColumnType.BIGINT,
    "course id": ColumnType.BIGINT,
    "last access at": ColumnType.TIMESTAMPTZ,
    "times accessed": ColumnType.BIGINT,
    "times participated": ColumnType.BIGINT,
    "minutes": ColumnType.DOUBLE,
}
OF_COLUMN = {name.replace(" ", "_"): kind for name, kind in OF_HEADER.items()}
DUCKDB = {
    "user_id": "BIGINT",
    "user_sis_id": "VARCHAR",
    "user_name": "VARCHAR",
    "course_id": "BIGINT",
    "course_sis_id": "VARCHAR",
    "course_name": "VARCHAR",
    "last_access_at": "TIMESTAMP WITH TIME ZONE",
    "times_accessed": "BIGINT",
    "times_participated": "BIGINT",
    "minutes": "DOUBLE",
}

Lose = Callable[[World], None]


def keep_everything(world: World) -> None:
    """Leave the kept file where it is."""


def damage(world: World) -> None:
    (kept,) = kept_files(world.ledger)
    path = world.lake.root / kept.path
    path.write_bytes(path.read_bytes()[:-40])


def remove(world: World) -> None:
    (kept,) = kept_files(world.ledger)
    (world.lake.root / kept.path).unlink()


def declared() -> Report:
    """Return a contract for the report, as a later version of the product might have it."""
    table = Table(
        schema="reports",
        name=TABLE,
        description="Who opened which course, and for how long.",
        grain="one row per person and course",
        key=("course_id", "user_id"),
        columns=tuple(
            Column(name, OF_COLUMN.get(name, ColumnType.VARCHAR), "A column.", source=name.replace("_", " "))
            for name in DUCKDB
        ),
        source="POST",
        slice="account, report, parameters",
        group="reports",
    )
    return Report(REPORT, "User Course Access Log", table.description, {"": table}, ())


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def declare() -> None:
        report = declared()
        monkeypatch.setitem(REPORTS, REPORT, report)
        monkeypatch.setitem(TABLES, report.tables[""].qualified, report.tables[""])

    return declare


def read_anew(world: World, types: Mapping[str, ColumnType] | None = None) -> list[Any]:
    """Load what is stale, with a count of the requests: there must be none."""
    before = len(world.canvas.requests)
    anew = load_stale(world.lake, HOST, lambda _: Reading(world.downloads, types or {}, KEEP))
    assert len(world.canvas.requests) == before
    assert anew.unfit == {}
    return anew.outcomes


def load(world: World, intent: Intent, reading: Reading) -> None:
    world.ask(lambda client: load_report(world.lake, client, intent, reading))


def assert_typed(world: World, one: Loaded, was: Rows) -> None:
    """Check the rows in the lake and in the published file against what Canvas holds, types and all."""
    (due,) = due_rows(world, one).values()
    assert len(due) == len(was) > 0
    assert_same(lake_rows(world, TABLE), due, told="lake")
    published(world)
    assert_same(published_rows(world, f"select * exclude (_load_id, _extracted_at) from reports.{TABLE}"), due)
    assert {row["column_name"]: row["column_type"] for row in described(world)} == DUCKDB
    assert not list(world.downloads.iterdir()), "a file of student data was left behind"


def described(world: World) -> Rows:
    return [row for row in published_rows(world, f"describe reports.{TABLE}") if not row["column_name"].startswith("_")]


@pytest.mark.parametrize("types", [OF_HEADER, OF_COLUMN], ids=["by header", "by column"])
@pytest.mark.parametrize("keep", [KEEP, None], ids=["file kept", "from the lake's text"])
def test_types_in_the_settings_type_the_rows_that_are_there(
    world: World, types: dict[str, ColumnType], keep: timedelta | None
) -> None:
    one = loaded(world, REPORT, reading=Reading(world.downloads, keep=keep))
    assert_holds(world, one, as_text=True)
    was = lake_rows(world, TABLE)
    published(world)
    assert {row["column_type"] for row in described(world)} == {"VARCHAR"}
    assert [outcome.rows for outcome in read_anew(world, types)] == [{f"reports.{TABLE}": len(was)}]
    assert_typed(world, one, was)
    assert read_anew(world, types) == [], "what is typed is not read again"


@pytest.mark.parametrize("lose", [keep_everything, damage, remove])
def test_a_contract_that_comes_later_types_the_rows_that_are_there(
    world: World, declare: Callable[[], None], lose: Lose
) -> None:
    one = loaded(world, REPORT, reading=Reading(world.downloads, keep=KEEP))
    was = lake_rows(world, TABLE)
    published(world)
    lose(world)
    declare()
    assert [outcome.rows for outcome in read_anew(world)] == [{f"reports.{TABLE}": len(was)}]
    assert_typed(world, one, was)
    assert read_anew(world) == []


def test_a_contract_types_rows_whose_file_was_never_kept(world: World, declare: Callable[[], None]) -> None:
    one = loaded(world, REPORT)
    was = lake_rows(world, TABLE)
    declare()
    assert len(read_anew(world)) == 1
    assert_typed(world, one, was)
    assert read_anew(world) == []


def test_types_that_are_taken_back_make_text_again(world: World) -> None:
    one = loaded(world, REPORT, reading=Reading(world.downloads, OF_HEADER, KEEP))
    assert_holds(world, one)
    assert len(read_anew(world)) == 1
    assert_same(lake_rows(world, TABLE), due_rows(world, one, as_text=True)[TABLE])


def test_rows_that_do_not_fit_the_later_type_are_set_aside_and_the_others_typed(world: World) -> None:
    content = b"user id,minutes\n" + b"".join(b"%d,%d.5\n" % (n, n) for n in range(40)) + b"nobody,1\n"
    world.canvas.faults.report_file(content)
    loaded(world, REPORT)
    assert len(lake_rows(world, TABLE)) == 41
    (outcome,) = read_anew(world, OF_HEADER)
    assert (outcome.rows, outcome.quarantined) == ({f"reports.{TABLE}": 40}, {f"reports.{TABLE}": 1})
    assert lake_rows(world, TABLE)[7] == {"user_id": 7, "minutes": 7.5}


@pytest.mark.parametrize("keep", [KEEP, None], ids=["file kept", "from the lake's text"])
def test_rows_that_were_set_aside_before_still_are(world: World, keep: timedelta | None) -> None:
    content = b"user id,minutes\n" + b"".join(b"%d,%d.5\n" % (n, n) for n in range(40)) + b"41\n"
    world.canvas.faults.report_file(content)
    loaded(world, REPORT, reading=Reading(world.downloads, keep=keep))
    (before,) = quarantine(world)
    (outcome,) = read_anew(world, OF_HEADER)
    (after,) = quarantine(world)
    told = ("table_name", "line_number", "reason", "raw")
    assert [after[name] for name in told] == [before[name] for name in told]
    assert after["_load_id"] == outcome.load_id
    assert load_counts(world, outcome.load_id) == (41, 40, 1)


@pytest.mark.parametrize("keep", [KEEP, None], ids=["file kept", "from the lake's text"])
def test_types_that_do_not_fit_leave_the_text_and_every_other_report_is_typed(
    world: World, keep: timedelta | None
) -> None:
    loaded(world, REPORT, reading=Reading(world.downloads, keep=keep))
    text = lake_rows(world, TABLE)
    world.canvas.catalog.add(replace(REPORT_TYPES[REPORT], name="other_log_csv"))
    loaded(world, "other_log_csv", reading=Reading(world.downloads, keep=keep))
    types = {REPORT: {"user name": ColumnType.BIGINT}, "other_log_csv": OF_HEADER}
    outcomes = load_stale(world.lake, HOST, lambda report: Reading(world.downloads, types[report], KEEP)).outcomes
    assert [list(outcome.rows) for outcome in outcomes] == [["reports.other_log"]]
    assert lake_rows(world, TABLE) == text
    (drift,) = rows_of(world.ledger, "SELECT table_name, kind, detail FROM drift")
    assert (drift["table_name"], drift["kind"]) == (f"reports.{TABLE}", "type refused")
    assert "do not fit" in str(drift["detail"])
    published(world)
    assert {row["column_type"] for row in described(world)} == {"VARCHAR"}


def test_a_contract_that_does_not_fit_holds_its_table_back_and_no_other(
    world: World, declare: Callable[[], None]
) -> None:
    world.canvas.faults.report_file(b"user id,course id\nAnn,History\n")
    loaded(world, REPORT, reading=Reading(world.downloads, keep=KEEP))
    before = Warehouse(WarehousePaths(world.home), world.lake, world.ledger)
    publish(before, NO_MODELS)
    declare()
    loaded(world, "public_courses_csv", reading=Reading(world.downloads, keep=KEEP))
    anew = load_stale(world.lake, HOST, lambda _: Reading(world.downloads, {}, KEEP))
    assert list(anew.unfit) == [f"reports.{TABLE}"]
    assert "1 of 1 rows do not fit" in anew.unfit[f"reports.{TABLE}"]
    assert lake_rows(world, TABLE) == [{"user_id": "Ann", "course_id": "History"}]
    outcome = publish(before, NO_MODELS, unfit=anew.unfit)
    assert [check.table for check in outcome.applied.checks if not check.passed] == [f"reports.{TABLE}"]
    with duckdb.connect(str(outcome.path), read_only=True) as connection:
        assert connection.execute(f"select user_id, course_id from reports.{TABLE}").fetchall() == [("Ann", "History")]
        told = connection.execute("select check_name, detail from meta.checks where not passed").fetchall()
        assert [name for name, _ in told] == ["types_fit"]
        loads = connection.execute("select table_name from meta.loads where table_name like 'reports.%'").fetchall()
        assert ("reports.public_courses",) in loads


def test_headers_outside_of_ascii_are_typed_by_their_header_and_read_once(world: World) -> None:
    types = {"時間": ColumnType.DOUBLE, "user id": ColumnType.BIGINT}
    world.canvas.faults.report_file("名前,時間,user id\nAnn,1.5,7\n".encode())
    loaded(world, REPORT, reading=Reading(world.downloads, types, KEEP))
    assert lake_rows(world, TABLE) == [{"column": "Ann", "column_2": 1.5, "user_id": 7}]
    assert read_anew(world, types) == []


def test_a_report_that_completed_twice_is_not_read_anew_from_its_first_file(world: World) -> None:
    """The file of the second completion was not kept; that of the first one is there, and old."""
    world.canvas.faults.report("completes_twice")
    for content in (b"user id,minutes\n6,9\n", b"user id,minutes\n7,1\n"):
        world.canvas.faults.report_file(content)
    intent = wished(world, REPORT)
    for seconds, keep in ((2, KEEP), (700, None)):
        world.clock.advance(seconds)
        world.ask(lambda client: watch(world.ledger, client, HOST, idle=True))
        load(world, get_intent(world.ledger, intent.intent_id), Reading(world.downloads, keep=keep))
    assert lake_rows(world, TABLE) == [{"user_id": "7", "minutes": "1"}]
    assert len(read_anew(world, OF_HEADER)) == 1
    assert lake_rows(world, TABLE) == [{"user_id": 7, "minutes": 1.0}]


def test_the_members_of_an_undeclared_zip_are_typed_each_in_its_own_table(world: World) -> None:
    members = {"Fall.csv": b"user id,minutes\n1,1.5\n", "Spring.csv": b"user id,minutes\n2,2.5\n3,\n"}
    due: dict[str, Rows] = {
        "fall": [{"user_id": 1, "minutes": 1.5}],
        "spring": [{"user_id": 2, "minutes": 2.5}, {"user_id": 3, "minutes": None}],
    }
    for keep in (KEEP, None):
        world.canvas.faults.report_file(zip_bytes(members), "application/zip")
        loaded(world, REPORT, reading=Reading(world.downloads, keep=keep), skip_message=str(keep))
    outcomes = read_anew(world, OF_HEADER)
    assert outcomes
    for name, rows in due.items():
        assert_same(lake_rows(world, f"{TABLE}_{name}"), rows * 2, told=name)
    assert files_of(world, TABLE) == []
    assert read_anew(world, OF_HEADER) == []


def test_two_equal_headers_keep_their_own_cells_when_they_are_typed(world: World) -> None:
    world.canvas.faults.report_file(b"name,name,Name 2,minutes\na,b,c,1\nd,e,f,2\n")
    loaded(world, REPORT)
    names = [{key: value for key, value in row.items() if key != "minutes"} for row in lake_rows(world, TABLE)]
    assert len(names[0]) == 3
    read_anew(world, {"minutes": ColumnType.DOUBLE})
    assert lake_rows(world, TABLE) == [{**names[0], "minutes": 1.0}, {**names[1], "minutes": 2.0}]


def test_empty_text_and_no_text_stay_two_things_on_the_way_through_the_lake(world: World) -> None:
    world.canvas.faults.report_file(b'user sis id,user name,minutes\n"","a ""b"",\nc",1\n,NA,\n0012,,3\n')
    loaded(world, REPORT)
    read_anew(world, {"minutes": ColumnType.BIGINT})
    assert lake_rows(world, TABLE) == [
        {"user_sis_id": "", "user_name": 'a "b",\nc', "minutes": 1},
        {"user_sis_id": None, "user_name": "NA", "minutes": None},
        {"user_sis_id": "0012", "user_name": None, "minutes": 3},
    ]


def test_a_newer_report_is_not_replaced_by_an_old_file_that_is_read_again(world: World) -> None:
    first = loaded(world, REPORT, reading=Reading(world.downloads, keep=KEEP), window="monday")
    world.canvas.faults.report_file(b"user id,minutes\n7,1\n")
    loaded(world, REPORT, reading=Reading(world.downloads, keep=KEEP), window="tuesday")
    newer = lake_rows(world, TABLE)
    kept = next(one for one in kept_files(world.ledger) if one.intent_id == first.intent.intent_id)
    load_again(world.lake, kept, Reading(world.downloads, OF_HEADER))
    assert lake_rows(world, TABLE) == newer == [{"user_id": "7", "minutes": "1"}]
    assert len(read_anew(world, OF_HEADER)) == 1
    assert lake_rows(world, TABLE) == [{"user_id": 7, "minutes": 1.0}]


def test_every_slice_is_typed_and_rows_of_another_report_are_left_alone(world: World) -> None:
    one = loaded(world, REPORT, reading=Reading(world.downloads, keep=KEEP))
    other = loaded(world, REPORT, account=3)
    loaded(world, "course_storage_csv", reading=Reading(world.downloads, keep=KEEP))
    before = [replace(file) for file in files_of(world, "course_storage")]
    assert len(read_anew(world, OF_HEADER)) == 2
    assert_same(lake_rows(world, TABLE), [*due_rows(world, one)[TABLE], *due_rows(world, other)[TABLE]])
    assert files_of(world, "course_storage") == before


def refused(world: World) -> list[str]:
    """Return what the drift says of tables whose types were refused."""
    rows = rows_of(world.ledger, "SELECT detail FROM drift WHERE kind = 'type refused'")
    return [str(row["detail"]) for row in rows]


@pytest.mark.parametrize("types", [{}, {"user id": ColumnType.DOUBLE}], ids=["text", "another type"])
def test_values_whose_text_is_gone_are_not_made_text_again(world: World, types: dict[str, ColumnType]) -> None:
    """What is 7 in the lake was 007 in the file, or a student's number of twenty digits."""
    world.canvas.faults.report_file(b"user id,user name\n007,Ann\n")
    loaded(world, REPORT, reading=Reading(world.downloads, OF_HEADER))
    assert read_anew(world, types) == []
    assert lake_rows(world, TABLE) == [{"user_id": 7, "user_name": "Ann"}]
    (said,) = refused(world)
    assert f"user_id of reports.{TABLE} in other types than are wanted" in said
    assert not list(world.downloads.iterdir())
    published(world)
    assert published_rows(world, f"select user_id from reports.{TABLE}") == [{"user_id": 7}]


def test_the_text_that_was_there_before_the_types_comes_back_with_what_it_set_aside(world: World) -> None:
    rows = b"".join(b"%04d,%d.50\n" % (number, number) for number in range(40))
    world.canvas.faults.report_file(b"user id,minutes\n" + rows + b"41\nnobody,1\n")
    loaded(world, REPORT)
    text = lake_rows(world, TABLE)
    assert (text[7], text[-1]) == ({"user_id": "0007", "minutes": "7.50"}, {"user_id": "nobody", "minutes": "1"})
    was = [(row["line_number"], row["reason"], row["raw"]) for row in quarantine(world)]
    for types, kept, aside in (
        (OF_HEADER, 40, 2),
        ({"minutes": ColumnType.DOUBLE}, 41, 1),
        (OF_HEADER, 40, 2),
        ({}, 41, 1),
    ):
        (outcome,) = read_anew(world, types)
        assert load_counts(world, outcome.load_id) == (kept + aside, kept, aside)
    assert lake_rows(world, TABLE) == text
    assert [(row["line_number"], row["reason"], row["raw"]) for row in quarantine(world)] == was
    assert refused(world) == []


def test_the_text_of_an_earlier_file_of_a_report_is_not_taken_for_that_of_a_later_one(world: World) -> None:
    world.canvas.faults.report("completes_twice")
    for content in (b"user id\n006\n", b"user id\n007\n"):
        world.canvas.faults.report_file(content)
    intent = wished(world, REPORT)
    for seconds, types in ((2, {}), (700, OF_HEADER)):
        world.clock.advance(seconds)
        world.ask(lambda client: watch(world.ledger, client, HOST, idle=True))
        load(world, get_intent(world.ledger, intent.intent_id), Reading(world.downloads, types))
    assert lake_rows(world, TABLE) == [{"user_id": 7}]
    assert read_anew(world) == []
    assert lake_rows(world, TABLE) == [{"user_id": 7}]
    assert len(refused(world)) == 1


def test_text_whose_file_is_gone_from_the_lake_does_not_come_back(world: World) -> None:
    world.canvas.faults.report_file(b"user id\n007\n")
    loaded(world, REPORT)
    (file,) = files_of(world, TABLE)
    assert len(read_anew(world, OF_HEADER)) == 1
    world.lake.path_of(file).unlink()
    assert read_anew(world) == []
    assert lake_rows(world, TABLE) == [{"user_id": 7}]
    assert len(refused(world)) == 1


def test_a_declared_table_of_text_is_held_back_while_its_values_are_there_in_types_only(
    world: World, declare: Callable[[], None]
) -> None:
    world.canvas.faults.report_file(b"user id,user sis id\n7,007\n")
    loaded(world, REPORT, reading=Reading(world.downloads, {**OF_HEADER, "user sis id": ColumnType.BIGINT}))
    declare()
    anew = load_stale(world.lake, HOST, lambda _: Reading(world.downloads))
    assert list(anew.unfit) == [f"reports.{TABLE}"]
    assert "user_sis_id" in anew.unfit[f"reports.{TABLE}"]


@pytest.mark.parametrize(("keep", "line"), [(KEEP, 43), (None, None)], ids=["file kept", "from the lake's text"])
def test_only_rows_whose_record_is_known_are_set_aside_with_its_number(
    world: World, keep: timedelta | None, line: int | None
) -> None:
    """A row of the lake is not the record of that number in the file: some records are no rows."""
    rows = b"".join(b"%d,%d.5\n" % (number, number) for number in range(40))
    world.canvas.faults.report_file(b"user id,minutes\n41\n" + rows + b"nobody,1\n")
    loaded(world, REPORT, reading=Reading(world.downloads, keep=keep))
    assert [row["line_number"] for row in quarantine(world)] == [2]
    read_anew(world, OF_HEADER)
    assert sorted((row["raw"], row["line_number"]) for row in quarantine(world)) == [("41", 2), ("nobody,1", line)]

"""Files that Canvas gave are kept for a time, and read anew without Canvas; a person's file takes the same road."""

import stat
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.extract.archives import is_zip
from pipelines.extract.reports import ask
from pipelines.extract.watching import watch
from pipelines.lake import LoadOutcome
from pipelines.lake.kept_files import DamagedFileError, keep_file, restore_file
from pipelines.lake.read import live_rows
from pipelines.ledger import CommitResult, Intent, IntentState
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import get_intent
from pipelines.ledger.kept_files import KeptFile, kept_files
from pipelines.ledger.loads import live_files
from pipelines.ledger.wishes import want_file
from pipelines.load.reports import REFUSED, Reading, load_again, load_file, load_report
from pipelines.normalize.contracts import ColumnType, Table, undeclared_table
from tests.load.worlds import HOST, World

MONTH = timedelta(days=30)
HOSTED = "hosted_only_csv"
HOSTED_ROWS = b"course id,Score\n101,1.5\n102,x\n103,2\n"
TYPES = {"course id": ColumnType.BIGINT, "score": ColumnType.DOUBLE}


def reading(world: World, **types: ColumnType) -> Reading:
    return Reading(world.downloads, types, MONTH)


def load(world: World, intent: Intent, **types: ColumnType) -> LoadOutcome:
    return world.ask(lambda client: load_report(world.lake, client, intent, reading(world, **types)))


def finished(world: World, content: bytes | None = None, window: str = "today", **parameters: object) -> Intent:
    """Return a finished report, with a file of these bytes if any are given."""
    if content is not None:
        world.canvas.faults.report_file(content)
    return world.finished("provisioning_csv", window, **(parameters or {"users": True}))


def users(*rows: str) -> bytes:
    """Return the file of a provisioning report with users of some ids and names."""
    header = "canvas_user_id,user_id,login_id,first_name,last_name,full_name,sortable_name,status"
    lines = [f"{number},S{number},l{number},F,L,{name},L,active" for number, name in (row.split(" ") for row in rows)]
    return "\n".join([header, *lines, ""]).encode()


def names(world: World) -> dict[int, str]:
    return {row["canvas_user_id"]: row["full_name"] for row in world.rows("reports.provisioning_users")}


def given(world: World, window: str = "0123456789abcdef", **parameters: object) -> Intent:
    return want_file(
        world.ledger,
        instance=HOST,
        account_id=1,
        report="provisioning_csv",
        parameters=parameters or {"users": True},
        window=window,
    )


def give(world: World, path: Path, intent: Intent) -> LoadOutcome:
    return load_file(world.lake, intent, path, reading(world), extracted_at=world.clock())


def anew(world: World, kept: KeptFile, typed: Reading) -> LoadOutcome:
    """Load a kept file again that speaks for its slice."""
    outcome = load_again(world.lake, kept, typed)
    assert outcome is not None
    return outcome


def finished_lti(world: World) -> Intent:
    return world.finished("lti_report_csv", "newer", include_deleted=True)


def of_undeclared(world: World, table: Table, names: Sequence[str]) -> list[dict[str, Any]]:
    # A report that nobody declared has no key, and what is read of the lake comes ordered by one.
    return live_rows(world.lake, HOST, replace(table, key=(table.columns[0].name,)), list(names))


@pytest.mark.parametrize("parameters", [{"users": True}, {"users": True, "courses": True}], ids=["csv", "zip"])
def test_a_file_comes_back_byte_for_byte(world: World, tmp_path: Path, parameters: dict[str, Any]) -> None:
    intent = finished(world, **parameters)
    outcome = load(world, intent)
    run = world.canvas.reports.all()[-1]
    assert run.file is not None
    (kept,) = kept_files(world.ledger)
    assert (kept.load_id, kept.intent_id, kept.bytes) == (outcome.load_id, intent.intent_id, len(run.file.content))
    assert kept.extracted_at == get_intent(world.ledger, intent.intent_id).reported_ended_at
    restore_file(world.lake, kept, tmp_path / "restored")
    assert (tmp_path / "restored").read_bytes() == run.file.content
    stored = world.lake.root / kept.path
    assert is_zip(tmp_path / "restored") is stored.name.endswith(".zip") is (len(parameters) > 1)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_file_of_any_size_comes_back(world: World, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes((b"1,Zo\xc3\xab\xff\r\n" * (size // 5 + 1))[:size])
    kept = keep_file(world.lake, "report-1", world.want(), source, world.clock())
    assert kept_files(world.ledger) == [kept]
    restore_file(world.lake, kept, target)
    assert target.read_bytes() == source.read_bytes()


def test_a_csv_is_packed_and_nobody_else_may_read_it(world: World, tmp_path: Path) -> None:
    load(world, finished(world, users(*(f"{number} Name" for number in range(1, 2000)))))
    (kept,) = kept_files(world.ledger)
    path = world.lake.root / kept.path
    assert path.stat().st_size < kept.bytes / 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder = path.parent
    while folder != world.lake.root.parent:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        folder = folder.parent
    restore_file(world.lake, kept, tmp_path / "restored")
    assert stat.S_IMODE((tmp_path / "restored").stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name], "nothing half-written is left"


def test_without_a_time_to_keep_no_file_is_kept(world: World) -> None:
    world.load(finished(world))
    assert kept_files(world.ledger) == []
    assert not (world.lake.root / "files").exists()


@pytest.mark.parametrize("damage", ["flipped", "cut", "other", "gone"])
@pytest.mark.parametrize("parameters", [{"users": True}, {"users": True, "courses": True}], ids=["csv", "zip"])
def test_a_damaged_file_is_told_and_its_rows_stay(world: World, damage: str, parameters: dict[str, Any]) -> None:
    load(world, finished(world, **parameters))
    before = names(world)
    (kept,) = kept_files(world.ledger)
    path = world.lake.root / kept.path
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "gone":
        path.unlink()
    else:
        damaged = {
            "flipped": content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :],
            "cut": content[:middle],
            "other": b"canvas_user_id\n1\n",
        }[damage]
        path.write_bytes(damaged)
    with pytest.raises(DamagedFileError, match="kept file files/reports/provisioning_csv/report-") as raised:
        anew(world, kept, reading(world))
    assert str(world.home) not in str(raised.value)
    assert names(world) == before
    assert list(world.downloads.iterdir()) == []


def hosted(world: World, content: bytes = HOSTED_ROWS, window: str = "today") -> Intent:
    """Return a finished report that nobody declared: one that Canvas calls by a name of its own."""
    world.canvas.faults.report_file(content, report="lti_report_csv")
    return world.finished("lti_report_csv", window)


@pytest.fixture
def undeclared(monkeypatch: pytest.MonkeyPatch) -> Table:
    """A report that was nobody's when it was loaded: every column is text."""
    monkeypatch.setattr("pipelines.normalize.report_files.report_contract", lambda _: None)
    return undeclared_table("lti_report_csv", "", ["course id", "Score"])


def test_a_file_is_typed_anew_by_the_settings_of_today_without_asking_canvas(world: World, undeclared: Table) -> None:
    load(world, hosted(world))
    columns = ("course_id", "score", "_load_id", "_extracted_at")
    before = of_undeclared(world, undeclared, columns)
    assert [(row["course_id"], row["score"]) for row in before] == [("101", "1.5"), ("102", "x"), ("103", "2")]
    asked = len(world.canvas.requests)
    (kept,) = kept_files(world.ledger)
    world.clock.advance(3600)
    outcome = anew(world, kept, Reading(world.downloads, TYPES, MONTH))
    assert len(world.canvas.requests) == asked
    assert (outcome.result, outcome.rows) == (CommitResult.COMMITTED, {"reports.lti_report": 2})
    assert outcome.quarantined == {"reports.lti_report": 1}
    typed = undeclared_table("lti_report_csv", "", ["course id", "Score"], TYPES)
    after = of_undeclared(world, typed, columns)
    assert [(row["course_id"], row["score"]) for row in after] == [(101, 1.5), (103, 2.0)]
    assert {row["_load_id"] for row in after} == {outcome.load_id}
    assert {row["_extracted_at"] for row in after} == {row["_extracted_at"] for row in before}, "Canvas's time stays"
    assert [file.load_id for file in live_files(world.ledger) if file.table_name == undeclared.qualified] == [
        outcome.load_id
    ]


def test_a_file_is_typed_anew_by_a_contract_that_came_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.normalize.report_files.report_contract", lambda _: None)
    load(world, world.finished("lti_report_csv"))
    (before,) = [file for file in live_files(world.ledger) if file.table_name == "reports.lti_report"]
    (kept,) = kept_files(world.ledger)
    monkeypatch.undo()
    outcome = anew(world, kept, reading(world))
    assert outcome.result is CommitResult.COMMITTED
    rows = world.rows("reports.lti_report")
    assert len(rows) == outcome.rows["reports.lti_report"] == before.rows
    assert any(isinstance(value, datetime | int) for row in rows for value in row.values())


def test_reading_anew_a_second_time_does_nothing(world: World, undeclared: Table) -> None:
    load(world, hosted(world))
    (kept,) = kept_files(world.ledger)
    typed = Reading(world.downloads, TYPES, MONTH)
    anew(world, kept, typed)
    before, live = world.parquet(), live_files(world.ledger)
    assert anew(world, kept, typed).result is CommitResult.ALREADY_LOADED
    assert (world.parquet(), live_files(world.ledger)) == (before, live)
    assert anew(world, kept, reading(world)).result is CommitResult.COMMITTED, "other types, other rows"


def test_a_file_read_anew_as_it_was_read_before_changes_no_row(world: World) -> None:
    load(world, finished(world))
    (kept,) = kept_files(world.ledger)
    live = live_files(world.ledger)
    assert anew(world, kept, reading(world)).result is CommitResult.UNCHANGED
    assert live_files(world.ledger) == live
    intent = get_intent(world.ledger, kept.intent_id)
    assert intent.load_id == kept.load_id, "the wish was fulfilled by the first load"


def test_an_older_file_read_anew_does_not_replace_a_newer_report(world: World, undeclared: Table) -> None:
    load(world, hosted(world, window="monday"))
    newer = load(world, hosted(world, b"course id,Score\n101,9\n", "tuesday"))
    old, new = kept_files(world.ledger)
    typed = Reading(world.downloads, TYPES, MONTH)
    assert load_again(world.lake, old, typed) is None
    assert [row["_load_id"] for row in of_undeclared(world, undeclared, ["_load_id"])] == [newer.load_id]
    assert anew(world, new, typed).result is CommitResult.COMMITTED
    retyped = undeclared_table("lti_report_csv", "", ["course id", "Score"], TYPES)
    assert [row["score"] for row in of_undeclared(world, retyped, ["score"])] == [9.0]


def test_of_two_files_that_say_the_same_the_one_whose_rows_are_live_is_read_anew(
    world: World, undeclared: Table
) -> None:
    load(world, hosted(world, window="monday"))
    assert load(world, hosted(world, window="tuesday")).result is CommitResult.UNCHANGED
    old, new = kept_files(world.ledger)
    typed = Reading(world.downloads, TYPES, MONTH)
    assert load_again(world.lake, new, typed) is None
    assert anew(world, old, typed).result is CommitResult.COMMITTED
    late = hosted(world, b"course id,Score\n101,9\n", "wednesday")
    assert load(world, late).result is CommitResult.COMMITTED


def test_a_file_that_a_person_gave_does_not_come_back_over_a_newer_report(
    world: World, undeclared: Table, tmp_path: Path
) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(b"course id,Score\n101,1\n")
    intent = want_file(
        world.ledger,
        instance=HOST,
        account_id=1,
        report="lti_report_csv",
        parameters={"include_deleted": True},
        window="w" * 16,
    )
    give(world, path, intent)
    (given_file,) = kept_files(world.ledger)
    assert anew(world, given_file, Reading(world.downloads, TYPES, MONTH)).result is CommitResult.COMMITTED
    world.canvas.faults.report_file(b"course id,Score\n101,9\n", report="lti_report_csv")
    newer = load(world, finished_lti(world))
    assert newer.result is CommitResult.COMMITTED
    assert load_again(world.lake, given_file, Reading(world.downloads, TYPES, MONTH)) is None


def test_the_first_file_of_a_report_does_not_come_back_over_its_second(world: World, undeclared: Table) -> None:
    world.canvas.faults.report_file(b"course id,Score\n101,1\n", report="lti_report_csv")
    world.canvas.faults.report("completes_twice")
    intent = world.want("lti_report_csv", include_deleted=True)
    world.ask(lambda client: ask(world.ledger, client, intent))
    world.clock.advance(2)
    world.canvas.faults.report_file(b"course id,Score\n101,2\n", report="lti_report_csv")
    loads = []
    for seconds in (0, 700):
        world.clock.advance(seconds)
        (one,) = world.ask(lambda client: watch(world.ledger, client, HOST, idle=True)).finished
        loads.append(load(world, one))
    first, second = kept_files(world.ledger)
    assert [one.load_id for one in loads] == [first.load_id, second.load_id]
    assert load_again(world.lake, first, Reading(world.downloads, TYPES, MONTH)) is None
    assert anew(world, second, Reading(world.downloads, TYPES, MONTH)).result is CommitResult.COMMITTED


def test_a_refused_file_is_kept_and_loads_when_it_can_be_read(world: World, undeclared: Table) -> None:
    """What Canvas gave may be right and what was declared wrong; the file is there to find out."""
    wrong = dict.fromkeys(("course id", "score"), ColumnType.TIMESTAMPTZ)
    intent = hosted(world)
    with pytest.raises(REFUSED):
        load(world, intent, **wrong)
    (kept,) = kept_files(world.ledger)
    assert anew(world, kept, reading(world)).rows == {"reports.lti_report": 3}
    assert len(of_undeclared(world, undeclared, ["course_id"])) == 3


def test_the_next_attempt_keeps_the_file_once(world: World, undeclared: Table) -> None:
    intent = hosted(world)
    with pytest.raises(REFUSED):
        load(world, intent, **dict.fromkeys(("course id", "score"), ColumnType.TIMESTAMPTZ))
    outcome = load(world, intent)
    assert [kept.load_id for kept in kept_files(world.ledger)] == [outcome.load_id]


def test_a_given_file_replaces_the_rows_of_its_slice(world: World, tmp_path: Path) -> None:
    load(world, finished(world, users("1 Ann", "2 Bob"), "monday"))
    path = tmp_path / "provisioning_csv_20_Nov_2026_7.csv"
    path.write_bytes(users("1 Ann", "3 Eve"))
    asked = len(world.canvas.requests)
    world.clock.advance(60)
    outcome = give(world, path, given(world))
    assert (outcome.result, outcome.rows) == (CommitResult.COMMITTED, {"reports.provisioning_users": 2})
    assert names(world) == {1: "Ann", 3: "Eve"}
    assert len(world.canvas.requests) == asked
    intent = get_intent(world.ledger, given(world).intent_id)
    assert (intent.state, intent.load_id) == (IntentState.LOADED, outcome.load_id)
    assert {row["_extracted_at"] for row in world.rows("reports.provisioning_users", system=True)} == {world.clock()}
    assert [kept.load_id for kept in kept_files(world.ledger)][-1] == outcome.load_id
    assert path.read_bytes() == users("1 Ann", "3 Eve"), "the person's file is left as it is"
    assert list(world.downloads.iterdir()) == []


def test_a_given_zip_brings_each_of_its_tables(world: World, tmp_path: Path) -> None:
    path = tmp_path / "given.zip"
    courses = b"canvas_course_id,course_id,short_name,long_name,status\n101,C1,HIS,History,active\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.csv", users("1 Ann"))
        archive.writestr("courses.csv", courses)
    outcome = give(world, path, given(world, users=True, courses=True))
    assert outcome.rows == {"reports.provisioning_users": 1, "reports.provisioning_courses": 1}


def test_a_given_file_is_loaded_once(world: World, tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(users("1 Ann"))
    first = give(world, path, given(world))
    before, live = rows_of(world.ledger, "SELECT * FROM loads"), live_files(world.ledger)
    again = give(world, path, given(world))
    assert (again.result, again.load_id) == (CommitResult.ALREADY_LOADED, first.load_id)
    assert (rows_of(world.ledger, "SELECT * FROM loads"), live_files(world.ledger)) == (before, live)
    assert len(kept_files(world.ledger)) == 1


def test_the_next_report_replaces_a_given_file(world: World, tmp_path: Path) -> None:
    load(world, finished(world, users("1 Ann"), "monday"))
    path = tmp_path / "given.csv"
    path.write_bytes(users("2 Bob"))
    give(world, path, given(world))
    assert load(world, finished(world, users("3 Eve"), "tuesday")).result is CommitResult.COMMITTED
    assert names(world) == {3: "Eve"}


def test_a_given_file_is_the_first_of_its_slice_and_is_replaced_too(world: World, tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_bytes(users("2 Bob"))
    give(world, path, given(world))
    load(world, finished(world, users("3 Eve")))
    assert names(world) == {3: "Eve"}


def test_a_report_that_canvas_made_before_a_given_file_does_not_replace_it(world: World, tmp_path: Path) -> None:
    older = finished(world, users("1 Ann"), "monday")
    load(world, finished(world, users("2 Bob"), "tuesday"))
    path = tmp_path / "given.csv"
    path.write_bytes(users("3 Eve"))
    give(world, path, given(world))
    assert load(world, older).result is CommitResult.SUPERSEDED
    assert names(world) == {3: "Eve"}


@pytest.mark.parametrize("content", [b"", b"<html><body>Log in</body></html>", b"PK\x03\x04 torn", b"a,b\n1,2\n"])
def test_a_given_file_that_is_refused_leaves_yesterdays_rows(world: World, tmp_path: Path, content: bytes) -> None:
    load(world, finished(world, users("1 Ann")))
    path = tmp_path / "given.csv"
    path.write_bytes(content)
    intent = given(world)
    with pytest.raises(REFUSED):
        give(world, path, intent)
    assert names(world) == {1: "Ann"}
    refused = get_intent(world.ledger, intent.intent_id)
    assert refused.state is IntentState.FAILED
    assert refused.failure
    assert list(world.downloads.iterdir()) == []

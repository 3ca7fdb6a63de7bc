"""Reports into the lake, from a real server to the last cell, and what happens when Canvas fails on the way."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.canvas import CanvasError
from pipelines.canvas.account_reports import delete_run
from pipelines.canvas.errors import LinkExpiredError, LoginPageError, TruncatedDownloadError
from pipelines.demo.builders import ReportScope, grade_export, provisioning
from pipelines.demo.builders.provisioning import COLUMNS
from pipelines.demo.seed import CROSS_SHARD_USER_ID
from pipelines.extract.archives import ReportMember
from pipelines.ledger import CommitResult, IntentState
from pipelines.ledger.intents import get_intent
from pipelines.ledger.loads import live_files
from pipelines.load.reports import ReportGoneError, report_load_id
from pipelines.normalize.contracts import REPORTS, ColumnType
from pipelines.normalize.csv_files import UnreadableFileError
from pipelines.normalize.report_files import report_tables
from tests.load.worlds import World

EVERYTHING: dict[str, Any] = dict.fromkeys((*COLUMNS, "include_deleted"), True)


def expected(world: World, report: str, member: str, **parameters: object) -> list[dict[str, Any]]:
    """Return the rows of a member straight from the records of the demo Canvas, each cell typed by its column."""
    school = world.canvas.institution
    scope = ReportScope(school, school.root, {k: str(v).lower() for k, v in parameters.items()}, world.clock())
    rows = provisioning._ROWS[member](scope) if member else grade_export._rows(scope)
    header = (provisioning.COLUMNS[member] if member else grade_export.COLUMNS).split(",")
    table = REPORTS[report].tables[member]
    found = []
    for cells in rows:
        row: dict[str, Any] = {column.name: None for column in table.columns}
        for name, cell in zip(header, cells, strict=True):
            column = table.column(name.replace(" ", "_"))
            row[column.name] = _typed(cell, column.type)
        found.append(row)
    return found


def _typed(cell: object, kind: ColumnType) -> object:
    if cell is None or kind in (ColumnType.BIGINT, ColumnType.BOOLEAN):
        return cell
    if kind is ColumnType.DOUBLE:
        return float(str(cell))
    if kind is ColumnType.TIMESTAMPTZ:
        return datetime.fromisoformat(str(cell)).astimezone(UTC)
    return str(cell)


def in_one_order(rows: list[dict[str, Any]]) -> list[str]:
    def plain(value: object) -> object:
        return value.isoformat() if isinstance(value, datetime) else value

    return sorted(repr(sorted((name, plain(value)) for name, value in row.items())) for row in rows)


def test_every_cell_of_every_provisioning_file_is_what_the_school_holds(world: World) -> None:
    outcome = world.load(world.finished(**EVERYTHING))
    assert (len(outcome.rows), outcome.quarantined) == (12, {})
    for member, table in REPORTS["provisioning_csv"].tables.items():
        due = expected(world, "provisioning_csv", member, **EVERYTHING)
        assert due, member
        assert in_one_order(world.rows(table.qualified)) == in_one_order(due), member
        assert outcome.rows[table.qualified] == len(due)


def test_the_cases_that_break_pipelines_are_really_in_that_school(world: World) -> None:
    users = expected(world, "provisioning_csv", "users", **EVERYTHING)
    courses = expected(world, "provisioning_csv", "courses", **EVERYTHING)
    assert any(row["canvas_user_id"] > 2**53 for row in users) or CROSS_SHARD_USER_ID in {
        row["canvas_user_id"] for row in users
    }
    assert {"", None} < {row["user_id"] for row in users}
    assert "00012345" in {row["course_id"] for row in courses}
    assert "NA" in {row["long_name"] for row in courses}
    assert any("\n" in row["long_name"] and '"' in row["long_name"] for row in courses)


@pytest.mark.parametrize("member", ["users", "enrollments", "accounts"])
def test_a_report_with_one_file_lands_in_the_same_table_as_from_a_zip(world: World, member: str) -> None:
    parameters: dict[str, Any] = {member: True, "include_deleted": True}
    outcome = world.load(world.finished(**parameters))
    table = REPORTS["provisioning_csv"].tables[member]
    assert list(outcome.rows) == [table.qualified]
    assert in_one_order(world.rows(table.qualified)) == in_one_order(
        expected(world, "provisioning_csv", member, **parameters)
    )


def test_a_single_file_whose_parameters_say_nothing_is_known_by_its_header(tmp_path: Path) -> None:
    for member, header in COLUMNS.items():
        path = tmp_path / f"{member}.csv"
        path.write_text(header + "\n")
        (found,) = report_tables("provisioning_csv", {}, [ReportMember("", path)])
        assert found.table.name == f"provisioning_{member}"


def test_every_grade_is_what_the_school_holds(world: World) -> None:
    world.load(world.finished("grade_export_csv", include_deleted=True))
    table = REPORTS["grade_export_csv"].tables[""]
    found = world.rows(table.qualified)
    # A parallel report in Canvas has no dependable order, so only the rows themselves can be promised.
    assert in_one_order(found) == in_one_order(expected(world, "grade_export_csv", "", include_deleted=True))
    assert {row["current_score"] for row in found} > {None}


def test_the_rows_are_those_of_the_moment_the_report_ended(world: World) -> None:
    world.load(world.finished(users=True))
    (run,) = world.canvas.reports.all()
    assert run.ended_at is not None
    ended_at = run.ended_at.replace(microsecond=0)
    assert {row["_extracted_at"] for row in world.rows("reports.provisioning_users", system=True)} == {ended_at}


def test_the_token_never_reaches_the_host_of_the_files(world: World) -> None:
    world.load(world.finished())
    sent = world.canvas.requests.matching(host="files")
    assert sent
    assert not any(request.has_authorization for request in sent)


def test_a_report_that_is_loaded_is_not_fetched_again(world: World) -> None:
    intent = world.finished()
    world.load(intent)
    before, asked = world.parquet(), len(world.canvas.requests)
    again = world.load(get_intent(world.ledger, intent.intent_id))
    assert again.result is CommitResult.ALREADY_LOADED
    assert (world.parquet(), len(world.canvas.requests)) == (before, asked)
    assert get_intent(world.ledger, intent.intent_id).state is IntentState.LOADED


def test_a_report_that_says_the_same_as_yesterday_writes_nothing(world: World) -> None:
    world.load(world.finished(window="monday"))
    before = live_files(world.ledger)
    assert world.load(world.finished(window="tuesday")).result is CommitResult.UNCHANGED
    assert live_files(world.ledger) == before


def test_a_link_that_ran_out_is_asked_for_again(world: World) -> None:
    intent = world.finished()
    world.canvas.faults.expire_links(times=2)
    assert world.load(intent).result is CommitResult.COMMITTED
    assert world.canvas.faults.pending() == []


@pytest.fixture
def yesterday(world: World) -> list[dict[str, Any]]:
    """Rows that are live before the test's own report fails."""
    world.load(world.finished(window="yesterday"))
    return world.rows("reports.provisioning_users", system=True)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lambda faults: faults.expire_links(times=None), LinkExpiredError),
        (lambda faults: faults.truncate(times=None), TruncatedDownloadError),
        (lambda faults: faults.truncate(times=None, honest=True), TruncatedDownloadError),
        (lambda faults: faults.html(r"^/files/", times=None), LoginPageError),
        (lambda faults: faults.html(r"^/attachments/", times=None), LoginPageError),
        (lambda faults: faults.answer(r"^/attachments/", status=503, times=None), CanvasError),
        (lambda faults: faults.drop(r"^/attachments/", times=None), CanvasError),
    ],
    ids=["expired", "cut", "cut honestly", "login page", "page at the storage", "503", "dropped"],
)
def test_a_download_that_fails_leaves_yesterdays_rows_and_no_file(
    world: World, yesterday: list[dict[str, Any]], fault: Any, error: type[CanvasError]
) -> None:
    intent = world.finished()
    before = world.parquet()
    fault(world.canvas.faults)
    with pytest.raises(error) as raised:
        world.load(intent)
    assert "X-Amz" not in str(raised.value)
    assert world.rows("reports.provisioning_users", system=True) == yesterday
    assert world.parquet() == before
    assert list(world.downloads.iterdir()) == []
    world.canvas.faults.clear()
    assert world.load(intent).result is CommitResult.UNCHANGED


def test_a_report_deleted_meanwhile_ends_the_wish_and_says_so(world: World, yesterday: list[dict[str, Any]]) -> None:
    intent = world.finished()
    world.ask(lambda client: delete_run(client, 1, intent.report, intent.report_id or 0))
    with pytest.raises(ReportGoneError, match=r"gone from Canvas.*keep their last good rows.*canvaslake reports start"):
        world.load(intent)
    ended = get_intent(world.ledger, intent.intent_id)
    assert (ended.state, ended.failure) == (IntentState.FAILED, "The report was complete, but it is gone from Canvas")
    assert world.rows("reports.provisioning_users", system=True) == yesterday


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 torn", b"user_id\n1\n", b'canvas_user_id,"x\n1,2\n'])
def test_a_file_that_is_itself_wrong_is_refused_by_name(
    world: World, yesterday: list[dict[str, Any]], content: bytes
) -> None:
    intent = world.finished(users=True)
    run = world.canvas.reports.all()[-1]
    assert run.file is not None
    world.canvas.faults.answer(r"^/attachments/", status=200, body=content.ljust(len(run.file.content), b"\n"))
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which of the named errors hangs on the content
        world.load(intent)
    assert type(raised.value).__name__ in {"UnreadableFileError", "HostileArchiveError", "LoginPageError"}
    assert world.rows("reports.provisioning_users", system=True) == yesterday


def test_what_a_killed_load_left_on_disk_is_gone_after_the_next(world: World) -> None:
    later = world.finished(window="later")
    stale = world.downloads / f"{report_load_id(later)}-0" / "members"
    stale.mkdir(parents=True)
    (stale / "0000.csv").write_text("student data")
    world.load(later)
    assert not stale.exists()


def test_members_named_in_any_alphabet_keep_their_rows_apart(world: World, tmp_path: Path) -> None:
    members = []
    for number, name in enumerate(("2024年春", "2024年秋", "Fall 2024")):
        path = tmp_path / f"{number}.csv"
        path.write_text("student id\n1\n")
        members.append(ReportMember(name, path))
    names = [one.table.qualified for one in report_tables("user_course_access_log_csv", {}, members)]
    assert len(set(names)) == 3
    assert names[2] == "reports.user_course_access_log_fall_2024"


def test_an_empty_zip_is_not_a_report_without_rows(world: World, yesterday: list[dict[str, Any]]) -> None:
    intent = world.finished()
    run = world.canvas.reports.all()[-1]
    assert run.file is not None
    empty = b"PK\x05\x06" + bytes(18)
    comment = len(run.file.content) - len(empty)
    body = empty[:20] + comment.to_bytes(2, "little") + b" " * comment
    world.canvas.faults.answer(r"^/attachments/", status=200, body=body)
    with pytest.raises(UnreadableFileError, match="ZIP is empty"):
        world.load(intent)
    assert world.rows("reports.provisioning_users", system=True) == yesterday

"""Course reports into the lake: the document whole and private, a row that says where it is, and any rows of it."""

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.canvas.errors import LoginPageError
from pipelines.extract.report_states import Observation, observe
from pipelines.extract.reports import ask
from pipelines.extract.watching import watch
from pipelines.lake import LoadOutcome
from pipelines.lake.read import live_rows
from pipelines.lake.store import Part
from pipelines.ledger import CommitResult, Intent, IntentState
from pipelines.ledger.intents import get_intent
from pipelines.ledger.kept_files import kept_files
from pipelines.ledger.loads import live_files
from pipelines.ledger.report_facts import claim_post, record_asked
from pipelines.ledger.wishes import want
from pipelines.load.course_documents import course_parts
from pipelines.load.reports import REFUSED, Reading, load_report
from pipelines.normalize.contracts import Column, ColumnType, undeclared_table
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.normalize.csv_files import UnreadableFileError
from tests.load.worlds import HOST, NOON, World

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
COURSE, OTHER = 101, 102
COURSE_ID = Column("course_id", ColumnType.BIGINT, "The course.")


def zipped(members: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return out.getvalue()


def word_document(text: str = "Week 1") -> bytes:
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": text})


def finished(
    world: World, course: int = COURSE, report: str = "course_pace_docx", window: str = "today", **parameters: object
) -> Intent:
    """Wish for a report about a course, ask, let Canvas finish, and see it."""
    intent = want(
        world.ledger,
        instance=HOST,
        course_id=course,
        report=report,
        parameters=parameters,
        window=window,
        origin="schedule",
        deadline=timedelta(hours=12),
    )
    world.ask(lambda client: ask(world.ledger, client, intent))
    world.clock.advance(60)
    world.ask(lambda client: watch(world.ledger, client, HOST))
    return get_intent(world.ledger, intent.intent_id)


def load(world: World, intent: Intent) -> LoadOutcome:
    reading = Reading(world.downloads, keep=timedelta(days=30))
    return world.ask(lambda client: load_report(world.lake, client, intent, reading))


def documents(world: World) -> list[dict[str, Any]]:
    return live_rows(world.lake, HOST, COURSE_DOCUMENTS, [column.name for column in COURSE_DOCUMENTS.columns])


def roster(world: World, report: str, header: Sequence[str], member: str = "") -> list[dict[str, Any]]:
    """Return the rows of a table that nobody declared, with the course of each."""
    table = undeclared_table(report, member, list(header))
    with_course = replace(table, key=("course_id",), columns=(COURSE_ID, *table.columns))
    return live_rows(world.lake, HOST, with_course, [column.name for column in with_course.columns])


def test_a_word_document_is_stored_whole_and_a_row_tells_where(world: World) -> None:
    intent = finished(world, section_ids=["1"])
    outcome = load(world, intent)
    (run,) = world.canvas.reports.all_of_courses()
    assert run.file is not None
    assert (outcome.result, outcome.rows) == (CommitResult.COMMITTED, {"reports.course_documents": 1})
    (row,) = documents(world)
    stored = world.lake.root / row.pop("path")
    done = get_intent(world.ledger, intent.intent_id)
    assert row == {
        "course_id": COURSE,
        "report_type": "course_pace_docx",
        "course_report_id": run.id,
        "parameters": '{"section_ids": ["1"]}',
        "created_at": done.reported_created_at,
        "started_at": done.reported_started_at,
        "ended_at": done.reported_ended_at,
        "content_type": DOCX,
        "bytes": len(run.file.content),
        "sha256": hashlib.sha256(run.file.content).hexdigest(),
    }
    assert done.reported_ended_at is not None
    assert stored.read_bytes() == run.file.content
    assert stored.name == f"{outcome.load_id}.docx"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o700
    assert done.state is IntentState.LOADED
    assert kept_files(world.ledger) == [], "the document itself stays"
    assert list(world.downloads.iterdir()) == []


def test_a_document_that_is_loaded_is_not_fetched_again(world: World) -> None:
    intent = finished(world)
    load(world, intent)
    before, asked = world.parquet(), len(world.canvas.requests)
    assert load(world, get_intent(world.ledger, intent.intent_id)).result is CommitResult.ALREADY_LOADED
    assert (world.parquet(), len(world.canvas.requests)) == (before, asked)


def test_each_course_has_its_own_and_the_newest_document_stands(world: World) -> None:
    for course in (COURSE, OTHER):
        load(world, finished(world, course, window="monday"))
    newer = load(world, finished(world, window="tuesday"))
    found = {row["course_id"]: row for row in documents(world)}
    assert set(found) == {COURSE, OTHER}
    assert found[COURSE]["path"].endswith(f"/{newer.load_id}.docx")
    assert all((world.lake.root / row["path"]).is_file() for row in found.values())


def test_a_report_of_a_course_and_one_of_an_account_with_one_number_are_two_loads(world: World) -> None:
    course = load(world, finished(world))
    assert course.load_id.startswith("course-report-")
    assert live_files(world.ledger)[0].slice == (
        f"instance={HOST},course={COURSE},report=course_pace_docx,parameters=44136fa355b3"
    )


def test_a_table_has_the_course_in_every_row(world: World) -> None:
    world.canvas.course_catalog.switch_on("course_roster_csv")
    counts = {}
    for course in (COURSE, OTHER):
        outcome = load(world, finished(world, course, "course_roster_csv"))
        counts[course] = outcome.rows["reports.course_roster"]
    assert all(counts.values())
    header = ("user id", "user sis id", "user name")
    rows = roster(world, "course_roster_csv", header)
    for course, count in counts.items():
        assert len([row for row in rows if row["course_id"] == course]) == count
    assert all(row["user_id"] for row in rows)
    assert {row["content_type"] for row in documents(world)} == {"text/csv"}
    assert {Path(row["path"]).suffix for row in documents(world)} == {".csv"}


def test_a_zip_of_tables_is_a_table_for_each_member(world: World) -> None:
    content = zipped({"sections.csv": "section id\n1\n2\n", "people.csv": "user id,name\n7,Ann\n"})
    world.canvas.faults.report_file(content, "application/zip", "course_pace_docx")
    outcome = load(world, finished(world))
    assert outcome.rows == {
        "reports.course_documents": 1,
        "reports.course_pace_docx_sections": 2,
        "reports.course_pace_docx_people": 1,
    }
    assert documents(world)[0]["content_type"] == "application/zip"
    assert roster(world, "course_pace_docx", ["section id"], "sections") == [
        {"course_id": COURSE, "section_id": "1"},
        {"course_id": COURSE, "section_id": "2"},
    ]


def test_a_page_for_browsers_is_no_document(world: World) -> None:
    intent = finished(world)
    world.canvas.faults.login_instead_of_file(times=None)
    with pytest.raises(LoginPageError):
        load(world, intent)
    assert documents(world) == []
    assert world.parquet() == []


@pytest.fixture
def intent(world: World) -> Intent:
    wished = want(
        world.ledger,
        instance=HOST,
        course_id=COURSE,
        report="course_notes",
        parameters={},
        window="today",
        origin="command",
        deadline=timedelta(hours=1),
    )
    claim_post(world.ledger, wished.intent_id, "me")
    record_asked(world.ledger, wished.intent_id, 55, "created")
    return get_intent(world.ledger, wished.intent_id)


def seen() -> Observation:
    run = observe({"id": 55, "status": "complete", "created_at": "2026-11-21T12:00:00Z", "parameters": {}})
    assert run is not None
    return run


def parts_of(world: World, intent: Intent, content: bytes) -> tuple[dict[str, Any], bool]:
    """Return the row of a document, and whether its tables were asked for."""
    path = world.home / "report"
    path.write_bytes(content)
    read: list[bool] = []

    def tables() -> list[Part]:
        read.append(True)
        return []

    (part,) = course_parts(world.lake, intent, "course-report-55", path, seen(), tables)
    (batch,) = part.batches
    (row,) = batch.frame.to_dict("records")
    return {str(name): value for name, value in row.items()}, bool(read)


@pytest.mark.parametrize(
    ("content", "suffix", "kind", "tabular"),
    [
        (word_document(), ".docx", DOCX, False),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1,2;3", ".pdf", "application/pdf", False),
        (b"user id,name\n1,Ann\n", ".csv", "text/csv", True),
        (b"\xef\xbb\xbfuser id;name\n1;Ann\n", ".csv", "text/csv", True),
        (zipped({"a.csv": "x,y\n", "b.csv": "z\n"}), ".zip", "application/zip", True),
        (zipped({"a.csv": "x,y\n", "b.pdf": "z\n"}), ".bin", "application/octet-stream", False),
        (zipped({}), ".bin", "application/octet-stream", False),
        (b"\x89PNG\r\n\x1a\n\0\0,;", ".bin", "application/octet-stream", False),
    ],
    ids=["docx", "pdf", "csv", "semicolons", "zip of csv", "zip of others", "empty zip", "picture"],
)
def test_what_a_document_is_is_told_by_its_content(
    world: World, intent: Intent, content: bytes, suffix: str, kind: str, tabular: bool
) -> None:
    row, read = parts_of(world, intent, content)
    assert (row["content_type"], read) == (kind, tabular)
    assert row["path"] == f"files/course_documents/{COURSE}/course-report-55{suffix}"
    stored = world.lake.root / row["path"]
    assert stored.read_bytes() == content
    assert (row["bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (row["created_at"], json.loads(row["parameters"])) == (NOON, {})


@pytest.mark.parametrize("content", [b"", word_document()[:-10]], ids=["empty", "cut ZIP"])
def test_a_document_that_is_none_is_refused_and_not_stored(world: World, intent: Intent, content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        parts_of(world, intent, content)
    assert world.parquet() == []


@pytest.mark.parametrize(
    "content", [zipped({"a.csv": "x,y\n1,2\n", "b.csv": ""}), b'"user id,name\n1,Ann\n'], ids=["empty member", "header"]
)
def test_a_table_that_is_refused_leaves_no_document_behind(world: World, content: bytes) -> None:
    kind = "application/zip" if content.startswith(b"PK") else "text/csv"
    world.canvas.faults.report_file(content, kind, "course_pace_docx")
    wished = finished(world)
    with pytest.raises(REFUSED):
        load(world, wished)
    assert world.parquet() == []
    assert get_intent(world.ledger, wished.intent_id).state is IntentState.FINISHED

"""Reports of the demo Canvas in the lake, and the rows that they must have become, worked out from what Canvas holds.

The values that a report is made of are Python's own. What becomes of them is said here once more, in the words of the
facts about Canvas: no parser, contract or name of the product has a say in what is expected.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipelines.demo import Institution, Preferences
from pipelines.demo.builders import ReportScope, report_rows
from pipelines.demo.report_runs import ReportRun
from pipelines.extract.reports import ask
from pipelines.extract.watching import watch
from pipelines.lake import LoadOutcome
from pipelines.ledger import Intent, IntentState, LiveFile
from pipelines.ledger.intents import get_intent
from pipelines.ledger.loads import live_files
from pipelines.ledger.wishes import want
from pipelines.load.reports import Reading, load_report
from pipelines.warehouse import Models, PublishOutcome, Warehouse, WarehousePaths, publish
from tests.load.worlds import HOST, Rows, World

MEMBERS = (
    "users",
    "accounts",
    "terms",
    "courses",
    "sections",
    "enrollments",
    "groups",
    "group_membership",
    "group_categories",
    "xlist",
    "user_observers",
    "admins",
)
ALL_MEMBERS: dict[str, Any] = dict.fromkeys(MEMBERS, True)
SYSTEM = ("_load_id", "_extracted_at")
NOTHING_FOUND = "No outcomes found"
NO_MODELS = Models(refresh=lambda *_: [])

Sheet = tuple[tuple[str, ...], list[Sequence[Any]]]
Due = dict[str, Rows]
"""Rows by the name of their table in the schema `reports`."""


@dataclass(frozen=True)
class Loaded:
    """A report that was asked for, finished and loaded: the wish, what the load did, and the run in Canvas."""

    intent: Intent
    outcome: LoadOutcome
    run: ReportRun


def wished(
    world: World, report: str, *, account: int = 1, course: int | None = None, window: str = "", **parameters: Any
) -> Intent:
    """Write a wish for a report of an account or a course down, and ask for it."""
    intent = want(
        world.ledger,
        instance=HOST,
        account_id=None if course else account,
        course_id=course,
        report=report,
        parameters=parameters,
        # Each call is a wish of its own, whatever was asked for before.
        window=window or f"{len(world.canvas.requests)} {world.clock().isoformat()}",
        origin="schedule",
        deadline=timedelta(hours=12),
    )
    world.ask(lambda client: ask(world.ledger, client, intent))
    return get_intent(world.ledger, intent.intent_id)


def finished(world: World, report: str, **options: Any) -> Intent:
    """Ask for a report, let Canvas finish it, and see it."""
    intent = wished(world, report, **options)
    world.clock.advance(60)
    world.ask(lambda client: watch(world.ledger, client, HOST))
    seen = get_intent(world.ledger, intent.intent_id)
    assert seen.state is IntentState.FINISHED, seen.failure
    return seen


def loaded(world: World, report: str, *, reading: Reading | None = None, **options: Any) -> Loaded:
    """Ask for a report, let it finish, download it over the socket, and load it."""
    intent = finished(world, report, **options)
    reading = reading or Reading(world.downloads)
    outcome = world.ask(lambda client: load_report(world.lake, client, intent, reading))
    return Loaded(get_intent(world.ledger, intent.intent_id), outcome, run_of(world, intent))


def run_of(world: World, intent: Intent) -> ReportRun:
    """Return the run in Canvas that an intent is about."""
    runs = world.canvas.reports.all() if intent.course_id is None else world.canvas.reports.all_of_courses()
    return next(run for run in runs if run.id == intent.report_id)


@contextmanager
def switched_on(world: World, **chosen: Any) -> Iterator[None]:
    """Let Canvas make reports by some preferences for as long as the block lasts."""
    before = world.canvas.preferences
    world.canvas.preferences = replace(before, **chosen)
    yield
    world.canvas.preferences = before


@contextmanager
def other_institution(world: World, changed: Institution) -> Iterator[None]:
    """Let Canvas be another institution's for as long as the block lasts."""
    before = world.canvas.institution
    world.canvas.institution = changed
    yield
    world.canvas.institution = before


def sheets_of(world: World, one: Loaded) -> dict[str, Sheet]:
    """Return what Canvas held for a report when it was made, from what was asked for: member to columns and rows."""
    school = world.canvas.institution
    asked = {name: str(value).lower() if isinstance(value, bool) else value for name, value in _asked(one).items()}
    assert one.run.started_at is not None
    return report_rows(
        one.intent.report,
        ReportScope(
            school,
            school.account_by_id[one.run.account_id],
            asked,
            one.run.started_at,
            world.canvas.preferences,
        ),
    )


def _asked(one: Loaded) -> dict[str, Any]:
    return dict(one.intent.parameters)


def due_rows(world: World, one: Loaded, *, as_text: bool = False) -> Due:
    """Return the rows that a report must have become, by table; `as_text` for one that nobody declared."""
    report, preferences = one.intent.report, world.canvas.preferences
    sheets = sheets_of(world, one)
    base = report.removesuffix("_csv")
    if report == "mgp_grade_export_csv":
        return {base: [row for sheet in sheets.values() for row in by_period(sheet, preferences)]}
    if report == "outcome_export_csv":
        return dict(zip((base, f"{base}_ratings"), with_ratings(sheets[""]), strict=True))
    due = {}
    for member, (columns, rows) in sheets.items():
        names = list(map(column_name, columns))
        if report == "sis_export_csv" and member == "enrollments" and preferences.temporary_enrollments:
            # Three cells of the header, of which the first and the last have one name, are one cell of the rows.
            first = names.index("temporary_enrollment_source_user_id")
            del names[first + 1 : first + 3]
        found = [] if rows == [(NOTHING_FOUND,)] else rows
        typed = [dict(zip(names, (moment_or(value) for value in row), strict=True)) for row in found]
        if as_text:
            typed = [{name: text_of(value, world) for name, value in row.items()} for row in typed]
        due[f"{base}_{member}" if member else base] = typed
    return due


def by_period(sheet: Sheet, preferences: Preferences) -> Rows:
    """Return a sheet of the grade export by grading period as rows: one for each period, or one without any.

    Which cells are a period's is a matter of counting: names of periods are what people typed.
    """
    columns, rows = sheet
    if len(columns) == 1:
        return []
    scores = ["current_score", "final_score", "unposted_current_score", "unposted_final_score"]
    grades = ["current_grade", "final_grade", "unposted_current_grade", "unposted_final_grade"]
    if preferences.final_grade_override:
        scores, grades = [*scores, "override_score"], [*grades, "override_grade"]
    names, marks = [column_name(name) for name in columns], [*scores, *grades]
    start = names.index("grading_period_set_id") + 1
    width = 1 + len(marks)
    periods, rest = divmod(len(columns) - start, width)
    assert rest == 0, "the state of the enrollment stands where a period has its id"
    found: Rows = []
    for cells in rows:
        alike = dict(zip(names[:start], cells[:start], strict=True))
        last = dict(
            zip([*scores[:2], "state", *scores[2:], *grades], cells[start + (periods - 1) * width :], strict=True)
        )
        alike["enrollment_state"] = last.pop("state")
        alike |= {f"total_{name}": value for name, value in last.items()}
        none = dict.fromkeys(["grading_period", "grading_period_id", *marks])
        for number in range(periods - 1):
            at = start + number * width
            title = columns[at].removesuffix(" grading period id")
            own = dict(zip(["grading_period_id", *marks], cells[at : at + width], strict=True))
            found.append({**alike, "grading_period": title, **own})
        if periods == 1:
            found.append({**alike, **none})
    return found


def with_ratings(sheet: Sheet) -> tuple[Rows, Rows]:
    """Return outcomes and groups, and the ratings that run on behind them, two cells each."""
    columns, rows = sheet
    names = [name for name in columns if name != "ratings"]
    outcomes, ratings = [], []
    for cells in rows:
        outcomes.append(dict(zip(names, cells[: len(names)], strict=True)))
        pairs = cells[len(names) :]
        ratings += [
            {"vendor_guid": cells[0], "position": at // 2 + 1, "points": pairs[at], "description": pairs[at + 1]}
            for at in range(0, len(pairs), 2)
        ]
    return outcomes, ratings


def column_name(header: str) -> str:
    """Return a header as a name: small letters, and one underscore for whatever stands between words."""
    return "_".join(re.findall(r"[a-z0-9]+", header.lower()))


def moment_or(value: Any) -> Any:
    """Return a moment in UTC to the second, as far as files tell it; everything else as it is."""
    return value.astimezone(UTC).replace(microsecond=0) if isinstance(value, datetime) else value


def text_of(value: object, world: World) -> str | None:
    """Return a value as it stands in a file."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(world.canvas.institution.time_zone).isoformat(timespec="seconds")
    return str(value)


def files_of(world: World, table: str, intent: Intent | None = None) -> list[LiveFile]:
    """Return the live files of a table of reports, of the slice of one intent if given."""
    files = live_files(world.ledger, tables=[f"reports.{table}"])
    if intent is None:
        return files
    place = f"account={intent.account_id}" if intent.course_id is None else f"course={intent.course_id}"
    mine = f"instance={intent.instance},{place},report={intent.report},parameters={intent.parameters_hash}"
    return [file for file in files if file.slice == mine]


def lake_rows(world: World, table: str, intent: Intent | None = None) -> Rows:
    """Return the rows of a table of reports from its live Parquet files, as they lie there."""
    rows: Rows = []
    for file in files_of(world, table, intent):
        found = pq.read_table(world.lake.path_of(file), partitioning=None)
        assert found.num_rows == file.rows
        assert set(found["_load_id"].to_pylist()) <= {file.load_id}
        rows += found.drop_columns(list(SYSTEM)).to_pylist()
    return rows


def live_report_tables(world: World, intent: Intent) -> set[str]:
    """Return the tables of reports in which the slice of an intent is live."""
    names = {file.table_name for file in live_files(world.ledger) if file.table_name.startswith("reports.")}
    return {name.removeprefix("reports.") for name in names if files_of(world, name.removeprefix("reports."), intent)}


def assert_same(found: Rows, due: Rows, *, told: str = "") -> None:
    """Compare rows cell by cell, in any order and as often as they come; a column that is not due must be empty."""
    assert len(found) == len(due), f"{told}: {len(found)} rows where {len(due)} are due"
    if not due:
        return
    names = sorted(found[0])
    assert set(due[0]) <= set(names), f"{told}: no column {sorted(set(due[0]) - set(names))}"
    numbers = {name for name in names if {type(row[name]) for row in found} <= {float, type(None)}}
    there = Counter(tuple(_cell(row[name]) for name in names) for row in found)
    wanted = Counter(tuple(_cell(row.get(name), decimal=name in numbers) for name in names) for row in due)
    if there != wanted:
        lost, odd = (list(one.elements())[:2] for one in (wanted - there, there - wanted))
        pairs = [(name, a, b) for name, a, b in zip(names, *(rows[0] for rows in (lost, odd)), strict=True) if a != b]
        raise AssertionError(f"{told}: (column, due, found) {pairs[:6]}; rows due {lost}; rows found {odd}")


def _cell(value: Any, *, decimal: bool = False) -> tuple[str, Any]:
    """Return a value with its type: 1, 1.0 and True are three values; a number of points may be a whole one."""
    if decimal and type(value) is int:
        value = float(value)
    if isinstance(value, datetime):
        assert value.tzinfo is not None
        value = value.astimezone(UTC)
    return type(value).__name__, value


def assert_holds(world: World, one: Loaded, *, as_text: bool = False) -> Due:
    """Compare every cell of a loaded report with what Canvas held; return the rows that were due."""
    due = due_rows(world, one, as_text=as_text)
    assert one.outcome.quarantined == {}
    assert {name.removeprefix("reports."): rows for name, rows in one.outcome.rows.items()} == {
        table: len(rows) for table, rows in due.items()
    }
    for table, rows in due.items():
        assert_same(lake_rows(world, table, one.intent), rows, told=f"{table} {one.intent.parameters}")
    return due


def published(world: World) -> PublishOutcome:
    """Publish what the lake holds into a DuckDB file."""
    paths = WarehousePaths(world.home)
    warehouse = Warehouse(paths, world.lake, world.ledger, memory_limit="500MB", threads=1)
    return publish(warehouse, NO_MODELS)


def published_rows(world: World, sql: str) -> Rows:
    """Return what a reader of the published file gets."""
    with duckdb.connect(str(WarehousePaths(world.home).published), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows: Rows = connection.execute(sql).to_arrow_table().to_pylist()
    return rows


def quarantine(world: World) -> Rows:
    """Return the rows that are set aside now, by table and line."""
    rows: Rows = []
    for file in live_files(world.ledger, tables=["meta.quarantine"]):
        rows += pq.read_table(world.lake.path_of(file), partitioning=None).to_pylist()
    return sorted(rows, key=lambda row: (row["table_name"], row["line_number"] or 0))


def load_counts(world: World, load_id: str) -> tuple[int, int, int]:
    """Return what the ledger counted in a load: rows read, loaded and set aside."""
    with world.ledger.read() as connection:
        row = connection.execute(
            "SELECT rows_read, rows_loaded, rows_quarantined FROM loads WHERE load_id = ?", (load_id,)
        ).fetchone()
    return row["rows_read"], row["rows_loaded"], row["rows_quarantined"]


def values_in(due: Due, of: Callable[[Any], bool], tables: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Return where (table, column) a value that fits a condition occurs."""
    return sorted(
        {
            (table, column)
            for table, rows in due.items()
            for row in rows
            for column, value in row.items()
            if (tables is None or table in tables) and of(value)
        }
    )


def sha256(content: bytes) -> str:
    """Return the checksum of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()

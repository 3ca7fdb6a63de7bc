"""Every report's file, written as Canvas writes it, comes back cell by cell in its types."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.normalize.contracts import REPORTS, ColumnType, FileForm, Table, snake_case
from tests.normalize.report_facts import FileFacts, report_facts
from tests.normalize.report_text import Row, csv_text, member, read, values_of, written

_OWN_TESTS = ("mgp_grade_export_csv", "outcome_export_csv")
FILES = [(report, file) for report, facts in report_facts().items() for file in facts.files if report not in _OWN_TESTS]
_RUBY_TIMES = ("eportfolio_report_csv", "lti_report_csv")
_STARTERS_CHOICE = ("outcome_results_csv", "student_assignment_outcome_map_csv")


def text_of(report: str, name: str, value: object) -> str | None:
    if report == "user_access_tokens_csv" and name in ("expiration", "last_used") and value is None:
        return "never"
    if value is None:
        return None
    flags = {True: "1", False: "0"} if name == "learning_outcome_mastered" else None
    return written(value, ruby_time=report in _RUBY_TIMES, flags=flags)


@st.composite
def files(draw: st.DrawFn, report: str, file: FileFacts) -> tuple[bytes, list[Row]]:
    """Draw a file of a report and the rows that it must give."""
    table = REPORTS[report].tables[file.member]
    header = file.with_optional() if draw(st.booleans()) else list(file.columns)
    if table.form is FileForm.TEMPORARY_ENROLLMENTS:
        # What Canvas makes of that column has tests of its own.
        header = [name for name in header if not name.startswith("temporary")]
    present = [(table.column(snake_case(name)), name) for name in header]
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        row: Row = dict.fromkeys((column.name for column in table.columns), None)
        for column, _ in present:
            row[column.name] = draw(values_of(column.type, nullable=column.nullable))
        rows.append(row)
    chooses = report in _STARTERS_CHOICE
    separator, mark = (draw(st.sampled_from(",;")), draw(st.booleans())) if chooses else (",", False)
    lines = [[text_of(report, column.name, row[column.name]) for column, _ in present] for row in rows]
    return csv_text([header, *lines], separator, mark=mark), rows


def is_nothing_found(table: Table, rows: list[Row]) -> bool:
    return table.lone_cell_is_empty and len(rows) == 1 and sum(v is not None for v in rows[0].values()) == 1


@pytest.mark.parametrize(("report", "file"), FILES, ids=lambda one: one if isinstance(one, str) else one.member)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(data=st.data())
def test_every_cell_comes_back_in_its_type(tmp_path: Path, report: str, file: FileFacts, data: st.DataObject) -> None:
    content, rows = data.draw(files(report, file))
    table = REPORTS[report].tables[file.member]
    # The one row with a single filled cell is how Canvas says that there is none.
    due = [] if is_nothing_found(table, rows) else rows
    found = read(report, member(tmp_path, content, file.member))
    assert found == {table.name: (due, [])}


# One row of each kind of value, as texts of Canvas's, so that a reader sees what stands in the files.
ROWS: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    (
        "user_access_tokens_csv",
        {"user id": "7", "expiration": "never", "last used": "2026-07-05T10:00:00-06:00",
         "dev key id": "100000000000012"},
        {"user_id": 7, "expiration": None, "last_used": "2026-07-05 16:00:00+00:00", "dev_key_id": 100_000_000_000_012},
    ),
    (
        "eportfolio_report_csv",
        {"eportfolio_id": "3", "created_at": "2026-01-05 10:00:00 UTC", "is_public": "false"},
        {"eportfolio_id": 3, "created_at": "2026-01-05 10:00:00+00:00", "is_public": False},
    ),
    (
        "lti_report_csv",
        {"context_id": "1", "tool_created_at": "2026-01-05 10:00:00 UTC", "custom_fields": '{"a"=>"b"}'},
        {"context_id": 1, "tool_created_at": "2026-01-05 10:00:00+00:00", "custom_fields": '{"a"=>"b"}'},
    ),
    (
        "outcome_results_csv",
        {"student id": "9", "learning outcome mastered": "1", "submission date": "2026-03-08T01:59:59-07:00"},
        {"student_id": 9, "learning_outcome_mastered": True, "submission_date": "2026-03-08 08:59:59+00:00"},
    ),
    (
        "developer_key_report_csv",
        {"Global ID": "10000000000042", "Inherited from Parent Account": "true",
         "Placements": '["account_navigation"]'},
        {"global_id": 10_000_000_000_042, "inherited_from_parent_account": True,
         "placements": '["account_navigation"]'},
    ),
    (
        "course_storage_csv",
        {"id": "5", "sis id": "00042", "storage used in MB": "12.35"},
        {"id": 5, "sis_id": "00042", "storage_used_in_mb": 12.35},
    ),
    (
        "grade_export_csv",
        {"student id": "8", "course id": "2", "current score": "88.5", "current grade": "NA", "student sis": "1e5"},
        {"student_id": 8, "course_id": 2, "current_score": 88.5, "current_grade": "NA", "student_sis": "1e5"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("report", "texts", "due"), ROWS, ids=[report for report, _, _ in ROWS])
def test_the_odd_values_of_each_report_are_read(
    tmp_path: Path, report: str, texts: dict[str, str], due: dict[str, Any]
) -> None:
    header = report_facts()[report].files[0].columns
    content = csv_text([header, [texts.get(name) for name in header]])
    ((rows, aside),) = read(report, member(tmp_path, content)).values()
    assert aside == []
    found = {name: str(rows[0][name]) if "+00:00" in str(value) else rows[0][name] for name, value in due.items()}
    assert found == due
    assert {name for name, value in rows[0].items() if value is not None} == {
        name for name, value in due.items() if value is not None
    }


@pytest.mark.parametrize("report", _STARTERS_CHOICE)
@pytest.mark.parametrize(
    "row", ["No outcomes found", "Keine Lernziele gefunden", '"Aucun résultat, désolé"', "成果が見つかりません"]
)
@pytest.mark.parametrize("separator", [",", ";"])
def test_nothing_found_is_known_by_its_form_in_any_language(
    tmp_path: Path, report: str, row: str, separator: str
) -> None:
    header = separator.join(report_facts()[report].files[0].columns)
    (table,) = read(report, member(tmp_path, f"{header}\n{row}\n")).values()
    assert table == ([], [])
    (table,) = read(report, member(tmp_path, f"{header}\n{row}{separator * 3}\n")).values()
    assert table == ([], [])


@pytest.mark.parametrize("report", _STARTERS_CHOICE)
def test_a_short_row_among_others_is_not_nothing_found(tmp_path: Path, report: str) -> None:
    columns = report_facts()[report].files[0].columns
    good = csv_text([columns, ["Ann", "1", *[None] * (len(columns) - 2)]])
    (found,) = read(report, member(tmp_path, good + b"No outcomes found\n")).values()
    assert len(found[0]) == 1
    assert [(row.line_number, row.raw) for row in found[1]] == [(3, "No outcomes found")]
    (found,) = read(report, member(tmp_path, csv_text([columns]) + b"one\ntwo\n")).values()
    assert (found[0], [row.line_number for row in found[1]]) == ([], [2, 3])


def test_a_lone_cell_in_another_report_is_a_row_that_does_not_fit(tmp_path: Path) -> None:
    header = ",".join(report_facts()["zero_activity_csv"].files[0].columns)
    (found,) = read("zero_activity_csv", member(tmp_path, f"{header}\nNothing here\n")).values()
    assert (found[0], [row.line_number for row in found[1]]) == ([], [2])


def test_never_is_nothing_only_where_canvas_writes_it(tmp_path: Path) -> None:
    header = report_facts()["user_access_tokens_csv"].files[0].columns
    content = csv_text([header, ["1", "never", "never", "Never", "never", "2", "never"]])
    (found,) = read("user_access_tokens_csv", member(tmp_path, content)).values()
    assert found[0] == []
    assert found[1][0].reason == "expiration is not a time with its offset"
    content = csv_text([header, ["1", "never", "never", "never", "never", "2", "never"]])
    (found,) = read("user_access_tokens_csv", member(tmp_path, content)).values()
    assert found[0] == [
        {"user_id": 1, "user_name": "never", "token_hint": "never", "expiration": None, "last_used": None,
         "dev_key_id": 2, "dev_key_name": "never"}
    ]  # fmt: skip


def test_every_member_of_a_zip_goes_into_its_table(tmp_path: Path) -> None:
    for report in ("provisioning_csv", "sis_export_csv"):
        members = [member(tmp_path, csv_text([f.columns]), f.member) for f in report_facts()[report].files]
        assert {name: rows for name, (rows, _) in read(report, *members).items()} == {
            f"{report.removesuffix('_csv')}_{one.name}": [] for one in members
        }


def test_all_types_of_columns_are_covered_by_the_reports() -> None:
    kinds = {c.type for report in REPORTS.values() for table in report.tables.values() for c in table.columns}
    assert kinds == set(ColumnType) - {ColumnType.DATE}

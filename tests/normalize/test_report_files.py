"""Which table a file is of: by its name, by the parameters, by its header; and the files that are of none."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.extract.archives import ReportMember
from pipelines.normalize.contracts import REPORTS, ColumnType
from pipelines.normalize.csv_files import UnreadableFileError
from pipelines.normalize.report_files import report_tables
from tests.normalize.report_facts import report_facts
from tests.normalize.report_text import csv_text, member, read

CHOOSING = ("provisioning_csv", "sis_export_csv")
SELECTED = [(report, file.member) for report in CHOOSING for file in report_facts()[report].files]
HEADERS = {(facts.name, file.member): file for facts in report_facts().values() for file in facts.files}


def names(report: str, *members: ReportMember, **parameters: object) -> list[str]:
    return [one.table.name for one in report_tables(report, parameters, members)]


@pytest.mark.parametrize(("report", "selector"), SELECTED)
@pytest.mark.parametrize("with_optional", [False, True])
def test_a_plain_file_of_one_selected_member_is_known_by_its_header(
    tmp_path: Path, report: str, selector: str, with_optional: bool
) -> None:
    file = HEADERS[report, selector]
    one = member(tmp_path, csv_text([file.with_optional() if with_optional else file.columns]))
    due = [REPORTS[report].tables[selector].name]
    assert names(report, one) == due
    assert names(report, one, **{selector: "1"}) == due
    both = {selector: True, "users" if selector != "users" else "terms": "yes"}
    assert names(report, one, **both) == due


@pytest.mark.parametrize("spelled", [True, "true", "TRUE", " 1", 1, "yes", "on", "t"])
def test_the_parameters_decide_however_they_are_spelled(tmp_path: Path, spelled: object) -> None:
    # Two columns of many: the header alone would not tell.
    one = member(tmp_path, "canvas_course_id,canvas_section_id,canvas_user_id,canvas_enrollment_id\n")
    assert names("provisioning_csv", one, enrollments=spelled, users=False, terms="false") == [
        "provisioning_enrollments"
    ]


def test_an_unknown_member_of_a_known_report_loads_as_text_of_its_own(tmp_path: Path) -> None:
    members = [member(tmp_path, "canvas_user_id\n1\n", "users"), member(tmp_path, "a b,c\n007,x\n", "Pronoun sets")]
    found = read("provisioning_csv", *members)
    assert list(found) == ["provisioning_users", "provisioning_pronoun_sets"]
    assert found["provisioning_pronoun_sets"] == ([{"a_b": "007", "c": "x"}], [])


def test_a_report_nobody_declared_loads_as_text_or_in_the_types_that_are_given(tmp_path: Path) -> None:
    content = "User ID,Seen,Score\n0012,2026-01-05T10:00:00Z,1.5\nx,,\n"
    assert read("proserv_x_csv", member(tmp_path, content)) == {
        "proserv_x": (
            [{"user_id": "0012", "seen": "2026-01-05T10:00:00Z", "score": "1.5"},
             {"user_id": "x", "seen": None, "score": None}],
            [],
        )
    }  # fmt: skip
    types = {"User ID": ColumnType.BIGINT, "score": ColumnType.DOUBLE}
    ((rows, aside),) = read("proserv_x_csv", member(tmp_path, content), types=types).values()
    assert rows == [{"user_id": 12, "seen": "2026-01-05T10:00:00Z", "score": 1.5}]
    assert [(row.line_number, row.reason) for row in aside] == [(3, "user_id is not a whole number")]


def test_types_that_are_given_change_nothing_in_a_declared_report(tmp_path: Path) -> None:
    content = csv_text([HEADERS["unpublished_courses_csv", ""].columns, ["1", "0007", *[None] * 4]])
    types = {"sis id": ColumnType.BIGINT}
    ((rows, _),) = read("unpublished_courses_csv", member(tmp_path, content), types=types).values()
    assert rows[0]["sis_id"] == "0007"


def test_members_of_one_name_in_any_alphabet_keep_their_rows_apart(tmp_path: Path) -> None:
    members = [member(tmp_path, f"id\n{n}\n", name) for n, name in enumerate(("2024年春", "2024年秋", "Fall 2024"))]
    found = read("odd_csv", *members)
    assert len(found) == 3
    assert "odd_fall_2024" in found
    assert sorted(rows[0]["id"] for rows, _ in found.values()) == ["0", "1", "2"]
    assert list(read("odd_csv", *members)) == list(found)


def test_a_report_of_one_table_takes_its_file_also_from_a_zip(tmp_path: Path) -> None:
    content = csv_text([HEADERS["zero_activity_csv", ""].columns])
    assert names("zero_activity_csv", member(tmp_path, content, "zero_activity")) == ["zero_activity"]
    two = [member(tmp_path, content, "a"), member(tmp_path, content, "b")]
    assert names("zero_activity_csv", *two) == ["zero_activity_a", "zero_activity_b"]


@pytest.mark.parametrize(
    ("report", "header", "said"),
    [
        ("zero_activity_csv", "a,b", "lacks user_id"),
        ("lti_report_csv", "a,b,c", r"none of the file's 3 columns is one of reports\.lti_report"),
        ("outcome_export_csv", "title,ratings", "lacks vendor_guid"),
        (
            "last_user_access_csv",
            "userid,user name",
            r"lacks user_id.*of its 2 columns, 1 are known, and userid may be",
        ),
        ("grade_export_csv", "Student ID number,course id", "and student_id_number may be what is missing"),
        (
            "provisioning_csv",
            "canvas_user,login_id,full_name,email,status",
            r"lacks canvas_user_id.*provisioning_users",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_and_says_what_is_missing(
    tmp_path: Path, report: str, header: str, said: str
) -> None:
    # Raised before any row is read: a refused file must not begin to load.
    with pytest.raises(UnreadableFileError, match=said):
        report_tables(report, {}, [member(tmp_path, f"{header}\nsecret,secret\n")])


@pytest.mark.parametrize(("report", "selector"), SELECTED)
def test_a_member_of_which_no_column_is_known_is_refused(tmp_path: Path, report: str, selector: str) -> None:
    # Some of the tables need no column in every row: all of their rows would be NULL, in the place of the good ones.
    table = REPORTS[report].tables[selector].qualified
    content = "error,detail\nsecret,secret\n"
    for one, parameters in ((member(tmp_path, content, selector), {}), (member(tmp_path, content), {selector: True})):
        with pytest.raises(
            UnreadableFileError, match=rf"lacks|none of the file's 2 columns is one of {table}: .*{report}"
        ):
            report_tables(report, parameters, [one])


def test_a_file_without_a_header_does_not_show_its_first_row(tmp_path: Path) -> None:
    for report in ("zero_activity_csv", "lti_report_csv", "outcome_results_csv", "mgp_grade_export_csv"):
        with pytest.raises(UnreadableFileError) as raised:
            report_tables(report, {}, [member(tmp_path, "Ada Lovelace,ada@example.edu,S-0007\n1,2,3\n")])
        assert not any(word in str(raised.value) for word in ("Ada", "ada", "example", "0007"))


def test_a_missing_column_is_null_and_told_and_an_optional_one_is_only_null(tmp_path: Path) -> None:
    header = [name for name in HEADERS["grade_export_csv", ""].columns if name not in ("section sis", "final score")]
    line = ["1" if name.endswith(" id") else None for name in header]
    (table,) = report_tables("grade_export_csv", {}, [member(tmp_path, csv_text([header, line]))])
    assert set(table.missing) == {"section_sis", "final_score"}
    (batch,) = table.batches
    assert batch.frame[["section_sis", "final_score", "override_score"]].isna().all(axis=None)
    assert batch.frame["course_id"].tolist() == [1]


def test_headers_are_found_in_any_order_and_spelling_of_case(tmp_path: Path) -> None:
    content = "COURSE ID,Student  ID,zzz,current score\n5,7,kept,1.5\n"
    ((rows, _),) = read("grade_export_csv", member(tmp_path, content)).values()
    assert {name: value for name, value in rows[0].items() if value is not None} == {
        "course_id": 5,
        "student_id": 7,
        "zzz": "kept",
        "current_score": 1.5,
    }


def enrollments(tmp_path: Path, header: list[str], *rows: str) -> tuple[list[dict[str, Any]], list[Any]]:
    content = ",".join(header) + "\n" + "".join(f"{row}\n" for row in rows)
    found = read("sis_export_csv", member(tmp_path, content, "enrollments"))
    return found["sis_export_enrollments"]


TEMPORARY = "temporary_enrollment_source_user_id"
BASE = list(HEADERS["sis_export_csv", "enrollments"].columns)
THREE = [TEMPORARY, f"canvas_{TEMPORARY}", TEMPORARY]


@pytest.mark.parametrize("root", [[], ["root_account"]], ids=["one account", "consortium"])
def test_temporary_enrollments_have_three_headers_and_one_cell(tmp_path: Path, root: list[str]) -> None:
    ends = [""] * len(root), ["uni.example.edu"] * len(root)
    lines = [",".join(["C1", f"u{n}", "student", "3", "S1", "active", "", "false", f"{n:03}", *ends[n % 2]])
             for n in range(4)]  # fmt: skip
    rows, aside = enrollments(tmp_path, [*BASE, *THREE, *root], *lines)
    assert aside == []
    assert [row[TEMPORARY] for row in rows] == ["000", "001", "002", "003"]
    assert [row["root_account"] for row in rows] == [None, "uni.example.edu" if root else None] * 2
    assert {len(row) for row in rows} == {len(BASE) + 2}


def test_any_other_width_of_an_enrollment_is_set_aside(tmp_path: Path) -> None:
    good = "C1,u1,student,3,S1,active,,false,007"
    short, long_, full = good.rsplit(",", 1)[0], f"{good},x", f"{good},8,007"
    rows, aside = enrollments(tmp_path, [*BASE, *THREE], good, short, good, long_, full, good)
    assert ([row[TEMPORARY] for row in rows], [row.line_number for row in aside]) == (["007"] * 3, [3, 5, 6])
    assert aside[0].reason == "has 8 cells where the header has 9"


def test_enrollments_that_have_all_their_cells_are_read_as_their_header_says(tmp_path: Path) -> None:
    good = "C1,u1,student,3,S1,active,,false,007"
    rows, aside = enrollments(tmp_path, [*BASE, *THREE], f"{good},8,009", f"{good},8,009")
    assert aside == []
    assert (rows[0][TEMPORARY], rows[0][f"canvas_{TEMPORARY}"], rows[0][f"{TEMPORARY}_2"]) == ("007", "8", "009")
    rows, aside = enrollments(tmp_path, [*BASE, TEMPORARY], good)
    assert (rows[0][TEMPORARY], aside) == ("007", [])
    rows, aside = enrollments(tmp_path, [*BASE, *THREE])
    assert (rows, aside) == ([], [])


def test_a_report_of_many_tables_is_read_once_per_table_and_quarantined_once(tmp_path: Path) -> None:
    full = next(file for file in report_facts()["outcome_export_csv"].files if file.ragged)
    content = csv_text([full.columns, ["a", *[None] * (len(full.columns) - 2), "5", "good"], ["short"]])
    main, ratings = report_tables("outcome_export_csv", {}, [member(tmp_path, content)])
    counts = [
        (sum(len(b.frame) for b in found), sum(len(b.quarantined) for b in found), sum(b.records for b in found))
        for found in (list(main.batches), list(ratings.batches))
    ]
    assert counts == [(1, 1, 2), (1, 0, 2)]


@pytest.mark.parametrize(
    ("given", "taken_for"),
    [
        ("grade_export_csv", "outcome_results_csv"),
        ("outcome_results_csv", "grade_export_csv"),
        ("lti_report_csv", "eportfolio_report_csv"),
    ],
)
def test_a_file_of_another_report_is_refused_by_its_columns(tmp_path: Path, given: str, taken_for: str) -> None:
    header = ",".join(column.name for column in REPORTS[given].tables[""].columns)
    with pytest.raises(UnreadableFileError, match=rf"one of {given} by its columns|needs|none of the file"):
        report_tables(taken_for, {}, [member(tmp_path, f"{header}\n")])

"""The twenty reports held against what Canvas writes: a column that is forgotten or misspelled is an empty column."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipelines.demo import seeded_institution
from pipelines.demo.builders import REPORT_TYPES, ReportScope
from pipelines.normalize.contracts import (
    REPORTS,
    Column,
    ColumnType,
    FileForm,
    Parameter,
    ParameterKind,
    Privacy,
    Report,
    Table,
    report_table,
    snake_case,
)
from tests.normalize.conftest import People
from tests.normalize.report_facts import FileFacts, report_facts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACTS = report_facts()
MEMBERS = [(name, member) for name, facts in FACTS.items() for member in facts.members]
_KINDS = {
    "boolean": ParameterKind.BOOLEAN,
    "truthy": ParameterKind.TRUTHY,
    "datetime": ParameterKind.MOMENT,
    "integer(days)": ParameterKind.DAYS,
    "enum users|courses|outcomes": ParameterKind.CHOICE,
    "csv-or-array": ParameterKind.LIST,
    "csv-or-array of enrollment types": ParameterKind.LIST,
    "string-or-array": ParameterKind.LIST,
}


def shapes(report: str, member: str) -> list[FileFacts]:
    return [file for file in FACTS[report].files if file.member == member]


def test_every_report_of_canvas_is_declared_and_no_other() -> None:
    assert set(REPORTS) == set(FACTS)
    assert len(REPORTS) == 20
    assert {name: report.title for name, report in REPORTS.items()} == {n: f.title for n, f in FACTS.items()}


@pytest.mark.parametrize(("report", "member"), MEMBERS)
def test_a_table_has_exactly_the_columns_of_its_file(report: str, member: str) -> None:
    table = REPORTS[report].tables[member]
    files = shapes(report, member)
    every = [set(file.columns) | {name for name, _ in file.optional} for file in files]
    always = set.intersection(*(set(file.columns) for file in files))
    if table.form is FileForm.GRADING_PERIODS:
        (file,) = files
        every[0] |= {template.replace("{period}", "<period>") for template in file.of_each_period}
        always |= {template.replace("{period}", "<period>") for template in file.of_each_period}
        always = {name for name in always if "override" not in name}
    if table.form is FileForm.BEFORE_RATINGS:
        # The ratings are the other table's, whose columns all come from them or from the outcome that they are of.
        every[0].remove("ratings")
        child = REPORTS[report].tables["ratings"]
        assert {column.source_name for column in child.columns} == {"vendor_guid", "position", "ratings"}
    assert {column.source_name for column in table.columns} == set.union(*every)
    assert {column.source_name for column in table.columns if not column.optional} == always


@pytest.mark.parametrize("report", FACTS)
def test_a_column_is_named_after_its_header(report: str) -> None:
    for table in REPORTS[report].tables.values():
        for column in table.columns:
            prefix = "total_" if column.name.startswith("total_") else ""
            header = column.source_name.removeprefix("<period> ")
            if header not in ("ratings", "grading period id"):
                assert column.name == prefix + snake_case(header)


@pytest.mark.parametrize("report", FACTS)
def test_a_table_is_named_after_its_report_and_member(report: str) -> None:
    for member, table in REPORTS[report].tables.items():
        assert table.qualified == f"reports.{report_table(report, member)}"
        assert table.source.startswith(f"POST /api/v1/accounts/:account_id/reports/{report}")


@pytest.mark.parametrize("report", FACTS)
def test_parameters_and_their_kinds_are_those_that_canvas_takes(report: str) -> None:
    contract, facts = REPORTS[report], FACTS[report]
    assert {one.name: one.required for one in contract.parameters} == {
        name: required for name, (_, required) in facts.parameters.items()
    }
    for one in contract.parameters:
        said, _ = facts.parameters[one.name]
        due = _KINDS.get(said, ParameterKind.COURSE if one.name == "course_id" else ParameterKind.TERM)
        assert one.kind is due, one.name
        assert (one.kind is ParameterKind.CHOICE) <= bool(one.choices)
        assert one.description.endswith("."), one.name


def test_a_parameter_is_known_by_its_other_names_too() -> None:
    for report in REPORTS.values():
        for alias, name in (("enrollment_term", "enrollment_term_id"), ("course", "course_id")):
            assert report.parameter(alias) == report.parameter(name)
    assert REPORTS["zero_activity_csv"].parameter("course") is not None
    assert REPORTS["zero_activity_csv"].parameter("end_at") is None


def test_reports_whose_parameters_choose_files_say_which_and_the_clamped_window_is_known() -> None:
    choosing = {name for name, report in REPORTS.items() if report.selectors}
    assert choosing == {"provisioning_csv", "sis_export_csv"}
    for name in choosing:
        assert set(REPORTS[name].selectors) == set(FACTS[name].members)
    windows = {name: report.longest_window for name, report in REPORTS.items() if report.longest_window}
    assert windows == {"students_with_no_submissions_csv": timedelta(days=14)}


@pytest.mark.parametrize("report", ["provisioning_csv", "sis_export_csv"])
def test_members_that_are_the_same_for_every_term_are_declared_so(report: str) -> None:
    """Asked by term, these would come once for each; the rows of the other members are those of the term."""
    contract, school = REPORTS[report], seeded_institution(date(2026, 11, 21), scale=0.2)

    def built(member: str, **parameters: str) -> bytes:
        asked = {member: "true", "include_deleted": "true", **parameters}
        return REPORT_TYPES[report].build(ReportScope(school, school.root, asked, NOW)).content

    for member in contract.selectors:
        every = built(member)
        if every.count(b"\n") == 1:
            # The demo Canvas has nothing to put into it beside the header.
            assert (report, member) == ("sis_export_csv", "xlist")
            continue
        same = all(built(member, enrollment_term_id=str(term.id)) == every for term in school.terms)
        assert same is (member in contract.not_by_term), member


@pytest.mark.parametrize("report", FACTS)
def test_ids_are_whole_numbers_and_sis_ids_are_text(report: str) -> None:
    for table in REPORTS[report].tables.values():
        for column in table.columns:
            header = column.source_name
            if "sis" in header.split() or header in ("login_id", "vendor_guid") or report == "sis_export_csv":
                canvas_id = header == "role_id"
                kind = ColumnType.BIGINT if canvas_id else ColumnType.VARCHAR
                exempt = {"start_date", "end_date", "limit_section_privileges"}
                assert column.type is kind or column.name in exempt, column.name
            elif header.endswith(" id") or header in ("id", "Global ID") or header.startswith("canvas_"):
                assert column.type is (ColumnType.VARCHAR if "integration" in header else ColumnType.BIGINT) or (
                    column.name == "grading_period"
                ), column.name


@pytest.mark.parametrize("report", FACTS)
def test_scores_are_decimals_with_a_unit_and_times_are_moments(report: str) -> None:
    for table in REPORTS[report].tables.values():
        for column in table.columns:
            words = column.name.split("_")
            if words[-1] in ("score", "points", "mb") or column.name.endswith("points_possible"):
                assert (column.type, bool(column.unit)) == (ColumnType.DOUBLE, True), column.name
            if words[-1] in ("at", "date", "expiration") or column.name == "last_used":
                assert (column.type, column.unit) == (ColumnType.TIMESTAMPTZ, "UTC"), column.name
            if words[-1] in ("grade", "url", "name", "state", "status"):
                assert column.type is ColumnType.VARCHAR, column.name


@pytest.mark.parametrize("report", FACTS)
def test_what_tells_people_apart_is_marked_as_theirs(report: str) -> None:
    people = ("student_name", "user_name", "author_name", "student_sis", "student_sis_id", "user_sis_id",
              "author_sis_id", "author_login_id", "last_ip", "token_hint", "contact_info")  # fmt: skip
    for table in REPORTS[report].tables.values():
        for column in table.columns:
            if column.name in people:
                assert column.privacy is Privacy.IDENTITY, column.name
            if column.name in ("student_id", "author_id") and column.type is ColumnType.BIGINT:
                assert column.privacy is Privacy.PSEUDONYM, column.name
    assert REPORTS["zero_activity_csv"].tables[""].column("name").privacy is Privacy.IDENTITY


def test_keys_do_not_promise_what_canvas_does_not_keep() -> None:
    repeated = {"reports.provisioning_users", "reports.grade_export", "reports.mgp_grade_export",
                "reports.eportfolio_report", "reports.last_user_access", "reports.students_with_no_submissions",
                "reports.user_access_tokens", "reports.last_enrollment_activity"}  # fmt: skip
    tables = {table.qualified: table for report in REPORTS.values() for table in report.tables.values()}
    assert {name for name in repeated if tables[name].key_is_unique} == set()
    for table in tables.values():
        assert table.key, table.qualified
        if table.key_is_unique:
            assert not any(table.column(name).nullable for name in table.key), table.qualified


def test_only_outcome_reports_say_nothing_found_in_a_row_and_only_tokens_say_never() -> None:
    tables = [table for report in REPORTS.values() for table in report.tables.values()]
    assert {table.name for table in tables if table.lone_cell_is_empty} == {
        "outcome_results",
        "student_assignment_outcome_map",
    }
    assert {(table.name, column.name) for table in tables for column in table.columns if column.nulls} == {
        ("user_access_tokens", "expiration"),
        ("user_access_tokens", "last_used"),
    }
    assert {table.name for table in tables if any(column.localized for column in table.columns)} == {
        "outcome_export",
        "outcome_export_ratings",
    }


def _report(**changed: object) -> Report:
    given: dict[str, object] = {"name": "r", "title": "R", "description": "R.", "tables": {"": People}}
    return Report(**{**given, "parameters": (), **changed})  # type: ignore[arg-type]


def test_a_contract_that_contradicts_itself_cannot_be_declared() -> None:
    one = Parameter("term", ParameterKind.TERM)
    with pytest.raises(ValueError, match="twice"):
        _report(parameters=(one, Parameter("x", ParameterKind.TEXT, aliases=("term",))))
    with pytest.raises(ValueError, match="do not agree"):
        _report(parameters=(one,), selectors=("people",))
    with pytest.raises(ValueError, match="is no selector"):
        _report(parameters=(one,), not_by_term=("people",))
    with pytest.raises(ValueError, match="only a DOUBLE"):
        Column("id", ColumnType.BIGINT, "Id.", localized=True)
    with pytest.raises(ValueError, match="no numbers are localized"):
        Table("s", "t", "d", "g", (), (Column("a", ColumnType.DOUBLE, "A.", localized=True),), "s", "s", "g")

"""Contracts: what is promised to users about names, and what Canvas's reports really have in their headers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize.contracts import (
    REPORTS,
    TABLES,
    Column,
    ColumnType,
    Privacy,
    Table,
    report_table,
    snake_case,
    undeclared_table,
    unique_names,
)
from pipelines.normalize.contracts.meta import WRITTEN_TABLES

ALL = [*TABLES.values(), *WRITTEN_TABLES]
NAME = re.compile(r"^[a-z][a-z0-9_]*$")

# As Canvas's own source writes them, in order; optional ones after the bar.
HEADERS = {
    ("provisioning_csv", "users"): "canvas_user_id,user_id,integration_id,authentication_provider_id,login_id,"
    "first_name,last_name,full_name,sortable_name,short_name,email,status,created_by_sis|pronouns",
    ("provisioning_csv", "accounts"): "canvas_account_id,account_id,canvas_parent_id,parent_account_id,name,status,"
    "created_by_sis",
    ("provisioning_csv", "terms"): "canvas_term_id,term_id,name,status,start_date,end_date,created_by_sis",
    ("provisioning_csv", "courses"): "canvas_course_id,course_id,integration_id,short_name,long_name,"
    "canvas_account_id,account_id,canvas_term_id,term_id,status,start_date,end_date,course_format,"
    "canvas_blueprint_course_id,blueprint_course_id,created_by_sis",
    ("provisioning_csv", "sections"): "canvas_section_id,section_id,canvas_course_id,course_id,integration_id,name,"
    "status,start_date,end_date,canvas_account_id,account_id,created_by_sis",
    ("provisioning_csv", "enrollments"): "canvas_course_id,course_id,canvas_user_id,user_id,role,role_id,"
    "canvas_section_id,section_id,status,canvas_associated_user_id,associated_user_id,created_by_sis,base_role_type,"
    "limit_section_privileges,canvas_enrollment_id|canvas_temporary_enrollment_source_user_id,"
    "temporary_enrollment_source_user_id,root_account",
    ("provisioning_csv", "groups"): "canvas_group_id,group_id,canvas_group_category_id,group_category_id,"
    "canvas_account_id,account_id,canvas_course_id,course_id,name,status,created_by_sis,context_id,context_type,"
    "max_membership",
    ("provisioning_csv", "group_membership"): "canvas_group_id,group_id,canvas_user_id,user_id,status,created_by_sis",
    ("provisioning_csv", "group_categories"): "canvas_group_category_id,group_category_id,context_id,context_type,"
    "name,role,self_signup,group_limit,auto_leader,status",
    ("provisioning_csv", "xlist"): "canvas_xlist_course_id,xlist_course_id,canvas_section_id,section_id,status,"
    "canvas_nonxlist_course_id,nonxlist_course_id",
    ("provisioning_csv", "user_observers"): "canvas_observer_id,observer_id,canvas_student_id,student_id,status,"
    "created_by_sis",
    ("provisioning_csv", "admins"): "admin_user_name,canvas_user_id,user_id,canvas_account_id,account_id,role_id,"
    "role,status,created_by_sis|root_account",
    ("grade_export_csv", ""): "student name,student id,student sis,course,course id,course sis,section,section id,"
    "section sis,term,term id,term sis,current score,final score,enrollment state,unposted current score,"
    "unposted final score,current grade,final grade,unposted current grade,unposted final grade"
    "|student integration id,override score,override grade",
}


def test_every_declared_report_file_is_held_against_canvas() -> None:
    assert set(HEADERS) == {(report.name, member) for report in REPORTS.values() for member in report.tables}


@pytest.mark.parametrize(("report", "member"), sorted(HEADERS))
def test_a_report_has_exactly_the_columns_that_canvas_writes(report: str, member: str) -> None:
    always, _, optional = HEADERS[report, member].partition("|")
    columns = REPORTS[report].tables[member].columns
    assert {c.source_name for c in columns if not c.optional} == set(always.split(","))
    assert {c.source_name for c in columns if c.optional} == set(filter(None, optional.split(",")))
    # The parser finds a column by its header in snake case, so the name has to be just that.
    assert {c.name for c in columns} == {snake_case(c.source_name) for c in columns}


def test_ids_are_whole_numbers_and_sis_ids_are_text() -> None:
    for report, member in HEADERS:
        for column in REPORTS[report].tables[member].columns:
            if column.source.endswith(" sis") or column.name == "login_id":
                assert column.type is ColumnType.VARCHAR, column.name
            if column.name.startswith("canvas_") and column.name.endswith("_id"):
                assert column.type is ColumnType.BIGINT, column.name


def test_names_are_unique_and_can_be_typed_without_quotes() -> None:
    assert len({table.qualified for table in ALL}) == len(ALL)
    for table in ALL:
        assert NAME.match(table.schema)
        assert NAME.match(table.name)
        assert all(NAME.match(column.name) for column in table.columns), table.qualified


def test_everything_a_reader_can_see_is_described() -> None:
    for table in ALL:
        for text in (table.description, table.grain, table.source, table.slice, table.group):
            assert text.strip(), table.qualified
        for column in table.columns:
            assert column.description.endswith("."), (table.qualified, column.name)


def test_a_key_column_that_orders_rows_is_there_in_every_row_or_its_absence_means_something() -> None:
    for table in TABLES.values():
        nullable = {name for name in table.key if table.column(name).nullable}
        assert not table.key_is_unique or nullable <= {"term_id"}, table.qualified


def test_names_logins_and_sis_ids_of_people_are_marked_as_theirs() -> None:
    personal = {"first_name", "last_name", "full_name", "sortable_name", "short_name", "email", "login_id", "pronouns",
                "student_name", "student_sis", "display_name", "admin_user_name"}  # fmt: skip
    for table in TABLES.values():
        for column in table.columns:
            person_sis = column.name == "user_id" and column.type is ColumnType.VARCHAR
            if person_sis or (column.name in personal and table.name != "provisioning_courses"):
                assert column.privacy is Privacy.IDENTITY, (table.qualified, column.name)


def test_ids_of_people_are_pseudonyms_and_what_they_did_is_their_record() -> None:
    for table in TABLES.values():
        if table.schema != "analytics" or "user_id" not in {column.name for column in table.columns}:
            continue
        assert table.column("user_id").privacy is Privacy.PSEUDONYM
        # What the course sets, or says of all its students together, is nobody's own.
        of_course = {"course_id", "assignment_id", "title", "due_at", "unlock_at", "points_possible", "muted",
                     "non_digital_submission", "statistics", "max_page_views", "max_participations", "bucket",
                     "position"}  # fmt: skip
        own = {column.name for column in table.columns} - {"user_id"} - of_course
        assert own, table.qualified
        assert {table.column(name).privacy for name in own} == {Privacy.RECORD}, table.qualified


def test_a_slice_can_be_told_by_columns_that_a_scope_can_name() -> None:
    scoped = {table.qualified: table.slice_columns for table in TABLES.values() if table.schema != "meta"}
    for name, pairs in scoped.items():
        assert {scope for scope, _ in pairs} <= {"account", "term_filter", "term", "course", "user"}, name
        assert {column for _, column in pairs} <= set(TABLES[name].key), name
    for table in TABLES.values():
        if table.group in ("department", "course", "student"):
            assert table.slice_columns, table.qualified


def test_a_table_that_contradicts_itself_cannot_be_declared() -> None:
    column = Column("a", ColumnType.BIGINT, "A.")
    for columns, key in (((column, column), ()), ((column,), ("b",))):
        with pytest.raises(ValueError, match="declared"):
            Table("s", "t", "d", "g", key, columns, "s", "s", "g")


@given(st.text(max_size=20))
def test_every_header_becomes_a_name_that_stays_what_it_is(header: str) -> None:
    name = snake_case(header)
    assert re.match(r"^(_[0-9]|[a-z])[a-z0-9_]*$", name)
    assert snake_case(name.lstrip("_")) == name


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b", "a_2_2"]), max_size=8))
def test_double_headers_are_told_apart_and_the_first_keeps_its_name(names: list[str]) -> None:
    result = unique_names(names)
    assert len(set(result)) == len(result) == len(names)
    for position, name in enumerate(names):
        if name not in names[:position]:
            assert result[position] == name


def test_a_report_nobody_declared_keeps_every_column_as_text_of_people() -> None:
    table = undeclared_table("proserv_odd_csv", "Fall 2026", ["Name", "name", "Größe", ""])
    assert table.qualified == "reports.proserv_odd_fall_2026"
    assert [column.name for column in table.columns] == ["name", "name_2", "gr_e", "column"]
    assert {(c.type, c.privacy) for c in table.columns} == {(ColumnType.VARCHAR, Privacy.IDENTITY)}
    assert report_table("zero_activity_csv") == "zero_activity"

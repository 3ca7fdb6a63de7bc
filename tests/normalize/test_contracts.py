"""Contracts: what is promised to users about names. Reports are held against Canvas's in `test_report_contracts`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize.contracts import (
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


def names_no_people(table: Table) -> bool:
    """Whether names in the table are those of courses or outcomes."""
    return "course" in table.name or table.name == "outcome_export"


def test_names_logins_and_sis_ids_of_people_are_marked_as_theirs() -> None:
    personal = {"first_name", "last_name", "full_name", "sortable_name", "short_name", "email", "login_id", "pronouns",
                "student_name", "student_sis", "display_name", "admin_user_name"}  # fmt: skip
    for table in TABLES.values():
        for column in table.columns:
            person_sis = column.name == "user_id" and column.type is ColumnType.VARCHAR
            if person_sis or (column.name in personal and not names_no_people(table)):
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


def test_numbering_ten_thousand_equal_headers_takes_no_longer_than_reading_them() -> None:
    result = unique_names(["name"] * 10_000)
    assert (result[0], result[-1], len(set(result))) == ("name", "name_10000", 10_000)


def test_types_of_an_undeclared_report_are_given_by_header_or_by_name() -> None:
    types = {"Score": ColumnType.DOUBLE, "seen_at": ColumnType.TIMESTAMPTZ, "score_2": ColumnType.BIGINT}
    table = undeclared_table("odd_csv", "", ["Score", "score", "Seen at", "Note"], types)
    assert [(column.name, column.type) for column in table.columns] == [
        ("score", ColumnType.DOUBLE),
        ("score_2", ColumnType.BIGINT),
        ("seen_at", ColumnType.TIMESTAMPTZ),
        ("note", ColumnType.VARCHAR),
    ]


def test_a_report_nobody_declared_keeps_every_column_as_text_of_people() -> None:
    table = undeclared_table("proserv_odd_csv", "Fall 2026", ["Name", "name", "Größe", ""])
    assert table.qualified == "reports.proserv_odd_fall_2026"
    assert [column.name for column in table.columns] == ["name", "name_2", "gr_e", "column"]
    assert {(c.type, c.privacy) for c in table.columns} == {(ColumnType.VARCHAR, Privacy.IDENTITY)}
    assert report_table("zero_activity_csv") == "zero_activity"

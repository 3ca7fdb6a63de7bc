"""The data dictionary: an analyst finds a table and knows what its columns mean."""

from pathlib import Path

import duckdb
import pytest

from pipelines.serve import ColumnEntry, QueryError, TableEntry, describe_table, list_tables


def test_a_file_without_meta_tables_is_described_by_its_comments(warehouse: Path) -> None:
    assert list_tables(warehouse) == [
        TableEntry("marts", "dim_course", 2, 3, "Courses."),
        TableEntry("marts", "fct_day", 100_000, 1, ""),
    ]
    described = describe_table(warehouse, "marts.dim_course")
    assert described.table == TableEntry("marts", "dim_course", 2, 3, "Courses.")
    assert described.columns == (
        ColumnEntry("course_id", "BIGINT", "Canvas id."),
        ColumnEntry("name", "VARCHAR", ""),
        ColumnEntry("start_at", "TIMESTAMP WITH TIME ZONE", ""),
    )


def test_a_file_of_an_older_canvaslake_says_what_it_knew(documented: Path) -> None:
    tables = {table.qualified: table for table in list_tables(documented)}

    assert tables["marts.dim_course"] == TableEntry(
        "marts",
        "dim_course",
        2,
        3,
        "Every course.",
        grain="one row per course",
        key="course_id",
        source="sql/marts/dim_course.sql",
    )
    assert tables["marts.fct_day"].rows == 100_000
    columns = describe_table(documented, "MARTS.dim_course").columns
    assert columns[0] == ColumnEntry("course_id", "BIGINT", "Id in Canvas.", is_key=True, source="id", privacy="none")
    assert columns[2].unit == "UTC"


def test_owner_freshness_and_origin_are_read_where_the_file_has_them(documented: Path) -> None:
    with duckdb.connect(str(documented)) as con:
        con.execute("set TimeZone = 'America/Denver'")
        con.execute("alter table meta.tables add column kind varchar")
        con.execute("alter table meta.tables add column owner varchar")
        con.execute("alter table meta.tables add column extracted_at timestamptz")
        con.execute(
            "update meta.tables set kind = 'model', owner = 'team:analytics', extracted_at = '2026-02-01 12:00:00+00'"
        )
        con.execute("alter table meta.columns add column endpoint varchar")
        con.execute("alter table meta.columns add column derived_from varchar")
        con.execute("update meta.columns set endpoint = 'GET /api/v1/x', derived_from = 'staging.a.b'")

    described = describe_table(documented, "marts.dim_course")

    table = described.table
    assert (table.kind, table.owner, table.extracted_at) == ("model", "team:analytics", "2026-02-01T12:00:00Z")
    assert (described.columns[0].endpoint, described.columns[0].derived_from) == ("GET /api/v1/x", "staging.a.b")
    assert described.columns[1].endpoint == ""


def test_schemas_come_in_the_order_of_use_and_unknown_ones_last(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as con:
        for schema in ("staging", "canvas", "annex", "meta"):
            con.execute(f"create schema {schema}")
            con.execute(f"create table {schema}.t (n int)")

    found = [entry.schema for entry in list_tables(warehouse)]

    assert list(dict.fromkeys(found)) == ["marts", "canvas", "meta", "staging", "annex"]


def test_the_schema_may_be_left_out_where_no_two_have_the_table(warehouse: Path) -> None:
    assert describe_table(warehouse, "Dim_Course").table.qualified == "marts.dim_course"
    with duckdb.connect(str(warehouse)) as con:
        con.execute("create schema history")
        con.execute("create table history.dim_course (n int)")
    with pytest.raises(QueryError, match=r"history\.dim_course|marts\.dim_course"):
        describe_table(warehouse, "dim_course")
    assert describe_table(warehouse, "history.dim_course").table.columns == 1


def test_a_misspelt_table_is_answered_with_the_right_one(warehouse: Path) -> None:
    with pytest.raises(QueryError, match=r"Did you mean marts\.dim_course"):
        describe_table(warehouse, "dim_courses")

"""The data dictionary: an analyst finds a table and knows what its columns mean."""

from pathlib import Path

import pytest

from pipelines.serve import ColumnEntry, QueryError, TableEntry, describe_table, list_tables


def test_a_file_without_meta_tables_is_described_by_its_comments(warehouse: Path) -> None:
    assert list_tables(warehouse) == [
        TableEntry("marts", "dim_course", 2, 3, "Courses."),
        TableEntry("marts", "fct_day", 100_000, 1, ""),
    ]
    assert describe_table(warehouse, "marts.dim_course") == [
        ColumnEntry("course_id", "BIGINT", "Canvas id."),
        ColumnEntry("name", "VARCHAR", ""),
        ColumnEntry("start_at", "TIMESTAMP WITH TIME ZONE", ""),
    ]


def test_the_meta_tables_say_grain_key_unit_and_privacy(documented: Path) -> None:
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
    assert describe_table(documented, "marts.dim_course")[0] == ColumnEntry(
        "course_id", "BIGINT", "Id in Canvas.", is_key=True, source="id", privacy="none"
    )
    assert describe_table(documented, "MARTS.dim_course")[2].unit == "UTC"


def test_a_misspelt_table_is_answered_with_the_right_one(warehouse: Path) -> None:
    with pytest.raises(QueryError, match=r"Did you mean marts\.dim_course"):
        describe_table(warehouse, "dim_courses")

"""Published files as the tests of serving need them."""

from pathlib import Path

import duckdb
import pytest


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A small published file with comments and without meta tables."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(":memory:") as con:
        con.execute(f"attach '{path}' as w (storage_version 'v1.0.0')")
        con.execute("use w")
        con.execute("create schema marts")
        con.execute("create table marts.dim_course (course_id bigint, name varchar, start_at timestamptz)")
        con.execute("insert into marts.dim_course values (1, 'Art', '2024-07-01 12:00:00+02'), (2, null, null)")
        con.execute("comment on table marts.dim_course is 'Courses.'")
        con.execute("comment on column marts.dim_course.course_id is 'Canvas id.'")
        con.execute("create table marts.fct_day as select range as n from range(100000)")
        con.execute("use memory")
        con.execute("detach w")
    return path


@pytest.fixture
def documented(warehouse: Path) -> Path:
    """The same file with the dictionary that the warehouse package writes."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute("create schema meta")
        con.execute(
            """create table meta.tables (table_schema varchar, table_name varchar, description varchar, grain varchar,
            key varchar, source varchar, row_count bigint)"""
        )
        con.execute(
            """insert into meta.tables values ('marts', 'dim_course', 'Every course.', 'one row per course',
            'course_id', 'sql/marts/dim_course.sql', 2)"""
        )
        con.execute(
            """create table meta.columns (table_schema varchar, table_name varchar, column_name varchar,
            position integer, data_type varchar, description varchar, unit varchar, is_key boolean, source varchar,
            privacy varchar)"""
        )
        con.execute(
            """insert into meta.columns values
            ('marts', 'dim_course', 'course_id', 1, 'BIGINT', 'Id in Canvas.', '', true, 'id', 'none'),
            ('marts', 'dim_course', 'start_at', 3, 'TIMESTAMPTZ', 'First day.', 'UTC', false, 'start_at', 'none')"""
        )
    return warehouse

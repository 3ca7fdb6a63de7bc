"""A small institution in a published file: every number in it can be worked out by hand."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile

import duckdb
import pytest

from pipelines.models import load_models, model_columns, sql_folder
from pipelines.normalize.contracts import TABLES
from pipelines.normalize.contracts.meta import WRITTEN_TABLES

_LOADED = (
    "analytics.department_activity_by_date",
    "analytics.department_activity_by_category",
    "analytics.department_grades",
    "analytics.department_statistics",
    "analytics.student_page_views",
    "analytics.course_assignments",
)
_MODELS = (
    "marts.dim_account",
    "marts.dim_term",
    "marts.dim_course",
    "marts.dim_user",
    "marts.grade_distribution",
    "marts.fct_enrollment",
    "marts.course_engagement_weekly",
)

STUDENTS = range(910_001, 910_009)


def create(path: Path) -> None:
    """Make a file with every table that the overview reads, empty, with the columns that the product gives it."""
    models = model_columns(load_models(sql_folder(), set(TABLES)), TABLES)
    tables = {name: models[name] for name in _MODELS}
    for contract in (*(TABLES[name] for name in _LOADED), *WRITTEN_TABLES):
        tables[contract.qualified] = [(column.name, column.type.value) for column in contract.columns]
    with duckdb.connect(str(path)) as con:
        for schema in ("analytics", "marts", "meta"):
            con.execute(f"create schema {schema}")
        for name, columns in tables.items():
            typed = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            con.execute(f"create table {name} ({typed})")


def insert(path: Path, table: str, rows: Sequence[dict[str, object]]) -> None:
    """Put rows into a table by the names of their columns."""
    with duckdb.connect(str(path)) as con:
        put(con, table, *rows)


def put(con: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, object]) -> None:
    """Put rows into a table of an open file."""
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join(f"${name}" for name in row)
        con.execute(f"insert into {table} ({names}) values ({marks})", row)


def _fill(con: duckdb.DuckDBPyConnection) -> None:
    root = {"root_account_id": 1, "root_account_name": "Mill University", "status": "active"}
    put(
        con,
        "marts.dim_account",
        {**root, "account_id": 1, "account_name": "Mill University", "id_path": "/1/", "depth": 0, "path": "Mill"},
        {**root, "account_id": 2, "account_name": "College of Arts", "id_path": "/1/2/", "depth": 1, "path": "Arts"},
        {**root, "account_id": 3, "account_name": "Sanskrit", "id_path": "/1/3/", "depth": 1, "path": "Sanskrit"},
    )
    put(
        con,
        "marts.dim_term",
        {"term_id": 1, "term_name": "Default Term", "root_account_id": 1, "is_default": True},
        {"term_id": 2, "term_name": "Spring", "root_account_id": 1, "start_at": "2026-02-01 00:00:00+00"},
        {"term_id": 3, "term_name": "Autumn", "root_account_id": 1, "start_at": "2026-09-15 00:00:00+00"},
        {"term_id": 4, "term_name": "Next spring", "root_account_id": 1, "start_at": "2027-02-01 00:00:00+00"},
    )
    put(
        con,
        "marts.dim_course",
        {"course_id": 11, "account_id": 2, "term_id": 3},
        {"course_id": 12, "account_id": 2, "term_id": 3},
        {"course_id": 13, "account_id": 3, "term_id": 3},
        {"course_id": 14, "account_id": 2, "term_id": 2},
    )
    put(con, "marts.dim_user", *({"user_id": who, "full_name": f"Quirin Zapfelberg {who}"} for who in STUDENTS))
    autumn = {"account_id": 1, "term_filter": "term", "term_id": 3}
    spring, tiny = {**autumn, "term_id": 2}, {**autumn, "account_id": 3}
    put(
        con,
        "analytics.department_activity_by_date",
        {**autumn, "date": "2026-10-01", "views": 1100, "participations": 110},
        {**autumn, "date": "2026-10-03", "views": 50, "participations": 5},
        {**spring, "date": "2026-03-01", "views": 7777, "participations": 777},
        {**autumn, "term_id": 4, "date": "2026-10-02", "views": 8888, "participations": 888},
        {**autumn, "term_filter": "current", "term_id": None, "date": "2026-10-02", "views": 9999, "participations": 1},
        {**tiny, "date": "2026-10-01", "views": 66, "participations": 6},
    )
    put(
        con,
        "analytics.department_activity_by_category",
        {**autumn, "category": "files", "views": 300},
        {**autumn, "category": "assignments", "views": 900},
        {**spring, "category": "pages", "views": 5},
        {**tiny, "category": "files", "views": 66},
    )
    put(
        con,
        "analytics.department_statistics",
        {**autumn, "courses": 3, "teachers": 4, "students": 40, "assignments": 5, "discussion_topics": 6},
        {**tiny, "courses": 1, "teachers": 1, "students": 3, "assignments": 1, "discussion_topics": 0},
    )
    put(
        con,
        "analytics.department_grades",
        {**autumn, "score": 7, "students": 1},
        {**autumn, "score": 9, "students": 2},
        {**autumn, "score": 82, "students": 10},
        {**autumn, "score": 95, "students": 4},
        {**autumn, "score": 100, "students": 6},
        {**tiny, "score": 82, "students": 3},
    )
    put(
        con,
        "marts.grade_distribution",
        {"course_id": 11, "grade": "Good", "enrollment_state": "active", "students": 9},
        {"course_id": 12, "grade": "Good", "enrollment_state": "concluded", "students": 3},
        {"course_id": 12, "grade": "Good", "enrollment_state": "deleted", "students": 90},
        {"course_id": 11, "grade": "Excellent", "enrollment_state": "active", "students": 2},
        {"course_id": 11, "grade": None, "enrollment_state": "active", "students": 7},
        {"course_id": 14, "grade": "Good", "enrollment_state": "active", "students": 500},
    )
    put(
        con,
        "marts.fct_enrollment",
        {"course_id": 11, "final_grade": "Good", "final_score": 80},
        {"course_id": 11, "final_grade": "Excellent", "final_score": 97},
    )
    put(
        con,
        "marts.course_engagement_weekly",
        {"course_id": 11, "week_start": "2026-09-28", "is_complete": True, "views": 100, "participations": 1},
        {"course_id": 12, "week_start": "2026-09-28", "is_complete": True, "views": 200, "participations": 2},
        {"course_id": 13, "week_start": "2026-09-28", "is_complete": True, "views": 300, "participations": 3},
        {"course_id": 14, "week_start": "2026-09-28", "is_complete": True, "views": 9000, "participations": 9},
        {"course_id": 11, "week_start": "2026-10-05", "is_complete": False, "views": 1, "participations": 0},
    )
    monday = "2026-10-05 14:00:00+00"
    put(
        con,
        "analytics.student_page_views",
        *({"course_id": 11, "user_id": who, "bucket_at": monday, "bucket": "hour", "views": 3} for who in STUDENTS),
        {"course_id": 12, "user_id": 910_001, "bucket_at": monday, "bucket": "hour", "views": 2},
        {"course_id": 11, "user_id": 910_001, "bucket_at": "2026-10-06 05:00:00+00", "bucket": "hour", "views": 40},
        {"course_id": 13, "user_id": 910_002, "bucket_at": "2026-10-06 05:00:00+00", "bucket": "hour", "views": 50},
        {"course_id": 11, "user_id": 910_001, "bucket_at": "2026-10-05 00:00:00+00", "bucket": "day", "views": 70},
        {"course_id": 11, "user_id": 910_001, "bucket_at": "2026-07-01 14:00:00+00", "bucket": "hour", "views": 80},
    )
    shares = {"tardiness_on_time": 0.7, "tardiness_late": 0.2, "tardiness_missing": 0.1, "tardiness_total": 100}
    put(
        con,
        "analytics.course_assignments",
        {"course_id": 11, "assignment_id": 1, "due_at": "2026-10-12 05:59:00+00", **shares},
        {"course_id": 11, "assignment_id": 2, "due_at": "2026-10-12 07:00:00+00", **shares, "tardiness_total": 10},
        {"course_id": 11, "assignment_id": 3, "due_at": "2026-10-21 00:00:00+00", **shares},
        {"course_id": 11, "assignment_id": 4, "due_at": None, **shares},
        {"course_id": 14, "assignment_id": 5, "due_at": "2026-10-01 00:00:00+00", **shares},
    )
    student = {"scope_kind": "student", "scope_id": "11/910001", "course_id": 11, "user_id": 910_001}
    put(
        con,
        "meta.coverage",
        {"scope_kind": "account", "scope_id": "1", "endpoint": "analytics/terms/3/grades", "status": "loaded"},
        {"scope_kind": "account", "scope_id": "1", "endpoint": "analytics/terms/2/grades", "status": "loaded"},
        {"scope_kind": "account", "scope_id": "1", "endpoint": "terms", "status": "loaded"},
        {"scope_kind": "course", "scope_id": "11", "endpoint": "analytics/activity", "status": "failed"},
        {**student, "endpoint": "analytics/users/activity", "status": "forbidden", "detail": "910001 may not be read"},
    )
    put(
        con,
        "meta.loads",
        {
            "table_name": "analytics.course_activity",
            "slice": "course=11",
            "source": "course_activity",
            "rows": 30,
            "extracted_at": "2026-10-17 05:00:00+00",
        },
        {
            "table_name": "analytics.student_messages",
            "slice": "course=11/user=910001",
            "source": "student_communication",
            "rows": 4,
            "extracted_at": "2026-10-20 05:30:00+00",
        },
        {
            "table_name": "reports.grade_export",
            "slice": "account=1",
            "source": "grade_export_csv",
            "rows": 1234,
            "extracted_at": "2026-10-20 03:00:00+00",
        },
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An empty file and a full one, made once."""
    folder = tmp_path_factory.mktemp("overview")
    bare, campus = folder / "bare.duckdb", folder / "campus.duckdb"
    create(bare)
    generation = {
        "generation": 7,
        "published_at": "2026-10-20 06:00:00+00",
        "instance": "canvas.example.edu",
        "canvaslake_version": "0.1.0",
    }
    insert(bare, "meta.generation", [generation])
    copyfile(bare, campus)
    with duckdb.connect(str(campus)) as con:
        _fill(con)
    return bare, campus


@pytest.fixture
def bare(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A file that says which generation it is, and nothing else."""
    return Path(copyfile(made[0], tmp_path / "warehouse.duckdb"))


@pytest.fixture
def campus(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A university with a college and a department of three students, in its autumn."""
    return Path(copyfile(made[1], tmp_path / "warehouse.duckdb"))

"""Contracts of the grade exports: `grade_export_csv`, and `mgp_grade_export_csv` by grading period."""

from dataclasses import replace

from pipelines.normalize.contracts.model import (
    Column,
    ColumnType,
    FileForm,
    Parameter,
    ParameterKind,
    Privacy,
    Report,
)
from pipelines.normalize.contracts.parameters import INCLUDE_DELETED, SKIP_MESSAGE, TERM
from pipelines.normalize.contracts.report_tables import id_of, report_table_of, text_of

_ID, _TEXT, _SCORE = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.DOUBLE

_ENROLLMENT = (
    Column(
        "student_id",
        _ID,
        "Canvas id of the student.",
        privacy=Privacy.PSEUDONYM,
        source="student id",
        nullable=False,
    ),
    Column(
        "student_name",
        _TEXT,
        "Display name of the student.",
        privacy=Privacy.IDENTITY,
        source="student name",
    ),
    Column(
        "student_sis",
        _TEXT,
        "Id of the student in the student information system.",
        privacy=Privacy.IDENTITY,
        source="student sis",
    ),
    Column(
        "student_integration_id",
        _TEXT,
        "Second id of the student in the student information system, where exported.",
        privacy=Privacy.IDENTITY,
        source="student integration id",
        optional=True,
    ),
    Column("course", _TEXT, "Name of the course."),
    Column("course_id", _ID, "Canvas id of the course.", source="course id", nullable=False),
    Column("course_sis", _TEXT, "Id of the course in the student information system.", source="course sis"),
    Column("section", _TEXT, "Name of the section."),
    Column("section_id", _ID, "Canvas id of the section.", source="section id"),
    Column("section_sis", _TEXT, "Id of the section in the student information system.", source="section sis"),
    Column("term", _TEXT, "Name of the term."),
    Column("term_id", _ID, "Canvas id of the term.", source="term id"),
    Column("term_sis", _TEXT, "Id of the term in the student information system.", source="term sis"),
)

_RESULTS = (
    Column(
        "current_score",
        _SCORE,
        "Score over what is graded and posted.",
        unit="percent",
        privacy=Privacy.RECORD,
        source="current score",
    ),
    Column(
        "final_score",
        _SCORE,
        "Score that counts what is missing as zero, posted work only.",
        unit="percent",
        privacy=Privacy.RECORD,
        source="final score",
    ),
    Column(
        "enrollment_state",
        _TEXT,
        "active, concluded, inactive or deleted.",
        privacy=Privacy.RECORD,
        source="enrollment state",
    ),
    Column(
        "unposted_current_score",
        _SCORE,
        "Score over what is graded, posted or not.",
        unit="percent",
        privacy=Privacy.RECORD,
        source="unposted current score",
    ),
    Column(
        "unposted_final_score",
        _SCORE,
        "Score that counts what is missing as zero, posted or not.",
        unit="percent",
        privacy=Privacy.RECORD,
        source="unposted final score",
    ),
    Column(
        "override_score",
        _SCORE,
        "Score that a teacher set by hand.",
        unit="percent",
        privacy=Privacy.RECORD,
        source="override score",
        optional=True,
    ),
    Column(
        "current_grade",
        _TEXT,
        "Letter for the current score, where the course has a grading scheme.",
        privacy=Privacy.RECORD,
        source="current grade",
    ),
    Column(
        "final_grade",
        _TEXT,
        "Letter for the final score, where the course has a grading scheme.",
        privacy=Privacy.RECORD,
        source="final grade",
    ),
    Column(
        "unposted_current_grade",
        _TEXT,
        "Letter for the unposted current score.",
        privacy=Privacy.RECORD,
        source="unposted current grade",
    ),
    Column(
        "unposted_final_grade",
        _TEXT,
        "Letter for the unposted final score.",
        privacy=Privacy.RECORD,
        source="unposted final grade",
    ),
    Column(
        "override_grade",
        _TEXT,
        "Letter that a teacher set by hand.",
        privacy=Privacy.RECORD,
        source="override grade",
        optional=True,
    ),
)

GRADE_EXPORT = report_table_of(
    "grade_export_csv",
    "Scores and grades of students, by section. A student in two sections of a course has two rows.",
    "one row per student enrollment in a section",
    ("course_id", "section_id", "student_id"),
    (*_ENROLLMENT, *_RESULTS),
    unique=False,
)

_STATE = next(column for column in _RESULTS if column.name == "enrollment_state")
_SCORES_AND_GRADES = tuple(column for column in _RESULTS if column is not _STATE)


def _in_period(column: Column) -> Column:
    return replace(
        column,
        description=f"{column.description.removesuffix('.')}, in the grading period.",
        source=f"<period> {column.source}",
    )


def _in_course(column: Column) -> Column:
    return replace(
        column,
        name=f"total_{column.name}",
        description=f"{column.description.removesuffix('.')}, in the whole course.",
    )


MGP_GRADE_EXPORT = report_table_of(
    "mgp_grade_export_csv",
    "Scores and grades of students, by section and grading period. Where a set has no active period, an enrollment "
    "has one row without any.",
    "one row per student enrollment in a section and grading period",
    ("course_id", "section_id", "student_id", "grading_period_id"),
    (
        *_ENROLLMENT,
        text_of("grading period set", "Name of the set of grading periods of the term."),
        id_of("grading period set id", "Canvas id of that set."),
        Column("grading_period", _TEXT, "Name of the grading period.", source="<period> grading period id"),
        Column("grading_period_id", _ID, "Canvas id of the grading period.", source="<period> grading period id"),
        *map(_in_period, _SCORES_AND_GRADES),
        _STATE,
        *map(_in_course, _SCORES_AND_GRADES),
    ),
    unique=False,
    form=FileForm.GRADING_PERIODS,
)

GRADE_EXPORT_CSV = Report(
    name="grade_export_csv",
    title="Grade Export",
    description="Current and final scores and grades of every student.",
    tables={"": GRADE_EXPORT},
    parameters=(
        TERM,
        INCLUDE_DELETED,
        Parameter(
            "limiting_period",
            ParameterKind.DAYS,
            description="With include_deleted: what was deleted or concluded in the last days only.",
        ),
        SKIP_MESSAGE,
    ),
)

MGP_GRADE_EXPORT_CSV = Report(
    name="mgp_grade_export_csv",
    title="Multiple Grading Periods Grade Export",
    description="Scores and grades of every student by grading period; a ZIP with a member for each term.",
    tables={"": MGP_GRADE_EXPORT},
    parameters=(
        replace(TERM, required=True, description="Only this term. Without it: all active terms."),
        SKIP_MESSAGE,
    ),
)

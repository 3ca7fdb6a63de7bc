"""Contracts of the outcome reports: results by assessment, the map of students to outcomes, the outcomes themselves."""

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
from pipelines.normalize.contracts.report_tables import (
    SIS,
    flag_of,
    id_of,
    number_of,
    report_table_of,
    text_of,
    time_of,
)

_RECORD = Privacy.RECORD

_STUDENT = (
    text_of("student name", "Name of the student.", privacy=Privacy.IDENTITY),
    id_of("student id", "Canvas id of the student.", privacy=Privacy.PSEUDONYM, needed=True),
    text_of("student sis id", f"Id of the student {SIS}.", privacy=Privacy.IDENTITY),
)
_SUBMISSION = (
    time_of("submission date", "When the work was submitted.", privacy=_RECORD),
    number_of("submission score", "Score of the submission.", "points", privacy=_RECORD),
    text_of("learning outcome name", "Name of the outcome."),
    id_of("learning outcome id", "Canvas id of the outcome."),
    replace(id_of("attempt", "Which attempt was assessed.", privacy=_RECORD), unit="attempt from 1"),
    number_of("outcome score", "Score for the outcome.", "points", privacy=_RECORD),
)
_PLACE = (
    text_of("course name", "Name of the course."),
    id_of("course id", "Canvas id of the course."),
    text_of("course sis id", f"Id of the course {SIS}."),
    text_of("section name", "Name of the section."),
    id_of("section id", "Canvas id of the section."),
    text_of("section sis id", f"Id of the section {SIS}."),
    text_of("assignment url", "Web address of the assignment."),
)
_OUTCOME = (
    text_of("learning outcome friendly name", "Name of the outcome as students see it."),
    number_of("learning outcome points possible", "Highest score for the outcome; empty where hidden.", "points"),
    number_of("learning outcome mastery score", "Score from which the outcome is mastered.", "points"),
    flag_of("learning outcome mastered", "Whether the student mastered the outcome.", privacy=_RECORD),
    text_of("learning outcome rating", "Rating of the outcome in words.", privacy=_RECORD),
    number_of("learning outcome rating points", "Points of that rating.", "points", privacy=_RECORD),
    text_of("learning outcome group title", "Name of the group of outcomes."),
    id_of("learning outcome group id", "Canvas id of the group of outcomes."),
    id_of("account id", "Canvas id of the account of the course."),
    text_of("account name", "Name of the account of the course."),
    text_of("enrollment state", "State of the enrollment: active, completed, inactive and others.", privacy=_RECORD),
)

OUTCOME_RESULTS = report_table_of(
    "outcome_results_csv",
    "Results of students in outcomes, by assessment and, for quizzes, by question.",
    "one row per student, assessment, outcome and question",
    ("course_id", "student_id", "assessment_id", "learning_outcome_id", "assessment_question_id"),
    (
        *_STUDENT,
        text_of("assessment title", "Title of the assignment or quiz."),
        id_of("assessment id", "Canvas id of the assignment or quiz."),
        text_of("assessment type", "quiz or assignment."),
        *_SUBMISSION,
        text_of("assessment question", "Name of the question, for quizzes."),
        id_of("assessment question id", "Canvas id of the question, for quizzes."),
        *_PLACE,
        *_OUTCOME,
    ),
    unique=False,
    lone_cell_is_empty=True,
)

STUDENT_ASSIGNMENT_OUTCOME_MAP = report_table_of(
    "student_assignment_outcome_map_csv",
    "Students with the assignments that assess outcomes, submitted or not.",
    "one row per student, assignment and outcome",
    ("course_id", "student_id", "assignment_id", "learning_outcome_id"),
    (
        *_STUDENT,
        text_of("assignment title", "Title of the assignment."),
        id_of("assignment id", "Canvas id of the assignment."),
        *_SUBMISSION,
        *_PLACE,
        *_OUTCOME,
    ),
    unique=False,
    lone_cell_is_empty=True,
)

_GUID = text_of("vendor_guid", "Id of the outcome or group in an import file.", needed=True)

OUTCOME_EXPORT = report_table_of(
    "outcome_export_csv",
    "Outcomes and their groups, in the columns of an import file. The ratings stand in outcome_export_ratings.",
    "one row per outcome or group",
    ("vendor_guid",),
    (
        _GUID,
        text_of("object_type", "group or outcome."),
        text_of("title", "Name of the outcome or group."),
        text_of("description", "What it is about, as HTML."),
        text_of("friendly_description", "Description as students see it."),
        text_of("display_name", "Name of the outcome as students see it."),
        # Where scales of mastery belong to the account, the file has none of these three.
        replace(text_of("calculation_method", "How scores become one: highest, latest, ..."), optional=True),
        replace(
            id_of("calculation_int", "Number that the calculation method takes."),
            unit="percent or results, by the method",
            optional=True,
        ),
        text_of("parent_guids", "Ids of the groups that it is in, separated by spaces."),
        text_of("workflow_state", "active or deleted."),
        Column(
            "mastery_points",
            ColumnType.DOUBLE,
            "Points from which the outcome is mastered.",
            "points",
            optional=True,
            localized=True,
        ),
    ),
    unique=False,
    form=FileForm.BEFORE_RATINGS,
)

OUTCOME_EXPORT_RATINGS = report_table_of(
    "outcome_export_csv",
    "The ratings of outcomes: which points stand for which words.",
    "one row per outcome and rating",
    ("vendor_guid", "position"),
    (
        _GUID,
        Column("position", ColumnType.BIGINT, "Place of the rating.", "place from 1", nullable=False),
        Column("points", ColumnType.DOUBLE, "Points of the rating.", "points", source="ratings", localized=True),
        Column("description", ColumnType.VARCHAR, "The rating in words.", source="ratings"),
    ),
    member="ratings",
    unique=False,
    form=FileForm.RATINGS,
)

_ORDER = Parameter(
    "order",
    ParameterKind.CHOICE,
    description="What the rows are sorted by; users, if absent.",
    choices=("users", "courses", "outcomes"),
)

OUTCOME_RESULTS_CSV = Report(
    name="outcome_results_csv",
    title="Outcome Results",
    description="Results of students in outcomes.",
    tables={"": OUTCOME_RESULTS},
    parameters=(TERM, _ORDER, INCLUDE_DELETED, SKIP_MESSAGE),
)
STUDENT_ASSIGNMENT_OUTCOME_MAP_CSV = Report(
    name="student_assignment_outcome_map_csv",
    title="Student Competency",
    description="Students with the assignments that assess outcomes, submitted or not.",
    tables={"": STUDENT_ASSIGNMENT_OUTCOME_MAP},
    parameters=(TERM, INCLUDE_DELETED, SKIP_MESSAGE),
)
OUTCOME_EXPORT_CSV = Report(
    name="outcome_export_csv",
    title="Outcome Export",
    description="Outcomes, their groups and their ratings.",
    tables={"": OUTCOME_EXPORT, "ratings": OUTCOME_EXPORT_RATINGS},
    parameters=(SKIP_MESSAGE,),
)

REPORTS = (OUTCOME_RESULTS_CSV, STUDENT_ASSIGNMENT_OUTCOME_MAP_CSV, OUTCOME_EXPORT_CSV)

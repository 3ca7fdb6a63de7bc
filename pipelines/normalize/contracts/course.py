"""Contracts of course analytics: a course's activity, its assignments with the class's statistics, its students."""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

_ID, _TEXT, _TIME, _FLAG = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ, ColumnType.BOOLEAN
_DATE, _NUMBER = ColumnType.DATE, ColumnType.DOUBLE

_COURSE = Column("course_id", _ID, "Canvas id of the course.", nullable=False, references="canvas.courses.course_id")
_ASSIGNMENT = Column("assignment_id", _ID, "Canvas id of the assignment.", nullable=False)
_SLICE = (("course", "course_id"),)
_PREFIX = "GET /api/v1/courses/:course_id/analytics"

COURSE_ACTIVITY = Table(
    schema="analytics",
    name="course_activity",
    description=(
        "Page views and participations of a course by day, teachers included. A day that Canvas does not list had none."
    ),
    grain="one row per course and UTC day",
    key=("course_id", "date"),
    columns=(
        _COURSE,
        Column("date", _DATE, "The day, in UTC.", "UTC day", nullable=False),
        Column("views", _ID, "Page views on that day.", "views"),
        Column("participations", _ID, "Participations on that day.", "participations"),
    ),
    source=f"{_PREFIX}/activity",
    slice="course",
    group="course",
    slice_columns=_SLICE,
)

COURSE_ASSIGNMENTS = Table(
    schema="analytics",
    name="course_assignments",
    description=(
        "Assignments of a course with the statistics of the class. Canvas rounds the scores to a 25th of the points; "
        "a student in two sections counts twice, and assignments that no student has are left out."
    ),
    grain="one row per course and assignment",
    key=("course_id", "assignment_id"),
    columns=(
        _COURSE,
        _ASSIGNMENT,
        Column("title", _TEXT, "Title of the assignment."),
        Column("due_at", _TIME, "When it is due; NULL for never.", "UTC"),
        Column(
            "unlock_at", _TIME, "When it opens. NULL also where Canvas leaves it out, as it does for admins.", "UTC"
        ),
        Column("points_possible", _NUMBER, "Points of full marks.", "points"),
        Column("muted", _FLAG, "Whether grades are hidden from students."),
        Column("multiple_due_dates", _FLAG, "Whether due dates differ; NULL where Canvas leaves it out."),
        Column("non_digital_submission", _FLAG, "Whether nothing is handed in through Canvas."),
        Column("min_score", _NUMBER, "Lowest score; NULL before any grade.", "points"),
        Column("first_quartile", _NUMBER, "Score that a quarter of the class does not pass.", "points"),
        Column("median", _NUMBER, "Score in the middle of the class.", "points"),
        Column("third_quartile", _NUMBER, "Score that three quarters of the class do not pass.", "points"),
        Column("max_score", _NUMBER, "Highest score.", "points"),
        Column("tardiness_missing", _NUMBER, "Share of the class whose work is missing.", "fraction 0..1"),
        Column("tardiness_late", _NUMBER, "Share of the class that handed in late.", "fraction 0..1"),
        Column("tardiness_on_time", _NUMBER, "Share of the class that handed in on time.", "fraction 0..1"),
        Column(
            "tardiness_floating",
            _NUMBER,
            "Share of the class that neither handed in nor is late. Canvas mostly leaves it at 0.",
            "fraction 0..1",
        ),
        Column("tardiness_total", _ID, "Submissions that the shares are of.", "submissions"),
    ),
    source=f"{_PREFIX}/assignments",
    slice="course",
    group="course",
    slice_columns=_SLICE,
)

COURSE_ASSIGNMENT_MODULES = Table(
    schema="analytics",
    name="course_assignment_modules",
    description="The modules that an assignment stands in, where Canvas gives them: not to admins and teachers.",
    grain="one row per course, assignment and module",
    key=("course_id", "assignment_id", "module_id"),
    columns=(_COURSE, _ASSIGNMENT, Column("module_id", _ID, "Canvas id of the module.", nullable=False)),
    source=f"{_PREFIX}/assignments",
    slice="course",
    group="course",
    slice_columns=_SLICE,
)


def _count(name: str, description: str, unit: str, privacy: Privacy = Privacy.RECORD) -> Column:
    return Column(name, _ID, description, unit, privacy)


STUDENT_SUMMARIES = Table(
    schema="analytics",
    name="student_summaries",
    description="Each student of a course in numbers: views, participations, and how punctual the work was.",
    grain="one row per course and student",
    key=("course_id", "user_id"),
    columns=(
        _COURSE,
        Column("user_id", _ID, "Canvas id of the student.", "", Privacy.PSEUDONYM, "id", nullable=False),
        _count("page_views", "Page views; NULL where Canvas's page view service does not know the student.", "views"),
        _count("max_page_views", "The most page views of any student of the course.", "views", Privacy.NONE),
        _count(
            "page_views_level",
            "0 for none, then a band among the course's students from the least, 1, to the most, 3.",
            "level 0..3",
        ),
        _count("participations", "Participations; NULL as for page_views.", "participations"),
        _count(
            "max_participations",
            "The most participations of any student of the course.",
            "participations",
            Privacy.NONE,
        ),
        _count("participations_level", "0 for none, then a band as for page_views_level.", "level 0..3"),
        _count("tardiness_total", "Assignments of the student.", "assignments"),
        _count("tardiness_missing", "Assignments that are missing.", "assignments"),
        _count("tardiness_late", "Assignments handed in late.", "assignments"),
        _count("tardiness_on_time", "Assignments handed in on time.", "assignments"),
        _count("tardiness_floating", "Assignments neither handed in nor late.", "assignments"),
    ),
    source=f"{_PREFIX}/student_summaries",
    slice="course",
    group="course",
    slice_columns=_SLICE,
)

TABLES = (COURSE_ACTIVITY, COURSE_ASSIGNMENTS, COURSE_ASSIGNMENT_MODULES, STUDENT_SUMMARIES)

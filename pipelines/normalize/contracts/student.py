"""Contracts of student analytics: what one student of one course viewed, took part in, handed in and wrote."""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

_ID, _TEXT, _TIME, _FLAG = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ, ColumnType.BOOLEAN
_DATE, _NUMBER = ColumnType.DATE, ColumnType.DOUBLE
_RECORD = Privacy.RECORD

_WHO = (
    Column("course_id", _ID, "Canvas id of the course.", nullable=False, references="canvas.courses.course_id"),
    Column("user_id", _ID, "Canvas id of the student.", privacy=Privacy.PSEUDONYM, nullable=False),
)
_SLICE = (("course", "course_id"), ("user", "user_id"))
_PREFIX = "GET /api/v1/courses/:course_id/analytics/users/:student_id"

STUDENT_PAGE_VIEWS = Table(
    schema="analytics",
    name="student_page_views",
    description="Page views of a student in a course by hour, or by day where Canvas keeps no hours.",
    grain="one row per course, student and hour (or day)",
    key=("course_id", "user_id", "bucket_at", "bucket"),
    columns=(
        *_WHO,
        Column(
            "bucket_at",
            _TIME,
            "Start of the hour; for a day, midnight UTC of that day.",
            "UTC",
            _RECORD,
            nullable=False,
        ),
        Column("bucket", _TEXT, "hour or day: what the row sums up.", nullable=False, accepted=("hour", "day")),
        Column("views", _ID, "Page views in that time.", "views", _RECORD, nullable=False),
    ),
    source=f"{_PREFIX}/activity",
    slice="course, student",
    group="student",
    slice_columns=_SLICE,
)

STUDENT_PARTICIPATIONS = Table(
    schema="analytics",
    name="student_participations",
    description="What a student took part in, in a course: handed in, posted, answered.",
    grain="one row per participation",
    key=("course_id", "user_id", "position"),
    columns=(
        *_WHO,
        Column(
            "position", _ID, "Place in Canvas's list, which begins with the oldest.", "place from 1", nullable=False
        ),
        Column("created_at", _TIME, "When it happened.", "UTC", _RECORD),
        Column("url", _TEXT, "The page that it happened on; may be NULL or without a host.", "", _RECORD),
    ),
    source=f"{_PREFIX}/activity",
    slice="course, student",
    group="student",
    slice_columns=_SLICE,
)

STUDENT_ASSIGNMENTS = Table(
    schema="analytics",
    name="student_assignments",
    description="The assignments of a student in a course, and what became of each.",
    grain="one row per course, student and assignment",
    key=("course_id", "user_id", "assignment_id"),
    columns=(
        *_WHO,
        Column("assignment_id", _ID, "Canvas id of the assignment.", nullable=False),
        Column("title", _TEXT, "Title of the assignment."),
        Column("due_at", _TIME, "When it is due for this student; NULL for never.", "UTC"),
        Column("unlock_at", _TIME, "When it opens for this student; NULL for always open.", "UTC"),
        Column("points_possible", _NUMBER, "Points of full marks.", "points"),
        Column("non_digital_submission", _FLAG, "Whether nothing is handed in through Canvas."),
        Column(
            "status",
            _TEXT,
            "on_time, late, missing or floating (neither handed in nor late).",
            "",
            _RECORD,
            accepted=("on_time", "late", "missing", "floating"),
        ),
        Column("muted", _FLAG, "Whether grades are hidden from students."),
        Column("excused", _FLAG, "Whether the student need not do it; NULL without a submission.", "", _RECORD),
        # The statistics stand in course_assignments: here they would change every student's rows with every grade.
        Column("statistics", _FLAG, "Whether the answer carried the class's statistics; see course_assignments."),
        Column("submission_score", _NUMBER, "Score of the student; NULL before it is graded.", "points", _RECORD),
        Column(
            "submission_submitted_at",
            _TIME,
            "When it was handed in. Canvas may derive it from the grade or the due date for work done elsewhere.",
            "UTC",
            _RECORD,
        ),
        Column("submission_posted_at", _TIME, "When the grade was shown to the student.", "UTC", _RECORD),
    ),
    source=f"{_PREFIX}/assignments",
    slice="course, student",
    group="student",
    slice_columns=_SLICE,
)

STUDENT_MESSAGES = Table(
    schema="analytics",
    name="student_messages",
    description=(
        "Messages between a student and the instructors of a course by day. Conversations only; with several "
        "instructors on one day Canvas counts one of them."
    ),
    grain="one row per course, student and UTC day with a message",
    key=("course_id", "user_id", "date"),
    columns=(
        *_WHO,
        Column("date", _DATE, "The day, in UTC.", "UTC day", _RECORD, nullable=False),
        Column(
            "instructor_messages",
            _ID,
            "Messages of instructors to the student; 0 where Canvas leaves the count out.",
            "messages",
            _RECORD,
            "instructorMessages",
        ),
        Column(
            "student_messages",
            _ID,
            "Messages of the student to instructors; 0 where Canvas leaves the count out.",
            "messages",
            _RECORD,
            "studentMessages",
        ),
    ),
    source=f"{_PREFIX}/communication",
    slice="course, student",
    group="student",
    slice_columns=_SLICE,
)

TABLES = (STUDENT_PAGE_VIEWS, STUDENT_PARTICIPATIONS, STUDENT_ASSIGNMENTS, STUDENT_MESSAGES)

"""Contracts of the directory: accounts, terms, courses."""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

_ID, _TEXT, _TIME, _FLAG = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ, ColumnType.BOOLEAN

ACCOUNTS = Table(
    schema="canvas",
    name="accounts",
    description="The account tree: the root accounts that were asked for and every account below them.",
    grain="one row per account",
    key=("account_id",),
    columns=(
        Column("account_id", _ID, "Canvas id of the account.", source="id", nullable=False),
        Column("name", _TEXT, "Display name of the account."),
        Column("parent_account_id", _ID, "The account above; NULL for a root account."),
        Column("root_account_id", _ID, "The root of the tree; the account itself for a root account."),
        Column("workflow_state", _TEXT, "active or deleted."),
        Column("uuid", _TEXT, "Canvas's own unique text for the account."),
        Column("default_time_zone", _TEXT, "IANA name of the time zone that the account shows times in."),
        Column("default_storage_quota_mb", _ID, "Storage of a new course.", "MB"),
        Column("default_user_storage_quota_mb", _ID, "Storage of a new user.", "MB"),
        Column("default_group_storage_quota_mb", _ID, "Storage of a new group.", "MB"),
        Column("sis_account_id", _TEXT, "Id of the account in the student information system."),
        Column("integration_id", _TEXT, "Second id of the account in the student information system."),
        Column("sis_import_id", _ID, "The SIS import that last changed the account."),
    ),
    source="GET /api/v1/accounts/:id, GET /api/v1/accounts/:account_id/sub_accounts?recursive=true",
    slice="root account",
    group="directory",
)

TERMS = Table(
    schema="canvas",
    name="terms",
    description="Enrollment terms of a root account, deleted ones included.",
    grain="one row per term",
    key=("term_id",),
    columns=(
        Column("term_id", _ID, "Canvas id of the term.", source="id", nullable=False),
        Column("root_account_id", _ID, "The root account that the term belongs to.", nullable=False),
        Column("name", _TEXT, "Display name of the term."),
        Column("start_at", _TIME, "Start of the term; NULL for none.", "UTC"),
        Column("end_at", _TIME, "End of the term; NULL for none.", "UTC"),
        Column("created_at", _TIME, "When the term was created.", "UTC"),
        Column("workflow_state", _TEXT, "active or deleted."),
        Column("grading_period_group_id", _ID, "The set of grading periods of the term."),
        Column("sis_term_id", _TEXT, "Id of the term in the student information system."),
        Column("sis_import_id", _ID, "The SIS import that last changed the term."),
    ),
    source="GET /api/v1/accounts/:account_id/terms",
    slice="root account",
    group="directory",
)

COURSES = Table(
    schema="canvas",
    name="courses",
    description="Courses of an account and everything below it, deleted ones included.",
    grain="one row per course",
    key=("course_id",),
    columns=(
        Column("course_id", _ID, "Canvas id of the course.", source="id", nullable=False),
        Column("name", _TEXT, "Display name of the course."),
        Column("course_code", _TEXT, "Short code of the course."),
        Column("account_id", _ID, "The account that owns the course."),
        Column("root_account_id", _ID, "The root account of the course."),
        Column("enrollment_term_id", _ID, "The term of the course."),
        Column("workflow_state", _TEXT, "unpublished, available, completed or deleted."),
        Column("created_at", _TIME, "When the course was created.", "UTC"),
        Column("start_at", _TIME, "The course's own start; NULL to follow the term.", "UTC"),
        Column("end_at", _TIME, "The course's own end; NULL to follow the term.", "UTC"),
        Column("concluded", _FLAG, "Whether the course is over, by state or by date."),
        Column("account_name", _TEXT, "Display name of the account that owns the course."),
        Column("total_students", _ID, "Students with an active or invited enrollment.", "students"),
        Column("sis_course_id", _TEXT, "Id of the course in the student information system."),
        Column("integration_id", _TEXT, "Second id of the course in the student information system."),
        Column("sis_import_id", _ID, "The SIS import that last changed the course."),
        Column("uuid", _TEXT, "Canvas's own unique text for the course.", privacy=Privacy.NONE),
        Column("course_format", _TEXT, "on_campus, online or blended, where the institution says so."),
        Column("default_view", _TEXT, "The page that the course opens with."),
        Column("grading_standard_id", _ID, "The grading scheme of the course."),
        Column("is_public", _FLAG, "Whether the course can be read without an account."),
        Column("is_public_to_auth_users", _FLAG, "Whether every user of the institution can read the course."),
        Column("public_syllabus", _FLAG, "Whether the syllabus can be read without an account."),
        Column("hide_final_grades", _FLAG, "Whether students do not see their final grade."),
        Column("apply_assignment_group_weights", _FLAG, "Whether the grade weighs assignment groups."),
        Column("restrict_enrollments_to_course_dates", _FLAG, "Whether the course's own dates bind enrollments."),
        Column("storage_quota_mb", _ID, "Storage of the course.", "MB"),
        Column("time_zone", _TEXT, "IANA name of the course's time zone, where Canvas gives it."),
        Column("blueprint", _FLAG, "Whether the course is a blueprint for others."),
        Column("template", _FLAG, "Whether the course is an account's template."),
    ),
    source="GET /api/v1/accounts/:account_id/courses?include[]=term&include[]=total_students&...",
    slice="account",
    group="directory",
)

COURSE_TEACHERS = Table(
    schema="canvas",
    name="course_teachers",
    description="Who teaches each course, as the list of courses gives it.",
    grain="one row per course and teacher",
    key=("course_id", "user_id"),
    columns=(
        Column("course_id", _ID, "Canvas id of the course.", nullable=False),
        Column("user_id", _ID, "Canvas id of the teacher.", "", Privacy.PSEUDONYM, "id", nullable=False),
        Column("display_name", _TEXT, "Display name of the teacher.", "", Privacy.IDENTITY),
    ),
    source="GET /api/v1/accounts/:account_id/courses?include[]=teachers",
    slice="account",
    group="directory",
)

TABLES = (ACCOUNTS, TERMS, COURSES, COURSE_TEACHERS)

"""Contracts of the directory: accounts and what is set up in them, terms, courses.

Courses are asked with `include[]=term`, and nothing of it is kept: `terms` has every term.
"""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

_ID, _TEXT, _TIME, _FLAG = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ, ColumnType.BOOLEAN
_NUMBER = ColumnType.DOUBLE


def _said(name: str, kind: ColumnType, description: str, unit: str = "") -> Column:
    return Column(name, kind, description, unit, optional=True)


# None of these stands in Canvas's own record of an account. Whoever asks the other endpoints adds them to the record
# under these names, and leaves out what is not known; they are optional, so that their absence is no drift.
ASKED_ABOUT_ACCOUNTS = (
    _said("is_listed", _FLAG, "Whether the token's owner administers the account (GET /accounts); NULL: not known."),
    _said(
        "is_manageable",
        _FLAG,
        "Whether the token's owner may create or manage courses in it (manageable_accounts); NULL: not known.",
    ),
    _said(
        "can_create_courses",
        _FLAG,
        "Whether the token's owner may create courses in it (course_creation_accounts); NULL: not known.",
    ),
    _said(
        "is_course_account",
        _FLAG,
        "Whether the token's owner teaches or designs a course in it (course_accounts); NULL: not known.",
    ),
    _said("visible_calendars", _ID, "Visible calendars of the account and those below; NULL: not asked.", "calendars"),
)

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
        Column("workflow_state", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("uuid", _TEXT, "Canvas's own unique text for the account."),
        Column("default_time_zone", _TEXT, "IANA name of the time zone that the account shows times in."),
        Column("default_storage_quota_mb", _ID, "Storage of a new course.", "MB"),
        Column("default_user_storage_quota_mb", _ID, "Storage of a new user.", "MB"),
        Column("default_group_storage_quota_mb", _ID, "Storage of a new group.", "MB"),
        Column("sis_account_id", _TEXT, "Id of the account in the student information system."),
        Column("integration_id", _TEXT, "Second id of the account in the student information system."),
        Column("sis_import_id", _ID, "The SIS import that last changed the account."),
        *ASKED_ABOUT_ACCOUNTS,
    ),
    source=(
        "GET /api/v1/accounts/:id, GET /api/v1/accounts/:account_id/sub_accounts?recursive=true, "
        "GET /api/v1/accounts/:account_id/visible_calendars_count; the flags from the lists of accounts"
    ),
    slice="configured account",
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
        Column("workflow_state", _TEXT, "active or deleted.", accepted=("active", "deleted")),
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
        Column("account_id", _ID, "The account that owns the course.", references="canvas.accounts.account_id"),
        Column("root_account_id", _ID, "The root account of the course."),
        Column("enrollment_term_id", _ID, "The term of the course.", references="canvas.terms.term_id"),
        Column(
            "workflow_state",
            _TEXT,
            "unpublished, available, completed or deleted.",
            accepted=("unpublished", "created", "claimed", "available", "completed", "deleted"),
        ),
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

_ACCOUNT = Column("account_id", _ID, "Canvas id of the account.", nullable=False)
_ROOT = Column("root_account_id", _ID, "The root account of the domain that was asked.", nullable=False)
_VALUE = Column("value", _TEXT, "Its value: text as it is, everything else as JSON.")
_OF_ACCOUNT = (("account", "account_id"),)

ACCOUNT_SETTINGS = Table(
    schema="canvas",
    name="account_settings",
    description="Settings of accounts, as far as Canvas shows them: those of the Microsoft sync.",
    grain="one row per account and setting",
    key=("account_id", "key"),
    columns=(_ACCOUNT, Column("key", _TEXT, "Name of the setting.", nullable=False), _VALUE),
    source="GET /api/v1/accounts/:account_id/settings",
    slice="account",
    group="directory",
    slice_columns=_OF_ACCOUNT,
)

ENVIRONMENT_SETTINGS = Table(
    schema="canvas",
    name="environment_settings",
    description="Settings of the root account that every page of Canvas gets.",
    grain="one row per root account and setting",
    key=("root_account_id", "key"),
    columns=(_ROOT, Column("key", _TEXT, "Name of the setting.", nullable=False), _VALUE),
    source="GET /api/v1/settings/environment",
    slice="root account",
    group="directory",
)

ACCOUNT_PERMISSIONS = Table(
    schema="canvas",
    name="account_permissions",
    description="What the token's owner may do in an account, of the permissions that were asked about.",
    grain="one row per account and permission",
    key=("account_id", "permission"),
    columns=(
        _ACCOUNT,
        Column("permission", _TEXT, "Name of the permission in Canvas.", nullable=False),
        Column("granted", _FLAG, "Whether the token's owner has it."),
    ),
    source="GET /api/v1/accounts/:account_id/permissions",
    slice="account",
    group="directory",
    slice_columns=_OF_ACCOUNT,
)

ACCOUNT_CALENDARS = Table(
    schema="canvas",
    name="account_calendars",
    description="Calendars of accounts; the hidden ones too, where the token's owner may see them.",
    grain="one row per account with a calendar",
    key=("top_account_id", "account_id"),
    columns=(
        Column("account_id", _ID, "Canvas id of the account.", source="id", nullable=False),
        Column("top_account_id", _ID, "The configured account that it lies below, or is.", nullable=False),
        Column("name", _TEXT, "Display name of the account."),
        Column("parent_account_id", _ID, "The account above; NULL for a root account."),
        Column("root_account_id", _ID, "The root of the tree; NULL for a root account."),
        Column("visible", _FLAG, "Whether people of the account can see the calendar."),
        Column("auto_subscribe", _FLAG, "Whether people of the account see its events without adding it."),
        Column("can_create_calendar_events", _FLAG, "Whether the token's owner may add events."),
        Column("asset_string", _TEXT, "Canvas's text for the account: account_ and the id."),
        Column("type", _TEXT, "account."),
        Column("calendar_event_url", _TEXT, "Address of an event of the calendar, with a place for its id."),
        Column("sub_account_count", _ID, "Accounts directly below.", "accounts"),
    ),
    source="GET /api/v1/accounts/:account_id/account_calendars, GET /api/v1/account_calendars",
    slice="configured account",
    group="directory",
    slice_columns=(("account", "top_account_id"),),
)

ACCOUNT_NOTIFICATIONS = Table(
    schema="canvas",
    name="account_notifications",
    description="Announcements to everybody in the institution, as far as the token's owner is shown them.",
    grain="one row per announcement",
    key=("notification_id",),
    columns=(
        Column("notification_id", _ID, "Canvas id of the announcement.", source="id", nullable=False),
        _ROOT,
        Column("subject", _TEXT, "Subject line."),
        Column("message", _TEXT, "What it says, in HTML."),
        Column("icon", _TEXT, "warning, information, question, error or calendar."),
        Column("start_at", _TIME, "When it is first shown.", "UTC"),
        Column("end_at", _TIME, "When it is last shown.", "UTC"),
        Column("role_ids", _TEXT, "Ids of the roles that it is meant for, with commas between; empty for everybody."),
        Column("roles", _TEXT, "Names of those roles, with commas between; a name of one's own may hold commas."),
    ),
    source="GET /api/v1/accounts/:account_id/account_notifications",
    slice="root account",
    group="directory",
)

TERMS_OF_SERVICE = Table(
    schema="canvas",
    name="terms_of_service",
    description="The terms of service that people of an account agree to.",
    grain="one row per account",
    key=("account_id",),
    columns=(
        Column("account_id", _ID, "The account that was asked about.", nullable=False),
        Column("terms_of_service_id", _ID, "Canvas id of the terms.", source="id"),
        Column("terms_type", _TEXT, "default, custom or no_terms."),
        Column("passive", _FLAG, "Whether people are bound without agreeing by hand."),
        Column("content", _TEXT, "The terms, in HTML."),
        Column("self_registration_type", _TEXT, "Who may register themselves: none, observer or all."),
    ),
    source="GET /api/v1/accounts/:account_id/terms_of_service",
    slice="configured account",
    group="directory",
    slice_columns=_OF_ACCOUNT,
)

HELP_LINKS = Table(
    schema="canvas",
    name="help_links",
    description="The links of the help menu: Canvas's own choice and the institution's.",
    grain="one row per account, source and place in the list",
    key=("account_id", "source", "position"),
    columns=(
        _ACCOUNT,
        Column("source", _TEXT, "default (Canvas's own) or custom (the institution's).", nullable=False),
        Column("position", _ID, "Place in its list.", "place from 1", nullable=False),
        Column("link_id", _TEXT, "Canvas's text id of the link.", source="id"),
        Column("text", _TEXT, "The link's text."),
        Column("subtext", _TEXT, "The line below it."),
        Column("url", _TEXT, "Where it leads; a # and a word for Canvas's own windows."),
        Column("type", _TEXT, "default or custom, as the link says itself."),
        Column("available_to", _TEXT, "Who sees it, with commas between: student, teacher, admin, observer, ..."),
        Column("is_featured", _FLAG, "Whether it is set off from the others.", optional=True),
        Column("is_new", _FLAG, "Whether it is marked as new.", optional=True),
        Column("feature_headline", _TEXT, "The line above it where it is featured.", optional=True),
        Column("help_link_name", _TEXT, "Name of the menu, the same in every row."),
        Column("help_link_icon", _TEXT, "Icon of the menu, the same in every row."),
    ),
    source="GET /api/v1/accounts/:account_id/help_links",
    slice="root account",
    group="directory",
)

ACCOUNT_DOMAINS = Table(
    schema="canvas",
    name="account_domains",
    description="Institutions that Canvas's lookup of domains finds for this one's name or domain: up to five.",
    grain="one row per domain and name",
    key=("domain", "name"),
    columns=(
        Column("name", _TEXT, "Name of the institution.", nullable=False),
        Column("domain", _TEXT, "Host of its Canvas.", nullable=False),
        Column("distance", _NUMBER, "Always NULL: Canvas keeps the field for old clients.", "unknown"),
        Column("authentication_provider", _TEXT, "What to pass to the login; may be NULL."),
    ),
    source="GET /api/v1/accounts/search",
    slice="search",
    group="directory",
)

SETUP_TABLES = (
    ACCOUNT_SETTINGS,
    ENVIRONMENT_SETTINGS,
    ACCOUNT_PERMISSIONS,
    ACCOUNT_CALENDARS,
    ACCOUNT_NOTIFICATIONS,
    TERMS_OF_SERVICE,
    HELP_LINKS,
    ACCOUNT_DOMAINS,
)
"""What is set up in accounts. Each table is fed by the source of its own name."""

TABLES = (ACCOUNTS, *SETUP_TABLES, TERMS, COURSES, COURSE_TEACHERS)

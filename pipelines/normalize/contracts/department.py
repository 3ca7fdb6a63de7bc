"""Contracts of department analytics: activity, grades and statistics of an account, by term filter."""

from pipelines.normalize.contracts.model import Column, ColumnType, Table

_ID, _TEXT, _DATE = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.DATE

_SCOPE = (
    Column(
        "account_id",
        _ID,
        "The account whose courses, and those below it, are summed up.",
        nullable=False,
        references="canvas.accounts.account_id",
    ),
    Column(
        "term_filter",
        _TEXT,
        "current (available courses of the default term), completed (concluded courses of the default term) or term.",
        nullable=False,
        accepted=("current", "completed", "term"),
    ),
    Column("term_id", _ID, "The term where term_filter is 'term'; NULL otherwise.", references="canvas.terms.term_id"),
)
_SCOPE_KEY = ("account_id", "term_filter", "term_id")
_SLICE = (("account", "account_id"), ("term_filter", "term_filter"), ("term", "term_id"))
_PREFIX = "GET /api/v1/accounts/:account_id/analytics/{current|completed|terms/:term_id}"

_COUNTS = (
    Column("courses", _ID, "Courses in the scope.", "courses"),
    Column("teachers", _ID, "People who teach in the scope.", "people"),
    Column("students", _ID, "People who study in the scope.", "people"),
    Column("discussion_topics", _ID, "Discussion topics in the scope.", "topics"),
    Column("media_objects", _ID, "Media objects in the scope.", "objects"),
    Column("attachments", _ID, "Files in the scope.", "files"),
    Column("assignments", _ID, "Assignments in the scope.", "assignments"),
)

ACTIVITY_BY_DATE = Table(
    schema="analytics",
    name="department_activity_by_date",
    description="Page views and participations of an account by day. A day that Canvas does not list had none.",
    grain="one row per account, term filter and UTC day",
    key=(*_SCOPE_KEY, "date"),
    columns=(
        *_SCOPE,
        Column("date", _DATE, "The day, in UTC.", "UTC day", nullable=False),
        Column("views", _ID, "Page views on that day.", "views"),
        Column("participations", _ID, "Participations on that day.", "participations"),
    ),
    source=f"{_PREFIX}/activity",
    slice="account, term filter",
    group="department",
    slice_columns=_SLICE,
)

ACTIVITY_BY_CATEGORY = Table(
    schema="analytics",
    name="department_activity_by_category",
    description="Page views of an account by the part of Canvas that was viewed.",
    grain="one row per account, term filter and category",
    key=(*_SCOPE_KEY, "category"),
    columns=(
        *_SCOPE,
        Column("category", _TEXT, "The part of Canvas: assignments, quizzes, pages, files, ...", nullable=False),
        Column("views", _ID, "Page views in that part.", "views"),
    ),
    source=f"{_PREFIX}/activity",
    slice="account, term filter",
    group="department",
    slice_columns=_SLICE,
)

GRADES = Table(
    schema="analytics",
    name="department_grades",
    description="How many students stand at each whole score. NULL: Canvas has no distribution cached.",
    grain="one row per account, term filter and whole score from 0 to 100",
    key=(*_SCOPE_KEY, "score"),
    columns=(
        *_SCOPE,
        Column("score", _ID, "Current score, rounded to a whole percent.", "percent", nullable=False),
        Column("students", _ID, "Students (one per course they are in) with that score.", "students"),
    ),
    source=f"{_PREFIX}/grades",
    slice="account, term filter",
    group="department",
    slice_columns=_SLICE,
)

STATISTICS = Table(
    schema="analytics",
    name="department_statistics",
    description="Counts of what an account holds.",
    grain="one row per account and term filter",
    key=_SCOPE_KEY,
    columns=(*_SCOPE, Column("subaccounts", _ID, "Accounts directly below.", "accounts"), *_COUNTS),
    source=f"{_PREFIX}/statistics",
    slice="account, term filter",
    group="department",
    slice_columns=_SLICE,
)

STATISTICS_BY_SUBACCOUNT = Table(
    schema="analytics",
    name="department_statistics_by_subaccount",
    description=(
        "Counts of what an account and each account directly below it own by themselves. Canvas always gives 0 for "
        "discussion_topics, media_objects, attachments and assignments here."
    ),
    grain="one row per account, term filter and account counted",
    key=(*_SCOPE_KEY, "subaccount_id"),
    columns=(
        *_SCOPE,
        Column(
            "subaccount_id",
            _ID,
            "The account counted: the account itself or one below.",
            "",
            source="id",
            nullable=False,
        ),
        Column("name", _TEXT, "Display name of the account counted."),
        *_COUNTS,
    ),
    source=f"{_PREFIX}/statistics_by_subaccount",
    slice="account, term filter",
    group="department",
    slice_columns=_SLICE,
)

TABLES = (ACTIVITY_BY_DATE, ACTIVITY_BY_CATEGORY, GRADES, STATISTICS, STATISTICS_BY_SUBACCOUNT)

"""Contracts of `sis_export_csv`: one table for each member, in the columns of SIS import files.

Ids in these files are those of the student information system, never Canvas's.
"""

from dataclasses import replace

from pipelines.normalize.contracts.model import Column, FileForm, Parameter, ParameterKind, Privacy, Report, Table
from pipelines.normalize.contracts.parameters import INCLUDE_DELETED, SKIP_MESSAGE, TERM, selector
from pipelines.normalize.contracts.provisioning import NOT_BY_TERM
from pipelines.normalize.contracts.report_tables import SIS, flag_of, id_of, report_table_of, text_of, time_of

_IDENTITY, _RECORD = Privacy.IDENTITY, Privacy.RECORD


def _member(
    name: str,
    description: str,
    grain: str,
    key: tuple[str, ...],
    *columns: Column,
    form: FileForm = FileForm.ROWS,
) -> Table:
    # Ids of the student information system are not unique by any rule of Canvas's: no key of these tables is.
    return report_table_of("sis_export_csv", description, grain, key, columns, member=name, unique=False, form=form)


def _optional(column: Column) -> Column:
    return replace(column, optional=True)


_ROOT_ACCOUNT = _optional(text_of("root_account", "Domain of the person's institution, in a consortium."))

USERS = _member(
    "users",
    "Logins that have a SIS id: a person with two of them has two rows.",
    "one row per login",
    ("user_id",),
    text_of("user_id", f"Id of the login {SIS}.", privacy=_IDENTITY, needed=True),
    text_of("integration_id", f"Second id of the login {SIS}.", privacy=_IDENTITY),
    text_of("authentication_provider_id", "The way to log in that this login belongs to."),
    text_of("login_id", "What the person types to log in.", privacy=_IDENTITY),
    text_of("password", "Always empty: Canvas never writes it.", privacy=_IDENTITY),
    text_of("first_name", "Given name.", privacy=_IDENTITY),
    text_of("last_name", "Family name.", privacy=_IDENTITY),
    text_of("full_name", "Full name.", privacy=_IDENTITY),
    text_of("sortable_name", "Family name first.", privacy=_IDENTITY),
    text_of("short_name", "Display name.", privacy=_IDENTITY),
    text_of("email", "E-mail address.", privacy=_IDENTITY),
    text_of("status", "State of the login: active, suspended or deleted."),
    _optional(text_of("pronouns", "Pronouns, where the institution exports them.", privacy=_IDENTITY)),
)

ACCOUNTS = _member(
    "accounts",
    "Accounts below the root that have a SIS id. Asked on a sub-account: its direct children only.",
    "one row per account",
    ("account_id",),
    text_of("account_id", f"Id of the account {SIS}.", needed=True),
    text_of("parent_account_id", f"Id of the account above {SIS}."),
    text_of("name", "Display name of the account."),
    text_of("status", "active or deleted."),
)

TERMS = _member(
    "terms",
    "Enrollment terms that have a SIS id.",
    "one row per term",
    ("term_id",),
    text_of("term_id", f"Id of the term {SIS}.", needed=True),
    text_of("name", "Display name of the term."),
    text_of("status", "active or deleted."),
    time_of("start_date", "Start of the term."),
    time_of("end_date", "End of the term."),
)

COURSES = _member(
    "courses",
    "Courses that have a SIS id. Concluded and deleted ones only with include_deleted.",
    "one row per course",
    ("course_id",),
    text_of("course_id", f"Id of the course {SIS}.", needed=True),
    text_of("integration_id", f"Second id of the course {SIS}."),
    text_of("short_name", "Short code of the course."),
    text_of("long_name", "Name of the course."),
    text_of("account_id", f"Id of the account that owns the course {SIS}."),
    text_of("term_id", f"Id of the term {SIS}."),
    text_of("status", "active, completed or deleted."),
    time_of("start_date", "Start, where the course binds enrollments to its dates."),
    time_of("end_date", "End, where the course binds enrollments to its dates."),
    text_of("course_format", "on_campus, online or blended."),
    text_of("blueprint_course_id", f"Id of the blueprint of the course {SIS}."),
)

SECTIONS = _member(
    "sections",
    "Sections that have a SIS id, in courses that have one.",
    "one row per section",
    ("section_id",),
    text_of("section_id", f"Id of the section {SIS}.", needed=True),
    text_of("course_id", f"Id of the course {SIS}."),
    text_of("integration_id", f"Second id of the section {SIS}."),
    text_of("name", "Name of the section."),
    text_of("status", "active or deleted."),
    time_of("start_date", "Start, where the section binds enrollments to its dates."),
    time_of("end_date", "End, where the section binds enrollments to its dates."),
)

ENROLLMENTS = _member(
    "enrollments",
    "Enrollments in courses or sections that have a SIS id; invited and rejected ones never.",
    "one row per enrollment",
    ("course_id", "section_id", "user_id", "role_id"),
    text_of("course_id", f"Id of the course {SIS}; empty where only the section has one."),
    text_of("user_id", f"Id of the person {SIS}.", privacy=_IDENTITY),
    text_of("role", "Role by its name: student, teacher, ta, observer, designer or the institution's own."),
    id_of("role_id", "Canvas id of the role."),
    text_of("section_id", f"Id of the section {SIS}; empty where only the course has one."),
    text_of("status", "active, concluded, inactive or deleted.", privacy=_RECORD),
    text_of("associated_user_id", f"Id of the person observed {SIS}, for observers.", privacy=_IDENTITY),
    flag_of("limit_section_privileges", "Whether the person only sees people of their own section."),
    _optional(
        text_of(
            "temporary_enrollment_source_user_id",
            f"Id of the person stood in for {SIS}, with temporary enrollments.",
            privacy=_IDENTITY,
        )
    ),
    _ROOT_ACCOUNT,
    form=FileForm.TEMPORARY_ENROLLMENTS,
)

GROUPS = _member(
    "groups",
    "Groups that have a SIS id.",
    "one row per group",
    ("group_id",),
    text_of("group_id", f"Id of the group {SIS}.", needed=True),
    text_of("group_category_id", f"Id of the group set {SIS}."),
    text_of("account_id", f"Id of the account {SIS}, for groups of an account."),
    text_of("course_id", f"Id of the course {SIS}, for groups of a course."),
    text_of("name", "Name of the group."),
    text_of("status", "State of the group."),
)

GROUP_MEMBERSHIP = _member(
    "group_membership",
    "Who is in which group that has a SIS id.",
    "one row per group and person",
    ("group_id", "user_id"),
    text_of("group_id", f"Id of the group {SIS}.", needed=True),
    text_of("user_id", f"Id of the person {SIS}.", privacy=_IDENTITY),
    text_of("status", "accepted or deleted."),
)

GROUP_CATEGORIES = _member(
    "group_categories",
    "Group sets that a SIS import made.",
    "one row per group set",
    ("group_category_id",),
    text_of("group_category_id", f"Id of the group set {SIS}."),
    text_of("account_id", f"Id of the account {SIS}, for sets of an account."),
    text_of("course_id", f"Id of the course {SIS}, for sets of a course."),
    text_of("category_name", "Name of the group set."),
    text_of("status", "active or deleted."),
)

XLIST = _member(
    "xlist",
    "Sections that were moved into another course.",
    "one row per cross-listed section",
    ("section_id",),
    text_of("xlist_course_id", f"Id of the course that the section was moved into {SIS}."),
    text_of("section_id", f"Id of the section {SIS}.", needed=True),
    text_of("status", "active or deleted."),
)

USER_OBSERVERS = _member(
    "user_observers",
    "Who observes whom.",
    "one row per observer and student",
    ("observer_id", "student_id"),
    text_of("observer_id", f"Id of the observer {SIS}.", privacy=_IDENTITY),
    text_of("student_id", f"Id of the student {SIS}.", privacy=_IDENTITY),
    text_of("status", "active or deleted."),
)

ADMINS = _member(
    "admins",
    "Who administers which account.",
    "one row per account, person and role",
    ("account_id", "user_id", "role_id"),
    text_of("user_id", f"Id of the admin {SIS}.", privacy=_IDENTITY),
    text_of("account_id", f"Id of the account {SIS}; empty for the root."),
    id_of("role_id", "Canvas id of the role."),
    text_of("role", "Name of the role."),
    text_of("status", "active or deleted."),
    _ROOT_ACCOUNT,
)

_TABLES = {
    "users": USERS,
    "accounts": ACCOUNTS,
    "terms": TERMS,
    "courses": COURSES,
    "sections": SECTIONS,
    "enrollments": ENROLLMENTS,
    "groups": GROUPS,
    "group_membership": GROUP_MEMBERSHIP,
    "group_categories": GROUP_CATEGORIES,
    "xlist": XLIST,
    "user_observers": USER_OBSERVERS,
    "admins": ADMINS,
}

SIS_EXPORT_CSV = Report(
    name="sis_export_csv",
    title="SIS Export",
    description="What has a SIS id, in the columns of SIS import files; the parameters choose which.",
    tables=_TABLES,
    parameters=(
        TERM,
        *(selector(member) for member in _TABLES),
        Parameter(
            "created_by_sis",
            ParameterKind.TRUTHY,
            description="Only what a SIS import created. Any text counts as true.",
        ),
        INCLUDE_DELETED,
        SKIP_MESSAGE,
    ),
    selectors=tuple(_TABLES),
    not_by_term=NOT_BY_TERM,
)

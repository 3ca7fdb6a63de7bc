"""Contracts of `provisioning_csv`: one table for each member."""

from pipelines.normalize.contracts.model import (
    Column,
    ColumnType,
    Parameter,
    ParameterKind,
    Privacy,
    Report,
    Table,
)
from pipelines.normalize.contracts.parameters import INCLUDE_DELETED, SKIP_MESSAGE, TERM, selector
from pipelines.normalize.contracts.report_tables import report_table_of

_ID, _TEXT, _TIME, _FLAG = ColumnType.BIGINT, ColumnType.VARCHAR, ColumnType.TIMESTAMPTZ, ColumnType.BOOLEAN


def _member(
    name: str,
    description: str,
    grain: str,
    key: tuple[str, ...],
    columns: tuple[Column, ...],
    *,
    unique: bool = True,
) -> Table:
    return report_table_of("provisioning_csv", description, grain, key, columns, member=name, unique=unique)


USERS = _member(
    "users",
    "Logins of the institution: a person with two logins has two rows.",
    "one row per login",
    (
        "canvas_user_id",
        "login_id",
    ),
    (
        Column("canvas_user_id", _ID, "Canvas id of the person.", privacy=Privacy.PSEUDONYM, nullable=False),
        Column("user_id", _TEXT, "Id of the login in the student information system.", privacy=Privacy.IDENTITY),
        Column(
            "integration_id",
            _TEXT,
            "Second id of the login in the student information system.",
            privacy=Privacy.IDENTITY,
        ),
        Column("authentication_provider_id", _TEXT, "The way to log in that this login belongs to."),
        Column("login_id", _TEXT, "What the person types to log in.", privacy=Privacy.IDENTITY),
        Column("first_name", _TEXT, "Given name.", privacy=Privacy.IDENTITY),
        Column("last_name", _TEXT, "Family name.", privacy=Privacy.IDENTITY),
        Column("full_name", _TEXT, "Full name.", privacy=Privacy.IDENTITY),
        Column("sortable_name", _TEXT, "Family name first.", privacy=Privacy.IDENTITY),
        Column("short_name", _TEXT, "Display name.", privacy=Privacy.IDENTITY),
        Column("email", _TEXT, "E-mail address.", privacy=Privacy.IDENTITY),
        Column(
            "status",
            _TEXT,
            "State of the login: active, suspended or deleted.",
            accepted=("active", "suspended", "deleted"),
        ),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the login."),
        Column(
            "pronouns", _TEXT, "Pronouns, where the institution exports them.", privacy=Privacy.IDENTITY, optional=True
        ),
    ),
    unique=False,
)

ACCOUNTS = _member(
    "accounts",
    "Accounts below the root, which is never listed. Asked on a sub-account: its direct children only.",
    "one row per account",
    ("canvas_account_id",),
    (
        Column("canvas_account_id", _ID, "Canvas id of the account.", nullable=False),
        Column("account_id", _TEXT, "Id of the account in the student information system."),
        Column("canvas_parent_id", _ID, "Canvas id of the account above."),
        Column("parent_account_id", _TEXT, "Id of the account above in the student information system."),
        Column("name", _TEXT, "Display name of the account."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the account."),
    ),
)

TERMS = _member(
    "terms",
    "Enrollment terms.",
    "one row per term",
    ("canvas_term_id",),
    (
        Column("canvas_term_id", _ID, "Canvas id of the term.", nullable=False),
        Column("term_id", _TEXT, "Id of the term in the student information system."),
        Column("name", _TEXT, "Display name of the term."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("start_date", _TIME, "Start of the term.", unit="UTC"),
        Column("end_date", _TIME, "End of the term.", unit="UTC"),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the term."),
    ),
)

COURSES = _member(
    "courses",
    "Courses. Concluded and deleted ones only with include_deleted.",
    "one row per course",
    ("canvas_course_id",),
    (
        Column("canvas_course_id", _ID, "Canvas id of the course.", nullable=False),
        Column("course_id", _TEXT, "Id of the course in the student information system."),
        Column("integration_id", _TEXT, "Second id of the course in the student information system."),
        Column("short_name", _TEXT, "Short code of the course."),
        Column("long_name", _TEXT, "Name of the course."),
        Column("canvas_account_id", _ID, "Canvas id of the account that owns the course."),
        Column("account_id", _TEXT, "Id of that account in the student information system."),
        Column("canvas_term_id", _ID, "Canvas id of the term."),
        Column("term_id", _TEXT, "Id of the term in the student information system."),
        Column(
            "status",
            _TEXT,
            "unpublished, active, concluded or deleted.",
            accepted=("unpublished", "active", "concluded", "completed", "deleted"),
        ),
        Column("start_date", _TIME, "Start, where the course binds enrollments to its dates.", unit="UTC"),
        Column("end_date", _TIME, "End, where the course binds enrollments to its dates.", unit="UTC"),
        Column("course_format", _TEXT, "on_campus, online or blended."),
        Column("canvas_blueprint_course_id", _ID, "Canvas id of the blueprint of the course."),
        Column("blueprint_course_id", _TEXT, "Id of that blueprint in the student information system."),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the course."),
    ),
)

SECTIONS = _member(
    "sections",
    "Sections of courses.",
    "one row per section",
    ("canvas_section_id",),
    (
        Column("canvas_section_id", _ID, "Canvas id of the section.", nullable=False),
        Column("section_id", _TEXT, "Id of the section in the student information system."),
        Column("canvas_course_id", _ID, "Canvas id of the course."),
        Column("course_id", _TEXT, "Id of the course in the student information system."),
        Column("integration_id", _TEXT, "Second id of the section in the student information system."),
        Column("name", _TEXT, "Name of the section."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("start_date", _TIME, "Start, where the section binds enrollments to its dates.", unit="UTC"),
        Column("end_date", _TIME, "End, where the section binds enrollments to its dates.", unit="UTC"),
        Column("canvas_account_id", _ID, "Canvas id of the account of the course."),
        Column("account_id", _TEXT, "Id of that account in the student information system."),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the section."),
    ),
)

ENROLLMENTS = _member(
    "enrollments",
    "Enrollments in sections. Concluded ones only with include_deleted; people without a usable login never.",
    "one row per enrollment",
    ("canvas_enrollment_id",),
    (
        Column("canvas_enrollment_id", _ID, "Canvas id of the enrollment.", nullable=False),
        Column(
            "canvas_course_id",
            _ID,
            "Canvas id of the course.",
            nullable=False,
            references="reports.provisioning_courses.canvas_course_id",
        ),
        Column("course_id", _TEXT, "Id of the course in the student information system."),
        Column(
            "canvas_user_id",
            _ID,
            "Canvas id of the person.",
            privacy=Privacy.PSEUDONYM,
            nullable=False,
            references="reports.provisioning_users.canvas_user_id",
        ),
        Column("user_id", _TEXT, "Id of the person in the student information system.", privacy=Privacy.IDENTITY),
        Column(
            "role",
            _TEXT,
            "Role by its name: student, teacher, ta, observer, designer or the institution's own.",
        ),
        Column("role_id", _ID, "Canvas id of the role."),
        Column("canvas_section_id", _ID, "Canvas id of the section."),
        Column("section_id", _TEXT, "Id of the section in the student information system."),
        Column(
            "status",
            _TEXT,
            "invited, active, concluded, inactive, deleted or rejected.",
            privacy=Privacy.RECORD,
            accepted=("invited", "active", "concluded", "completed", "inactive", "deleted", "rejected"),
        ),
        Column(
            "canvas_associated_user_id",
            _ID,
            "Canvas id of the person observed, for observers.",
            privacy=Privacy.PSEUDONYM,
        ),
        Column(
            "associated_user_id",
            _TEXT,
            "Id of the person observed in the student information system.",
            privacy=Privacy.IDENTITY,
        ),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the enrollment."),
        Column(
            "base_role_type",
            _TEXT,
            "StudentEnrollment, TeacherEnrollment, TaEnrollment, ObserverEnrollment or DesignerEnrollment.",
        ),
        Column("limit_section_privileges", _FLAG, "Whether the person only sees people of their own section."),
        Column(
            "canvas_temporary_enrollment_source_user_id",
            _ID,
            "Canvas id of the person stood in for, with temporary enrollments.",
            privacy=Privacy.PSEUDONYM,
            optional=True,
        ),
        Column(
            "temporary_enrollment_source_user_id",
            _TEXT,
            "Id of the person stood in for in the student information system.",
            privacy=Privacy.IDENTITY,
            optional=True,
        ),
        Column("root_account", _TEXT, "Domain of the person's institution, in a consortium.", optional=True),
    ),
)

GROUPS = _member(
    "groups",
    "Groups of accounts and courses.",
    "one row per group",
    ("canvas_group_id",),
    (
        Column("canvas_group_id", _ID, "Canvas id of the group.", nullable=False),
        Column("group_id", _TEXT, "Id of the group in the student information system."),
        Column("canvas_group_category_id", _ID, "Canvas id of the group set."),
        Column("group_category_id", _TEXT, "Id of the group set in the student information system."),
        Column("canvas_account_id", _ID, "Canvas id of the account, for groups of an account."),
        Column("account_id", _TEXT, "Id of that account in the student information system."),
        Column("canvas_course_id", _ID, "Canvas id of the course, for groups of a course."),
        Column("course_id", _TEXT, "Id of that course in the student information system."),
        Column("name", _TEXT, "Name of the group."),
        Column("status", _TEXT, "available, closed or deleted."),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the group."),
        Column("context_id", _ID, "Canvas id of the account or course that the group belongs to."),
        Column("context_type", _TEXT, "Account or Course."),
        Column("max_membership", _ID, "How many people may join.", unit="people"),
    ),
)

GROUP_MEMBERSHIP = _member(
    "group_membership",
    "Who is in which group.",
    "one row per group and person",
    (
        "canvas_group_id",
        "canvas_user_id",
    ),
    (
        Column("canvas_group_id", _ID, "Canvas id of the group.", nullable=False),
        Column("group_id", _TEXT, "Id of the group in the student information system."),
        Column("canvas_user_id", _ID, "Canvas id of the person.", privacy=Privacy.PSEUDONYM, nullable=False),
        Column("user_id", _TEXT, "Id of the person in the student information system.", privacy=Privacy.IDENTITY),
        Column("status", _TEXT, "accepted or deleted."),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the membership."),
    ),
    unique=False,
)

GROUP_CATEGORIES = _member(
    "group_categories",
    "Group sets.",
    "one row per group set",
    ("canvas_group_category_id",),
    (
        Column("canvas_group_category_id", _ID, "Canvas id of the group set.", nullable=False),
        Column("group_category_id", _TEXT, "Id of the group set in the student information system."),
        Column("context_id", _ID, "Canvas id of the account or course that the set belongs to."),
        Column("context_type", _TEXT, "Account or Course."),
        Column("name", _TEXT, "Name of the group set."),
        Column("role", _TEXT, "Special role of the set: communities, student_organized, ..."),
        Column("self_signup", _TEXT, "enabled, restricted or empty."),
        Column("group_limit", _ID, "How many people a group of the set may have.", unit="people"),
        Column("auto_leader", _TEXT, "How a leader is chosen: first, random or empty."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
    ),
)

XLIST = _member(
    "xlist",
    "Sections that were moved into another course.",
    "one row per cross-listed section",
    ("canvas_section_id",),
    (
        Column("canvas_xlist_course_id", _ID, "Canvas id of the course that the section was moved into."),
        Column("xlist_course_id", _TEXT, "Id of that course in the student information system."),
        Column("canvas_section_id", _ID, "Canvas id of the section.", nullable=False),
        Column("section_id", _TEXT, "Id of the section in the student information system."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("canvas_nonxlist_course_id", _ID, "Canvas id of the course that the section came from."),
        Column("nonxlist_course_id", _TEXT, "Id of that course in the student information system."),
    ),
    unique=False,
)

USER_OBSERVERS = _member(
    "user_observers",
    "Who observes whom.",
    "one row per observer and student",
    (
        "canvas_observer_id",
        "canvas_student_id",
    ),
    (
        Column("canvas_observer_id", _ID, "Canvas id of the observer.", privacy=Privacy.PSEUDONYM, nullable=False),
        Column(
            "observer_id",
            _TEXT,
            "Id of the observer in the student information system.",
            privacy=Privacy.IDENTITY,
        ),
        Column("canvas_student_id", _ID, "Canvas id of the student.", privacy=Privacy.PSEUDONYM, nullable=False),
        Column(
            "student_id",
            _TEXT,
            "Id of the student in the student information system.",
            privacy=Privacy.IDENTITY,
        ),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the link."),
    ),
    unique=False,
)

ADMINS = _member(
    "admins",
    "Who administers which account.",
    "one row per account, person and role",
    (
        "canvas_account_id",
        "canvas_user_id",
        "role_id",
    ),
    (
        Column("admin_user_name", _TEXT, "Name of the admin.", privacy=Privacy.IDENTITY),
        Column("canvas_user_id", _ID, "Canvas id of the admin.", privacy=Privacy.PSEUDONYM, nullable=False),
        Column("user_id", _TEXT, "Id of the admin in the student information system.", privacy=Privacy.IDENTITY),
        Column("canvas_account_id", _ID, "Canvas id of the account.", nullable=False),
        Column("account_id", _TEXT, "Id of the account in the student information system."),
        Column("role_id", _ID, "Canvas id of the role."),
        Column("role", _TEXT, "Name of the role."),
        Column("status", _TEXT, "active or deleted.", accepted=("active", "deleted")),
        Column("created_by_sis", _FLAG, "Whether a SIS import created the role."),
        Column("root_account", _TEXT, "Domain of the admin's institution, in a consortium.", optional=True),
    ),
    unique=False,
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

NOT_BY_TERM = (
    "users",
    "accounts",
    "terms",
    "groups",
    "group_membership",
    "group_categories",
    "user_observers",
    "admins",
)
"""Members that are the same whatever term is asked for, in `sis_export_csv` too."""

PROVISIONING_CSV = Report(
    name="provisioning_csv",
    title="Provisioning",
    description="Users, courses, sections, enrollments and more, as SIS files; the parameters choose which.",
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
        Parameter(
            "enrollment_filter",
            ParameterKind.LIST,
            description="Only enrollments of these types in enrollments.csv, as StudentEnrollment.",
        ),
        Parameter(
            "enrollment_states",
            ParameterKind.LIST,
            description="Only enrollments in these states in enrollments.csv.",
            choices=("invited", "creation_pending", "active", "completed", "inactive", "deleted", "rejected"),
        ),
        SKIP_MESSAGE,
    ),
    selectors=tuple(_TABLES),
    not_by_term=NOT_BY_TERM,
)

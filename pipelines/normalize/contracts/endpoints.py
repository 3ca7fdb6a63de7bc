"""Every endpoint of Canvas that canvaslake knows: which table it feeds, or why it is not asked.

What is asked when stands in `extract`, how in `canvas`; here is the list that both are held against, and the scope
that a token with enforced scopes needs for each.
"""

from dataclasses import dataclass, replace

from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.normalize.contracts.model import Table
from pipelines.normalize.contracts.registry import REPORTS, TABLES

_WRITES = (
    "Writes to Canvas. The pipeline reads: it starts, aborts and deletes only reports of its own, and renews only its "
    "own token."
)


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: its tables by qualified name, what one answer replaces, and whether it is asked.

    `source` is what its loads are called in `meta.loads`, empty where it brings no rows by itself. `note` says why it
    is not asked, or what for it is asked. `seeded` tells the endpoints of the documentation that canvaslake was built
    to cover from the few others that it needs. `columns` are those that only it gives, where several make one row.
    """

    method: str
    path: str
    group: str
    tables: tuple[str, ...] = ()
    slice: str = ""
    source: str = ""
    asked: bool = True
    note: str = ""
    seeded: bool = True
    columns: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """The scope that a token with enforced scopes needs."""
        return f"url:{self.method}|{self.path}"


def _feeds(group: str, path: str, source: str, *tables: str, note: str = "") -> Endpoint:
    slice_ = TABLES[tables[0]].slice
    return Endpoint("GET", f"/api/v1/{path}", group, tables, slice_, source, note=note)


def _gives(path: str, column: str) -> Endpoint:
    """Return an endpoint that is asked for one column of the accounts."""
    endpoint = _feeds("directory", path, "accounts", "canvas.accounts", note=f"For {column}.")
    return replace(endpoint, columns=(column,))


def _serves(group: str, method: str, path: str, note: str, *tables: Table) -> Endpoint:
    names = tuple(table.qualified for table in tables)
    return Endpoint(method, f"/api/v1/{path}", group, names, tables[0].slice if tables else "", note=note)


def _left_out(group: str, method: str, path: str, note: str, *tables: str) -> Endpoint:
    return Endpoint(method, f"/api/v1/{path}", group, tables, asked=False, note=note)


def _department(answer: str, *tables: str) -> tuple[Endpoint, ...]:
    return tuple(
        _feeds("department", f"accounts/:account_id/analytics/{which}/{answer}", f"department_{answer}", *tables)
        for which in ("current", "completed", "terms/:term_id")
    )


_REPORT = "accounts/:account_id/reports/:report"
_COURSE, _STUDENT = "courses/:course_id/analytics", "courses/:course_id/analytics/users/:student_id"
_COURSE_REPORT = "courses/:course_id/reports/:report_type"
_REPORT_TABLES = tuple(table for report in REPORTS.values() for table in report.tables.values())

_DIRECTORY = (
    _gives("accounts", "is_listed"),
    _gives("manageable_accounts", "is_manageable"),
    _gives("course_creation_accounts", "can_create_courses"),
    _gives("course_accounts", "is_course_account"),
    _left_out(
        "directory",
        "GET",
        "manually_created_courses_account",
        "Writes to Canvas although it is a GET: the account is made when it is first asked for.",
    ),
    _feeds("directory", "accounts/:id", "accounts", "canvas.accounts", note="The configured account itself."),
    _feeds("directory", "accounts/:account_id/sub_accounts", "accounts", "canvas.accounts", note="Everything below."),
    _gives("accounts/:account_id/visible_calendars_count", "visible_calendars"),
    _feeds("directory", "accounts/:account_id/settings", "account_settings", "canvas.account_settings"),
    _feeds("directory", "settings/environment", "environment_settings", "canvas.environment_settings"),
    _feeds("directory", "accounts/:account_id/permissions", "account_permissions", "canvas.account_permissions"),
    _feeds("directory", "accounts/:account_id/account_calendars", "account_calendars", "canvas.account_calendars"),
    _feeds(
        "directory",
        "account_calendars",
        "account_calendars",
        "canvas.account_calendars",
        note="Where the token may not see hidden calendars.",
    ),
    _feeds(
        "directory",
        "accounts/:account_id/account_notifications",
        "account_notifications",
        "canvas.account_notifications",
    ),
    _feeds("directory", "accounts/:account_id/terms_of_service", "terms_of_service", "canvas.terms_of_service"),
    _feeds("directory", "accounts/:account_id/help_links", "help_links", "canvas.help_links"),
    _feeds("directory", "accounts/search", "account_domains", "canvas.account_domains"),
    replace(_feeds("directory", "accounts/:account_id/terms", "terms", "canvas.terms"), seeded=False),
    _feeds("directory", "accounts/:account_id/courses", "courses", "canvas.courses", "canvas.course_teachers"),
    _left_out(
        "directory",
        "GET",
        "account_calendars/:account_id",
        "The list of calendars has the same record.",
        "canvas.account_calendars",
    ),
    _left_out(
        "directory",
        "GET",
        "accounts/:account_id/account_notifications/:id",
        "The list of notifications has the same record.",
        "canvas.account_notifications",
    ),
    _left_out("directory", "PUT", "account_calendars/:account_id", _WRITES),
    _left_out("directory", "PUT", "accounts/:account_id/account_calendars", _WRITES),
    _left_out("directory", "POST", "accounts/:account_id/account_notifications", _WRITES),
    _left_out("directory", "PUT", "accounts/:account_id/account_notifications/:id", _WRITES),
    _left_out("directory", "DELETE", "accounts/:account_id/account_notifications/:id", _WRITES),
)

_ANALYTICS = (
    *_department("activity", "analytics.department_activity_by_date", "analytics.department_activity_by_category"),
    *_department("grades", "analytics.department_grades"),
    *_department("statistics", "analytics.department_statistics"),
    *_department("statistics_by_subaccount", "analytics.department_statistics_by_subaccount"),
    _feeds("course", f"{_COURSE}/activity", "course_activity", "analytics.course_activity"),
    _feeds(
        "course",
        f"{_COURSE}/assignments",
        "course_assignments",
        "analytics.course_assignments",
        "analytics.course_assignment_modules",
    ),
    replace(
        _serves("course", "GET", "progress/:id", "Whether Canvas has computed a course's assignments."), seeded=False
    ),
    _feeds("course", f"{_COURSE}/student_summaries", "student_summaries", "analytics.student_summaries"),
    _feeds(
        "student",
        f"{_STUDENT}/activity",
        "student_activity",
        "analytics.student_page_views",
        "analytics.student_participations",
    ),
    _feeds("student", f"{_STUDENT}/assignments", "student_assignments", "analytics.student_assignments"),
    _feeds("student", f"{_STUDENT}/communication", "student_communication", "analytics.student_messages"),
)

_OF_REPORTS = (
    _serves("reports", "GET", "accounts/:account_id/reports", "What reports there are, and their parameters."),
    _serves("reports", "POST", _REPORT, "Starts a report; its file becomes the tables.", *_REPORT_TABLES),
    _serves("reports", "GET", _REPORT, "Finds a report again whose start was not answered."),
    _serves("reports", "GET", f"{_REPORT}/:id", "How far a report is, and where its file is."),
    _serves("reports", "PUT", f"{_REPORT}/:id/abort", "Stops a report that canvaslake started, on command."),
    _serves("reports", "DELETE", f"{_REPORT}/:id", "Deletes a report that canvaslake started, on command or when set."),
    _serves("reports", "POST", _COURSE_REPORT, "Starts a report about a course; its file is kept.", COURSE_DOCUMENTS),
    _serves("reports", "GET", _COURSE_REPORT, "Finds a report about a course again whose start was not answered."),
    _serves("reports", "GET", f"{_COURSE_REPORT}/:id", "How far a report about a course is, and where its file is."),
)

_OF_TOKENS = (
    replace(_serves("token", "GET", "users/:id", "Whose token it is; asked as users/self."), seeded=False),
    _serves("token", "GET", "users/:user_id/tokens/:id", "When canvaslake's own token ends, and what it may do."),
    _serves("token", "PUT", "users/:user_id/tokens/:id", "Renews canvaslake's own token, and no other."),
    _left_out("token", "POST", "users/:user_id/tokens", _WRITES),
    _left_out("token", "DELETE", "users/:user_id/tokens/:id", _WRITES),
)

ENDPOINTS: tuple[Endpoint, ...] = (*_DIRECTORY, *_ANALYTICS, *_OF_REPORTS, *_OF_TOKENS)
"""Every known endpoint, in the order of the groups of tables."""

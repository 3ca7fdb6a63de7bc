"""The reports for administrators: access tokens, LTI tools, developer keys, ePortfolios.

Each is one CSV. Where Canvas writes a Ruby value as it is, its text is made here.
"""

from collections.abc import Sequence
from typing import Final

from pipelines.demo.builders.provisioning_links import in_context
from pipelines.demo.builders.report_type import INCLUDE_DELETED, SKIP_MESSAGE, ReportType, Sheet, one_sheet, parameter
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row, ruby_text
from pipelines.demo.institution import SHARD_FACTOR

TOKEN_COLUMNS: Final = "user id,user name,token hint,expiration,last used,dev key id,dev key name"  # noqa: S105 - a header
LTI_COLUMNS: Final = (
    "context_type,context_id,account_name,course_name,tool_id,tool_type_name,tool_type_id,"
    "tool_created_at,privacy_level,launch_url,custom_fields"
)
KEY_COLUMNS: Final = (
    "Global ID,Key Name,Inherited from Parent Account,Contact Info,Key Type,Placements,Status,Permitted API Endpoints"
)
PORTFOLIO_COLUMNS: Final = (
    "eportfolio_name,eportfolio_id,author_name,author_id,author_sis_id,author_login_id,"
    "created_at,updated_at,is_public,workflow_state"
)


def _tokens(scope: ReportScope) -> dict[str, Sheet]:
    keys = {each.id: each.name for each in scope.institution.developer_keys}
    people = scope.people_ids
    return one_sheet(
        TOKEN_COLUMNS,
        [
            (
                each.user_id,
                scope.institution.user_by_id[each.user_id].sortable_name,
                each.hint,
                each.expires_at,
                each.last_used_at,
                each.developer_key_id,
                keys.get(each.developer_key_id),
            )
            for each in scope.institution.access_tokens
            if each.user_id in people and (scope.include_deleted or each.state != "deleted")
        ],
    )


def _tools(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    rows: list[Row] = []
    for each in institution.lti_tools:
        inside = in_context(scope, each.context_type, each.context_id)
        if not inside or (each.state == "deleted" and not scope.include_deleted):
            continue
        course = institution.course_by_id[each.context_id] if each.context_type == "Course" else None
        account_id = each.context_id if course is None else course.account_id
        rows.append(
            (
                each.context_type,
                each.context_id,
                institution.account_by_id[account_id].name,
                None if course is None else course.name,
                *(() if scope.preferences.older_lti else (each.id,)),
                each.name,
                each.tool_id,
                each.created_at,
                each.privacy_level,
                each.launch_url,
                _ruby_hash(each.custom_fields),
            )
        )
    columns = LTI_COLUMNS.replace(",tool_id,", ",") if scope.preferences.older_lti else LTI_COLUMNS
    return one_sheet(columns, rows)


def _keys(scope: ReportScope) -> dict[str, Sheet]:
    return one_sheet(
        KEY_COLUMNS,
        [
            (
                # Keys of the site's own shard are inherited; this institution is shard 1.
                each.id if each.inherited else SHARD_FACTOR + each.id,
                each.name,
                each.inherited,
                each.email,
                "LTI Key" if each.is_lti else "API Key",
                "None" if each.placements is None else _ruby_array(each.placements),
                each.state,
                "All" if each.scopes is None else _ruby_array(each.scopes),
            )
            for each in scope.institution.developer_keys
            if each.state != "deleted"
        ],
    )


def _portfolios(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    enrolled = {each.user_id for each in institution.enrollments if each.state != "deleted"}
    older = scope.preferences.older_eportfolios
    rows: list[Row] = []
    for each in institution.eportfolios:
        # Here include_deleted does not add: it shows the deleted ones and no others.
        if (each.state == "deleted") != scope.include_deleted or each.user_id not in scope.people_ids:
            continue
        if scope.flag("no_enrollments") and each.user_id in enrolled:
            continue
        author = institution.user_by_id[each.user_id]
        rows += [
            (
                each.name,
                each.id,
                author.name,
                author.id,
                *(() if older else (login.sis_id, login.unique_id)),
                each.created_at,
                each.updated_at,
                each.is_public,
                each.state,
            )
            for login in author.logins
            if login.state != "deleted"
        ]
    columns = PORTFOLIO_COLUMNS.replace("author_sis_id,author_login_id,", "") if older else PORTFOLIO_COLUMNS
    return one_sheet(columns, rows)


def _ruby_text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _ruby_array(values: Sequence[str]) -> str:
    return "[" + ", ".join(map(_ruby_text, values)) + "]"


def _ruby_hash(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{_ruby_text(name)}=>{_ruby_text(value)}" for name, value in pairs) + "}"


ADMINISTRATION: Final = (
    ReportType(
        name="user_access_tokens_csv",
        title="User Access Tokens",
        parameters={**INCLUDE_DELETED, **SKIP_MESSAGE},
        sheets=_tokens,
        words={"expiration": {None: "never"}, "last used": {None: "never"}},
    ),
    ReportType(
        name="lti_report_csv",
        title="LTI Report",
        parameters={**INCLUDE_DELETED, **SKIP_MESSAGE},
        sheets=_tools,
        time=ruby_text,
    ),
    ReportType(
        name="developer_key_report_csv",
        title="Developer Keys Report",
        parameters=None,
        sheets=_keys,
    ),
    ReportType(
        name="eportfolio_report_csv",
        title="Eportfolio Report",
        parameters={
            "no_enrollments": parameter("Only portfolios of people without any enrollment"),
            "include_deleted": parameter("Deleted portfolios instead of the others"),
            **SKIP_MESSAGE,
        },
        sheets=_portfolios,
        time=ruby_text,
    ),
)

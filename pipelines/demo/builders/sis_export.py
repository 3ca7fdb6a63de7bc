"""The SIS export report: the files that a SIS import would read back, one CSV per selector or a ZIP of them.

Selectors and ZIP are those of `provisioning`; the columns are fewer, the states are those of imports, and only rows
with SIS ids (of links: rows that an import made) are in it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pipelines.demo.builders.provisioning import COLUMNS as SELECTORS
from pipelines.demo.builders.provisioning import ROLE_NAME, course_shown, selected
from pipelines.demo.builders.provisioning_links import crosslisted, groups_in, header, in_context, trust_cells
from pipelines.demo.builders.report_type import INCLUDE_DELETED, SKIP_MESSAGE, TERM, ReportType, Sheet, parameter
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row
from pipelines.demo.records import ROLE_IDS

COLUMNS: Final[dict[str, str]] = {
    "users": "user_id,integration_id,authentication_provider_id,login_id,password,first_name,last_name,full_name,"
    "sortable_name,short_name,email,status",
    "accounts": "account_id,parent_account_id,name,status",
    "terms": "term_id,name,status,start_date,end_date",
    "courses": "course_id,integration_id,short_name,long_name,account_id,term_id,status,start_date,end_date,"
    "course_format,blueprint_course_id",
    "sections": "section_id,course_id,integration_id,name,status,start_date,end_date",
    "enrollments": "course_id,user_id,role,role_id,section_id,status,associated_user_id,limit_section_privileges",
    "groups": "group_id,group_category_id,account_id,course_id,name,status",
    "group_membership": "group_id,user_id,status",
    "group_categories": "group_category_id,account_id,course_id,category_name,status",
    "xlist": "xlist_course_id,section_id,status",
    "user_observers": "observer_id,student_id,status",
    "admins": "user_id,account_id,role_id,role,status",
}
"""Selector -> its columns, in the order of the ZIP's members."""

_COURSE_STATUS: Final = {"created": "active", "claimed": "active", "available": "active"}
_TEMPORARY: Final = (
    "temporary_enrollment_source_user_id",
    "canvas_temporary_enrollment_source_user_id",
    "temporary_enrollment_source_user_id",
)
"""What the header of enrollments gains with temporary enrollments; the rows gain one cell only."""


def _users(scope: ReportScope) -> Iterator[Row]:
    for user in scope.institution.users:
        if user.id not in scope.people_ids:
            continue
        for login in user.logins:
            if login.sis_id is not None and scope.shown(login.state, by_sis=login.created_by_sis):
                yield (
                    login.sis_id,
                    login.integration_id,
                    None,
                    login.unique_id,
                    None,
                    user.first_name,
                    user.last_name,
                    user.name,
                    user.sortable_name,
                    user.short_name or user.name,
                    user.email,
                    login.state,
                    *((user.pronouns,) if scope.preferences.pronouns else ()),
                )


def _accounts(scope: ReportScope) -> Iterator[Row]:
    for each in scope.institution.accounts:
        if each.parent_id is None or (not scope.is_root and each.parent_id != scope.account.id):
            continue
        if each.sis_id is not None and scope.shown(each.state, by_sis=each.created_by_sis):
            yield (each.sis_id, scope.account_sis_id(each.parent_id), each.name, each.state)


def _terms(scope: ReportScope) -> Iterator[Row]:
    for each in scope.institution.terms:
        if each.sis_id is not None and scope.shown(each.state, by_sis=each.created_by_sis):
            yield (each.sis_id, each.name, each.state, each.start_at, each.end_at)


def _courses(scope: ReportScope) -> Iterator[Row]:
    for course in scope.institution.courses:
        if course.sis_id is None or not course_shown(scope, course):
            continue
        if scope.shown("", by_sis=course.created_by_sis):
            yield (
                course.sis_id,
                course.integration_id,
                course.code,
                course.name,
                scope.account_sis_id(course.account_id),
                scope.institution.term_by_id[course.term_id].sis_id,
                _COURSE_STATUS.get(course.state, course.state),
                *scope.dates_of(course),
                course.course_format,
                None,
            )


def _sections(scope: ReportScope) -> Iterator[Row]:
    for section in scope.institution.sections:
        holder = scope.institution.course_by_id[section.course_id]
        if section.sis_id is None or holder.id not in scope.course_ids:
            continue
        state = "deleted" if holder.state == "deleted" else section.state
        if scope.shown(state, by_sis=section.created_by_sis):
            # A cross-listed section is listed under the course it came from; xlist.csv has the move.
            course = scope.institution.course_by_id[section.nonxlist_course_id or section.course_id]
            dated = section.restrict_to_dates
            yield (
                section.sis_id,
                course.sis_id,
                None,
                section.name,
                state,
                section.start_at if dated else None,
                section.end_at if dated else None,
            )


def _enrollments(scope: ReportScope) -> Iterator[Row]:
    institution = scope.institution
    for each in institution.enrollments:
        role = ROLE_NAME.get(each.type)
        user_sis_id = scope.sis_id(each.user_id)
        if role is None or user_sis_id is None or each.course_id not in scope.course_ids:
            continue
        if each.state in {"invited", "creation_pending", "rejected"}:
            continue
        course_sis_id = institution.course_by_id[each.course_id].sis_id
        section_sis_id = institution.section_by_id[each.section_id].sis_id
        if course_sis_id is None and section_sis_id is None:
            continue
        status = scope.status_of(each)
        if not scope.shown(status, by_sis=each.created_by_sis):
            continue
        if status == "concluded" and not scope.include_deleted:
            continue
        temporary = scope.preferences.temporary_enrollments
        yield (
            course_sis_id,
            user_sis_id,
            role,
            ROLE_IDS[each.type],
            section_sis_id,
            status,
            scope.sis_id(each.associated_user_id),
            each.limit_section_privileges,
            *((scope.sis_id(each.temporary_source_user_id),) if temporary else ()),
            *trust_cells(scope),
        )


def _context(scope: ReportScope, context_type: str, context_id: int) -> tuple[str | None, str | None]:
    """Return the SIS ids of the account or of the course, the other one None."""
    if context_type == "Account":
        return scope.account_sis_id(context_id), None
    return None, scope.institution.course_by_id[context_id].sis_id


def _groups(scope: ReportScope) -> Iterator[Row]:
    categories = {each.id: each.sis_id for each in scope.institution.group_categories}
    for each in groups_in(scope):
        if each.sis_id is not None and scope.shown(each.state, by_sis=each.created_by_sis):
            context = _context(scope, each.context_type, each.context_id)
            yield (each.sis_id, categories[each.category_id], *context, each.name, each.state)


def _group_membership(scope: ReportScope) -> Iterator[Row]:
    inside = {each.id: each for each in groups_in(scope)}
    for member in scope.institution.group_memberships:
        group = inside.get(member.group_id)
        if group is None or not member.created_by_sis:
            continue
        state = "deleted" if group.state == "deleted" else member.state
        if scope.shown(state, by_sis=True):
            yield (group.sis_id, scope.sis_id(member.user_id), state)


def _group_categories(scope: ReportScope) -> Iterator[Row]:
    for each in scope.institution.group_categories:
        inside = each.sis_id is not None and in_context(scope, each.context_type, each.context_id)
        if inside and scope.shown(each.state, by_sis=True):
            yield (each.sis_id, *_context(scope, each.context_type, each.context_id), each.name, each.state)


def _xlist(scope: ReportScope) -> Iterator[Row]:
    for course, section in crosslisted(scope):
        if course.sis_id is not None and section.sis_id is not None:
            yield (course.sis_id, section.sis_id, section.state)


def _user_observers(scope: ReportScope) -> Iterator[Row]:
    for link in scope.institution.user_observers:
        if link.created_by_sis and link.student_id in scope.people_ids and scope.shown(link.state, by_sis=True):
            yield (scope.sis_id(link.observer_id), scope.sis_id(link.student_id), link.state)


def _admins(scope: ReportScope) -> Iterator[Row]:
    subtree = scope.institution.subtree_ids(scope.account.id)
    for each in scope.institution.admins:
        if each.created_by_sis and each.account_id in subtree and scope.shown(each.state, by_sis=True):
            account = scope.account_sis_id(each.account_id)
            yield (scope.sis_id(each.user_id), account, each.role_id, each.role, each.state, *trust_cells(scope))


_ROWS: Final[dict[str, Callable[[ReportScope], Iterator[Row]]]] = {
    "users": _users,
    "accounts": _accounts,
    "terms": _terms,
    "courses": _courses,
    "sections": _sections,
    "enrollments": _enrollments,
    "groups": _groups,
    "group_membership": _group_membership,
    "group_categories": _group_categories,
    "xlist": _xlist,
    "user_observers": _user_observers,
    "admins": _admins,
}


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    return {
        name: Sheet(header(scope, name, COLUMNS[name], _TEMPORARY), list(_ROWS[name](scope)))
        for name in selected(scope)
    }


SIS_EXPORT: Final = ReportType(
    name="sis_export_csv",
    title="SIS Export",
    parameters={
        **TERM,
        **{name: parameter(f"Adds {name}.csv") for name in SELECTORS},
        "created_by_sis": parameter("Only rows made by a SIS import; any text counts as yes"),
        **INCLUDE_DELETED,
        **SKIP_MESSAGE,
    },
    sheets=_sheets,
)

"""The provisioning report: one CSV per selector, packed into a ZIP when there are two or more.

Columns, filters and states are those of Canvas's SIS exporter in its provisioning mode; its SIS mode
is in `sis_export`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pipelines.demo.builders.provisioning_links import (
    admins_rows,
    group_categories_rows,
    group_membership_rows,
    groups_rows,
    header,
    trust_cells,
    user_observers_rows,
    xlist_rows,
)
from pipelines.demo.builders.report_type import INCLUDE_DELETED, SKIP_MESSAGE, TERM, ReportType, Sheet, parameter
from pipelines.demo.builders.scope import ReportFailedError, ReportScope
from pipelines.demo.csv_text import Row
from pipelines.demo.records import ROLE_IDS, Course, Enrollment

COURSE_STATUS: Final = {
    "created": "unpublished",
    "claimed": "unpublished",
    "available": "active",
    "completed": "concluded",
    "deleted": "deleted",
}
ROLE_NAME: Final = {
    "StudentEnrollment": "student",
    "TeacherEnrollment": "teacher",
    "TaEnrollment": "ta",
    "DesignerEnrollment": "designer",
    "ObserverEnrollment": "observer",
}

COLUMNS: Final[dict[str, str]] = {
    "users": "canvas_user_id,user_id,integration_id,authentication_provider_id,login_id,first_name,last_name,"
    "full_name,sortable_name,short_name,email,status,created_by_sis",
    "accounts": "canvas_account_id,account_id,canvas_parent_id,parent_account_id,name,status,created_by_sis",
    "terms": "canvas_term_id,term_id,name,status,start_date,end_date,created_by_sis",
    "courses": "canvas_course_id,course_id,integration_id,short_name,long_name,canvas_account_id,account_id,"
    "canvas_term_id,term_id,status,start_date,end_date,course_format,canvas_blueprint_course_id,"
    "blueprint_course_id,created_by_sis",
    "sections": "canvas_section_id,section_id,canvas_course_id,course_id,integration_id,name,status,start_date,"
    "end_date,canvas_account_id,account_id,created_by_sis",
    "enrollments": "canvas_course_id,course_id,canvas_user_id,user_id,role,role_id,canvas_section_id,section_id,"
    "status,canvas_associated_user_id,associated_user_id,created_by_sis,base_role_type,"
    "limit_section_privileges,canvas_enrollment_id",
    "groups": "canvas_group_id,group_id,canvas_group_category_id,group_category_id,canvas_account_id,account_id,"
    "canvas_course_id,course_id,name,status,created_by_sis,context_id,context_type,max_membership",
    "group_membership": "canvas_group_id,group_id,canvas_user_id,user_id,status,created_by_sis",
    "group_categories": "canvas_group_category_id,group_category_id,context_id,context_type,name,role,self_signup,"
    "group_limit,auto_leader,status",
    "xlist": "canvas_xlist_course_id,xlist_course_id,canvas_section_id,section_id,status,"
    "canvas_nonxlist_course_id,nonxlist_course_id",
    "user_observers": "canvas_observer_id,observer_id,canvas_student_id,student_id,status,created_by_sis",
    "admins": "admin_user_name,canvas_user_id,user_id,canvas_account_id,account_id,role_id,role,status,created_by_sis",
}
"""Selector -> its columns, in the order of the ZIP's members."""


def _users(scope: ReportScope) -> Iterator[Row]:
    for user in scope.institution.users:
        if user.id not in scope.people_ids:
            continue
        for login in user.logins:
            if scope.shown(login.state, by_sis=login.created_by_sis):
                yield (
                    user.id,
                    login.sis_id,
                    login.integration_id,
                    None,
                    login.unique_id,
                    user.first_name,
                    user.last_name,
                    user.name,
                    user.sortable_name,
                    user.short_name or user.name,
                    user.email,
                    login.state,
                    login.created_by_sis,
                    *((user.pronouns,) if scope.preferences.pronouns else ()),
                )


def _accounts(scope: ReportScope) -> Iterator[Row]:
    by_id = scope.institution.account_by_id
    for account in scope.institution.accounts:
        if account.parent_id is None or (not scope.is_root and account.parent_id != scope.account.id):
            continue
        if scope.shown(account.state, by_sis=account.created_by_sis):
            yield (
                account.id,
                account.sis_id,
                account.parent_id,
                by_id[account.parent_id].sis_id,
                account.name,
                account.state,
                account.created_by_sis,
            )


def _terms(scope: ReportScope) -> Iterator[Row]:
    for term in scope.institution.terms:
        if scope.shown(term.state, by_sis=term.created_by_sis):
            yield (
                term.id,
                term.sis_id,
                term.name,
                term.state,
                term.start_at,
                term.end_at,
                term.created_by_sis,
            )


def course_shown(scope: ReportScope, course: Course) -> bool:
    """Whether courses.csv lists a course, apart from who made it."""
    if course.id not in scope.course_ids:
        return False
    if scope.include_deleted:
        return course.state != "deleted" or scope.keeps_deleted(course)
    return course.state not in {"deleted", "completed"}


def _courses(scope: ReportScope) -> Iterator[Row]:
    for course in scope.institution.courses:
        if not course_shown(scope, course) or not scope.shown("", by_sis=course.created_by_sis):
            continue
        yield (
            course.id,
            course.sis_id,
            course.integration_id,
            course.code,
            course.name,
            course.account_id,
            scope.account_sis_id(course.account_id),
            course.term_id,
            scope.institution.term_by_id[course.term_id].sis_id,
            COURSE_STATUS[course.state],
            *scope.dates_of(course),
            course.course_format,
            None,
            None,
            course.created_by_sis,
        )


def _sections(scope: ReportScope) -> Iterator[Row]:
    for section in scope.institution.sections:
        holder = scope.institution.course_by_id[section.course_id]
        if holder.id not in scope.course_ids:
            continue
        state = "deleted" if holder.state == "deleted" else section.state
        if not scope.shown(state, by_sis=section.created_by_sis):
            continue
        # A cross-listed section is listed under the course it came from; xlist.csv has the move.
        course = scope.institution.course_by_id[section.nonxlist_course_id or section.course_id]
        yield (
            section.id,
            section.sis_id,
            course.id,
            course.sis_id,
            None,
            section.name,
            state,
            section.start_at if section.restrict_to_dates else None,
            section.end_at if section.restrict_to_dates else None,
            course.account_id,
            scope.account_sis_id(course.account_id),
            section.created_by_sis,
        )


def _enrollments(scope: ReportScope) -> Iterator[Row]:
    institution = scope.institution
    types = scope.listed("enrollment_filter")
    states = scope.listed("enrollment_states")
    logins = {user.id: user.usable_login for user in institution.users}
    for enrollment in institution.enrollments:
        role = ROLE_NAME.get(enrollment.type)
        login = logins.get(enrollment.user_id)
        # People without a usable login fall out silently, and so do test students.
        if role is None or login is None or enrollment.course_id not in scope.course_ids:
            continue
        if (types and enrollment.type not in types) or (states and enrollment.state not in states):
            continue
        status = scope.status_of(enrollment)
        if not scope.shown(status, by_sis=enrollment.created_by_sis):
            continue
        if status == "concluded" and not scope.include_deleted:
            continue
        associated = enrollment.associated_user_id
        yield (
            enrollment.course_id,
            institution.course_by_id[enrollment.course_id].sis_id,
            enrollment.user_id,
            login.sis_id,
            role,
            ROLE_IDS[enrollment.type],
            enrollment.section_id,
            institution.section_by_id[enrollment.section_id].sis_id,
            status,
            associated,
            scope.sis_id(associated),
            enrollment.created_by_sis,
            enrollment.type,
            enrollment.limit_section_privileges,
            enrollment.id,
            *_temporary(scope, enrollment),
            *trust_cells(scope),
        )


def _temporary(scope: ReportScope, enrollment: Enrollment) -> Row:
    if not scope.preferences.temporary_enrollments:
        return ()
    source = enrollment.temporary_source_user_id
    return (source, scope.sis_id(source))


_TEMPORARY: Final = ("canvas_temporary_enrollment_source_user_id", "temporary_enrollment_source_user_id")

_ROWS: Final[dict[str, Callable[[ReportScope], Iterator[Row]]]] = {
    "users": _users,
    "accounts": _accounts,
    "terms": _terms,
    "courses": _courses,
    "sections": _sections,
    "enrollments": _enrollments,
    "groups": groups_rows,
    "group_membership": group_membership_rows,
    "group_categories": group_categories_rows,
    "xlist": xlist_rows,
    "user_observers": user_observers_rows,
    "admins": admins_rows,
}


def selected(scope: ReportScope) -> list[str]:
    """Return the selectors that were asked for, in the order of the ZIP's members; none is a failure."""
    names = [name for name in COLUMNS if scope.flag(name)]
    if not names:
        raise ReportFailedError("no files were selected")
    return names


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    return {
        name: Sheet(header(scope, name, COLUMNS[name], _TEMPORARY), list(_ROWS[name](scope)))
        for name in selected(scope)
    }


PROVISIONING: Final = ReportType(
    name="provisioning_csv",
    title="Provisioning",
    parameters={
        **TERM,
        **{name: parameter(f"Adds {name}.csv") for name in COLUMNS},
        "created_by_sis": parameter("Only rows made by a SIS import; any text counts as yes"),
        **INCLUDE_DELETED,
        "enrollment_filter": parameter("Enrollment types to keep in enrollments.csv"),
        "enrollment_states": parameter("Enrollment states to keep in enrollments.csv"),
        **SKIP_MESSAGE,
    },
    sheets=_sheets,
)

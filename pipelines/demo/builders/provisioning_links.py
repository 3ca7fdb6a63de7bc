"""The provisioning members that link records: groups and their members, cross-listings, observers, admins.

With them, what provisioning and the SIS export have in common. The members about records are in `provisioning`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row
from pipelines.demo.records import Course, Group, Section

TRUSTING: Final = ("enrollments", "admins")
"""The members that name the root account of a row when root accounts trust each other."""


def header(scope: ReportScope, member: str, columns: str, temporary: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a member with those that preferences add; `temporary` are those of enrollments."""
    added: list[str] = []
    if member == "users" and scope.preferences.pronouns:
        added.append("pronouns")
    if member == "enrollments" and scope.preferences.temporary_enrollments:
        added += temporary
    if member in TRUSTING and scope.preferences.trusts:
        added.append("root_account")
    return (*columns.split(","), *added)


def trust_cells(scope: ReportScope) -> Row:
    """Return the cell of the last column of `TRUSTING` members, none without trusts."""
    return (scope.institution.domain,) if scope.preferences.trusts else ()


def in_context(scope: ReportScope, context_type: str, context_id: int) -> bool:
    """Whether an account or a course (`context_type` Account or Course) is in the account's subtree."""
    subtree = scope.institution.subtree_ids(scope.account.id)
    if context_type == "Account":
        return context_id in subtree
    return scope.institution.course_by_id[context_id].account_id in subtree


def groups_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of groups.csv."""
    categories = {category.id: category for category in scope.institution.group_categories}
    for group in groups_in(scope):
        if not scope.shown(group.state, by_sis=group.created_by_sis):
            continue
        course = scope.institution.course_by_id[group.context_id] if group.context_type == "Course" else None
        account_id = group.context_id if course is None else course.account_id
        yield (
            group.id,
            group.sis_id,
            group.category_id,
            categories[group.category_id].sis_id,
            account_id if course is None else None,
            scope.account_sis_id(account_id) if course is None else None,
            None if course is None else course.id,
            None if course is None else course.sis_id,
            group.name,
            group.state,
            group.created_by_sis,
            group.context_id,
            group.context_type,
            group.max_membership,
        )


def groups_in(scope: ReportScope) -> list[Group]:
    """Return the groups of the accounts and courses of the account's subtree."""
    return [each for each in scope.institution.groups if in_context(scope, each.context_type, each.context_id)]


def group_membership_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of group_membership.csv."""
    inside = {group.id: group for group in groups_in(scope)}
    for member in scope.institution.group_memberships:
        group = inside.get(member.group_id)
        if group is None:
            continue
        state = "deleted" if group.state == "deleted" else member.state
        if scope.shown(state, by_sis=member.created_by_sis):
            yield (
                group.id,
                group.sis_id,
                member.user_id,
                scope.sis_id(member.user_id),
                state,
                member.created_by_sis,
            )


def group_categories_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of group_categories.csv."""
    for category in scope.institution.group_categories:
        if not in_context(scope, category.context_type, category.context_id):
            continue
        if scope.shown(category.state, by_sis=category.sis_id is not None):
            yield (
                category.id,
                category.sis_id,
                category.context_id,
                category.context_type,
                category.name,
                None,
                category.self_signup,
                category.group_limit,
                category.auto_leader,
                category.state,
            )


def crosslisted(scope: ReportScope) -> Iterator[tuple[Course, Section]]:
    """Yield the sections that were moved to another course, each with that course."""
    for section in scope.institution.sections:
        if section.nonxlist_course_id is None or section.course_id not in scope.course_ids:
            continue
        course = scope.institution.course_by_id[section.course_id]
        if course.state in {"deleted", "completed"} and not scope.include_deleted:
            continue
        if scope.shown(section.state, by_sis=section.created_by_sis):
            yield course, section


def xlist_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of xlist.csv."""
    for course, section in crosslisted(scope):
        origin = scope.institution.course_by_id[section.nonxlist_course_id or 0]
        yield (course.id, course.sis_id, section.id, section.sis_id, section.state, origin.id, origin.sis_id)


def user_observers_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of user_observers.csv."""
    inside: set[int] | None = None
    if not scope.is_root:
        courses = scope.institution.courses_in(scope.account.id)
        inside = scope.institution.people(courses, "StudentEnrollment")
    for link in scope.institution.user_observers:
        if inside is not None and link.student_id not in inside:
            continue
        if scope.shown(link.state, by_sis=link.created_by_sis):
            yield (
                link.observer_id,
                scope.sis_id(link.observer_id),
                link.student_id,
                scope.sis_id(link.student_id),
                link.state,
                link.created_by_sis,
            )


def admins_rows(scope: ReportScope) -> Iterator[Row]:
    """Yield the rows of admins.csv."""
    subtree = scope.institution.subtree_ids(scope.account.id)
    for admin in scope.institution.admins:
        if admin.account_id in subtree and scope.shown(admin.state, by_sis=admin.created_by_sis):
            yield (
                scope.institution.user_by_id[admin.user_id].name,
                admin.user_id,
                scope.sis_id(admin.user_id),
                admin.account_id,
                scope.account_sis_id(admin.account_id),
                admin.role_id,
                admin.role,
                admin.state,
                admin.created_by_sis,
                *trust_cells(scope),
            )

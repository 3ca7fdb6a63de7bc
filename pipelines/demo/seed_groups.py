"""Invented groups of the seeded university: a club, a dissolved choir, project teams in running courses."""

from collections.abc import Sequence

from pipelines.demo.records import Course, Enrollment, Group, GroupCategory, GroupMembership, User


def seeded_groups(
    courses: Sequence[Course], enrollments: Sequence[Enrollment], students: Sequence[User]
) -> tuple[tuple[GroupCategory, ...], tuple[Group, ...], tuple[GroupMembership, ...]]:
    """Return categories, groups and memberships; `courses` are searched for running ones."""
    categories = [GroupCategory(1, "Student Clubs", "Account", 1, "GC-1", self_signup="enabled", group_limit=40)]
    groups = [
        Group(1, "Chess, Go & Shogi", 1, "Account", 1, "G-0001", max_membership=40, created_by_sis=True),
        Group(2, "Dissolved Choir", 1, "Account", 1, state="deleted"),
    ]
    memberships = [GroupMembership(1, user.id, created_by_sis=True) for user in students[:9]]
    memberships.append(GroupMembership(1, students[9].id, state="deleted"))
    for course in [each for each in courses if each.term_id == 4 and each.state == "available"][:6]:
        category = GroupCategory(len(categories) + 1, "Project Teams", "Course", course.id, auto_leader="first")
        categories.append(category)
        people = sorted(
            {
                each.user_id
                for each in enrollments
                if each.course_id == course.id and each.type == "StudentEnrollment" and each.state == "active"
            }
        )
        for at in range(0, min(len(people), 20), 5):
            group = Group(len(groups) + 1, f"Team {at // 5 + 1}", category.id, "Course", course.id)
            groups.append(group)
            memberships += [GroupMembership(group.id, user_id) for user_id in people[at : at + 5]]
    return tuple(categories), tuple(groups), tuple(memberships)

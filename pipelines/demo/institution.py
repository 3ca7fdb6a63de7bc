"""The institution: all records together, with the lookups that endpoints and reports share.

Holds facts about the records (who is below which account, which term is current), never how they are
served. Building one is the business of `seed` and `oulad`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from pipelines.demo.admin_records import AccessToken, DeveloperKey, Eportfolio, LtiTool
from pipelines.demo.grading_records import GradingPeriod, GradingPeriodSet, PeriodGrades
from pipelines.demo.outcome_records import Outcome, OutcomeAlignment, OutcomeGroup, OutcomeResult
from pipelines.demo.records import (
    Account,
    ActivityLog,
    Admin,
    Assignment,
    Course,
    Enrollment,
    Group,
    GroupCategory,
    GroupMembership,
    Messages,
    Section,
    Submissions,
    Term,
    User,
    UserObserver,
)

_Record = TypeVar("_Record")
_Columns = TypeVar("_Columns", ActivityLog, Submissions, Messages)
_Value = TypeVar("_Value")

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

SHARD_FACTOR = 10**13
"""A global id is `shard * SHARD_FACTOR + local id`; `7~123` is the short form of it."""


@dataclass(frozen=True, eq=False)
class Institution:
    """Everything one Canvas root account knows. The first account without a parent is the root."""

    accounts: tuple[Account, ...]
    terms: tuple[Term, ...]
    courses: tuple[Course, ...]
    sections: tuple[Section, ...]
    users: tuple[User, ...]
    enrollments: tuple[Enrollment, ...]
    activity: ActivityLog
    group_categories: tuple[GroupCategory, ...] = ()
    groups: tuple[Group, ...] = ()
    group_memberships: tuple[GroupMembership, ...] = ()
    user_observers: tuple[UserObserver, ...] = ()
    admins: tuple[Admin, ...] = ()
    api_user_id: int = 1
    api_user_name: str = "Canvas Administrator"
    assignments: tuple[Assignment, ...] = ()
    submissions: Submissions = field(default_factory=Submissions.empty)
    messages: Messages = field(default_factory=Messages.empty)
    grading_period_sets: tuple[GradingPeriodSet, ...] = ()
    grading_periods: tuple[GradingPeriod, ...] = ()
    period_grades: tuple[PeriodGrades, ...] = ()
    outcome_groups: tuple[OutcomeGroup, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    outcome_alignments: tuple[OutcomeAlignment, ...] = ()
    outcome_results: tuple[OutcomeResult, ...] = ()
    lti_tools: tuple[LtiTool, ...] = ()
    developer_keys: tuple[DeveloperKey, ...] = ()
    access_tokens: tuple[AccessToken, ...] = ()
    eportfolios: tuple[Eportfolio, ...] = ()

    @cached_property
    def root(self) -> Account:
        """The root account."""
        return next(account for account in self.accounts if account.parent_id is None)

    @cached_property
    def time_zone(self) -> ZoneInfo:
        """The root account's zone, in which every report writes its timestamps."""
        return ZoneInfo(self.root.time_zone)

    @cached_property
    def account_by_id(self) -> dict[int, Account]:
        """Accounts by id."""
        return {account.id: account for account in self.accounts}

    @cached_property
    def term_by_id(self) -> dict[int, Term]:
        """Terms by id."""
        return {term.id: term for term in self.terms}

    @cached_property
    def course_by_id(self) -> dict[int, Course]:
        """Courses by id."""
        return {course.id: course for course in self.courses}

    @cached_property
    def section_by_id(self) -> dict[int, Section]:
        """Sections by id."""
        return {section.id: section for section in self.sections}

    @cached_property
    def user_by_id(self) -> dict[int, User]:
        """Users by id."""
        return {user.id: user for user in self.users}

    @cached_property
    def domain(self) -> str:
        """The host name under which people know this Canvas; report files write it."""
        return f"{re.sub(r'[^a-z0-9]+', '-', self.root.name.lower()).strip('-') or 'canvas'}.example.edu"

    @cached_property
    def default_term(self) -> Term:
        """The term called Default Term, which has no dates."""
        return next(term for term in self.terms if term.is_default)

    @cached_property
    def _children(self) -> dict[int, list[Account]]:
        children: dict[int, list[Account]] = defaultdict(list)
        for account in sorted(self.accounts, key=lambda each: each.id):
            if account.parent_id is not None:
                children[account.parent_id].append(account)
        return children

    @cached_property
    def enrollments_by_course(self) -> dict[int, list[Enrollment]]:
        """Enrollments of every state, by course id."""
        grouped: dict[int, list[Enrollment]] = defaultdict(list)
        for enrollment in self.enrollments:
            grouped[enrollment.course_id].append(enrollment)
        return grouped

    @cached_property
    def students_by_course(self) -> dict[int, dict[int, list[Enrollment]]]:
        """Active and completed student enrollments by course id and user id; other states count for nothing here."""
        grouped: dict[int, dict[int, list[Enrollment]]] = {}
        for each in self.enrollments:
            if each.type == "StudentEnrollment" and each.state in {"active", "completed"}:
                grouped.setdefault(each.course_id, {}).setdefault(each.user_id, []).append(each)
        return grouped

    @cached_property
    def assignments_by_course(self) -> dict[int, list[Assignment]]:
        """Assignments by course id, ordered by due date and id; those without a due date come last."""
        grouped: dict[int, list[Assignment]] = defaultdict(list)
        never = datetime.max.replace(tzinfo=UTC)
        for each in sorted(self.assignments, key=lambda one: (one.due_at or never, one.id)):
            grouped[each.course_id].append(each)
        return grouped

    @cached_property
    def last_activity(self) -> dict[tuple[int, int], datetime]:
        """The last moment of activity by course id and user id: in working hours, UTC, of the log's last day."""
        log = self._sorted_activity
        if not len(log):
            return {}
        # Sorted by course, user and day, so the last row of each pair has its last day.
        ends = np.append((np.diff(log.course_id) != 0) | (np.diff(log.user_id) != 0), True)
        pairs = zip(log.course_id[ends].tolist(), log.user_id[ends].tolist(), log.day[ends].tolist(), strict=True)
        return {
            (course, user): datetime.fromtimestamp(day * _DAY + 7 * _HOUR + (course * 7919 + user) % (9 * _HOUR), UTC)
            for course, user, day in pairs
        }

    @cached_property
    def _user_by_sis_id(self) -> dict[str, User]:
        return {
            login.sis_id: user
            for user in self.users
            for login in user.logins
            if login.sis_id is not None and login.state == "active"
        }

    @cached_property
    def _sorted_activity(self) -> ActivityLog:
        return _sorted(self.activity, self.activity.day)

    @cached_property
    def _sorted_submissions(self) -> Submissions:
        return _sorted(self.submissions, self.submissions.assignment_id)

    @cached_property
    def _sorted_messages(self) -> Messages:
        return _sorted(self.messages, self.messages.day)

    def activity_of(self, course_id: int, user_id: int | None = None) -> ActivityLog:
        """Return the activity of a course, or of one person in it, ordered by user and day."""
        return _of(self._sorted_activity, course_id, user_id)

    def submissions_of(self, course_id: int, user_id: int | None = None) -> Submissions:
        """Return the submissions of a course, or of one student in it, ordered by user and assignment."""
        return _of(self._sorted_submissions, course_id, user_id)

    def messages_of(self, course_id: int, user_id: int | None = None) -> Messages:
        """Return the messages of a course, or of one student in it, ordered by user and day."""
        return _of(self._sorted_messages, course_id, user_id)

    @cached_property
    def _computed(self) -> dict[Hashable, object]:
        return {}

    def once(self, key: Hashable, compute: Callable[[], _Value]) -> _Value:
        """Return what `compute` makes of the records, computed at the first call: records never change."""
        if key not in self._computed:
            self._computed[key] = compute()
        return cast("_Value", self._computed[key])

    def children(self, account_id: int) -> list[Account]:
        """Return the direct, undeleted sub-accounts, ordered by id."""
        return [account for account in self._children.get(account_id, []) if account.state != "deleted"]

    def descendants(self, account_id: int) -> Iterator[Account]:
        """Yield every undeleted account below `account_id`, depth first."""
        for child in self.children(account_id):
            yield child
            yield from self.descendants(child.id)

    def subtree_ids(self, account_id: int) -> frozenset[int]:
        """Return the ids of an account and of all accounts below it, deleted ones too."""
        ids = {account_id}
        for child in self._children.get(account_id, []):
            ids |= self.subtree_ids(child.id)
        return frozenset(ids)

    def courses_in(
        self, account_id: int, *, term_id: int | None = None, states: Collection[str] | None = None
    ) -> list[Course]:
        """Return the courses of the account's subtree, ordered by id, narrowed to a term and to states."""
        inside = self.subtree_ids(account_id)
        return [
            course
            for course in self._courses_in_order
            if course.account_id in inside
            and (term_id is None or course.term_id == term_id)
            and (states is None or course.state in states)
        ]

    @cached_property
    def _courses_in_order(self) -> list[Course]:
        return sorted(self.courses, key=lambda course: course.id)

    def people(
        self, courses: Iterable[Course], enrollment_type: str, states: Collection[str] = ("active", "completed")
    ) -> set[int]:
        """Return the distinct user ids enrolled with a type and state in any of the courses."""
        return {
            enrollment.user_id
            for course in courses
            for enrollment in self.enrollments_by_course.get(course.id, [])
            if enrollment.type == enrollment_type and enrollment.state in states
        }

    def current_term(self, now: datetime) -> Term | None:
        """Return the active dated term that `now` falls in, the latest start first."""
        running = [
            (term.start_at, term.id, term)
            for term in self.terms
            if term.state == "active"
            and term.start_at is not None
            and term.start_at <= now
            and (term.end_at is None or now <= term.end_at)
        ]
        return max(running, key=lambda each: each[:2])[2] if running else None

    def find_account(self, key: str) -> Account | None:
        """Look an account up by `self`, `sis_account_id:X`, an id or a global id."""
        if key in {"self", "default"}:
            return self.root
        return _find(key, "sis_account_id:", self.accounts, self.account_by_id, lambda each: each.sis_id)

    def find_term(self, key: str) -> Term | None:
        """Look a term up by `sis_term_id:X` or an id."""
        return _find(key, "sis_term_id:", self.terms, self.term_by_id, lambda each: each.sis_id)

    def find_course(self, key: str) -> Course | None:
        """Look a course up by `sis_course_id:X` or an id."""
        return _find(key, "sis_course_id:", self.courses, self.course_by_id, lambda each: each.sis_id)

    def find_user(self, key: str) -> User | None:
        """Look a user up by `sis_user_id:X` of an active login, an id or a global id."""
        if key.startswith("sis_user_id:"):
            return self._user_by_sis_id.get(key.removeprefix("sis_user_id:"))
        found = local_id(key)
        return None if found is None else self.user_by_id.get(found)


def local_id(key: str) -> int | None:
    """Read an id as Canvas does in a path: `12`, a global id of shard 1, or its short form `1~12`."""
    shard, tilde, rest = key.partition("~")
    if tilde:
        if not (shard.isascii() and shard.isdigit() and rest.isascii() and rest.isdigit()):
            return None
        return int(rest) if int(shard) == 1 else int(shard) * SHARD_FACTOR + int(rest)
    if not (key.isascii() and key.isdigit()):
        return None
    value = int(key)
    # Shard 1 is this institution's own, so its global ids name local records.
    return value - SHARD_FACTOR if value // SHARD_FACTOR == 1 else value


def _find(
    key: str,
    sis_prefix: str,
    records: Iterable[_Record],
    by_id: dict[int, _Record],
    sis_id: Callable[[_Record], str | None],
) -> _Record | None:
    if key.startswith(sis_prefix):
        wanted = key.removeprefix(sis_prefix)
        return next((record for record in records if sis_id(record) == wanted), None)
    found = local_id(key)
    return None if found is None else by_id.get(found)


def _sorted(columns: _Columns, last_key: npt.NDArray[np.int64]) -> _Columns:
    return _taken(columns, np.lexsort((last_key, columns.user_id, columns.course_id)))


def _of(columns: _Columns, course_id: int, user_id: int | None) -> _Columns:
    """Return the rows of a course (and user) of sorted columns, as views: nothing is copied."""
    within = _slice(columns.course_id, course_id)
    course = _taken(columns, within)
    return course if user_id is None else _taken(course, _slice(course.user_id, user_id))


def _slice(column: npt.NDArray[np.int64], value: int) -> slice:
    first, last = np.searchsorted(column, value, "left"), np.searchsorted(column, value, "right")
    return slice(int(first), int(last))


def _taken(columns: _Columns, rows: Any) -> _Columns:
    return type(columns)(*(getattr(columns, each.name)[rows] for each in fields(columns)))

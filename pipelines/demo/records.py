"""The records an institution is made of, one frozen dataclass each, in Canvas's own words.

States are the ones Canvas keeps in its tables (a course is `created`, `claimed`, `available`, `completed`
or `deleted`); what an endpoint or a report calls them is decided where it is written. Lookups over the
records are in `institution`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

CATEGORIES: Final = (
    "announcements",
    "assignments",
    "collaborations",
    "conferences",
    "discussions",
    "files",
    "general",
    "grades",
    "groups",
    "modules",
    "other",
    "pages",
    "quizzes",
)
"""Page view categories, sorted by name; `ActivityLog.category` holds positions in this tuple."""

ROLE_IDS: Final = {
    "StudentEnrollment": 3,
    "TeacherEnrollment": 4,
    "TaEnrollment": 5,
    "DesignerEnrollment": 6,
    "ObserverEnrollment": 7,
    "StudentViewEnrollment": 8,
}
"""Enrollment type -> id of its built-in role."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account; the one without a parent is the root and its zone is the zone of the reports."""

    id: int
    name: str
    parent_id: int | None
    sis_id: str | None = None
    state: str = "active"
    time_zone: str = "America/Denver"
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """An enrollment term. `start_at` and `end_at` are UTC, both None for the Default Term."""

    id: int
    name: str
    start_at: datetime | None
    end_at: datetime | None
    created_at: datetime
    sis_id: str | None = None
    state: str = "active"
    is_default: bool = False
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class CourseContent:
    """How much a course holds; only counted, never listed."""

    discussion_topics: int = 0
    media_objects: int = 0
    attachments: int = 0
    assignments: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """A course. `grading_scheme` False means that its enrollments have scores but no letters.

    `storage_mb` is what counts against its quota, `files_mb` the sum of all its files; both in megabytes.
    """

    id: int
    name: str
    code: str
    account_id: int
    term_id: int
    state: str
    created_at: datetime
    updated_at: datetime
    sis_id: str | None = None
    integration_id: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    restrict_to_dates: bool = False
    course_format: str | None = None
    grading_scheme: bool = True
    is_public: bool = False
    created_by_sis: bool = False
    content: CourseContent = CourseContent()
    storage_mb: float = 0.0
    files_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A published assignment. A non-digital one (on paper, or none at all) is graded without being handed in."""

    id: int
    course_id: int
    title: str
    due_at: datetime | None = None
    unlock_at: datetime | None = None
    points_possible: float | None = None
    muted: bool = False
    non_digital_submission: bool = False
    module_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A section; `nonxlist_course_id` is the course it came from when it is cross-listed."""

    id: int
    name: str
    course_id: int
    sis_id: str | None = None
    nonxlist_course_id: int | None = None
    state: str = "active"
    start_at: datetime | None = None
    end_at: datetime | None = None
    restrict_to_dates: bool = False
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """A pseudonym: one way for a user to sign in. Users with two logins fill two rows of users.csv."""

    id: int
    unique_id: str
    sis_id: str | None = None
    integration_id: str | None = None
    state: str = "active"
    created_by_sis: bool = False
    last_request_at: datetime | None = None
    last_ip: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person. `is_test` marks the test student of a course, which no report shows."""

    id: int
    name: str
    first_name: str
    last_name: str
    logins: tuple[Login, ...]
    email: str | None = None
    short_name: str | None = None
    is_test: bool = False
    pronouns: str | None = None

    @property
    def sortable_name(self) -> str:
        """Last name first, as Canvas sorts people."""
        return f"{self.last_name}, {self.first_name}" if self.first_name else self.last_name

    @property
    def usable_login(self) -> Login | None:
        """Return the login that reports print: the first active one, one with a SIS id before others."""
        active = [login for login in self.logins if login.state == "active"]
        return next((login for login in active if login.sis_id is not None), active[0] if active else None)


@dataclass(frozen=True, slots=True)
class Grades:
    """Scores (0 to 100, may exceed it) and letters of one student enrollment, of the course or of a period."""

    current_score: float | None = None
    final_score: float | None = None
    unposted_current_score: float | None = None
    unposted_final_score: float | None = None
    current_grade: str | None = None
    final_grade: str | None = None
    unposted_current_grade: str | None = None
    unposted_final_grade: str | None = None
    override_score: float | None = None
    override_grade: str | None = None


NO_GRADES: Final = Grades()


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A person in a section. `state`: invited, creation_pending, active, completed, inactive, deleted, rejected.

    `temporary_source_user_id` is whom a temporary enrollment stands in for.
    """

    id: int
    user_id: int
    course_id: int
    section_id: int
    type: str
    state: str
    created_at: datetime
    updated_at: datetime
    associated_user_id: int | None = None
    limit_section_privileges: bool = False
    created_by_sis: bool = False
    grades: Grades = NO_GRADES
    temporary_source_user_id: int | None = None


@dataclass(frozen=True, slots=True)
class GroupCategory:
    """A set of groups in a course or an account (`context_type` is Course or Account)."""

    id: int
    name: str
    context_type: str
    context_id: int
    sis_id: str | None = None
    state: str = "active"
    self_signup: str | None = None
    group_limit: int | None = None
    auto_leader: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group of users of a category's context."""

    id: int
    name: str
    category_id: int
    context_type: str
    context_id: int
    sis_id: str | None = None
    state: str = "available"
    max_membership: int | None = None
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class GroupMembership:
    """A user in a group."""

    group_id: int
    user_id: int
    state: str = "accepted"
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class UserObserver:
    """An observer linked to a student."""

    observer_id: int
    student_id: int
    state: str = "active"
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True)
class Admin:
    """A user with an administrative role in an account."""

    user_id: int
    account_id: int
    role: str
    role_id: int
    state: str = "active"
    created_by_sis: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ActivityLog:
    """Page views in columns of equal length, one row per course, user, UTC day and category.

    `day` counts days since 1970-01-01, `category` is a position in `CATEGORIES`. Columns rather than
    objects: a term of a middle-sized university is several hundred thousand rows.
    """

    course_id: npt.NDArray[np.int64]
    user_id: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    views: npt.NDArray[np.int64]
    participations: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.course_id)

    @classmethod
    def empty(cls) -> "ActivityLog":
        """Return a log of no rows."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, none, none, none, none)


@dataclass(frozen=True, slots=True, eq=False)
class Submissions:
    """Submission rows in columns, at most one per assignment and student.

    `submitted_at` and `posted_at` are seconds since 1970 in UTC, -1 for none; `score` is NaN when nothing is
    graded. A row without `submitted_at` is one that exists although nothing was handed in.
    """

    assignment_id: npt.NDArray[np.int64]
    course_id: npt.NDArray[np.int64]
    user_id: npt.NDArray[np.int64]
    submitted_at: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    posted_at: npt.NDArray[np.int64]
    excused: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.course_id)

    @classmethod
    def empty(cls) -> "Submissions":
        """Return columns of no rows."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, none, none, np.empty(0), none, np.empty(0, dtype=np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Conversation messages in columns, one row per course, student and UTC day (days since 1970-01-01).

    A count of zero is a key that the answer leaves out.
    """

    course_id: npt.NDArray[np.int64]
    user_id: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    instructor_messages: npt.NDArray[np.int64]
    student_messages: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.course_id)

    @classmethod
    def empty(cls) -> "Messages":
        """Return columns of no rows."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, none, none, none)


NOTHING: Final = -1
"""What a column of moments holds where there is no moment."""

EPOCH: Final = date(1970, 1, 1)

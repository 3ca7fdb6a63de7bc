"""What the overview tells, as plain values. How they are asked for is `data`; how they look is `sections`.

A count of students is a `Count`: one to four are None from the moment they are read, so that nothing after the query
can show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

FEWEST = 5
"""Students that a number must stand for, at least, to be shown."""

Count = int | None
"""A number of students; None for one to four of them."""


def count_of(students: int) -> Count:
    """Return the number, or None where it is so small that it could point at somebody."""
    return None if 0 < students < FEWEST else students


@dataclass(frozen=True)
class Generation:
    """Which published file was read. `as_of` is the moment that the file stands for, where it is not the newest."""

    number: int
    published_at: datetime
    instance: str
    version: str
    as_of: datetime | None = None

    @property
    def moment(self) -> datetime:
        """The moment up to which the file tells, in UTC."""
        return self.as_of or self.published_at


@dataclass(frozen=True)
class Scope:
    """The account and the term that the page is about.

    `term_filter` and `term_id` are those of the department analytics; `course_term_id` is the term of the courses that
    go with them, None for all. `below` is the start of the id path of the accounts that count. `is_whole` says that
    nothing lies outside the account. `too_small` says that fewer than five people study in it.
    """

    institution: str
    account_id: int | None
    account_name: str
    below: str
    is_whole: bool
    term_filter: str
    term_id: int | None
    term_name: str
    course_term_id: int | None
    too_small: bool = False


@dataclass(frozen=True)
class Statistics:
    """Canvas's own counts of what the account holds in the term; None where Canvas gave none."""

    courses: int | None
    teachers: int | None
    students: Count
    assignments: int | None
    discussion_topics: int | None
    attachments: int | None


@dataclass(frozen=True)
class Day:
    """Activity of the account on one UTC day."""

    date: date
    views: int
    participations: int


@dataclass(frozen=True)
class HourOfWeek:
    """Page views of students in one hour of the week, local time, added up over the weeks; Monday is 1.

    `views` is None where fewer than five students are behind them.
    """

    weekday: int
    hour: int
    views: Count


@dataclass(frozen=True)
class Hours:
    """The hours of the week that have views, and what they were counted from. `first` and `last` are local days."""

    cells: tuple[HourOfWeek, ...]
    students: Count
    time_zone: str
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Category:
    """Page views of one part of Canvas."""

    name: str
    views: int


@dataclass(frozen=True)
class ScoreBand:
    """Students (one per course they are in) whose current score lies from `low` to `high`, both included, percent."""

    low: int
    high: int
    students: Count


@dataclass(frozen=True)
class Grade:
    """Students with a final letter grade; `letter` is None for those without one."""

    letter: str | None
    students: Count


@dataclass(frozen=True)
class Grades:
    """Grade distributions. `median` is the score in the middle, percent; None where too few students are behind it.

    `unknown` says that Canvas answered without a distribution, because it had none at hand.
    """

    scores: tuple[ScoreBand, ...]
    median: int | None
    letters: tuple[Grade, ...]
    unknown: bool = False


@dataclass(frozen=True)
class CourseWeek:
    """Page views of a course in the week that begins on a Monday: quartiles over the courses that went on in it.

    `participations` are those of the course in the middle.
    """

    week_start: date
    courses: int
    low: float
    median: float
    high: float
    participations: float


@dataclass(frozen=True)
class Punctuality:
    """Submissions by how punctual they were."""

    on_time: int
    late: int
    missing: int

    @property
    def total(self) -> int:
        """All three."""
        return self.on_time + self.late + self.missing


@dataclass(frozen=True)
class SubmissionWeek:
    """Submissions due in the week that begins on a Monday, local time; None for one to four."""

    week_start: date
    on_time: Count
    late: Count
    missing: Count


@dataclass(frozen=True)
class Submissions:
    """Submissions of work that was due, by week and altogether."""

    weeks: tuple[SubmissionWeek, ...]
    overall: Punctuality


@dataclass(frozen=True)
class CoverageOf:
    """How the last questions about one endpoint ended: questions by status, of one family of endpoints."""

    family: str
    endpoint: str
    questions: Mapping[str, int]


@dataclass(frozen=True)
class Freshness:
    """When Canvas last gave rows of a family of tables, in UTC."""

    family: str
    rows: int
    newest: datetime


@dataclass(frozen=True)
class Overview:
    """Everything on the page. `held_back` are the tables that keep earlier rows because a blocking check failed."""

    generation: Generation
    scope: Scope
    statistics: Statistics | None
    days: tuple[Day, ...]
    hours: Hours
    categories: tuple[Category, ...]
    grades: Grades
    course_weeks: tuple[CourseWeek, ...]
    submissions: Submissions
    coverage: tuple[CoverageOf, ...]
    freshness: tuple[Freshness, ...]
    held_back: tuple[str, ...] = ()

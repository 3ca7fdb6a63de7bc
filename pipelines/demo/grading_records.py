"""Records of grading periods: sets of them, which terms use a set, and the grades of a period."""

from dataclasses import dataclass
from datetime import datetime

from pipelines.demo.records import Grades


@dataclass(frozen=True, slots=True)
class GradingPeriodSet:
    """A set of grading periods and the terms that use it; a term uses at most one."""

    id: int
    title: str
    term_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GradingPeriod:
    """A part of a term. Titles are the users' own words and may repeat within a set."""

    id: int
    set_id: int
    title: str
    start_at: datetime
    end_at: datetime
    state: str = "active"


@dataclass(frozen=True, slots=True)
class PeriodGrades:
    """What one student enrollment scored in one grading period."""

    enrollment_id: int
    grading_period_id: int
    grades: Grades

"""Records of learning outcomes: groups of them, the outcomes with their ratings, and what students reached."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class OutcomeGroup:
    """A folder of outcomes in an account. `vendor_guid` is the importer's own key, where there is one."""

    id: int
    account_id: int
    title: str
    description: str | None = None
    vendor_guid: str | None = None
    parent_id: int | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Rating:
    """One step of an outcome's scale."""

    points: float
    description: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A learning outcome; `ratings` go from the best down, `description` is HTML.

    It may stand in several groups; the first of `group_ids` is the one that reports name.
    """

    id: int
    account_id: int
    title: str
    group_ids: tuple[int, ...]
    ratings: tuple[Rating, ...]
    mastery_points: float
    description: str | None = None
    friendly_description: str | None = None
    display_name: str | None = None
    calculation_method: str = "decaying_average"
    calculation_int: int | None = 65
    vendor_guid: str | None = None
    state: str = "active"

    @property
    def points_possible(self) -> float:
        """The points of the best rating."""
        return max((each.points for each in self.ratings), default=0.0)

    def rating(self, score: float) -> Rating | None:
        """Return the best rating that a score reaches."""
        reached = [each for each in self.ratings if score >= each.points]
        return max(reached, key=lambda each: each.points) if reached else None


@dataclass(frozen=True, slots=True)
class OutcomeAlignment:
    """An assignment that is assessed with an outcome."""

    outcome_id: int
    assignment_id: int


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """What one student reached in one outcome, in an assignment or a question of a quiz.

    `mastered` None means that nobody has judged. `hide_points` keeps points out of reports.
    """

    id: int
    outcome_id: int
    user_id: int
    course_id: int
    assessment_type: Literal["assignment", "quiz"]
    assessment_id: int
    assessment_title: str
    submitted_at: datetime | None
    submission_score: float | None
    attempt: int | None
    score: float | None
    mastered: bool | None
    hide_points: bool = False
    question_title: str | None = None
    question_id: int | None = None

"""The two reports about what students reached in outcomes: by result, and by assignment.

Both honour the starter's gradebook preferences, and say so in one lonely cell when there is nothing to list. The
outcomes themselves are in `outcome_export`.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pipelines.demo.builders.report_type import (
    INCLUDE_DELETED,
    SKIP_MESSAGE,
    TERM,
    ReportType,
    Sheet,
    one_sheet,
    parameter,
)
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Cell, Row
from pipelines.demo.institution import Institution
from pipelines.demo.outcome_records import Outcome, OutcomeResult
from pipelines.demo.records import NOTHING, Course, Enrollment

_TAIL: Final = (
    "learning outcome friendly name,learning outcome points possible,learning outcome mastery score,"
    "learning outcome mastered,learning outcome rating,learning outcome rating points,"
    "learning outcome group title,learning outcome group id,account id,account name,enrollment state"
)
_PLACE: Final = "course name,course id,course sis id,section name,section id,section sis id,assignment url"
RESULT_COLUMNS: Final = (
    "student name,student id,student sis id,assessment title,assessment id,assessment type,submission date,"
    "submission score,learning outcome name,learning outcome id,attempt,outcome score,assessment question,"
    f"assessment question id,{_PLACE},{_TAIL}"
)
MAP_COLUMNS: Final = (
    "student name,student id,student sis id,assignment title,assignment id,submission date,submission score,"
    f"learning outcome name,learning outcome id,attempt,outcome score,{_PLACE},{_TAIL}"
)
NOTHING_FOUND: Final = "No outcomes found"
MASTERED: Final[Mapping[str, Mapping[Any, str]]] = {"learning outcome mastered": {True: "1", False: "0"}}
_ORDERS: Final[dict[str, Callable[[OutcomeResult], tuple[int, ...]]]] = {
    "users": lambda each: (each.user_id, each.outcome_id, each.course_id, each.id),
    "courses": lambda each: (each.course_id, each.user_id, each.outcome_id, each.id),
    "outcomes": lambda each: (each.outcome_id, each.user_id, each.course_id, each.id),
}


def _student(scope: ReportScope, user_id: int) -> list[Cell]:
    return [scope.institution.user_by_id[user_id].name, user_id, scope.sis_id(user_id)]


def _place(scope: ReportScope, enrollment: Enrollment, course: Course, assignment_url: str) -> list[Cell]:
    section = scope.institution.section_by_id[enrollment.section_id]
    url = f"https://{scope.institution.domain}/courses/{course.id}/{assignment_url}"
    return [course.name, course.id, course.sis_id, section.name, section.id, section.sis_id, url]


def _tail(
    scope: ReportScope, enrollment: Enrollment, course: Course, outcome: Outcome, result: OutcomeResult | None
) -> list[Cell]:
    hidden = result is not None and result.hide_points
    rating = None if result is None or result.score is None else outcome.rating(result.score)
    groups = {each.id: each.title for each in scope.institution.outcome_groups}
    group_id = outcome.group_ids[0]
    return [
        outcome.display_name,
        None if hidden else outcome.points_possible,
        None if hidden else outcome.mastery_points,
        None if result is None else result.mastered,
        None if rating is None else rating.description,
        None if rating is None or hidden else rating.points,
        groups[group_id],
        group_id,
        course.account_id,
        scope.institution.account_by_id[course.account_id].name,
        enrollment.state,
    ]


def _enrolled(scope: ReportScope) -> dict[tuple[int, int], list[Enrollment]]:
    """Return the student enrollments that count, by course and user: two sections are two rows."""
    states = {"active", "completed"} | ({"inactive", "deleted"} if scope.include_deleted else set())
    found: dict[tuple[int, int], list[Enrollment]] = {}
    for each, course, user in scope.students(states):
        if (course.state == "available" or scope.include_deleted) and not user.is_test:
            found.setdefault((course.id, user.id), []).append(each)
    return found


def _results(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    outcomes = {each.id: each for each in institution.outcomes}
    enrolled = _enrolled(scope)
    order = _ORDERS.get(str(scope.parameters.get("order")), _ORDERS["users"])
    rows: list[Row] = []
    for each in sorted(institution.outcome_results, key=order):
        for enrollment in enrolled.get((each.course_id, each.user_id), []):
            course, outcome = institution.course_by_id[each.course_id], outcomes[each.outcome_id]
            kind = "quizzes" if each.assessment_type == "quiz" else "assignments"
            rows.append(
                [
                    *_student(scope, each.user_id),
                    each.assessment_title,
                    each.assessment_id,
                    each.assessment_type,
                    each.submitted_at,
                    each.submission_score,
                    outcome.title,
                    outcome.id,
                    each.attempt,
                    None if each.hide_points else each.score,
                    each.question_title,
                    each.question_id,
                    *_place(scope, enrollment, course, f"{kind}/{each.assessment_id}"),
                    *_tail(scope, enrollment, course, outcome, each),
                ]
            )
    return one_sheet(RESULT_COLUMNS, rows or [(NOTHING_FOUND,)])


def _map(scope: ReportScope) -> dict[str, Sheet]:
    institution = scope.institution
    outcomes = {each.id: each for each in institution.outcomes}
    assignments = {each.id: each for each in institution.assignments}
    reached = {
        (each.assessment_id, each.user_id, each.outcome_id): each
        for each in institution.outcome_results
        if each.assessment_type == "assignment"
    }
    handed_in = _submissions(institution)
    rows: list[Row] = []
    for (course_id, user_id), enrollments in sorted(_enrolled(scope).items(), key=lambda each: each[0][::-1]):
        course = institution.course_by_id[course_id]
        for alignment in institution.outcome_alignments:
            assignment = assignments[alignment.assignment_id]
            if assignment.course_id != course_id:
                continue
            outcome = outcomes[alignment.outcome_id]
            result = reached.get((assignment.id, user_id, outcome.id))
            submitted_at, score = handed_in.get((assignment.id, user_id), (None, None))
            rows += [
                [
                    *_student(scope, user_id),
                    assignment.title,
                    assignment.id,
                    submitted_at,
                    score,
                    outcome.title,
                    outcome.id,
                    None if result is None else result.attempt,
                    None if result is None or result.hide_points else result.score,
                    *_place(scope, enrollment, course, f"assignments/{assignment.id}"),
                    *_tail(scope, enrollment, course, outcome, result),
                ]
                for enrollment in enrollments
            ]
    return one_sheet(MAP_COLUMNS, rows or [(NOTHING_FOUND,)])


def _submissions(institution: Institution) -> dict[tuple[int, int], tuple[datetime | None, float | None]]:
    """Return when work was handed in and its score, by assignment and student."""

    def compute() -> dict[tuple[int, int], tuple[datetime | None, float | None]]:
        held = institution.submissions
        columns = (held.assignment_id, held.user_id, held.submitted_at, held.score)
        return {
            (assignment, user): (
                None if at == NOTHING else datetime.fromtimestamp(at, UTC),
                None if math.isnan(score) else score,
            )
            for assignment, user, at, score in zip(*(each.tolist() for each in columns), strict=True)
        }

    return institution.once("submissions by assignment and student", compute)


OUTCOMES: Final = (
    ReportType(
        name="outcome_results_csv",
        title="Outcome Results",
        parameters={
            **TERM,
            "order": parameter("users, courses or outcomes; users when absent"),
            **INCLUDE_DELETED,
            **SKIP_MESSAGE,
        },
        sheets=_results,
        words=MASTERED,
        gradebook_preferences=True,
    ),
    ReportType(
        name="student_assignment_outcome_map_csv",
        title="Student Competency",
        parameters={**TERM, **INCLUDE_DELETED, **SKIP_MESSAGE},
        sheets=_map,
        words=MASTERED,
        gradebook_preferences=True,
    ),
)

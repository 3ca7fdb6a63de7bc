"""The grade export report: one row per student enrollment, with scores and letters.

A parallel report in Canvas: its rows come in batches whose order nobody promises, and so they do here.
Grading periods are in `mgp_grade_export`, which shares the cells.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from pipelines.demo.builders.report_type import SKIP_MESSAGE, TERM, ReportType, Sheet, parameter
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Cell, Row
from pipelines.demo.records import Enrollment, Grades, Login

LEADING: Final = (
    "student name,student id,student sis,course,course id,course sis,section,section id,section sis,"
    "term,term id,term sis"
)
GRADED: Final = (
    "current score,final score,enrollment state,unposted current score,unposted final score,"
    "current grade,final grade,unposted current grade,unposted final grade"
)
COLUMNS: Final = f"{LEADING},{GRADED}"
_BATCH: Final = 1000


def _kept(scope: ReportScope, enrollment: Enrollment) -> bool:
    if enrollment.type != "StudentEnrollment" or enrollment.course_id not in scope.course_ids:
        return False
    course = scope.institution.course_by_id[enrollment.course_id]
    status = scope.status_of(enrollment)
    if not scope.include_deleted:
        return course.state == "available" and status in {"active", "concluded"}
    if course.state in {"created", "claimed"} or status not in {"active", "concluded", "inactive", "deleted"}:
        return False
    days = scope.parameters.get("limiting_period")
    if days in (None, "") or status == "active":
        return True
    return enrollment.updated_at >= scope.now - timedelta(days=int(str(days)))


def leading_columns(scope: ReportScope) -> list[str]:
    """Return the columns up to the term's SIS id."""
    names = LEADING.split(",")
    if scope.preferences.integration_ids_in_grades:
        names.insert(3, "student integration id")
    return names


def leading_cells(scope: ReportScope, enrollment: Enrollment, login: Login) -> list[Cell]:
    """Return the cells of `leading_columns`."""
    institution = scope.institution
    course = institution.course_by_id[enrollment.course_id]
    section = institution.section_by_id[enrollment.section_id]
    term = institution.term_by_id[course.term_id]
    return [
        institution.user_by_id[enrollment.user_id].name,
        enrollment.user_id,
        login.sis_id,
        *((login.integration_id,) if scope.preferences.integration_ids_in_grades else ()),
        course.name,
        course.id,
        course.sis_id,
        section.name,
        section.id,
        section.sis_id,
        term.name,
        term.id,
        term.sis_id,
    ]


def with_overrides(scope: ReportScope, names: Sequence[str], score: str, grade: str) -> list[str]:
    """Return columns of scores and letters with the overrides' where they stand: after the scores, and last."""
    if not scope.preferences.final_grade_override:
        return list(names)
    return [*names[:-4], score, *names[-4:], grade]


def score_cells(scope: ReportScope, grades: Grades, state: str | None, *, letters: bool) -> list[Cell]:
    """Return scores and letters; `state` stands after the first two scores, None leaves it out."""
    override = scope.preferences.final_grade_override
    written = (grades.current_grade, grades.final_grade, grades.unposted_current_grade, grades.unposted_final_grade)
    return [
        grades.current_score,
        grades.final_score,
        *(() if state is None else (state,)),
        grades.unposted_current_score,
        grades.unposted_final_score,
        *((grades.override_score,) if override else ()),
        *(written if letters else (None,) * 4),
        *((grades.override_grade if letters else None,) if override else ()),
    ]


def _rows(scope: ReportScope) -> Iterator[Row]:
    institution = scope.institution
    logins = {user.id: user.usable_login for user in institution.users}
    for enrollment in institution.enrollments:
        login = logins.get(enrollment.user_id)
        if login is None or not _kept(scope, enrollment):
            continue
        letters = institution.course_by_id[enrollment.course_id].grading_scheme
        yield (
            *leading_cells(scope, enrollment, login),
            *score_cells(scope, enrollment.grades, scope.status_of(enrollment), letters=letters),
        )


def in_batches(rows: list[Row]) -> list[Row]:
    """Return rows as workers hand them in: batches of 1,000, in an order that only this server knows."""
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    random.Random(len(rows)).shuffle(batches)
    return [row for batch in batches for row in batch]


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    columns = with_overrides(scope, GRADED.split(","), "override score", "override grade")
    return {"": Sheet((*leading_columns(scope), *columns), in_batches(list(_rows(scope))))}


GRADE_EXPORT: Final = ReportType(
    name="grade_export_csv",
    title="Grade Export",
    parameters={
        **TERM,
        "include_deleted": parameter("Adds concluded courses, and inactive and deleted enrollments"),
        "limiting_period": parameter("With include_deleted: only changes of the last days"),
        **SKIP_MESSAGE,
    },
    sheets=_sheets,
    parallel=True,
)

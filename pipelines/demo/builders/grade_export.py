"""The grade export report: one row per student enrollment, with scores and letters.

A parallel report in Canvas: its rows come in batches whose order nobody promises, and so they do here.
Grading periods belong to `mgp_grade_export_csv`, which is not built here.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pipelines.demo.builders.scope import BuiltReport, ReportScope, ReportType, parameter
from pipelines.demo.csv_text import Row, csv_bytes
from pipelines.demo.records import Enrollment

COLUMNS: Final = (
    "student name,student id,student sis,course,course id,course sis,section,section id,section sis,"
    "term,term id,term sis,current score,final score,enrollment state,unposted current score,"
    "unposted final score,current grade,final grade,unposted current grade,unposted final grade"
)
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


def _rows(scope: ReportScope) -> Iterator[Row]:
    institution = scope.institution
    logins = {user.id: user.usable_login for user in institution.users}
    for enrollment in institution.enrollments:
        login = logins.get(enrollment.user_id)
        if login is None or not _kept(scope, enrollment):
            continue
        course = institution.course_by_id[enrollment.course_id]
        section = institution.section_by_id[enrollment.section_id]
        term = institution.term_by_id[course.term_id]
        grades = enrollment.grades
        letters = (
            (grades.current_grade, grades.final_grade, grades.unposted_current_grade, grades.unposted_final_grade)
            if course.grading_scheme
            else (None, None, None, None)
        )
        yield (
            institution.user_by_id[enrollment.user_id].name,
            enrollment.user_id,
            login.sis_id,
            course.name,
            course.id,
            course.sis_id,
            section.name,
            section.id,
            section.sis_id,
            term.name,
            term.id,
            term.sis_id,
            grades.current_score,
            grades.final_score,
            scope.status_of(enrollment),
            grades.unposted_current_score,
            grades.unposted_final_score,
            *letters,
        )


def build_grade_export(scope: ReportScope) -> BuiltReport:
    """Build the one CSV, its batches of 1,000 rows in an order that only this server knows."""
    rows = list(_rows(scope))
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    random.Random(len(rows)).shuffle(batches)
    content = csv_bytes(COLUMNS.split(","), (row for batch in batches for row in batch))
    return BuiltReport({"grade_export.csv": content}, {"grade_export.csv": len(rows) + 1}, zipped=False)


GRADE_EXPORT: Final = ReportType(
    name="grade_export_csv",
    title="Grade Export",
    parameters={
        "enrollment_term_id": parameter("Canvas id or sis_term_id:X of a term; all terms when absent", required=True),
        "include_deleted": parameter("Adds concluded courses, and inactive and deleted enrollments"),
        "limiting_period": parameter("With include_deleted: only changes of the last days"),
        "skip_message": parameter("No message to the starter"),
    },
    build=build_grade_export,
    parallel=True,
)

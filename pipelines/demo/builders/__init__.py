"""The reports this institution offers: a name, a title, the parameters' catalog and a builder for each.

A report is added here by one entry; how a run moves from created to complete is in `report_desk`.
"""

from typing import Final

from pipelines.demo.builders.access_log import ACCESS_LOG
from pipelines.demo.builders.administration import ADMINISTRATION
from pipelines.demo.builders.course_lists import COURSE_LISTS
from pipelines.demo.builders.course_reports import COURSE_PACE, COURSE_ROSTER, CoursePace
from pipelines.demo.builders.grade_export import GRADE_EXPORT
from pipelines.demo.builders.mgp_grade_export import MGP_GRADE_EXPORT
from pipelines.demo.builders.outcome_export import OUTCOME_EXPORT
from pipelines.demo.builders.outcomes import OUTCOMES
from pipelines.demo.builders.provisioning import PROVISIONING
from pipelines.demo.builders.report_type import BuiltReport, ReportType, Sheet
from pipelines.demo.builders.scope import ReportFailedError, ReportScope
from pipelines.demo.builders.sis_export import SIS_EXPORT
from pipelines.demo.builders.student_activity import STUDENT_ACTIVITY
from pipelines.demo.csv_text import Row

REPORT_TYPES: Final[dict[str, ReportType]] = {
    each.name: each
    for each in (
        GRADE_EXPORT,
        MGP_GRADE_EXPORT,
        PROVISIONING,
        SIS_EXPORT,
        *OUTCOMES,
        OUTCOME_EXPORT,
        *STUDENT_ACTIVITY,
        *COURSE_LISTS,
        *ADMINISTRATION,
        ACCESS_LOG,
    )
}
"""Report name -> its type: the twenty of open Canvas, and one of a closed plugin."""

COURSE_REPORT_TYPES: Final[dict[str, CoursePace | ReportType]] = {
    each.name: each for each in (COURSE_PACE, COURSE_ROSTER)
}
"""Course report type -> how it is built."""


def report_rows(name: str, scope: ReportScope) -> dict[str, tuple[tuple[str, ...], list[Row]]]:
    """Return member -> (columns, rows) of a report as values, before they become text.

    Values are int, float, str, bool, aware datetimes and None; the member of a report that is one CSV is "". Rows may
    be shorter or longer than the columns, and columns may repeat, where Canvas's do. Raises ReportFailedError.
    """
    return {member: (sheet.columns, sheet.rows) for member, sheet in REPORT_TYPES[name].sheets(scope).items()}


__all__ = [
    "COURSE_REPORT_TYPES",
    "REPORT_TYPES",
    "BuiltReport",
    "ReportFailedError",
    "ReportScope",
    "ReportType",
    "Sheet",
    "report_rows",
]

"""The grade export by grading period: a ZIP with one file per term, named after the term.

Its columns depend on the term: eight per active grading period of the term's set, named after the period, so that
two periods of one title have columns of one name.
"""

from typing import Final

from pipelines.demo.builders.grade_export import (
    GRADED,
    in_batches,
    leading_cells,
    leading_columns,
    score_cells,
    with_overrides,
)
from pipelines.demo.builders.report_type import SKIP_MESSAGE, ReportType, Sheet, parameter
from pipelines.demo.builders.scope import ReportScope, term_key
from pipelines.demo.csv_text import Row
from pipelines.demo.grading_records import GradingPeriod, GradingPeriodSet
from pipelines.demo.records import NO_GRADES, Term

NO_PERIODS: Final = "no grading periods configured for this term"
_PERIOD: Final = (
    "current score,final score,unposted current score,unposted final score,"
    "current grade,final grade,unposted current grade,unposted final grade"
)


def _terms(scope: ReportScope) -> list[Term]:
    key = term_key(scope.parameters)
    terms = [term for term in scope.institution.terms if term.state == "active"]
    # Only plain ids are understood here: a sis_term_id passes the check at the start and then finds nothing.
    return terms if key is None else [term for term in terms if str(term.id) == key]


def _sheets(scope: ReportScope) -> dict[str, Sheet]:
    terms = _terms(scope)
    term_ids = {term.id for term in terms}
    courses = scope.institution.courses_in(scope.account.id, states={"available"})
    if not any(course.term_id in term_ids for course in courses):
        return {}
    # Terms of one name become members of one name, and the last of them stays.
    return {term.name: _sheet(scope, term) for term in terms}


def _sheet(scope: ReportScope, term: Term) -> Sheet:
    held = next((each for each in scope.institution.grading_period_sets if term.id in each.term_ids), None)
    if held is None:
        return Sheet((NO_PERIODS,), [])
    periods = sorted(
        (each for each in scope.institution.grading_periods if each.set_id == held.id and each.state == "active"),
        key=lambda each: (each.start_at, each.id),
    )
    names = [*leading_columns(scope), "grading period set", "grading period set id"]
    for period in periods:
        own = [f"{period.title} {name}" for name in _PERIOD.split(",")]
        names.append(f"{period.title} grading period id")
        names += with_overrides(scope, own, f"{period.title} override score", f"{period.title} override grade")
    names += with_overrides(scope, GRADED.split(","), "override score", "override grade")
    return Sheet(tuple(names), in_batches(_rows(scope, term, held, periods)))


def _rows(scope: ReportScope, term: Term, held: GradingPeriodSet, periods: list[GradingPeriod]) -> list[Row]:
    institution = scope.institution
    reached = institution.once(
        "grades by enrollment and period",
        lambda: {(each.enrollment_id, each.grading_period_id): each.grades for each in institution.period_grades},
    )
    rows: list[Row] = []
    for course in institution.courses_in(scope.account.id, term_id=term.id, states={"available"}):
        for each in institution.enrollments_by_course.get(course.id, []):
            login = institution.user_by_id[each.user_id].usable_login
            state = scope.status_of(each)
            if each.type != "StudentEnrollment" or login is None or state not in {"active", "concluded"}:
                continue
            cells = [*leading_cells(scope, each, login), held.title, held.id]
            letters = course.grading_scheme
            for period in periods:
                grades = reached.get((each.id, period.id), NO_GRADES)
                cells += [period.id, *score_cells(scope, grades, None, letters=letters)]
            rows.append([*cells, *score_cells(scope, each.grades, state, letters=letters)])
    return rows


MGP_GRADE_EXPORT: Final = ReportType(
    name="mgp_grade_export_csv",
    title="Multiple Grading Periods Grade Export",
    parameters={
        "enrollment_term_id": parameter("Canvas id of a term; all active terms when blank", required=True),
        **SKIP_MESSAGE,
    },
    sheets=_sheets,
    parallel=True,
    always_zipped=True,
)

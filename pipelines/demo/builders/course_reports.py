"""Course reports: the course pace as a Word document, and a table that no public Canvas offers.

`course_pace_docx` is the one type of open Canvas. `course_roster_csv` is switched off unless a test wants to see
what a client does with a course report that is a table.
"""

import io
import zipfile
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from pipelines.demo.builders.report_type import BuiltReport, ReportType, Sheet, one_sheet
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row, iso_in_zone
from pipelines.demo.records import Course

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ROSTER_COLUMNS: Final = "user id,user sis id,user name,section id,section name,enrollment state,last activity at"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES: Final = (
    f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{DOCX}.main+xml"/></Types>'
)
_RELATIONS: Final = (
    f'{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="word/document.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
)


@dataclass(frozen=True, slots=True)
class CoursePace:
    """The report of a course's pace: which assignment is due when, for the sections or enrollments asked for."""

    name: str = "course_pace_docx"
    parallel: bool = False

    def build(self, scope: ReportScope) -> BuiltReport:
        """Build the document; the same course gives the same bytes."""
        course = _course(scope)
        zone = scope.institution.time_zone
        lines = [course.name, f"Pace for {', '.join(_audience(scope, course))}"]
        for each in scope.institution.assignments_by_course.get(course.id, []):
            due = "no due date" if each.due_at is None else iso_in_zone(each.due_at, zone)
            lines.append(f"{each.title}: {due}")
        return BuiltReport(_document(lines), DOCX, ".docx", {"": len(lines)})


def _course(scope: ReportScope) -> Course:
    if scope.context_course_id is None:
        raise ValueError("a course report was built without a course")
    return scope.institution.course_by_id[scope.context_course_id]


def _audience(scope: ReportScope, course: Course) -> list[str]:
    sections, enrollments = scope.listed("section_ids"), scope.listed("enrollment_ids")
    named = [
        each.name for each in scope.institution.sections if each.course_id == course.id and str(each.id) in sections
    ]
    named += [
        scope.institution.user_by_id[each.user_id].name
        for each in scope.institution.enrollments_by_course.get(course.id, [])
        if str(each.id) in enrollments
    ]
    return named or ["the whole course"]


def _document(lines: list[str]) -> bytes:
    text = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in lines)
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": f'{_HEAD}<w:document xmlns:w="{space}"><w:body>{text}</w:body></w:document>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()


def _roster(scope: ReportScope) -> dict[str, Sheet]:
    institution, course = scope.institution, _course(scope)
    sections = scope.listed("section_ids")
    rows: list[Row] = []
    for each in institution.enrollments_by_course.get(course.id, []):
        if each.type != "StudentEnrollment" or (sections and str(each.section_id) not in sections):
            continue
        user, section = institution.user_by_id[each.user_id], institution.section_by_id[each.section_id]
        seen = institution.last_activity.get((course.id, user.id))
        last = None if seen is None else min(seen, scope.now)
        place = (section.id, section.name, scope.status_of(each), last)
        rows.append((user.id, scope.sis_id(user.id), user.sortable_name, *place))
    return one_sheet(ROSTER_COLUMNS, rows)


COURSE_PACE: Final = CoursePace()
COURSE_ROSTER: Final = ReportType(name="course_roster_csv", title="Course Roster", parameters=None, sheets=_roster)

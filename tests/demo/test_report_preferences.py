"""What the institution or the starter has switched on changes report files in the places where it does in Canvas."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, Preferences, seeded_institution
from pipelines.demo.builders import REPORT_TYPES, ReportScope, report_rows
from tests.demo.conftest import AS_OF, MakeCanvas

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OUTCOMES = ("outcome_results_csv", "student_assignment_outcome_map_csv", "outcome_export_csv")
Table = list[list[str]]


@pytest.fixture(scope="module")
def university() -> Institution:
    return seeded_institution(AS_OF)


@pytest.fixture(scope="module")
def built(university: Institution) -> Callable[..., bytes]:
    def build(report: str, preferences: Preferences, **parameters: str) -> bytes:
        scope = ReportScope(university, university.root, parameters, NOW, preferences)
        return REPORT_TYPES[report].build(scope).content

    return build


def _read(content: bytes, separator: str = ",") -> Table:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=separator))


Built = Callable[..., bytes]
PLAIN = Preferences()


@pytest.mark.parametrize("report", sorted(REPORT_TYPES))
def test_semicolons_and_the_byte_order_mark_change_the_outcome_reports_and_no_others(built: Built, report: str) -> None:
    plain = built(report, PLAIN, users="1")
    changed = built(report, Preferences(semicolons=True, byte_order_mark=True, decimal_comma=True), users="1")
    assert (plain == changed) == (report not in OUTCOMES)
    if report in OUTCOMES:
        assert changed.startswith(b"\xef\xbb\xbf")
        only_bom = built(report, Preferences(byte_order_mark=True))
        assert only_bom == b"\xef\xbb\xbf" + plain
        only_semicolons = built(report, Preferences(semicolons=True))
        assert _read(only_semicolons, ";") == _read(plain)
        assert only_semicolons != plain


def test_a_decimal_comma_is_for_the_numbers_of_the_outcome_export_alone(built: Built) -> None:
    local = Preferences(decimal_comma=True)
    plain, changed = _read(built("outcome_export_csv", PLAIN)), _read(built("outcome_export_csv", local), ";")
    mastery = {row[2]: row[10] for row in changed if len(row) > 10}
    assert mastery["Revises"] == "2,5"
    assert {row[2]: row[10] for row in plain if len(row) > 10}["Revises"] == "2.5"
    assert ["3,5", "Erfüllt", "1,25", "Teilweise; mit Hilfe", "0,0", "Nicht erfüllt"] in [row[11:] for row in changed]
    assert _read(built("outcome_results_csv", local), ";") == _read(built("outcome_results_csv", PLAIN))


def test_an_old_encoding_loses_what_it_cannot_say(built: Built) -> None:
    content = built("outcome_export_csv", Preferences(encoding="windows-1252"))
    assert "Erfüllt".encode("windows-1252") in content
    with pytest.raises(UnicodeDecodeError):
        content.decode()


def test_scales_of_the_account_take_the_ratings_out(built: Built) -> None:
    rows = _read(built("outcome_export_csv", Preferences(account_level_mastery_scales=True)))
    assert ",".join(rows[0]) == (
        "vendor_guid,object_type,title,description,friendly_description,display_name,parent_guids,workflow_state"
    )
    assert {len(row) for row in rows} == {8}
    assert {row[7] for row in rows[1:]} == {"active"}
    assert [row[6] for row in rows if row[2] == "Revises"] == ["grp-writing"]


@pytest.mark.parametrize("report", ["provisioning_csv", "sis_export_csv"])
def test_pronouns_and_root_accounts_are_last_columns(university: Institution, built: Built, report: str) -> None:
    plain = _read(built(report, PLAIN, users="1"))
    users = _read(built(report, Preferences(pronouns=True), users="1"))
    assert [row[:-1] for row in users] == plain
    assert users[0][-1] == "pronouns"
    assert {row[-1] for row in users} >= {"", "she/her", "they/them"}
    for member in ("enrollments", "admins"):
        before = _read(built(report, PLAIN, **{member: "1"}))
        after = _read(built(report, Preferences(trusts=True), **{member: "1"}))
        assert [row[:-1] for row in after] == before
        assert (after[0][-1], {row[-1] for row in after[1:]}) == ("root_account", {university.domain})
    assert built(report, Preferences(trusts=True), users="1") == built(report, PLAIN, users="1")


def test_temporary_enrollments_name_whom_they_stand_in_for(university: Institution, built: Built) -> None:
    rows = _read(built("provisioning_csv", Preferences(temporary_enrollments=True), enrollments="1"))
    assert rows[0][-2:] == ["canvas_temporary_enrollment_source_user_id", "temporary_enrollment_source_user_id"]
    sources = {each.temporary_source_user_id for each in university.enrollments} - {None}
    assert {int(row[-2]) for row in rows[1:] if row[-2]} <= sources
    assert any(row[-1].startswith("T0") for row in rows[1:])
    assert {len(row) for row in rows} == {17}


@pytest.mark.parametrize("trusts", [False, True])
def test_temporary_enrollments_of_the_sis_export_have_three_headers_and_one_cell(built: Built, trusts: bool) -> None:
    rows = _read(built("sis_export_csv", Preferences(temporary_enrollments=True, trusts=trusts), enrollments="1"))
    assert rows[0][8:11] == [
        "temporary_enrollment_source_user_id",
        "canvas_temporary_enrollment_source_user_id",
        "temporary_enrollment_source_user_id",
    ]
    assert len(rows[0]) == 11 + trusts
    assert {len(row) for row in rows[1:]} == {9 + trusts}
    assert any(row[8] for row in rows[1:])


def test_integration_ids_and_overrides_stand_in_the_middle_of_both_grade_exports(built: Built) -> None:
    both = Preferences(integration_ids_in_grades=True, final_grade_override=True)
    plain, changed = _read(built("grade_export_csv", PLAIN)), _read(built("grade_export_csv", both))
    header = changed[0]
    assert header[2:4] == ["student sis", "student integration id"]
    assert header[header.index("unposted final score") + 1] == "override score"
    assert header[-1] == "override grade"
    added = (3, header.index("override score"), len(header) - 1)
    assert [[cell for at, cell in enumerate(row) if at not in added] for row in changed] == plain
    assert all(len({row[at] for row in changed}) > 2 for at in added)
    archive = zipfile.ZipFile(io.BytesIO(built("mgp_grade_export_csv", both)))
    columns = _read(archive.read("Autumn 2026.csv"))[0]
    first = [name for name in columns if name.startswith("Quarter 1 ")]
    assert len(first) == 11
    assert (first[5], first[-1]) == ("Quarter 1 override score", "Quarter 1 override grade")
    assert columns[-1] == "override grade"


def test_older_headers_lack_what_was_added_later(built: Built) -> None:
    portfolios = _read(built("eportfolio_report_csv", Preferences(older_eportfolios=True)))
    assert ",".join(portfolios[0]) == (
        "eportfolio_name,eportfolio_id,author_name,author_id,created_at,updated_at,is_public,workflow_state"
    )
    tools = _read(built("lti_report_csv", Preferences(older_lti=True)))
    assert "tool_id" not in tools[0]
    students = _read(built("students_with_no_submissions_csv", Preferences(older_no_submissions=True)))
    assert students[0][-1] == "enrollment state"
    for rows in (portfolios, tools, students):
        assert {len(row) for row in rows} == {len(rows[0])}


def test_rows_can_be_compared_before_they_are_text(university: Institution) -> None:
    scope = ReportScope(university, university.root, {}, NOW, Preferences(final_grade_override=True))
    ((columns, rows),) = report_rows("grade_export_csv", scope).values()
    override = columns.index("override score")
    scores = {each.id: each.grades.override_score for each in university.enrollments}
    assert {row[override] for row in rows} - {None} <= set(scores.values())
    times = {type(row[3]) for row in report_rows("last_user_access_csv", scope)[""][1]}
    assert times == {datetime, type(None)}


def test_preferences_are_those_of_the_moment_a_report_begins_or_of_its_starter(
    make_canvas: MakeCanvas, clock: ManualClock
) -> None:
    canvas: DemoCanvas = make_canvas(preferences=Preferences(semicolons=True))
    first = canvas.reports.create(1, "outcome_export_csv", {})
    clock.advance(0.1)
    canvas.preferences = replace(canvas.preferences, semicolons=False)
    clock.advance(5)
    second = canvas.reports.create(1, "outcome_export_csv", {})
    own = canvas.reports.create(1, "outcome_export_csv", {}, user_id=5001, preferences=Preferences(semicolons=True))
    clock.advance(10)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        index = http.get("/api/v1/accounts/1/reports/outcome_export_csv").json()
    assert [run["id"] for run in index] == [own.id, second.id, first.id], "everybody's reports are listed"
    starts = [run.file.content[:23] if run.file else b"" for run in (first, second, own)]
    assert starts == [b"vendor_guid;object_type", b"vendor_guid,object_type", b"vendor_guid;object_type"]

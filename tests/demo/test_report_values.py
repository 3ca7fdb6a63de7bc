"""What the reports hold beside their headers: whose rows, by which filters, in which form."""

import csv
import io
import re
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.demo import Institution, seeded_institution, with_awkward_terms
from pipelines.demo.builders import REPORT_TYPES, BuiltReport, ReportFailedError, ReportScope, report_rows
from pipelines.demo.institution import SHARD_FACTOR
from pipelines.demo.records import CourseContent
from tests.demo.conftest import AS_OF

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[67]:00")
RUBY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


@pytest.fixture(scope="module")
def university() -> Institution:
    return seeded_institution(AS_OF)


def _scope(institution: Institution, account: int = 1, **parameters: Any) -> ReportScope:
    return ReportScope(institution, institution.account_by_id[account], parameters, NOW)


def _built(institution: Institution, report: str, account: int = 1, **parameters: Any) -> BuiltReport:
    return REPORT_TYPES[report].build(_scope(institution, account, **parameters))


def _texts(institution: Institution, report: str, account: int = 1, **parameters: Any) -> list[dict[str, str]]:
    content = _built(institution, report, account, **parameters).content.decode()
    return list(csv.DictReader(io.StringIO(content, newline="")))


def _values(institution: Institution, report: str, account: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    ((columns, rows),) = report_rows(report, _scope(institution, account, **parameters)).values()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _member(institution: Institution, member: str, account: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    return _values(institution, "sis_export_csv", account, **{member: "1", **parameters})


def test_the_sis_export_is_an_error_a_csv_or_a_zip_by_what_is_selected(university: Institution) -> None:
    with pytest.raises(ReportFailedError):
        _built(university, "sis_export_csv", users="false")
    assert _built(university, "sis_export_csv", users="1").content_type == "text/csv"
    both = _built(university, "sis_export_csv", terms="1", users="1")
    assert zipfile.ZipFile(io.BytesIO(both.content)).namelist() == ["users.csv", "terms.csv"]


def test_the_sis_export_holds_only_what_an_import_could_read_back(university: Institution) -> None:
    users = _member(university, "users")
    assert {None} == {row["password"] for row in users}
    assert None not in {row["user_id"] for row in users}
    assert {"", "NA", "00007919"} <= {row["user_id"] for row in users}
    courses = _member(university, "courses", include_deleted="1")
    assert {row["status"] for row in courses} == {"active", "completed", "deleted"}
    assert "completed" not in {row["status"] for row in _member(university, "courses")}
    enrollments = _member(university, "enrollments", include_deleted="1")
    assert {row["status"] for row in enrollments} == {"active", "concluded", "inactive", "deleted"}
    assert len(_member(university, "user_observers")) < len(university.user_observers)


def test_grading_periods_make_a_zip_with_a_member_per_term_named_after_it(university: Institution) -> None:
    built = _built(with_awkward_terms(university), "mgp_grade_export_csv")
    names = zipfile.ZipFile(io.BytesIO(built.content)).namelist()
    assert "Spring/Été 2026: 春 & “more”.csv" in names
    assert "NA.csv" in names
    assert len(names) == 5
    one = _built(university, "mgp_grade_export_csv", enrollment_term_id="4")
    assert zipfile.ZipFile(io.BytesIO(one.content)).namelist() == ["Autumn 2026.csv"], "one member is a ZIP, too"


def test_columns_follow_the_active_periods_in_the_order_of_their_dates(university: Institution) -> None:
    sheets = report_rows("mgp_grade_export_csv", _scope(university))
    columns, rows = sheets["Autumn 2026"]
    periods = [name for name in columns if name.endswith(" grading period id")]
    assert periods == ["Quarter 1 grading period id", "Quarter 2, with exam grading period id"]
    at = columns.index("Quarter 1 grading period id")
    assert columns[at : at + 9] == tuple(
        f"Quarter 1 {name}"
        for name in (
            "grading period id",
            "current score",
            "final score",
            "unposted current score",
            "unposted final score",
            "current grade",
            "final grade",
            "unposted current grade",
            "unposted final grade",
        )
    )
    assert columns[12:14] == ("grading period set", "grading period set id")
    ids = {each.title: each.id for each in university.grading_periods if each.state == "active"}
    assert {row[at] for row in rows} == {ids["Quarter 1"]}
    assert any(row[at + 1] is not None for row in rows)
    late = columns.index("Quarter 2, with exam grading period id")
    assert {row[late + 1] for row in rows} == {None}, "nothing is graded in a period that has not begun"


def test_two_periods_of_one_title_give_columns_of_one_name(university: Institution) -> None:
    columns, rows = report_rows("mgp_grade_export_csv", _scope(university))["Spring 2026"]
    assert Counter(columns)["Progress current score"] == 2
    assert {len(row) for row in rows} == {len(columns)}
    first, second = (at for at, name in enumerate(columns) if name == "Progress grading period id")
    assert rows[0][first] != rows[0][second]


def test_a_term_without_periods_is_one_sentence_and_nothing_to_run_a_blank_line(university: Institution) -> None:
    sheets = report_rows("mgp_grade_export_csv", _scope(university))
    assert sheets["Default Term"] == (("no grading periods configured for this term",), [])
    for nothing in ("9", "sis_term_id:202610"):
        built = _built(university, "mgp_grade_export_csv", enrollment_term_id=nothing)
        assert (built.content, built.content_type) == (b"\n", "text/csv")


def test_of_two_terms_with_one_name_the_last_stays(university: Institution) -> None:
    same = replace(university, terms=tuple(replace(each, name="Term") for each in university.terms))
    sheets = report_rows("mgp_grade_export_csv", _scope(same))
    assert list(sheets) == ["Term"]
    assert sheets["Term"][0] == ("no grading periods configured for this term",)


def test_outcome_results_follow_the_order_asked_for(university: Institution) -> None:
    keys = {
        "users": ("student id", "learning outcome id", "course id"),
        "courses": ("course id", "student id", "learning outcome id"),
        "outcomes": ("learning outcome id", "student id", "course id"),
    }
    for order, names in keys.items():
        rows = _values(university, "outcome_results_csv", order=order)
        found = [tuple(row[name] for name in names) for row in rows]
        assert found == sorted(found), order
    assert _values(university, "outcome_results_csv") == _values(university, "outcome_results_csv", order="users")


def test_mastery_is_one_zero_or_empty_and_ratings_follow_the_score(university: Institution) -> None:
    rows = _texts(university, "outcome_results_csv", include_deleted="1")
    assert {row["learning outcome mastered"] for row in rows} == {"1", "0", ""}
    assert {row["assessment type"] for row in rows} == {"quiz", "assignment"}
    assert all(ISO.fullmatch(row["submission date"]) for row in rows)
    outcomes = {each.id: each for each in university.outcomes}
    for row in _values(university, "outcome_results_csv"):
        outcome = outcomes[row["learning outcome id"]]
        if row["outcome score"] is not None:
            assert row["learning outcome mastered"] == (row["outcome score"] >= outcome.mastery_points)
            assert row["learning outcome rating points"] <= row["outcome score"]
    hidden = {each.course_id for each in university.outcome_results if each.hide_points}
    blank = [row for row in _values(university, "outcome_results_csv") if row["course id"] in hidden]
    assert blank
    for row in blank:
        assert row["outcome score"] is row["learning outcome points possible"] is None
        assert row["learning outcome rating points"] is None
        assert row["learning outcome rating"] or row["learning outcome mastered"] is None


def test_a_student_of_two_sections_has_a_result_twice(university: Institution) -> None:
    rows = _values(university, "outcome_results_csv")
    keys = Counter(
        (row["student id"], row["assessment id"], row["learning outcome id"], row["section id"]) for row in rows
    )
    assert max(keys.values()) == 1
    without = Counter((row["student id"], row["assessment id"], row["learning outcome id"]) for row in rows)
    doubled = {
        (course, user)
        for course, people in university.students_by_course.items()
        for user, held in people.items()
        if len(held) > 1
    }
    reached = {(each.course_id, each.user_id) for each in university.outcome_results}
    assert (max(without.values()) == 2) == bool(doubled & reached)


def test_the_map_has_a_row_for_each_student_and_aligned_assignment_submitted_or_not(university: Institution) -> None:
    rows = _values(university, "student_assignment_outcome_map_csv")
    assert any(row["attempt"] is None and row["submission date"] is None for row in rows)
    assert any(row["attempt"] is None and row["submission date"] is not None for row in rows)
    course_of = {each.id: each.course_id for each in university.assignments}
    due = sum(
        len(held)
        for alignment in university.outcome_alignments
        for user, held in university.students_by_course[course_of[alignment.assignment_id]].items()
        if university.course_by_id[course_of[alignment.assignment_id]].state == "available"
    )
    assert len(rows) == due
    scores = {
        (a, u): s
        for a, u, s in zip(
            university.submissions.assignment_id.tolist(),
            university.submissions.user_id.tolist(),
            university.submissions.score.tolist(),
            strict=True,
        )
    }
    for row in rows[::50]:
        held = scores.get((row["assignment id"], row["student id"]))
        assert row["submission score"] == (held if held == held else None)
        assert row["assignment url"].endswith(f"/courses/{row['course id']}/assignments/{row['assignment id']}")


@pytest.mark.parametrize("report", ["outcome_results_csv", "student_assignment_outcome_map_csv"])
def test_no_outcomes_are_one_row_with_one_cell(university: Institution, report: str) -> None:
    none = replace(university, outcome_results=(), outcome_alignments=())
    built = _built(none, report)
    assert built.content.decode().split("\n")[1:] == ["No outcomes found", ""]


def test_ratings_run_past_the_header_and_groups_come_first(university: Institution) -> None:
    ((columns, rows),) = report_rows("outcome_export_csv", _scope(university)).values()
    kinds = [str(row[1]) for row in rows]
    assert kinds == sorted(kinds)
    lengths = {row[2]: len(row) for row in rows}
    assert lengths["Writing & Rhetoric"] == len(columns) - 1
    assert lengths["Argues from evidence"] == len(columns) - 1 + 10
    assert lengths["Calibrates"] == len(columns) - 1
    by_title = {row[2]: row for row in rows}
    assert by_title["Reads graphs, tables and maps"][8] == "canvas_outcome_group:3 grp-writing"
    assert by_title["Revises"][0] == "00502"
    assert "Taught no more" not in by_title
    assert (by_title["Revises"][5], by_title["NA"][5]) == ("", None)
    assert [row[2] for row in report_rows("outcome_export_csv", _scope(university, 3))[""][1]] == [
        "実験 · Laboratory",
        "Arbeitet sicher; auch allein — 安全",
        "Calibrates",
    ]


def test_last_access_has_a_row_per_login_with_the_sortable_name(university: Institution) -> None:
    rows = _texts(university, "last_user_access_csv")
    assert Counter(row["user id"] for row in rows)["9001"] == 2
    assert {row["user name"] for row in rows} >= {"NA, Na", "Null, NULL", "Mononym"}
    assert "9002" not in {row["user id"] for row in rows}
    assert "9002" in {row["user id"] for row in _texts(university, "last_user_access_csv", include_deleted="1")}
    never = [row for row in rows if row["last access at"] == ""]
    assert 0 < len(never) < len(rows)
    assert {row["last ip"] for row in never} == {""}
    assert any(":" in row["last ip"] for row in rows)
    one = _texts(university, "last_user_access_csv", course_id="sis_course_id:D-0001")
    enrolled = {str(each.user_id) for each in university.enrollments_by_course[101] if each.state != "deleted"}
    assert {row["user id"] for row in one} <= enrolled
    assert len(one) < len(_texts(university, "last_user_access_csv", enrollment_term_id="1")) < len(rows)


def test_last_activity_is_the_latest_of_a_person_and_leaves_the_silent_out(university: Institution) -> None:
    rows = _values(university, "last_enrollment_activity_csv")
    assert len({row["user id"] for row in rows}) == len(rows)
    assert all(row["last activity at"] is not None and row["last activity at"] <= NOW for row in rows)
    assert 9002 not in {row["user id"] for row in rows}
    person = rows[0]["user id"]
    courses = {course for course, user in university.last_activity if user == person}
    assert rows[0]["last activity at"] == min(max(university.last_activity[each, person] for each in courses), NOW)
    one = {row["user id"]: row for row in _values(university, "last_enrollment_activity_csv", course="101")}
    assert set(one) <= {each.user_id for each in university.enrollments_by_course[101]}


def test_zero_activity_lists_active_students_nobody_has_seen(university: Institution) -> None:
    rows = _values(university, "zero_activity_csv")
    assert rows
    for row in rows:
        assert (row["course id"], row["user id"]) not in university.last_activity
        assert university.course_by_id[row["course id"]].state == "available"
    lately = _values(university, "zero_activity_csv", start_at="2026-11-15")
    assert {(row["user id"], row["section id"]) for row in rows} < {
        (row["user id"], row["section id"]) for row in lately
    }
    # Local midnight, for the text has no offset.
    since = datetime(2026, 11, 15, 7, tzinfo=UTC)
    seen = [university.last_activity.get((row["course id"], row["user id"])) for row in lately]
    assert all(each is None or each < since for each in seen)
    assert len(_values(university, "zero_activity_csv", start_at="soon")) == len(rows)


@pytest.mark.parametrize(
    ("asked", "window"),
    [
        ({}, ("2026-11-07T05:00:00-07:00", "2026-11-21T05:00:00-07:00")),
        ({"start_at": "2026-11-01"}, ("2026-11-01T00:00:00-06:00", "2026-11-15T00:00:00-07:00")),
        ({"end_at": "2026-11-10T00:00:00Z"}, ("2026-10-26T17:00:00-06:00", "2026-11-09T17:00:00-07:00")),
        (
            {"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-11-10T00:00:00Z"},
            ("2026-10-26T17:00:00-06:00", "2026-11-09T17:00:00-07:00"),
        ),
        (
            {"start_at": "2026-11-08T00:00:00Z", "end_at": "2026-11-10T00:00:00Z"},
            ("2026-11-07T17:00:00-07:00", "2026-11-09T17:00:00-07:00"),
        ),
    ],
)
def test_the_window_without_submissions_is_cut_to_fourteen_days_and_told(
    university: Institution, asked: dict[str, Any], window: tuple[str, str]
) -> None:
    built = _built(university, "students_with_no_submissions_csv", **asked)
    assert (built.parameters["start_at"], built.parameters["end_at"]) == window


def test_no_submissions_lists_those_who_handed_nothing_in_within_the_window(university: Institution) -> None:
    asked: dict[str, Any] = {"start_at": "2026-11-08T00:00:00Z", "end_at": "2026-11-10T00:00:00Z"}
    start, end = (int(datetime.fromisoformat(each).timestamp()) for each in asked.values())
    held = university.submissions
    inside = (held.submitted_at >= start) & (held.submitted_at <= end)
    busy = set(zip(held.course_id[inside].tolist(), held.user_id[inside].tolist(), strict=True))
    rows = _values(university, "students_with_no_submissions_csv", **asked)
    assert busy
    assert not busy & {(row["course id"], row["user id"]) for row in rows}
    assert Counter((row["user id"], row["section id"]) for row in rows)[9001, rows[0]["section id"]] in {0, 2}
    states = _values(
        university, "students_with_no_submissions_csv", include_enrollment_state="false", enrollment_state="inactive"
    )
    assert {row["enrollment state"] for row in states} == {"inactive"}, "any text asks for the column"
    many = _values(
        university,
        "students_with_no_submissions_csv",
        include_enrollment_state="1",
        enrollment_state=["invited", "active"],
    )
    assert {row["enrollment state"] for row in many} == {"invited", "active"}


def test_a_course_that_is_not_in_the_account_ends_the_report_in_error(university: Institution) -> None:
    for account, course in ((1, "4711"), (2, "102"), (1, "sis_course_id:nothing")):
        with pytest.raises(ReportFailedError, match="no course"):
            _built(university, "zero_activity_csv", account, course_id=course)


def test_course_lists_take_their_states_and_show_dates_only_where_they_bind(university: Institution) -> None:
    by_id = university.course_by_id
    states = {
        "unpublished_courses_csv": {"created", "claimed"},
        "public_courses_csv": {"available"},
        "recently_deleted_courses_csv": {"deleted"},
    }
    for report, due in states.items():
        rows = _values(university, report)
        assert {by_id[row["id"]].state for row in rows} <= due
        for row in rows:
            dated = by_id[row["id"]].restrict_to_dates
            assert (row["start date"], row["end date"]) == (
                (by_id[row["id"]].start_at, by_id[row["id"]].end_at) if dated else (None, None)
            )
    assert all(by_id[row["id"]].is_public for row in _values(university, "public_courses_csv"))
    assert [row["name"] for row in _values(university, "recently_deleted_courses_csv")] == ["Withdrawn, with a SIS id"]
    below = {row["id"] for row in _values(university, "unpublished_courses_csv", 2)}
    assert below < {row["id"] for row in _values(university, "unpublished_courses_csv")}


def test_storage_is_in_megabytes_with_two_decimals(university: Institution) -> None:
    rows = _texts(university, "course_storage_csv")
    assert all(re.fullmatch(r"\d+\.\d{1,2}", row["storage used in MB"]) for row in rows)
    assert all(float(row["sum of all files in MB"]) >= float(row["storage used in MB"]) for row in rows)
    assert {row["account name"] for row in rows} > {"History"}


def test_unused_courses_are_those_that_hold_nothing_in_any_state_but_deleted(university: Institution) -> None:
    emptied = replace(
        university,
        courses=tuple(
            replace(each, content=CourseContent()) if number % 5 == 0 or each.state != "available" else each
            for number, each in enumerate(university.courses)
        ),
    )
    rows = _texts(emptied, "unused_courses_csv")
    assert {row["status"] for row in rows} == {"unpublished", "active", "concluded"}
    assert all(ISO.fullmatch(row["created at"]) for row in rows)
    assert "Never published" in {row["long name"] for row in _texts(university, "unused_courses_csv")}


def test_tokens_say_never_and_keep_their_hints_as_text(university: Institution) -> None:
    rows = _texts(university, "user_access_tokens_csv")
    assert "never" in {row["expiration"] for row in rows}
    assert "never" in {row["last used"] for row in rows}
    assert all(row["expiration"] == "never" or ISO.fullmatch(row["expiration"]) for row in rows)
    assert {"00017", "1e005"} <= {row["token hint"] for row in rows}
    assert {row["dev key name"] for row in rows if row["dev key id"] == "999"} == {""}
    assert len(_texts(university, "user_access_tokens_csv", include_deleted="1")) > len(rows)
    assert 0 < len(_texts(university, "user_access_tokens_csv", 2)) < len(rows)
    assert None in {row["expiration"] for row in _values(university, "user_access_tokens_csv")}


def test_tools_are_listed_by_context_with_rubys_times_and_dumps(university: Institution) -> None:
    rows = _texts(university, "lti_report_csv")
    assert all(RUBY.fullmatch(row["tool_created_at"]) for row in rows)
    assert {row["context_type"] for row in rows} == {"Account", "Course"}
    assert all((row["course_name"] == "") == (row["context_type"] == "Account") for row in rows)
    dumps = {row["tool_id"]: row["custom_fields"] for row in rows}
    assert dumps["301"] == "{}"
    assert dumps["302"] == '{"key"=>"va\\"lue", "lines"=>"one\\ntwo", "arrow"=>"a=>b, c"}'
    assert "Retired tool" not in {row["tool_type_name"] for row in rows}
    assert "Retired tool" in {
        row["tool_type_name"] for row in _texts(university, "lti_report_csv", include_deleted="1")
    }
    assert {row["tool_id"] for row in _texts(university, "lti_report_csv", 3)} > {"303"}
    assert "301" not in {row["tool_id"] for row in _texts(university, "lti_report_csv", 3)}


def test_developer_keys_have_global_ids_and_words_for_what_they_lack(university: Institution) -> None:
    rows = _texts(university, "developer_key_report_csv")
    assert rows[0]["Global ID"] == str(SHARD_FACTOR + 1)
    assert max(int(row["Global ID"]) for row in rows) > 2**53
    assert {row["Key Type"] for row in rows} == {"LTI Key", "API Key"}
    assert {row["Inherited from Parent Account"] for row in rows} == {"true", "false"}
    assert {row["Placements"] for row in rows} >= {"None", '["link_selection", "assignment_selection"]'}
    assert "All" in {row["Permitted API Endpoints"] for row in rows}
    assert "Gone" not in {row["Key Name"] for row in rows}


def test_portfolios_come_by_login_and_deleted_ones_alone(university: Institution) -> None:
    rows = _texts(university, "eportfolio_report_csv")
    assert {row["workflow_state"] for row in rows} == {"active"}
    assert {row["is_public"] for row in rows} == {"true", "false"}
    assert all(RUBY.fullmatch(row["created_at"]) and RUBY.fullmatch(row["updated_at"]) for row in rows)
    twice = [row for row in rows if row["author_id"] == "9001"]
    assert [row["author_sis_id"] for row in twice] == ["00009001", "A-9001"]
    assert len({row["eportfolio_id"] for row in twice}) == 1
    deleted = _texts(university, "eportfolio_report_csv", include_deleted="true")
    assert {row["workflow_state"] for row in deleted} == {"deleted"}
    alone = _texts(university, "eportfolio_report_csv", no_enrollments="1")
    enrolled = {str(each.user_id) for each in university.enrollments if each.state != "deleted"}
    assert alone
    assert not enrolled & {row["author_id"] for row in alone}


def test_the_access_log_counts_what_the_activity_log_holds(university: Institution) -> None:
    rows = _values(university, "user_course_access_log_csv")
    assert sum(row["times accessed"] for row in rows) == int(university.activity.views.sum())
    assert sum(row["times participated"] for row in rows) == int(university.activity.participations.sum())
    assert {row["course id"] for row in _values(university, "user_course_access_log_csv", course_id="101")} == {101}
    assert all(isinstance(row["minutes"], float) for row in rows)


def test_the_records_behind_the_reports_are_the_same_for_the_same_seed(university: Institution) -> None:
    again, other = seeded_institution(AS_OF), seeded_institution(AS_OF, seed=8)
    names = (
        "period_grades",
        "outcome_alignments",
        "outcome_results",
        "access_tokens",
        "eportfolios",
        "lti_tools",
        "courses",
        "grading_periods",
    )
    for name in names:
        assert getattr(again, name) == getattr(university, name), name
    assert other.period_grades != university.period_grades
    assert other.access_tokens != university.access_tokens


def test_what_reports_show_refers_to_records_that_exist(university: Institution) -> None:
    assignments = {each.id for each in university.assignments}
    outcomes = {each.id for each in university.outcomes}
    groups = {each.id for each in university.outcome_groups}
    assert {each.assignment_id for each in university.outcome_alignments} <= assignments
    assert {each.outcome_id for each in university.outcome_results} <= outcomes
    assert {group for each in university.outcomes for group in each.group_ids} <= groups
    for each in university.outcome_results:
        assert each.user_id in university.students_by_course[each.course_id]
    sets = {each.id for each in university.grading_period_sets}
    assert {each.set_id for each in university.grading_periods} == sets
    moments = [login.last_request_at for user in university.users for login in user.logins if login.last_request_at]
    assert max(moments) <= NOW
    assert max(moments) > NOW - timedelta(days=30)

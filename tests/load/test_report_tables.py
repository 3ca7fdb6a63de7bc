"""Every report of the demo Canvas, in every form that it comes in, cell by cell against what Canvas holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Institution, with_awkward_terms
from pipelines.demo.builders import REPORT_TYPES
from pipelines.normalize.contracts import REPORTS
from tests.load.report_worlds import (
    ALL_MEMBERS,
    MEMBERS,
    assert_holds,
    assert_same,
    due_rows,
    lake_rows,
    live_report_tables,
    loaded,
    other_institution,
    published,
    published_rows,
    quarantine,
    sha256,
    sheets_of,
    switched_on,
    values_in,
    with_ratings,
)
from tests.load.worlds import Rows, World, institution, open_world

pytestmark = pytest.mark.slow

SCIENCE = 3
TERM = {"enrollment_term_id": 4}
EVERYTHING = {**ALL_MEMBERS, "include_deleted": True}
OF_MEMBERS = ("provisioning_csv", "sis_export_csv")
OUTCOMES = ("outcome_results_csv", "student_assignment_outcome_map_csv", "outcome_export_csv")
ACCESS_LOG = "user_course_access_log_csv"


@pytest.fixture(scope="module")
def school() -> Institution:
    """Return a university of a size at which every report has rows."""
    return institution(0.5)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, school: Institution) -> Iterator[World]:
    """Give one lake for all tests here: each report and set of parameters is a slice of its own in it."""
    with open_world(tmp_path_factory.mktemp("reports"), institution=school) as opened:
        yield opened


# Provisioning and SIS export: twelve files, one by one and together.


@pytest.mark.parametrize("report", OF_MEMBERS)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_single_file_is_a_plain_csv_and_holds_what_canvas_holds(world: World, report: str, member: str) -> None:
    parameters: dict[str, Any] = {member: True, "include_deleted": True}
    one = loaded(world, report, **parameters)
    assert one.run.file is not None
    assert one.run.file.content_type == "text/csv"
    due = assert_holds(world, one)
    assert all(due.values()), "nothing was compared"
    assert live_report_tables(world, one.intent) == set(due)


@pytest.mark.parametrize("report", OF_MEMBERS)
@pytest.mark.parametrize(
    ("account", "parameters"),
    [
        (1, {}),
        (1, {"include_deleted": True}),
        (1, TERM),
        (1, {**TERM, "include_deleted": True}),
        (1, {"enrollment_term_id": "sis_term_id:202602", "include_deleted": True}),
        (1, {"created_by_sis": True, "include_deleted": True}),
        (SCIENCE, {"include_deleted": True}),
        (SCIENCE, {}),
    ],
    ids=[
        "root",
        "deleted too",
        "term",
        "term, deleted too",
        "SIS id of a term",
        "by SIS",
        "college",
        "college, living",
    ],
)
def test_all_files_together_are_a_zip_and_hold_what_canvas_holds(
    world: World, report: str, account: int, parameters: dict[str, Any]
) -> None:
    one = loaded(world, report, account=account, **ALL_MEMBERS, **parameters)
    assert one.run.file is not None
    assert one.run.file.content_type == "application/zip"
    due = assert_holds(world, one)
    assert len(due) == len(MEMBERS)
    assert live_report_tables(world, one.intent) == set(due)


def test_a_selector_that_is_off_chooses_nothing(world: World) -> None:
    one = loaded(world, "provisioning_csv", users=True, courses=False, terms=True)
    assert set(assert_holds(world, one)) == {"provisioning_users", "provisioning_terms"}


def test_a_filter_of_enrollments_is_about_enrollments_alone(world: World) -> None:
    chosen: dict[str, Any] = {
        "enrollment_filter": ["TeacherEnrollment", "TaEnrollment"],
        "enrollment_states": ["active"],
    }
    one = loaded(world, "provisioning_csv", users=True, enrollments=True, **chosen)
    due = assert_holds(world, one)
    assert {row["base_role_type"] for row in due["provisioning_enrollments"]} == {"TeacherEnrollment", "TaEnrollment"}
    assert len(due["provisioning_users"]) > len(due["provisioning_enrollments"])


def test_what_is_deleted_and_concluded_comes_with_include_deleted_only(world: World) -> None:
    one = loaded(world, "provisioning_csv", courses=True, enrollments=True, users=True)
    alive = {row["status"] for row in lake_rows(world, "provisioning_courses", one.intent)}
    assert alive == {"active", "unpublished"}
    both = loaded(world, "provisioning_csv", courses=True, enrollments=True, users=True, include_deleted=True)
    courses = {row["status"] for row in lake_rows(world, "provisioning_courses", both.intent)}
    assert courses == {"active", "unpublished", "concluded", "deleted"}
    enrollments = {row["status"] for row in lake_rows(world, "provisioning_enrollments", both.intent)}
    assert enrollments >= {"active", "concluded", "inactive", "deleted", "invited"}


@pytest.mark.parametrize("report", OF_MEMBERS)
@pytest.mark.parametrize(
    "chosen",
    [
        {"pronouns": True},
        {"trusts": True},
        {"temporary_enrollments": True},
        {"temporary_enrollments": True, "trusts": True, "pronouns": True},
    ],
    ids=" ".join,
)
def test_columns_that_an_institution_switched_on_are_filled_and_no_drift(
    world: World, report: str, chosen: dict[str, bool]
) -> None:
    with switched_on(world, **chosen):
        one = loaded(world, report, window=str(chosen), **EVERYTHING)
        due = assert_holds(world, one)
    table = report.removesuffix("_csv")
    added = {
        "pronouns": (f"{table}_users", "pronouns"),
        "trusts": (f"{table}_admins", "root_account"),
        "temporary_enrollments": (f"{table}_enrollments", "temporary_enrollment_source_user_id"),
    }
    for name in chosen:
        of, column = added[name]
        assert {row[column] for row in due[of]} - {None}, "the column is empty in Canvas, so nothing was compared"
    assert one.outcome.drift == ()


@pytest.mark.parametrize("report", OF_MEMBERS)
def test_enrollments_with_three_headers_and_one_cell_are_read_from_a_plain_file_too(world: World, report: str) -> None:
    with switched_on(world, temporary_enrollments=True):
        assert_holds(world, loaded(world, report, enrollments=True, include_deleted=True, window="temporary"))


def test_the_values_that_break_readers_are_really_in_those_files(world: World) -> None:
    one = loaded(world, "provisioning_csv", window="awkward", **EVERYTHING)
    due = due_rows(world, one)
    for text in ("NA", "NULL", "None", "nan"):
        assert text in {value for rows in due.values() for row in rows for value in row.values()}
    assert values_in(due, lambda value: isinstance(value, str) and value.isdecimal() and value.startswith("00"))
    assert values_in(due, lambda value: type(value) is int and value > 2**53)
    assert values_in(due, lambda value: isinstance(value, str) and "\n" in value)
    assert values_in(due, lambda value: isinstance(value, str) and '"' in value)
    assert values_in(due, lambda value: isinstance(value, str) and "," in value)
    assert values_in(due, lambda value: isinstance(value, str) and not value.isascii())
    users = due["provisioning_users"]
    assert {"", None} < {row["user_id"] for row in users}, "an empty text and no text, in one column"
    assert max(Counter(row["canvas_user_id"] for row in users).values()) > 1, "a person with two logins"
    found = lake_rows(world, "provisioning_users", one.intent)
    assert {"", None} < {row["user_id"] for row in found}
    assert max(Counter(row["canvas_user_id"] for row in found).values()) > 1


# Grades.


@pytest.mark.parametrize(
    ("account", "parameters"),
    [
        (1, {}),
        (1, {"include_deleted": True}),
        (1, {"include_deleted": True, "limiting_period": 30}),
        (1, TERM),
        (SCIENCE, {"include_deleted": True}),
    ],
    ids=["all", "deleted too", "of 30 days", "term", "college"],
)
@pytest.mark.parametrize(("integration_ids", "overrides"), [(False, False), (True, True)], ids=["plain", "wide"])
def test_every_grade(
    world: World, account: int, parameters: dict[str, Any], integration_ids: bool, overrides: bool
) -> None:
    with switched_on(world, integration_ids_in_grades=integration_ids, final_grade_override=overrides):
        one = loaded(world, "grade_export_csv", account=account, **parameters)
        rows = assert_holds(world, one)["grade_export"]
    assert {row["current_score"] for row in rows} > {None}
    assert ("override_score" in rows[0], "student_integration_id" in rows[0]) == (overrides, integration_ids)
    assert not overrides or {row["override_grade"] for row in rows} > {None}
    assert one.outcome.drift == ()


@pytest.mark.parametrize(
    ("account", "term", "names", "integration_ids", "overrides"),
    [
        (1, None, "plain", False, False),
        (1, None, "awkward", True, True),
        (1, 2, "plain", False, True),
        (1, 2, "awkward", True, False),
        (1, 4, "plain", True, True),
        (SCIENCE, None, "awkward", False, False),
    ],
    ids=["all terms", "all terms, wide", "twins", "twins, awkward", "one term", "college"],
)
def test_every_grade_of_every_grading_period(
    world: World, account: int, term: int | None, names: str, integration_ids: bool, overrides: bool
) -> None:
    school = world.canvas.institution
    changed = with_awkward_terms(school) if names == "awkward" else school
    preferences = {"integration_ids_in_grades": integration_ids, "final_grade_override": overrides}
    with other_institution(world, changed), switched_on(world, **preferences):
        parameters: dict[str, Any] = {} if term is None else {"enrollment_term_id": term}
        one = loaded(world, "mgp_grade_export_csv", account=account, **parameters)
        assert one.run.file is not None
        assert one.run.file.content_type == "application/zip", "one term is a ZIP, too"
        rows = assert_holds(world, one)["mgp_grade_export"]
        sheets = sheets_of(world, one)
    assert {row["current_score"] for row in rows} > {None}
    if term is None:
        assert any(len(columns) == 1 for columns, _ in sheets.values()), "a term without periods is among them"
        assert names == "plain" or any("/" in name for name in sheets)
    if term == 2:
        twins = [row for row in rows if row["grading_period"] == "Progress"]
        assert len({row["grading_period_id"] for row in twins}) == 2, "two periods of one name are two"
    assert one.outcome.drift == ()


def test_a_set_whose_periods_are_all_gone_leaves_one_row_for_each_enrollment(world: World, school: Institution) -> None:
    gone = tuple(replace(each, state="deleted") for each in school.grading_periods)
    with other_institution(world, replace(school, grading_periods=gone)):
        one = loaded(world, "mgp_grade_export_csv", window="no periods")
        rows = assert_holds(world, one)["mgp_grade_export"]
    assert {row["grading_period_id"] for row in rows} == {None}
    assert {row["total_current_score"] for row in rows} > {None}
    assert one.outcome.drift == ()


@pytest.mark.parametrize("term", [1, 5], ids=["default term", "coming term"])
def test_a_term_without_grading_periods_has_no_rows(world: World, term: int) -> None:
    one = loaded(world, "mgp_grade_export_csv", enrollment_term_id=term)
    assert assert_holds(world, one) == {"mgp_grade_export": []}
    assert one.outcome.drift == ()


def test_nothing_to_do_is_a_blank_line_and_no_rows(world: World) -> None:
    one = loaded(world, "mgp_grade_export_csv", enrollment_term_id="sis_term_id:202610")
    assert one.run.file is not None
    assert (one.run.file.content, one.run.file.content_type) == (b"\n", "text/csv")
    assert one.outcome.rows == {"reports.mgp_grade_export": 0}
    assert lake_rows(world, "mgp_grade_export", one.intent) == []
    assert one.outcome.drift == ()


# Outcomes, as the starter's preferences write them.

STARTERS: list[dict[str, Any]] = [
    {},
    {"semicolons": True},
    {"byte_order_mark": True},
    {"semicolons": True, "byte_order_mark": True},
    {"decimal_comma": True},
    {"decimal_comma": True, "byte_order_mark": True},
]


@pytest.mark.parametrize("report", OUTCOMES)
@pytest.mark.parametrize("chosen", STARTERS, ids=lambda one: " ".join(one) or "plain")
def test_outcomes_in_the_hand_of_whoever_asked(world: World, report: str, chosen: dict[str, Any]) -> None:
    with switched_on(world, **chosen):
        # A slice of its own for each: what equals the rows before would write nothing.
        one = loaded(world, report, skip_message=" ".join(chosen) or None)
        due = assert_holds(world, one)
    assert one.run.file is not None
    assert one.run.file.content.startswith(b"\xef\xbb\xbf") is chosen.get("byte_order_mark", False)
    if report == "outcome_export_csv":
        assert len({row["vendor_guid"] for row in due["outcome_export_ratings"]}) > 1
        assert {row["mastery_points"] for row in due["outcome_export"]} >= {2.5, None}
    assert any(";" in value for rows in due.values() for row in rows for value in row.values() if type(value) is str)
    assert one.outcome.drift == ()


@pytest.mark.parametrize("report", OUTCOMES)
@pytest.mark.parametrize(("account", "parameters"), [(SCIENCE, {}), (1, {"include_deleted": True}), (1, TERM)])
def test_outcomes_of_a_college_and_of_what_is_over(
    world: World, report: str, account: int, parameters: dict[str, Any]
) -> None:
    due = assert_holds(world, loaded(world, report, account=account, **parameters))
    assert all(due.values())


@pytest.mark.parametrize("order", ["users", "courses", "outcomes"])
def test_results_of_outcomes_are_the_same_in_any_order(world: World, order: str) -> None:
    rows = assert_holds(world, loaded(world, "outcome_results_csv", order=order))["outcome_results"]
    assert {row["learning_outcome_mastered"] for row in rows} == {True, False, None}
    assert {row["assessment_question_id"] for row in rows} > {None}


@pytest.mark.parametrize("report", OUTCOMES[:2])
@pytest.mark.parametrize("chosen", STARTERS[:4], ids=lambda one: " ".join(one) or "plain")
def test_no_outcomes_found_is_no_row_and_nothing_set_aside(
    world: World, school: Institution, report: str, chosen: dict[str, Any]
) -> None:
    none = replace(school, outcome_results=(), outcome_alignments=())
    with other_institution(world, none), switched_on(world, **chosen):
        one = loaded(world, report, account=4)
        assert_holds(world, one)
    assert one.run.file is not None
    assert one.run.file.content.endswith(b"No outcomes found\n")
    assert lake_rows(world, report.removesuffix("_csv"), one.intent) == []


@pytest.mark.parametrize("chosen", STARTERS, ids=lambda one: " ".join(one) or "plain")
def test_scales_of_the_account_leave_the_outcomes_and_no_ratings(world: World, chosen: dict[str, Any]) -> None:
    with switched_on(world, account_level_mastery_scales=True, **chosen):
        one = loaded(world, "outcome_export_csv", window=f"scales {chosen}", skip_message=True)
        due = assert_holds(world, one)
    assert due["outcome_export_ratings"] == []
    assert "mastery_points" not in due["outcome_export"][0]
    assert one.outcome.drift == ()


def test_an_encoding_that_is_not_utf_8_sets_rows_aside_and_garbles_none(world: World) -> None:
    """Where a locale names an old encoding, what is no UTF-8 cannot be told from damage."""
    with switched_on(world, encoding="windows-1252"):
        one = loaded(world, "outcome_export_csv", skip_message="old encoding")
        outcomes, ratings = with_ratings(sheets_of(world, one)[""])

    def readable(rows: Rows) -> Rows:
        # What the encoding cannot say is a question mark already when it leaves Canvas.
        texts = [
            {name: value.encode("cp1252", "replace") if type(value) is str else value for name, value in row.items()}
            for row in rows
        ]
        return [
            {name: value.decode() if type(value) is bytes else value for name, value in row.items()}
            for row in texts
            if all(value.isascii() for value in row.values() if type(value) is bytes)
        ]

    odd = {row["vendor_guid"] for rows in (outcomes, ratings) for row in rows if not readable([row])}
    assert odd
    kept = [[row for row in rows if row["vendor_guid"] not in odd] for rows in (outcomes, ratings)]
    assert_same(lake_rows(world, "outcome_export", one.intent), readable(kept[0]))
    assert_same(lake_rows(world, "outcome_export_ratings", one.intent), readable(kept[1]))
    assert one.outcome.quarantined == {"reports.outcome_export": len(odd)}
    told = [row["raw"] for row in quarantine(world) if row["_load_id"] == one.outcome.load_id]
    assert any(r"Erf\xfcllt" in raw for raw in told)


# The reports that are one plain file each.

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "last_user_access_csv": [{}, {"include_deleted": True}, TERM, {"course_id": 101}],
    "last_enrollment_activity_csv": [{}, TERM, {"course_id": 101}],
    "zero_activity_csv": [{}, TERM, {"start_at": "2026-10-01T00:00:00Z"}],
    "students_with_no_submissions_csv": [
        {},
        {"include_enrollment_state": True},
        {"enrollment_state": ["active", "completed"], "include_enrollment_state": True},
        {"start_at": "2026-10-01T00:00:00Z", "end_at": "2026-10-08T00:00:00Z"},
    ],
    "unpublished_courses_csv": [{}],
    "public_courses_csv": [{}],
    "recently_deleted_courses_csv": [{}],
    "unused_courses_csv": [{}],
    "course_storage_csv": [{}, TERM],
    "user_access_tokens_csv": [{}, {"include_deleted": True}],
    "lti_report_csv": [{}, {"include_deleted": True}],
    "developer_key_report_csv": [{}],
    "eportfolio_report_csv": [{}, {"include_deleted": True}, {"no_enrollments": True}],
}
PLAIN = [
    (report, account, parameters)
    for report, sets in PARAMETERS.items()
    for account in (1, SCIENCE)
    for parameters in sets
    # A course outside of the account ends the report in an error.
    if account == 1 or "course_id" not in parameters
]


@pytest.mark.parametrize(("report", "account", "parameters"), PLAIN)
def test_every_cell_of_a_plain_report(world: World, report: str, account: int, parameters: dict[str, Any]) -> None:
    one = loaded(world, report, account=account, **parameters)
    due = assert_holds(world, one)
    # Some lists are short: those of a college or of a term may be empty, and those of the university are not.
    assert all(due.values()) or account == SCIENCE or parameters in (TERM, {"no_enrollments": True})
    assert one.outcome.drift == ()


def test_never_and_rubys_times_are_moments_or_nothing(world: World) -> None:
    tokens = assert_holds(world, loaded(world, "user_access_tokens_csv", skip_message=True))["user_access_tokens"]
    assert {row["expiration"] for row in tokens} > {None}
    assert {row["last_used"] for row in tokens} > {None}
    one = loaded(world, "lti_report_csv", skip_message=True)
    assert one.run.file is not None
    assert b" UTC," in one.run.file.content
    assert_holds(world, one)


@pytest.mark.parametrize(
    ("report", "chosen", "absent"),
    [
        ("eportfolio_report_csv", {"older_eportfolios": True}, {"author_sis_id", "author_login_id"}),
        ("lti_report_csv", {"older_lti": True}, {"tool_id"}),
        ("students_with_no_submissions_csv", {"older_no_submissions": True}, set()),
    ],
)
def test_headers_of_earlier_versions_load_and_say_what_they_lack(
    world: World, report: str, chosen: dict[str, bool], absent: set[str]
) -> None:
    with switched_on(world, **chosen):
        one = loaded(world, report, window="older")
        (rows,) = assert_holds(world, one).values()
    assert rows
    assert not absent & set(rows[0])
    assert {(drift.kind, drift.name) for drift in one.outcome.drift} == {("missing column", name) for name in absent}


@pytest.mark.parametrize(
    ("asked", "moved"),
    [
        ({"start_at": "2026-09-01T00:00:00Z", "end_at": "2026-11-01T00:00:00Z"}, ("10-18T00", "11-01T00")),
        ({"start_at": "2026-09-01T06:00:00Z"}, ("09-01T06", "09-15T06")),
        ({"end_at": "2026-10-30T00:00:00Z"}, ("10-16T00", "10-30T00")),
    ],
    ids=["too long", "start alone", "end alone"],
)
def test_a_window_that_canvas_moves_holds_what_the_moved_one_holds(
    world: World, asked: dict[str, Any], moved: tuple[str, str]
) -> None:
    one = loaded(world, "students_with_no_submissions_csv", **asked)
    rows = assert_holds(world, one)["students_with_no_submissions"]
    start, end = (f"2026-{moment}:00:00Z" for moment in moved)
    plain = loaded(world, "students_with_no_submissions_csv", start_at=start, end_at=end)
    assert rows
    assert_same(lake_rows(world, "students_with_no_submissions", plain.intent), rows)


# A report that nobody declared.


def test_a_report_that_nobody_declared_keeps_every_cell_as_text(world: World) -> None:
    assert ACCESS_LOG not in REPORTS
    one = loaded(world, ACCESS_LOG)
    rows = assert_holds(world, one, as_text=True)["user_course_access_log"]
    assert {type(value) for row in rows for value in row.values()} == {str, type(None)}
    assert any("," in row["user_name"] for row in rows)


# Course reports.


def test_the_document_of_a_course_report_is_in_the_lake_as_it_came(world: World) -> None:
    one = loaded(world, "course_pace_docx", course=101)
    assert one.run.file is not None
    (row,) = lake_rows(world, "course_documents", one.intent)
    content = (world.lake.root / row.pop("path")).read_bytes()
    assert content == one.run.file.content
    assert {name: value for name, value in row.items() if not name.endswith("_at")} == {
        "course_id": 101,
        "report_type": "course_pace_docx",
        "course_report_id": one.run.id,
        "parameters": "{}",
        "content_type": one.run.file.content_type,
        "bytes": len(content),
        "sha256": sha256(content),
    }
    assert [row["created_at"], row["started_at"], row["ended_at"]] == [
        moment.replace(microsecond=0) if moment else None
        for moment in (one.run.created_at, one.run.started_at, one.run.ended_at)
    ]


def test_a_course_report_that_is_a_table_is_a_document_and_rows_of_text(world: World, school: Institution) -> None:
    world.canvas.course_catalog.switch_on("course_roster_csv")
    due = []
    for course in (101, 102):
        one = loaded(world, "course_roster_csv", course=course)
        assert one.run.built is not None
        (row,) = lake_rows(world, "course_documents", one.intent)
        assert row["content_type"] == "text/csv"
        people = school.user_by_id
        mine = [
            {
                "course_id": course,
                "user_id": str(each.user_id),
                "user_sis_id": login.sis_id if (login := people[each.user_id].usable_login) else None,
                "user_name": people[each.user_id].sortable_name,
                "section_id": str(each.section_id),
                "section_name": school.section_by_id[each.section_id].name,
            }
            for each in school.enrollments_by_course[course]
            if each.type == "StudentEnrollment"
        ]
        found = lake_rows(world, "course_roster", one.intent)
        assert {row["enrollment_state"] for row in found} & {"active", "concluded"}
        assert all(row["last_activity_at"] is None or "-0" in row["last_activity_at"] for row in found)
        named = [{name: row[name] for name in mine[0]} for row in found]
        assert_same(named, mine)
        due += mine
    assert len(lake_rows(world, "course_roster")) == len(due), "one table holds the rows of both courses"


# The same rows behind the publish.


def test_the_published_file_holds_every_cell_too(tmp_path: Path, school: Institution) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("provisioning_csv", EVERYTHING),
        ("sis_export_csv", EVERYTHING),
        ("grade_export_csv", {"include_deleted": True}),
        ("mgp_grade_export_csv", {}),
        ("outcome_results_csv", {}),
        ("outcome_export_csv", {}),
        ("user_access_tokens_csv", {}),
        ("lti_report_csv", {}),
        (ACCESS_LOG, {}),
    ]
    with open_world(tmp_path, institution=school) as world:
        ones = [loaded(world, report, **parameters) for report, parameters in asked]
        published(world)
        for one in ones:
            for table, rows in due_rows(world, one, as_text=one.intent.report == ACCESS_LOG).items():
                sql = f"select * exclude (_load_id, _extracted_at) from reports.{table}"
                assert_same(published_rows(world, sql), rows, told=f"published {table}")
        loads = published_rows(world, "select table_name, rows from meta.loads")
        assert {row["table_name"]: row["rows"] for row in loads} == {
            name: rows for one in ones for name, rows in one.outcome.rows.items()
        }


def test_no_report_of_the_demo_is_left_out() -> None:
    assert set(PARAMETERS) | {*OF_MEMBERS, *OUTCOMES, ACCESS_LOG, "grade_export_csv", "mgp_grade_export_csv"} == set(
        REPORT_TYPES
    )
    assert set(REPORTS) == set(REPORT_TYPES) - {ACCESS_LOG}

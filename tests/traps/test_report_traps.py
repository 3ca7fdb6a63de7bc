"""The traps of Canvas's reports, one by one, each sprung on the product from the question to the rows.

The numbers are those of the list of what surprises people about Canvas; those about analytics are not here.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pipelines.canvas.errors import CanvasError, ForbiddenError, LoginPageError
from pipelines.cli.init import settings_text
from pipelines.demo import with_awkward_terms
from pipelines.demo.csv_text import zip_bytes
from pipelines.extract.reports import GRACE
from pipelines.ledger import IntentState
from pipelines.ledger.intents import IdentifiedBy, all_intents
from pipelines.load.report_parameters import ReportParametersError
from pipelines.settings import CourseReportSettings, load_settings
from tests.load.report_worlds import (
    assert_holds,
    lake_rows,
    live_report_tables,
    other_institution,
    published,
    published_rows,
    sha256,
    switched_on,
)
from tests.traps.conftest import Office

PROVISIONING = "provisioning_csv"
NO_SUBMISSIONS = "students_with_no_submissions_csv"
UNDECLARED = "user_course_access_log_csv"
USERS = {"users": True}
SCIENCE = 3


@pytest.mark.parametrize("outcome", ["error", "dies", "aborted_with_file", "vanishes"])
def test_trap_01_status_decides_and_never_progress(office: Office, outcome: Any) -> None:
    """A report that failed has progress 100, or less and no end; and one that is gone has nothing at all."""
    office.loaded("grade_export_csv", window="yesterday")
    yesterday = lake_rows(office.world, "grade_export")
    office.world.canvas.faults.report(outcome)
    (intent,) = office.ask("grade_export_csv")
    watched = office.look()
    assert [one.intent_id for one in watched.failed] == [intent.intent_id]
    assert watched.finished == []
    failed = office.now(intent)
    run = office.world.canvas.reports.all()[-1]
    expected = {"error": (100, "error"), "aborted_with_file": (100, "aborted")}
    if outcome in expected:
        assert (run.progress, failed.status) == expected[outcome]
    if outcome == "dies":
        assert run.progress < 100
        assert run.ended_at is None
        assert failed.status == "error"
    assert failed.state is IntentState.FAILED
    assert failed.failure
    assert lake_rows(office.world, "grade_export") == yesterday


def test_trap_02_a_report_may_wait_for_long_and_is_not_asked_for_twice(office: Office) -> None:
    """A report stands in a queue for hours; who asks anew on a time-out lets a second one wait behind the first."""
    office.world.canvas.faults.report("stuck_created")
    (intent,) = office.ask(PROVISIONING, parameters=USERS, deadline_hours=6)
    for hour in range(5):
        assert [one.intent_id for one in office.look(3600).pending] == [intent.intent_id]
        (again,) = office.ask(PROVISIONING, f"hour {hour}", parameters=USERS, deadline_hours=6)
        assert again.intent_id == intent.intent_id
    assert office.posts() == 1
    # Each wish that joins gives it more time, though never more than twice as much.
    assert [one.intent_id for one in office.look(8 * 3600).failed] == [intent.intent_id]
    assert office.posts() == 1
    office.ask(PROVISIONING, parameters=USERS)
    assert office.posts() == 2, "what is overdue is over, and the next schedule asks again"


@pytest.mark.parametrize("reached", [True, False], ids=["answer lost", "question lost"])
def test_trap_03_a_post_without_an_answer_is_looked_for_before_it_is_repeated(office: Office, reached: bool) -> None:
    """Starting a report is not idempotent, so a lost answer must not lead to a second POST of what is under way."""
    office.world.canvas.faults.drop(rf"/reports/{PROVISIONING}$", method="POST", after_effect=reached)
    with pytest.raises(CanvasError):
        office.ask(PROVISIONING, parameters=USERS)
    (lost,) = all_intents(office.world.ledger)
    assert lost.state is IntentState.POSTING
    office.look()
    if not reached:
        office.look(GRACE.total_seconds())
        office.look()
    *before, intent = all_intents(office.world.ledger)
    assert [one.state for one in before] == ([] if reached else [IntentState.LOST])
    assert intent.state is IntentState.FINISHED
    assert intent.identified_by is (IdentifiedBy.INDEX if reached else IdentifiedBy.ANSWER)
    assert len(office.world.canvas.reports.all()) == 1
    assert office.posts() == (1 if reached else 2)
    office.load(intent)
    assert lake_rows(office.world, "provisioning_users")


def test_trap_04_an_echo_is_known_again_that_differs_from_what_was_sent(office: Office) -> None:
    """Canvas echoes parameters as texts, adds its own, and moves dates: they are no key to a report."""
    office.world.canvas.faults.drop(rf"/reports/{NO_SUBMISSIONS}$", method="POST", after_effect=True)
    asked = {"start_at": "2026-10-01T00:00:00Z", "end_at": "", "include_enrollment_state": True, "course_id": 101}
    with pytest.raises(CanvasError):
        office.ask(NO_SUBMISSIONS, parameters=asked)
    office.world.clock.advance(10)
    (run,) = office.world.canvas.reports.all()
    assert run.parameters["start_at"] != asked["start_at"]
    assert {"locale", "extra_text", "end_at"} <= set(run.parameters)
    assert (run.parameters["course_id"], run.parameters["include_enrollment_state"]) == ("101", "true")
    office.look()
    (intent,) = all_intents(office.world.ledger)
    assert (intent.report_id, intent.identified_by) == (run.id, IdentifiedBy.INDEX)
    office.load(intent)
    assert lake_rows(office.world, "students_with_no_submissions")


def test_trap_05_what_a_file_is_is_told_by_its_bytes(office: Office) -> None:
    """One selector makes a CSV, two a ZIP, none an error, and grading periods are always a ZIP."""
    for report, parameters, is_zip in (
        (PROVISIONING, USERS, False),
        (PROVISIONING, {"users": True, "terms": True}, True),
        ("mgp_grade_export_csv", {"enrollment_term_id": 4}, True),
    ):
        one = office.loaded(report, parameters=parameters)
        assert one.run.file is not None
        assert one.run.file.content.startswith(b"PK") is is_zip
        assert_holds(office.world, one)
    posts = office.posts()
    with pytest.raises(ReportParametersError, match="fails without a file to make"):
        office.ask(PROVISIONING, parameters={"include_deleted": True})
    assert office.posts() == posts
    members = {"users.csv": b"canvas_user_id\n1\n", "terms.csv": b"canvas_term_id\n4\n"}
    office.world.canvas.faults.report_file(zip_bytes(members), "text/csv")
    said_csv = office.loaded(PROVISIONING, parameters={"users": True, "courses": True})
    assert set(said_csv.outcome.rows) == {"reports.provisioning_users", "reports.provisioning_terms"}
    office.world.canvas.faults.report_file(b"canvas_user_id\n1\n2\n", "application/zip")
    said_zip = office.loaded(PROVISIONING, parameters={"users": True, "skip_message": True})
    assert said_zip.outcome.rows == {"reports.provisioning_users": 2}


def test_trap_06_grading_periods_are_named_by_people_and_so_are_the_files(office: Office) -> None:
    """Members are named after terms, columns after periods; one file is a sentence, and nothing is a blank line."""
    with other_institution(office.world, with_awkward_terms(office.world.canvas.institution)):
        one = office.loaded("mgp_grade_export_csv", parameters={"enrollment_term_id": ""})
        (rows,) = assert_holds(office.world, one).values()
    assert live_report_tables(office.world, one.intent) == {"mgp_grade_export"}, "one table, whatever terms are called"
    assert {"Progress", "Prüfung; 試験", "Quarter 2, with exam"} <= {row["grading_period"] for row in rows}
    nothing = office.loaded("mgp_grade_export_csv", parameters={"enrollment_term_id": "sis_term_id:202610"})
    assert nothing.run.file is not None
    assert nothing.run.file.content == b"\n"
    assert nothing.outcome.rows == {"reports.mgp_grade_export": 0}


def test_trap_07_outcome_reports_are_written_in_the_hand_of_whoever_asked(office: Office) -> None:
    """Nothing found is a row, ratings run past the header, and separator, mark and comma are the starter's."""
    school = office.world.canvas.institution
    with switched_on(office.world, semicolons=True, byte_order_mark=True, decimal_comma=True):
        export = office.loaded("outcome_export_csv")
        due = assert_holds(office.world, export)
        assert export.run.file is not None
        assert b"2,5" in export.run.file.content
        assert {row["mastery_points"] for row in due["outcome_export"]} > {2.5}
        assert due["outcome_export_ratings"]
        with other_institution(office.world, replace(school, outcome_results=(), outcome_alignments=())):
            empty = office.loaded("outcome_results_csv")
    assert empty.run.file is not None
    assert b"No outcomes found" in empty.run.file.content
    assert (empty.outcome.rows, empty.outcome.quarantined) == ({"reports.outcome_results": 0}, {})


def test_trap_08_every_time_is_a_moment_in_utc(office: Office) -> None:
    """Times carry the account's offset, which moves with the season; some are Ruby's, and some are `never`."""
    terms = office.loaded(PROVISIONING, parameters={"terms": True})
    assert terms.run.file is not None
    assert {b"-06:00", b"-07:00"} <= {part[-6:] for part in terms.run.file.content.replace(b"\n", b",").split(b",")}
    tools = office.loaded("lti_report_csv")
    assert tools.run.file is not None
    assert b" UTC," in tools.run.file.content
    tokens = office.loaded("user_access_tokens_csv")
    assert tokens.run.file is not None
    assert b",never," in tokens.run.file.content
    for one in (terms, tools, tokens):
        assert_holds(office.world, one)
    found = {row["end_date"] for row in lake_rows(office.world, "provisioning_terms")} - {None}
    assert {moment.utcoffset().total_seconds() for moment in found} == {0.0}


def test_trap_09_the_text_false_would_count_as_true(office: Office) -> None:
    """Canvas takes any text in some parameters for true: `false` is refused, and a real no is not sent."""
    for name in ("created_by_sis", "skip_message"):
        with pytest.raises(ReportParametersError, match=rf"{name} = 'false' would count as true"):
            office.ask(PROVISIONING, parameters={**USERS, name: "false"})
    assert office.posts() == 0
    one = office.loaded(PROVISIONING, parameters={**USERS, "created_by_sis": False, "include_deleted": False})
    assert "created_by_sis" not in one.run.parameters
    assert "include_deleted" not in one.run.parameters
    assert {row["created_by_sis"] for row in lake_rows(office.world, "provisioning_users")} == {True, False}


def test_trap_10_what_canvas_calls_required_and_what_it_shortens_is_told_before_it_is_asked(office: Office) -> None:
    """Canvas starts a report without what it requires, and cuts a window to 14 days without a word."""
    window = {"start_at": "2026-10-01T00:00:00Z", "end_at": "2026-11-01T00:00:00Z"}
    with pytest.raises(ReportParametersError, match="more than 14 days: Canvas would move start_at"):
        office.ask(NO_SUBMISSIONS, parameters=window)
    with pytest.raises(ReportParametersError, match=r"It wants end_at\..*It wants start_at"):
        office.ask(NO_SUBMISSIONS, parameters={})
    assert office.posts() == 0
    one = office.loaded(NO_SUBMISSIONS, parameters={"start_at": "", "end_at": ""})
    assert_holds(office.world, one)
    assert not {"start_at", "end_at"} & set(one.intent.parameters)


def test_trap_11_what_is_over_is_asked_for_too(office: Office) -> None:
    """Without include_deleted, concluded courses and enrollments are missing from provisioning."""
    office.loaded(PROVISIONING, parameters={"courses": True, "enrollments": True})
    assert "concluded" not in {row["status"] for row in lake_rows(office.world, "provisioning_courses")}
    (office.world.home / "canvaslake.toml").write_text(settings_text(base_url=office.world.canvas.base_url))
    settings = load_settings(office.world.home, {})
    for report in settings.reports:
        office.loaded(report.report, parameters=report.parameters)
    for table in ("provisioning_courses", "provisioning_enrollments"):
        assert "concluded" in {row["status"] for row in lake_rows(office.world, table)}
    grades = {row["enrollment_state"] for row in lake_rows(office.world, "grade_export")}
    assert {"active", "concluded"} <= grades


def test_trap_12_rows_that_repeat_by_design_are_all_kept(office: Office) -> None:
    """A person with two logins is two rows, a student in two sections too: no column alone is a key."""
    people = office.loaded(PROVISIONING, parameters={**USERS, "include_deleted": True})
    grades = office.loaded("grade_export_csv", parameters={"include_deleted": True})
    portfolios = office.loaded("eportfolio_report_csv")
    for one in (people, grades, portfolios):
        assert_holds(office.world, one)
    users = Counter(row["canvas_user_id"] for row in lake_rows(office.world, "provisioning_users"))
    students = Counter((row["student_id"], row["course_id"]) for row in lake_rows(office.world, "grade_export"))
    assert min(max(users.values()), max(students.values())) > 1
    published(office.world)
    sql = "select table_name, detail from meta.checks where not passed and table_name like 'reports.%'"
    assert published_rows(office.world, sql) == []


def test_trap_13_columns_are_found_by_name_and_new_ones_are_kept(office: Office) -> None:
    """Columns come and go with what an institution switched on, so their places mean nothing."""
    office.world.canvas.faults.report_file(
        b"status,house,user_id,canvas_user_id,pronouns\nactive,Red,0017,7,they/them\ndeleted,,,8,\n"
    )
    one = office.loaded(PROVISIONING, parameters=USERS)
    found = lake_rows(office.world, "provisioning_users")
    wanted = ("canvas_user_id", "user_id", "status", "pronouns", "house")
    assert [tuple(row[name] for name in wanted) for row in found] == [
        (7, "0017", "active", "they/them", "Red"),
        (8, None, "deleted", None, None),
    ]
    drift = {(each.kind, each.name) for each in one.outcome.drift}
    assert ("unknown column", "house") in drift
    assert ("missing column", "login_id") in drift
    assert ("missing column", "pronouns") not in drift


def test_trap_14_headers_that_become_one_name_stay_two_columns(office: Office) -> None:
    """Headers hold spaces and capitals, and some differ in nothing else."""
    office.world.canvas.faults.report_file(b"name,user name,Name,Global ID,global_id,name 2\na,b,c,1,2,d\n")
    office.loaded(UNDECLARED)
    (row,) = lake_rows(office.world, "user_course_access_log")
    assert list(row.values()) == ["a", "b", "c", "1", "2", "d"]
    assert list(row)[:2] == ["name", "user_name"]
    assert len(set(row)) == 6
    keys = office.loaded("developer_key_report_csv")
    (rows,) = assert_holds(office.world, keys).values()
    assert any(each["global_id"] > 10**13 for each in rows)


def test_trap_15_ids_of_the_student_information_system_are_text(office: Office) -> None:
    """Ids may begin with zeros, look like numbers too large, like dates, or like nothing at all."""
    odd = ["007919", "1e5", "9007199254740993", "NA", "NULL", "nan", "True", "2026-01-05", "  x ", "-0", "=1+1"]
    lines = "".join(f'{number},"{text}"\n' for number, text in enumerate(odd))
    office.world.canvas.faults.report_file(f'canvas_user_id,user_id\n{lines}90,\n91,""\n'.encode())
    office.loaded(PROVISIONING, parameters=USERS)
    found = {row["canvas_user_id"]: row["user_id"] for row in lake_rows(office.world, "provisioning_users")}
    assert found == {**dict(enumerate(odd)), 90: None, 91: ""}
    published(office.world)
    rows = published_rows(office.world, "select canvas_user_id, user_id from reports.provisioning_users")
    assert {row["canvas_user_id"]: row["user_id"] for row in rows} == found


def test_trap_16_accounts_of_a_college_are_its_children_and_the_root_is_in_no_file(office: Office) -> None:
    """A report on a sub-account lists its direct children only: it adds to the university's and replaces nothing."""
    whole = office.loaded(PROVISIONING, parameters={"accounts": True, "terms": True})
    college = office.loaded(PROVISIONING, parameters={"accounts": True, "terms": True}, accounts=(SCIENCE,))
    for one in (whole, college):
        assert_holds(office.world, one)
    of_whole = {row["canvas_account_id"] for row in lake_rows(office.world, "provisioning_accounts", whole.intent)}
    of_college = {row["canvas_account_id"] for row in lake_rows(office.world, "provisioning_accounts", college.intent)}
    assert of_college == {8, 9, 10} < of_whole
    assert 1 not in of_whole


@pytest.mark.parametrize("outcome", ["deleted_then_complete", "deleted_then_aborted", "aborted_with_file"])
def test_trap_17_a_report_may_come_back_and_counts_only_if_it_is_complete(office: Office, outcome: Any) -> None:
    """A deleted report may come back as aborted or complete, and an aborted one may own a file."""
    office.world.canvas.faults.report(outcome)
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    assert office.look(1).finished == []
    assert office.now(intent).state is IntentState.FAILED
    watched = office.look(3600)
    again = [one.intent_id for one in watched.finished]
    if outcome == "deleted_then_complete":
        assert again == [intent.intent_id]
        office.load(intent)
        assert lake_rows(office.world, "provisioning_users")
    else:
        assert again == []
        assert office.now(intent).state is IntentState.FAILED
        (run,) = office.world.canvas.reports.all()
        assert (run.file is not None) is (outcome == "aborted_with_file")
        assert live_report_tables(office.world, intent) == set()
    assert office.posts() == 1


def test_trap_23_terms_are_wrapped_and_come_in_pages(office: Office) -> None:
    """Terms stand inside an object and yet in pages: a report by term is asked for those of the last page too."""
    school = office.world.canvas.institution
    more = [replace(school.terms[1], id=1000 + number, name=f"Term {number}", sis_id=None) for number in range(115)]
    with other_institution(office.world, replace(school, terms=(*school.terms, *more))):
        intents = office.ask("unpublished_courses_csv", terms="all")
    asked = [int(str(intent.parameters["enrollment_term_id"])) for intent in intents]
    assert sorted(asked) == sorted(term.id for term in (*school.terms, *more) if term.state == "active")
    assert office.posts() == len(set(asked)) > 100
    assert office.world.canvas.requests.count(r"/terms$") == 2


@pytest.mark.parametrize("bookmarks", [False, True], ids=["numbered", "bookmarks"])
def test_trap_24_a_report_is_found_pages_down_the_list(office: Office, bookmarks: bool) -> None:
    """Lists need not say how long they are, and pages are opaque: follow `next` as long as it comes."""
    canvas = office.world.canvas
    canvas.world.bookmark_pages = bookmarks
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    for _ in range(230):
        canvas.reports.create(1, PROVISIONING, {"terms": "1"}, user_id=7002)
    canvas.requests.clear()
    assert [one.intent_id for one in office.look(600).finished] == [intent.intent_id]
    assert canvas.requests.count(rf"/reports/{PROVISIONING}$", method="GET") == 3
    assert canvas.requests.count(rf"/reports/{PROVISIONING}/\d+$") == 0
    office.load(intent)
    assert lake_rows(office.world, "provisioning_users")


def test_trap_25_three_kinds_of_403_are_three_things(office: Office) -> None:
    """A throttled question is asked again, one without the right never, and an odd body is no riddle."""
    canvas = office.world.canvas
    canvas.faults.throttle(rf"/reports/{PROVISIONING}$", method="POST")
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    office.look()
    assert office.now(intent).state is IntentState.FINISHED
    assert len(canvas.reports.all()) == 1, "what was throttled had started nothing"
    canvas.faults.throttle(rf"/reports/{PROVISIONING}/\d+$", method="GET")
    canvas.faults.throttle(r"^/files/", method="GET")
    office.load(intent)
    assert lake_rows(office.world, "provisioning_users")
    for body, kind in (
        ('{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}', "json"),
        ('{"errors":"no"}', "json"),
        ("Forbidden", "plain"),
    ):
        headers = {
            "content-type": "application/json" if kind == "json" else "text/plain",
            "x-request-cost": "0.1",
            "x-rate-limit-remaining": "500.0",
        }
        canvas.faults.answer(rf"/reports/{PROVISIONING}$", status=403, body=body, headers=headers, method="POST")
        with pytest.raises(ForbiddenError):
            office.ask(PROVISIONING, parameters=USERS)
        refused = all_intents(office.world.ledger)[-1]
        assert (refused.state, refused.report_id) == (IntentState.FAILED, None)
    assert office.look().pending == []
    assert len(canvas.reports.all()) == 1


def test_trap_26_a_log_in_page_with_status_200_is_no_report(office: Office) -> None:
    """file_url is a page of the web that asks a token to log in; and the token is for one host alone."""
    canvas = office.world.canvas
    office.loaded(PROVISIONING, parameters=USERS)
    assert canvas.requests.count(r"^/accounts/\d+/files/") == 0
    stored = canvas.requests.matching(host="files")
    assert stored
    assert not any(request.has_authorization for request in stored)
    yesterday = lake_rows(office.world, "provisioning_users")
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    office.look()
    canvas.faults.login_instead_of_file(times=None)
    with pytest.raises(LoginPageError):
        office.load(intent)
    assert lake_rows(office.world, "provisioning_users") == yesterday
    assert list(office.world.downloads.iterdir()) == []
    canvas.faults.clear()
    office.load(intent)
    assert office.now(intent).state is IntentState.LOADED


def test_trap_27_every_request_says_who_asks(office: Office) -> None:
    """Canvas refuses whoever comes without a User-Agent."""
    office.loaded(PROVISIONING, parameters=USERS)
    office.ask_all([], course_reports=[CourseReportSettings(report="course_pace_docx", courses=(101,))])
    office.look()
    requests = office.world.canvas.requests.all()
    assert {request.host for request in requests} == {"api", "files"}
    assert {request.method for request in requests} == {"GET", "POST"}
    assert all("user-agent" in request.header_names for request in requests)


def test_trap_28_ids_may_be_text_or_numbers(office: Office) -> None:
    """String ids are a mode that converts some ids and leaves others: each is read in either form."""
    canvas = office.world.canvas
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    office.world.clock.advance(60)
    path = f"/api/v1/accounts/1/reports/{PROVISIONING}"
    accept = {**canvas.headers, "Accept": "application/json+canvas-string-ids"}
    with httpx.Client(base_url=canvas.base_url, headers=accept) as http:
        listed, shown = http.get(path).json(), http.get(f"{path}/{intent.report_id}").json()
    assert isinstance(listed[0]["id"], str)
    assert isinstance(shown["attachment"]["id"], str)
    headers = {"content-type": "application/json"}
    canvas.faults.answer(rf"/{PROVISIONING}$", status=200, body=json.dumps(listed), headers=headers, method="GET")
    canvas.faults.answer(rf"/{PROVISIONING}/\d+$", status=200, body=json.dumps(shown), headers=headers, method="GET")
    assert [one.intent_id for one in office.look(0).finished] == [intent.intent_id]
    office.load(intent)
    assert canvas.faults.pending() == []
    assert office.now(intent).file_id == int(shown["attachment"]["id"])
    assert lake_rows(office.world, "provisioning_users")


def test_trap_29_no_secret_is_left_anywhere(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Signed links are as good as passwords while they last: they are in no file, no log and no message."""
    caplog.set_level(0)
    canvas = office.world.canvas
    said = []
    (intent,) = office.ask(PROVISIONING, parameters=USERS)
    office.look()
    faults: list[Callable[[], object]] = [
        lambda: canvas.faults.expire_links(times=None),
        lambda: canvas.faults.truncate(times=None),
        lambda: canvas.faults.html(r"^/attachments/", times=None),
    ]
    for fault in faults:
        fault()
        with pytest.raises(CanvasError) as raised:
            office.load(intent)
        said.append(f"{raised.value!r} {raised.value}")
        canvas.faults.clear()
    office.load(intent)
    published(office.world)
    secrets = [canvas.token, "X-Amz-", "Signature=", "verifier", canvas.files_url]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("pipelines.")]
    for secret in secrets:
        assert not any(secret in text for text in [*said, *logged])
        for path in office.world.home.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path.name
    assert any("X-Amz-" in request.query for request in canvas.requests.matching(host="files")), "links were signed"


def test_trap_30_a_course_report_is_a_document_and_wants_parameters(office: Office) -> None:
    """A course report makes a Word document, and Canvas breaks on a question without parameters."""
    canvas = office.world.canvas
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        assert http.post("/api/v1/courses/101/reports/course_pace_docx").status_code == 500
    (intent,) = office.ask_all([], course_reports=[CourseReportSettings(report="course_pace_docx", courses=(101,))])
    office.look()
    outcome = office.load(intent)
    assert outcome.rows == {"reports.course_documents": 1}
    (run,) = canvas.reports.all_of_courses()
    assert run.file is not None
    (row,) = lake_rows(office.world, "course_documents")
    assert row["sha256"] == sha256(run.file.content)
    assert (office.world.lake.root / row["path"]).read_bytes() == run.file.content

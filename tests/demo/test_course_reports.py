"""The course reports API: one type, a Word document, seen only by whoever asked for it."""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from pipelines.demo import ALL_PERMISSIONS, DemoCanvas, Grant, ManualClock
from tests.demo.conftest import MakeCanvas

COURSE = 101
PATH = f"/api/v1/courses/{COURSE}/reports/course_pace_docx"
ROSTER = f"/api/v1/courses/{COURSE}/reports/course_roster_csv"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def _start(http: httpx.Client, path: str = PATH, **parameters: Any) -> dict[str, Any]:
    answer = http.post(path, json={"parameters": parameters})
    assert answer.status_code == 200
    return dict(answer.json())


def _file(http: httpx.Client, run: dict[str, Any]) -> httpx.Response:
    return httpx.get(http.get(run["attachment"]["url"]).headers["location"])


def _lines(content: bytes) -> list[str]:
    document = zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml")
    return [each.text or "" for each in ElementTree.fromstring(document).iter() if each.tag.endswith("}t")]  # noqa: S314


@pytest.fixture
def colleague(fresh: DemoCanvas) -> Iterator[httpx.Client]:
    """Another user with the same rights."""
    fresh.tokens.add(Grant("1~colleague", ALL_PERMISSIONS, user_id=7002))
    headers = {**fresh.headers, "Authorization": "Bearer 1~colleague"}
    with httpx.Client(base_url=fresh.base_url, headers=headers) as client:
        yield client


def test_a_course_report_lives_like_an_account_report_but_says_less(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    created = _start(fresh_http)
    assert set(created) == {
        *("id", "parameters", "status", "report_type", "course_id"),
        *("created_at", "started_at", "ended_at", "file_url"),
    }
    assert (created["status"], created["report_type"], created["course_id"]) == ("created", "course_pace_docx", COURSE)
    clock.advance(0.5)
    assert fresh_http.get(f"{PATH}/{created['id']}").json()["status"] == "running"
    clock.advance(1.5)
    done = fresh_http.get(f"{PATH}/{created['id']}").json()
    assert (done["status"], done["attachment"]["content-type"]) == ("complete", DOCX)
    assert done["file_url"] == f"{fresh.base_url}/courses/{COURSE}/files/{done['attachment']['id']}/download"
    assert fresh_http.get(PATH).json() == done, "the last one"
    assert fresh_http.get(done["file_url"]).headers["location"].endswith("/login/canvas")
    assert fresh_http.get("/api/v1/accounts/1/reports/course_pace_docx").status_code == 404
    assert fresh.reports.all() == []


def test_the_product_is_a_word_document_of_the_courses_assignments(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    first, second = _start(fresh_http), _start(fresh_http)
    clock.advance(4)
    files = [_file(fresh_http, fresh_http.get(f"{PATH}/{run['id']}").json()) for run in (first, second)]
    assert files[0].content == files[1].content
    assert files[0].headers["content-type"] == DOCX
    names = zipfile.ZipFile(io.BytesIO(files[0].content)).namelist()
    assert {"[Content_Types].xml", "word/document.xml"} <= set(names)
    lines = _lines(files[0].content)
    work = fresh.institution.assignments_by_course[COURSE]
    assert lines[:2] == [fresh.institution.course_by_id[COURSE].name, "Pace for the whole course"]
    assert [line.rpartition(": ")[0] for line in lines[2:] if line.endswith("no due date")] == [
        each.title for each in work if each.due_at is None
    ]
    assert len(lines) == 2 + len(work)


def test_sections_and_enrollments_are_the_only_parameters(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    enrollment = fresh.institution.enrollments_by_course[COURSE][0]
    run = _start(fresh_http, section_ids=[enrollment.section_id], enrollment_ids=[enrollment.id], skip_message=True)
    assert run["parameters"] == {"section_ids": [enrollment.section_id], "enrollment_ids": [enrollment.id]}
    form = fresh_http.post(PATH, data={"parameters[section_ids][]": str(enrollment.section_id)}).json()
    assert form["parameters"] == {"section_ids": [str(enrollment.section_id)]}


def test_the_audience_is_named_in_the_document(fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock) -> None:
    enrollment = fresh.institution.enrollments_by_course[COURSE][0]
    run = _start(fresh_http, section_ids=[enrollment.section_id], enrollment_ids=[enrollment.id])
    clock.advance(2)
    section = fresh.institution.section_by_id[enrollment.section_id].name
    person = fresh.institution.user_by_id[enrollment.user_id].name
    done = fresh_http.get(f"{PATH}/{run['id']}").json()
    assert _lines(_file(fresh_http, done).content)[1] == f"Pace for {section}, {person}"


def test_what_canvas_refuses_or_breaks_on(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    wrong = fresh_http.post(f"/api/v1/courses/{COURSE}/reports/grade_export_csv", json={"parameters": {}})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid report type grade_export_csv"})
    assert fresh_http.post(PATH).status_code == 500
    assert fresh_http.get(PATH).status_code == 500, "there is no last one yet"
    assert fresh_http.post(PATH.replace("101", "4711"), json={"parameters": {}}).status_code == 404
    assert fresh_http.get(f"{PATH}/1").status_code == 404
    assert fresh_http.delete(f"{PATH}/1").status_code == 404
    assert fresh.reports.all_of_courses() == []
    fresh.tokens.grant("1~weak", without={"read_reports"})
    refused = fresh_http.post(PATH, json={"parameters": {}}, headers={"Authorization": "Bearer 1~weak"})
    assert refused.status_code == 403


def test_only_the_starter_sees_a_course_report(
    fresh: DemoCanvas, fresh_http: httpx.Client, colleague: httpx.Client
) -> None:
    mine = _start(fresh_http)
    assert colleague.get(f"{PATH}/{mine['id']}").status_code == 403
    assert colleague.get(PATH).status_code == 500
    theirs = _start(colleague)
    assert colleague.get(PATH).json()["id"] == theirs["id"]
    assert fresh_http.get(PATH).json()["id"] == mine["id"]
    assert [run.user_id for run in fresh.reports.all_of_courses()] == [None, 7002]


def test_course_reports_and_account_reports_do_not_wait_for_each_other(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    fresh.reports.create(1, "provisioning_csv", {"users": "1"})
    run = _start(fresh_http)
    clock.advance(0.5)
    assert fresh.reports.all()[0].status == "running"
    assert fresh_http.get(f"{PATH}/{run['id']}").json()["status"] == "running"


@pytest.mark.parametrize(("outcome", "ends"), [("error", "error"), ("dies", "error"), ("stuck_created", "created")])
def test_course_reports_fail_as_account_reports_do(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock, outcome: Any, ends: str
) -> None:
    fresh.faults.report(outcome, "course_pace_docx")
    run = _start(fresh_http)
    clock.advance(60)
    failed = fresh_http.get(f"{PATH}/{run['id']}").json()
    assert (failed["status"], failed["file_url"], "attachment" in failed) == (ends, None, False)


def test_an_instance_can_offer_a_course_report_that_is_a_table(make_canvas: MakeCanvas, clock: ManualClock) -> None:
    canvas = make_canvas(tabular_course_reports=True)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = _start(http, ROSTER)
        clock.advance(2)
        done = http.get(f"{ROSTER}/{run['id']}").json()
        assert done["attachment"]["content-type"] == "text/csv"
        rows = list(csv.DictReader(io.StringIO(_file(http, done).content.decode(), newline="")))
        students = [
            each for each in canvas.institution.enrollments_by_course[COURSE] if each.type == "StudentEnrollment"
        ]
        assert len(rows) == len(students)
        assert {row["user id"] for row in rows} == {str(each.user_id) for each in students}
        canvas.course_catalog.switch_off("course_roster_csv")
        assert http.post(ROSTER, json={"parameters": {}}).status_code == 400


def test_the_table_is_off_unless_it_was_asked_for(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    assert fresh_http.post(ROSTER, json={"parameters": {}}).status_code == 400
    fresh.course_catalog.switch_on("course_roster_csv")
    assert _start(fresh_http, ROSTER)["report_type"] == "course_roster_csv"

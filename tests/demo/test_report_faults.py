"""Ways in which a report goes wrong, as a client sees them over the API and at the files host."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, seeded_institution
from pipelines.demo.faults import UNKNOWN_STATE
from tests.demo.conftest import AS_OF, MakeCanvas

PATH = "/api/v1/accounts/1/reports/provisioning_csv"
KNOWN = {"created", "running", "compiling", "complete", "error", "aborted", "deleted"}


def _start(http: httpx.Client) -> dict[str, Any]:
    return dict(http.post(PATH, data={"parameters[users]": "true"}).json())


def _show(http: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    answer = http.get(f"{PATH}/{run['id']}")
    return dict(answer.json()) if answer.status_code == 200 else {"status": answer.status_code}


def _states(http: httpx.Client, clock: ManualClock, run: dict[str, Any], *, looks: int = 5) -> list[dict[str, Any]]:
    """Look every three quarters of a second at a report that runs for one and a half, first when it has begun."""
    clock.advance(0.1)
    seen = [_show(http, run)]
    for _ in range(looks - 1):
        clock.advance(0.75)
        seen.append(_show(http, run))
    return seen


def test_an_aborted_report_can_own_a_file_later(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    fresh.faults.report("aborted_with_file")
    running, aborted, later, *_ = _states(fresh_http, clock, _start(fresh_http))
    assert [each["status"] for each in (running, aborted, later)] == ["running", "aborted", "aborted"]
    assert ("attachment" in aborted, "attachment" in later) == (False, True)
    assert later["progress"] == 100
    assert later["parameters"]["extra_text"] == "Report has been aborted"


@pytest.mark.parametrize(
    ("outcome", "comes_back_as", "with_file"),
    [("deleted_then_aborted", "aborted", False), ("deleted_then_complete", "complete", True)],
)
def test_a_report_deleted_while_it_runs_can_come_back(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock, outcome: Any, comes_back_as: str, with_file: bool
) -> None:
    fresh.faults.report(outcome)
    seen = _states(fresh_http, clock, _start(fresh_http))
    assert [each["status"] for each in seen[:3]] == ["running", 404, comes_back_as]
    assert ("attachment" in seen[2]) is with_file
    assert [run["status"] for run in fresh_http.get(PATH).json()] == [comes_back_as]


def test_a_report_can_be_complete_for_a_while_before_it_has_ended(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    fresh.faults.report("complete_before_ended")
    seen = _states(fresh_http, clock, _start(fresh_http), looks=6)
    assert [each["status"] for each in seen] == ["running", "running", *["complete"] * 4]
    assert [each["ended_at"] is not None for each in seen[2:]] == [False, False, True, True]
    assert "attachment" in seen[2]


def test_a_report_can_pass_through_a_state_nobody_knows_or_stay_in_it(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    assert UNKNOWN_STATE not in KNOWN
    fresh.faults.report("unknown_state")
    seen = _states(fresh_http, clock, _start(fresh_http))
    assert [each["status"] for each in seen] == ["running", *[UNKNOWN_STATE] * 3, "complete"]
    fresh.faults.report("stuck_unknown")
    stuck = _start(fresh_http)
    clock.advance(3600)
    assert _show(fresh_http, stuck)["status"] == UNKNOWN_STATE


def test_a_report_that_never_ends_holds_up_nobody_and_can_be_aborted(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    fresh.faults.report("stuck_running")
    stuck, following = _start(fresh_http), _start(fresh_http)
    clock.advance(3600)
    assert (_show(fresh_http, stuck)["status"], _show(fresh_http, following)["status"]) == ("running", "complete")
    assert fresh_http.put(f"{PATH}/{stuck['id']}/abort").json()["status"] == "aborted"
    clock.advance(3600)
    assert _show(fresh_http, stuck)["status"] == "aborted"


def test_a_parallel_report_compiles_before_it_is_complete_and_cannot_be_aborted_then(
    make_canvas: MakeCanvas, clock: ManualClock
) -> None:
    canvas = make_canvas(report_seconds=10)
    path = "/api/v1/accounts/1/reports/grade_export_csv"
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = http.post(path).json()
        clock.advance(9.5)
        compiling = http.get(f"{path}/{run['id']}").json()
        assert (compiling["status"], "attachment" in compiling) == ("compiling", False)
        assert compiling["progress"] < 100
        assert http.put(f"{path}/{run['id']}/abort").status_code == 404
        clock.advance(1)
        assert http.get(f"{path}/{run['id']}").json()["status"] == "complete"


def test_a_parallel_report_deleted_while_it_runs_stays_away_until_it_ends(
    make_canvas: MakeCanvas, clock: ManualClock
) -> None:
    canvas = make_canvas(report_seconds=10)
    path = "/api/v1/accounts/1/reports/grade_export_csv"
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = http.post(path, data={"parameters[enrollment_term_id]": "5"}).json()
        clock.advance(1)
        assert http.delete(f"{path}/{run['id']}").json()["status"] == "deleted"
        clock.advance(8.5)
        assert http.get(f"{path}/{run['id']}").status_code == 404
        clock.advance(1)
        assert http.get(f"{path}/{run['id']}").json()["status"] == "complete"


def test_an_attachment_can_be_absent_locked_or_of_another_size(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    run = _start(fresh_http)
    fresh.faults.attachment("absent", times=2)
    clock.advance(2)
    odd = [_show(fresh_http, run) for _ in range(2)]
    assert [(each["status"], "attachment" in each) for each in odd] == [("complete", False)] * 2
    whole = _show(fresh_http, run)["attachment"]
    fresh.faults.attachment("locked", r"/\d+$")
    assert fresh_http.get(PATH).json()[0]["attachment"]["url"] == whole["url"], "only the show is meant"
    locked = _show(fresh_http, run)["attachment"]
    assert (locked["url"], locked["locked"], locked["locked_for_user"]) == ("", True, True)
    fresh.faults.attachment("wrong_size")
    assert _show(fresh_http, run)["attachment"]["size"] == whole["size"] + 1
    assert _show(fresh_http, run)["attachment"] == whole


def test_the_login_page_can_come_with_status_200_in_place_of_the_file(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    run = _start(fresh_http)
    clock.advance(2)
    url = _show(fresh_http, run)["attachment"]["url"]
    fresh.faults.login_instead_of_file()
    page = fresh_http.get(url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Log In to Canvas" in page.text
    assert fresh_http.get(url).status_code == 302
    stored = fresh_http.get(url).headers["location"]
    fresh.faults.login_instead_of_file("^/attachments/")
    assert "Log In" in httpx.get(stored).text
    assert httpx.get(stored).text.startswith("canvas_user_id,")


def test_a_file_can_be_made_by_hand_whatever_was_asked_for(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    hostile = io.BytesIO()
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr("../../outside.csv", "a\n")
    fresh.faults.report_file(b"a,b\n\xff,1\n", report="provisioning")
    fresh.faults.report_file(hostile.getvalue(), "application/zip", report="provisioning")
    found = []
    for _ in range(3):
        run = _start(fresh_http)
        clock.advance(2)
        attachment = _show(fresh_http, run)["attachment"]
        file = httpx.get(fresh_http.get(attachment["url"]).headers["location"])
        assert (len(file.content), file.headers["content-type"]) == (attachment["size"], attachment["content-type"])
        found.append((file.content, attachment["content-type"], attachment["display_name"].rpartition(".")[2]))
    assert found[0] == (b"a,b\n\xff,1\n", "text/csv", "csv")
    assert found[1] == (hostile.getvalue(), "application/zip", "zip")
    assert found[2][0].startswith(b"canvas_user_id,")


def test_a_link_can_run_out_between_show_and_download(make_canvas: MakeCanvas, clock: ManualClock) -> None:
    canvas = make_canvas(link_seconds=60)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = _start(http)
        clock.advance(2)
        stored = http.get(_show(http, run)["attachment"]["url"]).headers["location"]
        clock.advance(61)
        assert httpx.get(stored).status_code == 403
        assert httpx.get(http.get(_show(http, run)["attachment"]["url"]).headers["location"]).status_code == 200


def test_a_person_can_start_a_report_which_the_index_lists_beside_the_tokens_own(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    own = _start(fresh_http)
    clock.advance(1)
    persons = fresh.reports.create(1, "provisioning_csv", {"users": "1"}, user_id=7002)
    clock.advance(5)
    index = fresh_http.get(PATH).json()
    assert [(run["id"], run["status"]) for run in index] == [(persons.id, "complete"), (own["id"], "complete")]
    assert "user_id" not in index[0]
    with pytest.raises(ValueError, match="no report nonsense_csv"):
        fresh.reports.create(1, "nonsense_csv", {})


def test_a_report_that_is_adapted_to_what_it_did_says_so_in_its_parameters(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    path = "/api/v1/accounts/1/reports/students_with_no_submissions_csv"
    asked = {"parameters[start_at]": "2026-01-01T00:00:00Z", "parameters[end_at]": "2026-11-10T00:00:00Z"}
    run = fresh_http.post(path, data=asked).json()
    assert run["parameters"]["start_at"] == "2026-01-01T00:00:00Z"
    clock.advance(2)
    done = fresh_http.get(f"{path}/{run['id']}").json()
    assert done["parameters"]["start_at"] == "2026-10-26T17:00:00-06:00"
    assert done["parameters"]["end_at"] == "2026-11-09T17:00:00-07:00"


def test_a_course_that_does_not_exist_shows_only_when_the_report_runs(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    path = "/api/v1/accounts/1/reports/zero_activity_csv"
    run = fresh_http.post(path, data={"parameters[course_id]": "4711"})
    assert run.status_code == 200
    clock.advance(2)
    failed = fresh_http.get(f"{path}/{run.json()['id']}").json()
    assert (failed["status"], failed["progress"], failed["file_url"]) == ("error", 100, None)
    assert "4711" in failed["parameters"]["extra_text"]


def test_nothing_to_run_is_a_plain_csv_where_a_zip_was_due(make_canvas: MakeCanvas, clock: ManualClock) -> None:
    university: Institution = seeded_institution(AS_OF, scale=0.05)
    canvas = make_canvas(university)
    blank = canvas.reports.create(1, "mgp_grade_export_csv", {"enrollment_term_id": "9"})
    zipped = canvas.reports.create(1, "mgp_grade_export_csv", {"enrollment_term_id": "4"})
    clock.advance(5)
    canvas.reports.all()
    assert blank.file is not None
    assert zipped.file is not None
    assert (blank.file.content, blank.file.content_type) == (b"\n", "text/csv")
    assert zipped.file.content_type == "application/zip"

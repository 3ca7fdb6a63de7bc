from typing import Any

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, seeded_institution
from tests.demo.conftest import AS_OF, MakeCanvas

PROVISIONING = "/api/v1/accounts/1/reports/provisioning_csv"
GRADES = "/api/v1/accounts/1/reports/grade_export_csv"


def _start(http: httpx.Client, path: str = PROVISIONING, **parameters: str) -> dict[str, Any]:
    chosen = parameters or {"users": "true"}
    answer = http.post(path, data={f"parameters[{name}]": value for name, value in chosen.items()})
    assert answer.status_code == 200
    run: dict[str, Any] = answer.json()
    return run


def _show(http: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    answer = http.get(f"/api/v1/accounts/1/reports/{run['report']}/{run['id']}")
    return dict(answer.json()) if answer.status_code == 200 else {"status": answer.status_code}


@pytest.fixture(scope="module")
def large() -> Institution:
    return seeded_institution(AS_OF)


def test_a_report_is_created_runs_and_completes_with_an_attachment_only_at_the_end(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    created = _start(fresh_http)
    assert (created["status"], created["progress"], created["started_at"]) == ("created", 0, None)
    assert "attachment" not in created
    clock.advance(0.5)
    running = _show(fresh_http, created)
    assert (running["status"], running["progress"], running["file_url"]) == ("running", 0, None)
    assert "attachment" not in running
    clock.advance(1.0)
    done = _show(fresh_http, created)
    assert (done["status"], done["progress"]) == ("complete", 100)
    assert done["attachment"]["content-type"] == "text/csv"
    assert done["file_url"].endswith(f"/accounts/1/files/{done['attachment']['id']}/download")
    assert done["ended_at"].endswith("-07:00")


def test_form_multipart_and_json_bodies_all_start_a_report(fresh_http: httpx.Client) -> None:
    form = fresh_http.post(PROVISIONING, data={"parameters[users]": "true"}).json()
    multipart = fresh_http.post(PROVISIONING, files={"parameters[users]": (None, "true")}).json()
    as_json = fresh_http.post(PROVISIONING, json={"parameters": {"users": True, "enrollment_states": ["a"]}}).json()
    assert form["parameters"] == multipart["parameters"] == {"users": "true"}
    assert as_json["parameters"] == {"users": True, "enrollment_states": ["a"]}


def test_parameters_gain_a_locale_and_a_text_once_the_report_runs(fresh_http: httpx.Client, clock: ManualClock) -> None:
    run = _start(fresh_http)
    clock.advance(0.1)
    assert set(_show(fresh_http, run)["parameters"]) == {"users", "locale", "extra_text"}


def test_two_equal_posts_are_two_reports_and_the_second_waits_as_created(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    first, second = _start(fresh_http), _start(fresh_http)
    assert first["id"] != second["id"]
    clock.advance(1.4)
    assert (_show(fresh_http, first)["status"], _show(fresh_http, second)["status"]) == ("running", "created")
    clock.advance(1.4)
    assert (_show(fresh_http, first)["status"], _show(fresh_http, second)["status"]) == ("complete", "running")


def test_a_report_sees_the_institution_as_it_was_when_it_began_to_run(fresh: DemoCanvas, clock: ManualClock) -> None:
    with httpx.Client(base_url=fresh.base_url, headers=fresh.headers) as http:
        run = _start(http)
        before = len(fresh.institution.users)
        clock.advance(0.1)
        fresh.institution = seeded_institution(AS_OF, scale=0.1)
        clock.advance(2)
        assert _show(http, run)["current_line"] > len(fresh.institution.users)
        assert abs(_show(http, run)["current_line"] - before) < 5


def test_progress_of_a_parallel_report_grows_and_stops_at_99(
    make_canvas: MakeCanvas, large: Institution, clock: ManualClock
) -> None:
    canvas = make_canvas(large, report_seconds=10)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = _start(http, GRADES, include_deleted="true")
        seen = []
        for _ in range(10):
            seen.append(_show(http, run)["progress"])
            clock.advance(0.999)
        assert seen == sorted(seen)
        assert len(set(seen)) > 3
        assert max(seen) <= 99
        clock.advance(1)
        assert _show(http, run)["progress"] == 100


def test_no_selected_file_is_an_error_with_progress_100_and_no_file(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    run = _start(fresh_http, users="false")
    clock.advance(2)
    failed = _show(fresh_http, run)
    assert (failed["status"], failed["progress"], failed["file_url"]) == ("error", 100, None)
    assert failed["parameters"]["extra_text"].startswith("Failed")
    assert "attachment" not in failed


def test_an_unknown_term_is_refused_at_once_and_an_unknown_report_is_404(fresh_http: httpx.Client) -> None:
    for name in ("enrollment_term_id", "enrollment_term"):
        answer = fresh_http.post(PROVISIONING, data={f"parameters[{name}]": "4711"})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid enrollment_term_id '4711'"})
    assert fresh_http.post("/api/v1/accounts/1/reports/proserv_nobody_knows_csv").status_code == 404
    assert fresh_http.get(PROVISIONING).json() == []


def test_the_index_is_newest_first_paged_and_without_deleted_or_other_accounts_reports(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    runs = []
    for _ in range(4):
        runs.append(_start(fresh_http))
        clock.advance(1)
    _start(fresh_http, GRADES)
    _start(fresh_http, "/api/v1/accounts/2/reports/provisioning_csv")
    assert fresh_http.delete(f"{PROVISIONING}/{runs[3]['id']}").json()["status"] == "deleted"
    page = fresh_http.get(PROVISIONING, params={"per_page": 2})
    assert [run["id"] for run in page.json()] == [runs[2]["id"], runs[1]["id"]]
    assert 'rel="next"' in page.headers["link"]
    assert _show(fresh_http, runs[3]) == {"status": 404}


def test_show_is_404_when_the_report_does_not_match_the_id(fresh_http: httpx.Client) -> None:
    run = _start(fresh_http)
    assert fresh_http.get(f"{GRADES}/{run['id']}").status_code == 404
    assert fresh_http.get(f"/api/v1/accounts/2/reports/provisioning_csv/{run['id']}").status_code == 404


def test_abort_works_only_while_running_and_its_job_holds_the_queue(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    run, following = _start(fresh_http), _start(fresh_http)
    assert fresh_http.put(f"{PROVISIONING}/{following['id']}/abort").status_code == 404
    clock.advance(0.5)
    assert _show(fresh_http, run)["status"] == "running"
    aborted = fresh_http.put(f"{PROVISIONING}/{run['id']}/abort")
    assert (aborted.status_code, aborted.json()["status"]) == (200, "aborted")
    assert fresh_http.put(f"{PROVISIONING}/{run['id']}/abort").status_code == 404
    assert _show(fresh_http, following)["status"] == "created"
    clock.advance(1)
    ended = _show(fresh_http, run)
    # Its few rows hold no 1,000-row mark, so the job never noticed and still attached its file.
    assert (ended["status"], ended["progress"]) == ("aborted", 100)
    assert "attachment" in ended
    assert _show(fresh_http, following)["status"] == "running"


def test_a_long_report_deleted_while_running_comes_back_as_aborted_without_a_file(
    make_canvas: MakeCanvas, large: Institution, clock: ManualClock
) -> None:
    canvas = make_canvas(large, report_seconds=10)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = _start(http, enrollments="true")
        clock.advance(1)
        assert _show(http, run)["status"] == "running"
        http.delete(f"{PROVISIONING}/{run['id']}")
        assert _show(http, run) == {"status": 404}
        clock.advance(3)
        back = _show(http, run)
        assert back["status"] == "aborted"
        assert "attachment" not in back


def test_a_short_report_deleted_while_running_comes_back_as_complete(
    fresh_http: httpx.Client, clock: ManualClock
) -> None:
    run = _start(fresh_http)
    clock.advance(0.5)
    assert _show(fresh_http, run)["status"] == "running"
    fresh_http.delete(f"{PROVISIONING}/{run['id']}")
    clock.advance(1)
    assert _show(fresh_http, run)["status"] == "complete"


def test_complete_can_be_seen_before_ended_at_is_set(make_canvas: MakeCanvas, clock: ManualClock) -> None:
    canvas = make_canvas(ended_at_lag=0.5)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        run = _start(http)
        clock.advance(1.6)
        between = _show(http, run)
        assert (between["status"], between["ended_at"]) == ("complete", None)
        clock.advance(1)
        assert _show(http, run)["ended_at"] is not None


@pytest.mark.parametrize(("outcome", "status", "progress_is_100"), [("error", "error", True), ("dies", "error", False)])
def test_a_failed_report_can_end_in_order_or_lose_its_worker(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock, outcome: Any, status: str, progress_is_100: bool
) -> None:
    fresh.faults.report(outcome)
    run = _start(fresh_http)
    clock.advance(2)
    failed = _show(fresh_http, run)
    assert failed["status"] == status
    assert (failed["progress"] == 100) is progress_is_100
    assert (failed["ended_at"] is not None) is progress_is_100
    following = _start(fresh_http)
    clock.advance(3)
    assert _show(fresh_http, following)["status"] == "complete"


def test_a_report_can_stick_in_created_vanish_or_complete_twice(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    fresh.faults.report("stuck_created")
    stuck = _start(fresh_http)
    clock.advance(3600)
    assert _show(fresh_http, stuck)["status"] == "created"
    fresh.faults.report("vanishes")
    vanished = _start(fresh_http)
    clock.advance(0.1)
    assert _show(fresh_http, vanished)["status"] == "running"
    clock.advance(2)
    assert _show(fresh_http, vanished) == {"status": 404}
    fresh.faults.report("completes_twice", "provisioning")
    twice = _start(fresh_http)
    seen = []
    for _ in range(3):
        clock.advance(1.6)
        seen.append(_show(fresh_http, twice))
    assert [run["status"] for run in seen] == ["complete", "running", "complete"]
    assert seen[0]["attachment"]["id"] != seen[2]["attachment"]["id"]


def test_a_parameter_that_cannot_be_read_ends_only_its_own_run(fresh_http: httpx.Client, clock: ManualClock) -> None:
    bad = _start(fresh_http, GRADES, include_deleted="1", limiting_period="soon")
    good = _start(fresh_http)
    clock.advance(4)
    assert _show(fresh_http, bad)["status"] == "error"
    assert _show(fresh_http, good)["status"] == "complete"

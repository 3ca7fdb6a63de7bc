import json
from datetime import timedelta

import httpx
import pytest

from pipelines.demo import DemoCanvas, ManualClock


def _get(canvas: DemoCanvas, path: str, token: str | None, **headers: str) -> httpx.Response:
    sent = {"User-Agent": "a-test", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    return httpx.get(canvas.base_url + path, headers=sent)


def test_a_request_without_a_user_agent_is_refused_by_the_edge_with_json(canvas: DemoCanvas) -> None:
    answer = _get(canvas, "/api/v1/users/self", canvas.token, **{"User-Agent": ""})
    assert answer.status_code == 403
    assert answer.json()["error"] == "Forbidden"
    assert "x-rate-limit-remaining" not in answer.headers


def test_no_token_is_401_unauthenticated_with_a_challenge(canvas: DemoCanvas) -> None:
    answer = _get(canvas, "/api/v1/users/self", None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="canvas-lms"'
    assert answer.json() == {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]}


def test_an_invalid_a_revoked_and_an_expired_token_have_their_own_words(fresh: DemoCanvas, clock: ManualClock) -> None:
    fresh.tokens.grant("old", expires_at=clock() + timedelta(seconds=5))
    fresh.tokens.grant("gone")
    assert _get(fresh, "/api/v1/users/self", "old").status_code == 200
    fresh.tokens.revoke("gone")
    clock.advance(5)
    said = {}
    for token in ("wrong", "gone", "old"):
        answer = _get(fresh, "/api/v1/users/self", token)
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
        said[token] = answer.json()["errors"][0]
    assert said["wrong"] == {"message": "Invalid access token."}
    assert said["gone"] == {"message": "Revoked access token."}
    assert said["old"] == {"message": "Expired access token.", "expired_at": "2026-11-21T12:00:05Z"}


@pytest.mark.parametrize(
    ("permission", "path"),
    [
        ("read_reports", "/api/v1/accounts/1/reports"),
        ("view_analytics", "/api/v1/accounts/1/analytics/current/grades"),
        ("read_terms", "/api/v1/accounts/1/terms"),
        ("read_course_list", "/api/v1/accounts/1/courses"),
    ],
)
def test_a_missing_permission_is_403_in_json_and_not_401(canvas: DemoCanvas, permission: str, path: str) -> None:
    canvas.tokens.grant("weak", without={permission})
    refused = _get(canvas, path, "weak")
    assert refused.status_code == 403
    assert refused.json()["status"] == "unauthorized"
    assert _get(canvas, path, canvas.token).status_code == 200


def test_a_scoped_token_only_reaches_its_endpoints(canvas: DemoCanvas) -> None:
    canvas.tokens.grant("scoped", scopes={"url:GET|/api/v1/accounts/:account_id/terms"})
    assert _get(canvas, "/api/v1/accounts/1/terms", "scoped").status_code == 200
    refused = _get(canvas, "/api/v1/accounts/1/courses", "scoped")
    assert refused.status_code == 401
    assert refused.json() == {"errors": [{"message": "Insufficient scopes on access token."}]}


def test_every_answer_of_the_canvas_host_has_a_request_id_of_its_own(fresh: DemoCanvas) -> None:
    paths = ("/api/v1/users/self", "/api/v1/nothing", "/login/fresh")
    ids = {_get(fresh, path, fresh.token).headers["x-request-context-id"] for path in paths}
    assert ids == {record.request_id for record in fresh.requests.all()}
    assert len(ids) == 3


def test_an_unknown_resource_is_canvas_404(canvas: DemoCanvas) -> None:
    for path in ("/api/v1/accounts/4711", "/api/v1/accounts/sis_account_id:nope", "/api/v1/nothing"):
        answer = _get(canvas, path, canvas.token)
        assert answer.status_code == 404
        assert answer.json() == {"errors": [{"message": "The specified resource does not exist."}]}


def test_string_ids_mode_turns_ids_into_strings_but_not_other_numbers(canvas: DemoCanvas) -> None:
    path = "/api/v1/accounts/1/courses?include[]=term&include[]=total_students"
    plain = _get(canvas, path, canvas.token).json()[0]
    strings = _get(canvas, path, canvas.token, Accept="application/json+canvas-string-ids").json()[0]
    assert strings["id"] == str(plain["id"])
    assert strings["enrollment_term_id"] == str(plain["enrollment_term_id"])
    assert strings["term"]["id"] == str(plain["term"]["id"])
    assert strings["total_students"] == plain["total_students"]
    assert isinstance(plain["total_students"], int)


def test_the_log_of_requests_holds_names_of_headers_and_no_token(fresh: DemoCanvas) -> None:
    _get(fresh, "/api/v1/users/self?a=1", fresh.token)
    (record,) = fresh.requests.matching("/users/self", "GET")
    assert (record.status, record.query, record.in_flight, record.has_authorization) == (200, "a=1", 1, True)
    assert fresh.token not in json.dumps([str(each) for each in fresh.requests.all()])

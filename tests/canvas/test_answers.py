"""What an answer means: a person told the wrong reason would mend the wrong thing."""

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from pipelines.canvas import errors
from pipelines.canvas.answers import RawAnswer, decode, failure, number, retry_after, said

CANVAS = {"x-request-context-id": "abc-1", "content-type": "application/json; charset=utf-8"}
BEARER = {**CANVAS, "www-authenticate": 'Bearer realm="canvas-lms"'}


def raw(status: int, body: object, headers: dict[str, str] | None = None, path: str = "/api/v1/x") -> RawAnswer:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return RawAnswer("GET", path, status, CANVAS if headers is None else headers, data)


def message(text: str) -> dict[str, object]:
    return {"errors": [{"message": text}]}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (raw(401, message("Invalid access token."), BEARER), errors.InvalidTokenError),
        (raw(401, message("Revoked access token."), BEARER), errors.RevokedTokenError),
        (raw(401, message("Expired access token."), BEARER), errors.ExpiredTokenError),
        # In a language nobody foresaw, the field tells.
        (raw(401, {**message("Abgelaufen."), "expired_at": "2026-01-01"}, BEARER), errors.ExpiredTokenError),
        (raw(401, message("Insufficient scopes on access token."), BEARER), errors.InsufficientScopesError),
        (
            raw(401, {"status": "unauthenticated", **message("user authorization required")}, BEARER),
            errors.MissingTokenError,
        ),
        # Canvas before late 2024: a missing right was a 401.
        (raw(401, {"status": "unauthorized", **message("user not authorized")}), errors.ForbiddenError),
        (raw(401, {"errors": "Invalid as_user_id"}), errors.InvalidTokenError),
        (raw(401, b"", {}), errors.InvalidTokenError),
    ],
)
def test_the_kinds_of_401_are_told_apart(answer: RawAnswer, kind: type[errors.CanvasError]) -> None:
    assert type(failure(answer)) is kind


THROTTLE = b"403 Forbidden (Rate Limit Exceeded)\n"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            raw(403, THROTTLE, {"content-type": "text/plain", "x-rate-limit-remaining": "0.0"}),
            errors.ThrottledError,
        ),
        (raw(403, THROTTLE, {"content-type": "text/plain"}), errors.ThrottledError),
        # Worded otherwise, the headers tell.
        (
            raw(403, b"Zu viele Anfragen", {"content-type": "text/plain", "x-rate-limit-remaining": "-3.5"}),
            errors.ThrottledError,
        ),
        (raw(429, b"", {}), errors.ThrottledError),
        (
            raw(
                403,
                {"error": "Forbidden", "message": "You have not provided a valid user agent."},
                {"content-type": "application/json"},
            ),
            errors.UserAgentRefusedError,
        ),
        (
            raw(
                403,
                {"status": "unauthorized", **message("user not authorized to perform that action")},
                {**CANVAS, "x-rate-limit-remaining": "0.0"},
            ),
            errors.ForbiddenError,
        ),
        (raw(403, b"<html><title>Blocked</title>", {"content-type": "text/html"}), errors.EdgeRefusedError),
    ],
)
def test_the_kinds_of_403_are_told_apart(answer: RawAnswer, kind: type[errors.CanvasError]) -> None:
    assert type(failure(answer)) is kind


def test_a_missing_right_is_named() -> None:
    error = failure(raw(403, message("no"), path="/api/v1/accounts/1/reports/zero_activity_csv"))
    assert isinstance(error, errors.ForbiddenError)
    assert error.right == "read_reports"
    text = str(error)
    assert "read_reports" in text
    assert "Ask a Canvas administrator" in text
    assert "GET /api/v1/accounts/1/reports/zero_activity_csv, status 403, request id abc-1" in text


@pytest.mark.parametrize(
    ("answer", "kind", "transient"),
    [
        (raw(400, {"message": "Terms only belong to root_accounts."}), errors.BadRequestError, False),
        (raw(422, {"errors": {"a": [{"message": "b"}]}}), errors.BadRequestError, False),
        (raw(404, message("The specified resource does not exist.")), errors.NotFoundError, False),
        (raw(404, b"<html>", {"content-type": "text/html"}), errors.WrongHostError, False),
        (raw(404, b"<html>", {"content-type": "text/html", "x-request-context-id": "1"}), errors.NotFoundError, False),
        (raw(408, b""), errors.RequestTimeoutError, True),
        (raw(500, message("An error occurred.")), errors.ServerError, True),
        (raw(502, b"<html>", {}), errors.ServerError, True),
        (raw(302, b""), errors.UnexpectedAnswerError, False),
        (raw(302, b"", {"location": "/login/canvas"}), errors.LoginPageError, False),
        (raw(302, b"", {"location": "https://canvas.example.edu/login"}), errors.LoginPageError, False),
    ],
)
def test_other_statuses(answer: RawAnswer, kind: type[errors.CanvasError], transient: bool) -> None:
    error = failure(answer)
    assert type(error) is kind
    assert isinstance(error, errors.TransientCanvasError) is transient


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"errors": [{"message": "one"}, {"message": "two"}]}, "one two"),
        ({"status": "unauthorized", "errors": [{"message": "one"}]}, "one"),
        ({"errors": "Invalid as_user_id"}, "Invalid as_user_id"),
        ({"errors": {"purpose": [{"attribute": "purpose", "message": "blank"}]}}, "purpose: blank"),
        ({"error": "invalid report type X"}, "invalid report type X"),
        ({"error": {"message": "deep"}}, "deep"),
        ({"message": "Terms only belong to root_accounts."}, "Terms only belong to root_accounts."),
        (
            {"errors": [{"message": "An error occurred."}], "error_report_id": 12},
            "An error occurred. (Canvas error report 12)",
        ),
        (b"403 Forbidden (Rate Limit Exceeded)\n", "403 Forbidden (Rate Limit Exceeded)"),
        (b"<!DOCTYPE html><title>Log In</title>", "an HTML page titled 'Log In'"),
        (b"<html>", "an HTML page"),
        (b"", ""),
        ({"other": 1}, ""),
        ([1, 2], ""),
        (None, ""),
    ],
)
def test_every_form_of_error_body_is_read(body: object, text: str) -> None:
    assert said(raw(400, body)) == text


def test_no_secret_of_an_error_body_reaches_the_message() -> None:
    body = {"message": "see https://inst-fs.example/x?token=eyJhbGciOi\x1b[31m and " + "7~" + "a1" * 32}
    text = str(failure(raw(400, body)))
    assert "eyJ" not in text
    assert "a1a1" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (b"<!DOCTYPE html><form action='/login/canvas'>", CANVAS, errors.LoginPageError),
        (b"\n  <html><body>Welcome to our shop", {"content-type": "text/html"}, errors.WrongHostError),
        (b"<html><body>Down for maintenance", {**CANVAS, "content-type": "text/html"}, errors.UnexpectedAnswerError),
        (b"", CANVAS, errors.UnexpectedAnswerError),
        (b'{"score": NaN}', CANVAS, errors.UnexpectedAnswerError),
        (b"[" * 100_000, CANVAS, errors.UnexpectedAnswerError),
        (b'{"name": "Ada Lovel', CANVAS, errors.UnexpectedAnswerError),
    ],
)
def test_a_200_that_is_not_json_is_an_error(body: bytes, headers: dict[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        decode(raw(200, body, headers))
    assert type(caught.value) is kind
    assert "Ada" not in str(caught.value)


def test_ids_of_64_bits_stay_exact() -> None:
    assert decode(raw(200, b'{"id": 9223372036854775807}')).data == {"id": 9223372036854775807}


@pytest.mark.parametrize(
    ("text", "value"), [("0.0", 0.0), ("-12.5", -12.5), ("many", None), ("nan", None), ("inf", None), (None, None)]
)
def test_quota_headers_may_be_anything(text: str | None, value: float | None) -> None:
    assert number(text) == value


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after": soon}) == pytest.approx(60, abs=5)
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_errors_survive_a_process_border() -> None:
    error = failure(raw(403, message("no"), path="/api/v1/accounts/1/terms"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is errors.ForbiddenError
    assert str(again) == str(error)
    assert again.right == "read_terms"

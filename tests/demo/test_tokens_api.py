"""Tokens over the API of the demo Canvas: a value is shown once, and a regenerated one is void at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines.canvas import CanvasClient, RetryPolicy, errors, tokens, users
from pipelines.demo import DemoCanvas, ManualClock

PATH = "/api/v1/users/self/tokens"
OWN = "7~ownTokenOfTheOneWhoAsks00000000000000000000000000"


def ask(canvas: DemoCanvas, call: Callable[[CanvasClient], Awaitable[Any]], token: str | None = None) -> Any:
    async def work() -> Any:
        async with CanvasClient(canvas.base_url, token or canvas.token, retries=RetryPolicy(attempts=1)) as client:
            return await call(client)

    return asyncio.run(work())


def test_a_token_is_shown_by_its_id_and_by_its_first_five_characters(fresh: DemoCanvas, clock: ManualClock) -> None:
    scopes = {"url:GET|/api/v1/accounts/:id", "url:GET|/api/v1/users/:user_id/tokens/:id"}
    ends = clock() + timedelta(days=30)
    grant = fresh.tokens.grant(OWN, scopes=scopes, expires_at=ends, purpose="nightly pull")
    by_hint = ask(fresh, lambda c: tokens.show_token(c, "7~own"), OWN).data
    by_id = ask(fresh, lambda c: tokens.show_token(c, grant.id), OWN).data
    assert by_hint == by_id
    assert by_hint["purpose"] == "nightly pull"
    assert by_hint["scopes"] == sorted(scopes)
    assert (by_hint["created_at"], by_hint["expires_at"]) == ("2026-11-21T12:00:00Z", "2026-12-21T12:00:00Z")
    assert (by_hint["workflow_state"], by_hint["can_manually_regenerate"]) == ("active", True)
    assert by_hint["visible_token"] == "7~own"
    with pytest.raises(errors.NotFoundError):
        ask(fresh, lambda c: tokens.show_token(c, "7~oth"))


def test_a_token_without_scopes_says_null(fresh_http: httpx.Client) -> None:
    shown = fresh_http.get(f"{PATH}/1~dem").json()
    assert (shown["scopes"], shown["expires_at"], shown["visible_token"]) == (None, None, "1~dem...")


def test_a_regenerated_token_is_another_one_and_the_old_one_is_void_at_once(fresh: DemoCanvas) -> None:
    before = fresh.tokens.grant(OWN, without={"read_reports"}, purpose="nightly pull")
    ends = datetime(2027, 3, 1, tzinfo=UTC)
    renewed = ask(fresh, lambda c: tokens.regenerate_token(c, "7~own", expires_at=ends), OWN).data
    with pytest.raises(errors.InvalidTokenError):
        ask(fresh, users.show_self, OWN)
    value = renewed.secret.reveal()
    assert value.startswith("7~")
    assert ask(fresh, users.show_self, value).data["id"] == fresh.institution.api_user_id
    shown = ask(fresh, lambda c: tokens.show_token(c, tokens.hint_of(renewed.secret)), value).data
    assert (shown["id"], shown["purpose"], shown["expires_at"]) == (before.id, "nightly pull", "2027-03-01T00:00:00Z")
    assert fresh.tokens.authenticate(value).permissions == before.permissions


def test_an_expired_token_needs_a_new_end(fresh: DemoCanvas, clock: ManualClock, fresh_http: httpx.Client) -> None:
    grant = fresh.tokens.grant(OWN, expires_at=clock() + timedelta(days=1))
    clock.advance(86400)
    assert fresh_http.get(f"{PATH}/{grant.id}").json()["can_manually_regenerate"] is False
    refused = fresh_http.put(f"{PATH}/{grant.id}", data={"token[regenerate]": "true"})
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"message"}
    with pytest.raises(errors.BadRequestError, match="without a new expiration date"):
        ask(fresh, lambda c: tokens.regenerate_token(c, grant.id))
    renewed = ask(fresh, lambda c: tokens.regenerate_token(c, grant.id, expires_at=clock() + timedelta(days=9))).data
    assert ask(fresh, users.show_self, renewed.secret.reveal()).status == 200


def test_a_change_without_regenerating_keeps_the_value_and_hides_it(
    fresh: DemoCanvas, fresh_http: httpx.Client
) -> None:
    grant = fresh.tokens.grant(OWN)
    changed = fresh_http.put(f"{PATH}/{grant.id}", data={"token[purpose]": "other", "token[regenerate]": "false"})
    assert (changed.json()["purpose"], changed.json()["visible_token"]) == ("other", "7~own...")
    assert ask(fresh, users.show_self, OWN).status == 200


def test_a_token_of_an_app_keeps_its_value(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    grant = fresh.tokens.grant(OWN, regenerable=False)
    answer = fresh_http.put(f"{PATH}/{grant.id}", data={"token[regenerate]": "true"}).json()
    assert (answer["can_manually_regenerate"], answer["visible_token"]) == (False, None)
    with pytest.raises(errors.RegenerationLostError):
        ask(fresh, lambda c: tokens.regenerate_token(c, grant.id))
    assert ask(fresh, users.show_self, OWN).status == 200


def test_a_new_token_needs_a_purpose_and_is_pending_for_somebody_else(
    fresh: DemoCanvas, fresh_http: httpx.Client
) -> None:
    refused = fresh_http.post(PATH, data={"token[expires_at]": "2027-01-01"})
    assert (refused.status_code, refused.json()) == (400, {"errors": [{"message": "token[purpose] is missing"}]})
    made = fresh_http.post(PATH, data={"token[purpose]": "mine"}).json()
    assert made["workflow_state"] == "active"
    assert ask(fresh, users.show_self, made["visible_token"]).status == 200
    other = fresh.institution.users[3].id
    pending = fresh_http.post(f"/api/v1/users/{other}/tokens", data={"token[purpose]": "theirs"}).json()
    assert (pending["workflow_state"], pending["user_id"]) == ("pending", other)
    with pytest.raises(errors.InvalidTokenError):
        ask(fresh, users.show_self, pending["visible_token"])


def test_a_deleted_token_is_gone(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    grant = fresh.tokens.grant(OWN)
    assert fresh_http.delete(f"{PATH}/{grant.id}").json()["workflow_state"] == "deleted"
    assert fresh_http.get(f"{PATH}/{grant.id}").status_code == 404
    with pytest.raises(errors.RevokedTokenError):
        ask(fresh, users.show_self, OWN)

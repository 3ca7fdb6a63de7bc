"""Access tokens over the API: show, make, change and regenerate, delete. The value is shown once, when it is new."""

from datetime import UTC, datetime
from typing import Any, Final

from pipelines.demo.tokens import Grant, new_value
from pipelines.demo.wire import Answer, ApiError, forbidden, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_TRUE: Final = frozenset({"true", "1", "yes", "on"})


def token_json(call: Call, grant: Grant, *, is_new: bool = False) -> dict[str, Any]:
    """Write a token; its value when it is new, else the hint and three dots."""
    visible = grant.token if is_new else f"{grant.hint}..."
    return {
        "id": grant.id,
        "created_at": utc_text(grant.created_at),
        "expires_at": utc_text(grant.expires_at),
        "purpose": grant.purpose,
        "real_user_id": None,
        "remember_access": None,
        "scopes": None if grant.scopes is None else sorted(grant.scopes),
        "updated_at": utc_text(grant.updated_at),
        "user_id": grant.user_id or call.institution.api_user_id,
        "workflow_state": grant.state,
        "app_name": "User-Generated" if grant.regenerable else "An app",
        "visible_token": visible if grant.regenerable else None,
        "can_manually_regenerate": grant.regenerable and not call.world.tokens.is_expired(grant),
    }


def show_token(call: Call) -> Answer:
    """Answer one token."""
    return Answer(token_json(call, _token(call)))


def create_token(call: Call) -> Answer:
    """Make a token with the asker's rights; one for another user is pending until that user accepts it."""
    user_id = _user_id(call)
    asked = _asked(call)
    if "purpose" not in asked:
        raise ApiError(400, {"errors": [{"message": "token[purpose] is missing"}]})
    scopes = asked.get("scopes")
    grant = Grant(
        new_value(),
        call.grant.permissions,
        frozenset(scopes) if scopes else None,
        expires_at=_moment(asked.get("expires_at")),
        purpose=str(asked["purpose"]),
        state="active" if user_id is None else "pending",
        user_id=user_id,
    )
    return Answer(token_json(call, call.world.tokens.add(grant), is_new=True))


def update_token(call: Call) -> Answer:
    """Change a token; `regenerate` voids its value at once and shows the new one."""
    grant, asked = _token(call), _asked(call)
    tokens = call.world.tokens
    regenerate = str(asked.get("regenerate", "")).lower() in _TRUE and grant.regenerable
    if regenerate and tokens.is_expired(grant) and "expires_at" not in asked:
        message = "cannot regenerate an expired token without a new expiration date"
        raise ApiError(400, {"errors": {"message": message}})
    changes: dict[str, Any] = {}
    if "purpose" in asked:
        changes["purpose"] = str(asked["purpose"])
    if "expires_at" in asked:
        changes["expires_at"] = _moment(asked["expires_at"])
    if asked.get("scopes"):
        changes["scopes"] = frozenset(asked["scopes"])
    return Answer(token_json(call, tokens.change(grant, regenerate=regenerate, **changes), is_new=regenerate))


def delete_token(call: Call) -> Answer:
    """Revoke a token."""
    grant = _token(call)
    call.world.tokens.revoke(grant.token)
    return Answer({**token_json(call, grant), "workflow_state": "deleted"})


def _user_id(call: Call) -> int | None:
    """Return the user named in the path; None for the user of the API."""
    key = call.path_params["user_id"]
    if key in {"self", str(call.institution.api_user_id)}:
        return None
    if not key.isdecimal() or int(key) not in call.institution.user_by_id:
        raise not_found()
    if not call.may("manage_account_settings"):
        raise forbidden()
    return int(key)


def _token(call: Call) -> Grant:
    found = call.world.tokens.find(call.path_params["id"], _user_id(call))
    if found is None:
        raise not_found()
    return found


def _asked(call: Call) -> dict[str, Any]:
    asked = call.body.get("token")
    if not isinstance(asked, dict):
        raise ApiError(400, {"errors": [{"message": "param is missing or the value is empty: token"}]})
    return asked


def _moment(text: object) -> datetime | None:
    """Read a time; an empty one is no end, and so is what cannot be read."""
    try:
        moment = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/users/{user_id}/tokens/{id}", show_token),
    Endpoint("POST", "/api/v1/users/{user_id}/tokens", create_token),
    Endpoint("PUT", "/api/v1/users/{user_id}/tokens/{id}", update_token),
    Endpoint("DELETE", "/api/v1/users/{user_id}/tokens/{id}", delete_token),
)

"""Access tokens and what they allow: who may ask, for what, until when.

Decides between a valid, an invalid, a revoked and an expired token, and knows Canvas's words for each.
Which endpoint needs which permission is written at the endpoint.
"""

import secrets
import string
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pipelines.demo.clock import Clock
from pipelines.demo.wire import ApiError

ALL_PERMISSIONS: Final = frozenset(
    {
        "read",
        "read_reports",
        "view_analytics",
        "read_terms",
        "read_course_list",
        "read_roster",
        "read_sis",
        "read_as_admin",
        "view_all_grades",
        "manage_grades",
        "read_grades",
        "manage_account_settings",
        "manage_account_calendar_visibility",
        "manage_alerts",
        "manage_courses_add",
        "manage_courses_admin",
    }
)

CHALLENGE: Final = {"www-authenticate": 'Bearer realm="canvas-lms"'}


HINT_LENGTH: Final = 5
_TOKEN_LENGTH: Final = 64
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Grant:
    """One access token. `scopes` None means a token without enforced scopes.

    `id` 0 and the times of None are filled in when the token enters a `TokenBook`. `state` is active or pending; one
    that is not `regenerable` came from an app and not from a person. `user_id` None is the user of the API.
    """

    token: str
    permissions: frozenset[str] = ALL_PERMISSIONS
    scopes: frozenset[str] | None = None
    revoked: bool = False
    expires_at: datetime | None = None
    id: int = 0
    purpose: str = "canvaslake"
    created_at: datetime | None = None
    updated_at: datetime | None = None
    state: str = "active"
    regenerable: bool = True
    user_id: int | None = None

    @property
    def hint(self) -> str:
        """The first characters of the token, by which its owner can name it."""
        return self.token[:HINT_LENGTH]


class TokenBook:
    """All tokens the server knows; tests add and revoke them while it runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._next_id = 1
        self._lock = threading.Lock()

    def add(self, grant: Grant) -> Grant:
        """Add a token, or replace the one of the same value."""
        now = self._clock()
        with self._lock:
            if grant.id == 0:
                grant = replace(grant, id=self._next_id)
                self._next_id += 1
            created = grant.created_at or now
            grant = replace(grant, created_at=created, updated_at=grant.updated_at or created)
            self._grants[grant.token] = grant
        return grant

    def grant(
        self,
        token: str,
        *,
        without: Collection[str] = (),
        scopes: Collection[str] | None = None,
        expires_at: datetime | None = None,
        purpose: str = "canvaslake",
        regenerable: bool = True,
    ) -> Grant:
        """Add a token that may do everything except the permissions named in `without`."""
        unknown = set(without) - ALL_PERMISSIONS
        if unknown:
            raise ValueError(f"not a permission of the demo Canvas: {', '.join(sorted(unknown))}")
        permissions = ALL_PERMISSIONS - set(without)
        return self.add(
            Grant(
                token,
                permissions,
                None if scopes is None else frozenset(scopes),
                expires_at=expires_at,
                purpose=purpose,
                regenerable=regenerable,
            )
        )

    def revoke(self, token: str) -> None:
        """Revoke a known token."""
        with self._lock:
            self._grants[token] = replace(self._grants[token], revoked=True)

    def find(self, key: str, user_id: int | None = None) -> Grant | None:
        """Return a user's undeleted token by its hint, else by its id; None for one that is not there."""
        with self._lock:
            own = [each for each in self._grants.values() if each.user_id == user_id and not each.revoked]
        by_hint = (each for each in own if len(key) == HINT_LENGTH and each.hint == key)
        return next(by_hint, None) or next((each for each in own if str(each.id) == key), None)

    def change(self, grant: Grant, *, regenerate: bool = False, **changes: Any) -> Grant:
        """Change a token, and give it a new value with `regenerate`: the old one is unknown at once."""
        if regenerate:
            # One shard prefix stays, as hosted Canvas writes it.
            prefix = grant.token.partition("~")[0] + "~" if "~" in grant.token else ""
            changes["token"] = prefix + new_value()
        with self._lock:
            del self._grants[grant.token]
            changed = replace(grant, updated_at=self._clock(), **changes)
            self._grants[changed.token] = changed
        return changed

    def is_expired(self, grant: Grant) -> bool:
        """Whether a token's end has passed."""
        return grant.expires_at is not None and grant.expires_at <= self._clock()

    def authenticate(self, token: str | None) -> Grant:
        """Return the grant of a token, or raise the 401 that Canvas answers."""
        if token is None:
            raise ApiError(
                401,
                {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]},
                CHALLENGE,
            )
        with self._lock:
            grant = self._grants.get(token)
        if grant is None or grant.state == "pending":
            raise _refused("Invalid access token.")
        if grant.revoked:
            raise _refused("Revoked access token.")
        if grant.expires_at is not None and self.is_expired(grant):
            raise _refused("Expired access token.", expired_at=grant.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return grant


def new_value() -> str:
    """Return a token's value that nobody had before."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_TOKEN_LENGTH))


def _refused(message: str, **more: Any) -> ApiError:
    return ApiError(401, {"errors": [{"message": message, **more}]}, CHALLENGE)

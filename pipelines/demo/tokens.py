"""Access tokens and what they allow: who may ask, for what, until when.

Decides between a valid, an invalid, a revoked and an expired token, and knows Canvas's words for each.
Which endpoint needs which permission is written at the endpoint.
"""

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
        "manage_account_settings",
    }
)

CHALLENGE: Final = {"www-authenticate": 'Bearer realm="canvas-lms"'}


@dataclass(frozen=True, slots=True)
class Grant:
    """One access token. `scopes` None means a token without enforced scopes."""

    token: str
    permissions: frozenset[str] = ALL_PERMISSIONS
    scopes: frozenset[str] | None = None
    revoked: bool = False
    expires_at: datetime | None = None


class TokenBook:
    """All tokens the server knows; tests add and revoke them while it runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._lock = threading.Lock()

    def add(self, grant: Grant) -> Grant:
        """Add a token, or replace the one of the same value."""
        with self._lock:
            self._grants[grant.token] = grant
        return grant

    def grant(
        self,
        token: str,
        *,
        without: Collection[str] = (),
        scopes: Collection[str] | None = None,
        expires_at: datetime | None = None,
    ) -> Grant:
        """Add a token that may do everything except the permissions named in `without`."""
        unknown = set(without) - ALL_PERMISSIONS
        if unknown:
            raise ValueError(f"not a permission of the demo Canvas: {', '.join(sorted(unknown))}")
        permissions = ALL_PERMISSIONS - set(without)
        return self.add(Grant(token, permissions, None if scopes is None else frozenset(scopes), False, expires_at))

    def revoke(self, token: str) -> None:
        """Revoke a known token."""
        with self._lock:
            self._grants[token] = replace(self._grants[token], revoked=True)

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
        if grant is None:
            raise _refused("Invalid access token.")
        if grant.revoked:
            raise _refused("Revoked access token.")
        if grant.expires_at is not None and grant.expires_at <= self._clock():
            raise _refused("Expired access token.", expired_at=grant.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return grant


def _refused(message: str, **more: Any) -> ApiError:
    return ApiError(401, {"errors": [{"message": message, **more}]}, CHALLENGE)

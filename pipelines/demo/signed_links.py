"""Short-lived signed links to the files host: making one, and telling a good one from a stale or forged one.

The signature is of the path, the moment of signing and the lifetime; the clock is the server's.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from pipelines.demo.wire import Query

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_KEY: Final = b"the demo Canvas signs links with a key that protects nothing"

Verdict = Literal["good", "expired", "forged"]


def sign(path: str, now: datetime, seconds: float) -> str:
    """Return the query that opens `path` for `seconds` from `now`; a negative lifetime is expired at once."""
    stamp = now.astimezone(UTC).strftime(_STAMP)
    lifetime = f"{seconds:g}"
    return urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": lifetime,
            "X-Amz-Signature": _signature(path, stamp, lifetime),
        }
    )


def verdict(path: str, query: Query, now: datetime) -> Verdict:
    """Judge the query of a request for `path`."""
    stamp, lifetime = query.get("X-Amz-Date") or "", query.get("X-Amz-Expires") or ""
    given = query.get("X-Amz-Signature") or ""
    if not hmac.compare_digest(given.encode(), _signature(path, stamp, lifetime).encode()):
        return "forged"
    signed_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    return "good" if now < signed_at + timedelta(seconds=float(lifetime)) else "expired"


def _signature(path: str, stamp: str, lifetime: str) -> str:
    return hmac.new(_KEY, f"{path}\n{stamp}\n{lifetime}".encode(), hashlib.sha256).hexdigest()

"""What an answer from Canvas means: data, or exactly one error of the tree.

Lives here: decoding, the telling apart of look-alike failures (three kinds of 403, five of 401, HTML with status
200), and the reading of every form of error body. Does not live here: sending (``client``) and retrying.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import orjson

from pipelines.canvas import errors
from pipelines.canvas.rights import right_for

T = TypeVar("T")

_HTML_START = re.compile(rb"^(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body|\?xml)", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_LONG_SECRET = re.compile(r"(?:\d+~)?[A-Za-z0-9_\-]{40,}")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_CANVAS_MARKS = ("x-request-context-id", "x-canvas-meta", "x-rate-limit-remaining", "x-request-cost")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """One decoded answer.

    ``path`` has no query; ``cost`` and ``remaining`` are Canvas's quota headers, None where it sends none.
    """

    data: T
    path: str
    status: int
    request_id: str | None
    cost: float | None
    remaining: float | None
    attempts: int
    received_at: datetime

    def with_data(self, data: Any) -> "Answer[Any]":
        """Return the same answer around another view of its data, such as the list inside a wrapping object."""
        return replace(self, data=data)


@dataclass(frozen=True)
class RawAnswer:
    """What arrived, before anybody judged it. Header names are lower case; ``path`` has no query."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """Canvas's id of this request, which its support asks for."""
        return self.headers.get("x-request-context-id")

    @property
    def content_type(self) -> str:
        """The media type without its parameters, lower case."""
        return self.headers.get("content-type", "").split(";", 1)[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether a page for people came, whatever the header claims."""
        return "html" in self.content_type or bool(_HTML_START.match(self.body))

    @property
    def from_canvas(self) -> bool:
        """Whether any of Canvas's own headers is there; the edge before it and other servers send none."""
        return any(mark in self.headers for mark in _CANVAS_MARKS)

    @property
    def is_throttle(self) -> bool:
        """Whether this is the quota's refusal and not a missing right.

        Headers first: a refused request has no cost, and the refusal is never JSON. The text comes last.
        """
        if self.status == 429:
            return True
        if self.status != 403 or "json" in self.content_type:
            return False
        if "x-rate-limit-remaining" in self.headers and "x-request-cost" not in self.headers:
            return True
        return not self.is_html and b"rate limit exceeded" in self.body[:500].lower()


def number(text: str | None) -> float | None:
    """Return a quota header as a number; None when it is missing, no number, or not finite."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def decode(raw: RawAnswer, *, attempts: int = 1) -> Answer[Any]:
    """Return the data of a good answer; raise the one error that a bad one means.

    Raises any leaf of the tree in ``errors``; an empty body is data None only for status 204.
    """
    if raw.status >= 300:
        raise failure(raw)
    data: Any = None
    if raw.status != 204:
        if raw.is_html:
            raise _page(raw)
        try:
            data = orjson.loads(raw.body)
        except orjson.JSONDecodeError:
            # The decoder's own text quotes the document, which is student data: it is left out.
            kind = f"{len(raw.body)} bytes of {raw.content_type or 'an unnamed type'}"
            raise _make(errors.UnexpectedAnswerError, raw, f"Canvas answered with {kind} that are not JSON.") from None
    return Answer(
        data=data,
        path=raw.path,
        status=raw.status,
        request_id=raw.request_id,
        cost=number(raw.headers.get("x-request-cost")),
        remaining=number(raw.headers.get("x-rate-limit-remaining")),
        attempts=attempts,
        received_at=datetime.now(UTC),
    )


def failure(raw: RawAnswer) -> errors.CanvasError:
    """Return the error that an answer with a status of 300 or more means."""
    status = raw.status
    if raw.is_throttle:
        # Canvas's own refusal comes before the application runs, so nothing has happened yet.
        return _make(errors.ThrottledError, raw, "Canvas refused a request: too many at once.", had_no_effect=True)
    if status < 400:
        if urlsplit(raw.headers.get("location", "")).path.startswith("/login"):
            return _make(errors.LoginPageError, raw, "A request for data was redirected to the log-in page.")
        kind = errors.UnexpectedAnswerError if raw.from_canvas else errors.WrongHostError
        return _make(kind, raw, "A request for data was redirected.", why="Canvas's API never does that.")
    if status == 401:
        return _unauthenticated(raw)
    if status == 403:
        return _forbidden(raw)
    if status in {404, 410}:
        if raw.is_html and not raw.from_canvas:
            return _stranger(raw)
        return _make(errors.NotFoundError, raw, "Canvas has nothing here.", why=_why(raw))
    if status in {408, 425}:
        return _make(errors.RequestTimeoutError, raw, "Canvas gave up waiting for the request.")
    if status >= 500:
        return _make(errors.ServerError, raw, f"Canvas failed with status {status}.", why=_why(raw))
    if raw.is_html and not raw.from_canvas:
        return _stranger(raw)
    return _make(errors.BadRequestError, raw, "Canvas refused the request.", why=_why(raw))


def _stranger(raw: RawAnswer) -> errors.CanvasError:
    return _make(errors.WrongHostError, raw, "The host answers, but it does not look like Canvas.")


def said(raw: RawAnswer) -> str:
    """Return what an error body says, in one short line, from any of the forms Canvas and its edge use.

    Query strings and anything that looks like a token are cut out; the result may be empty.
    """
    if raw.is_html:
        title = _TITLE.search(raw.body[:20_000].decode("utf-8", "replace"))
        return f"an HTML page titled {_clean(title[1])!r}" if title else "an HTML page"
    try:
        body = orjson.loads(raw.body)
    except orjson.JSONDecodeError:
        return _clean(raw.body[:2_000].decode("utf-8", "replace"))
    texts = list(_texts(body))
    if isinstance(body, dict) and body.get("error_report_id"):
        texts.append(f"(Canvas error report {body['error_report_id']})")
    return _clean(" ".join(dict.fromkeys(texts)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, from its number or its date form."""
    text = headers.get("retry-after")
    if text is None:
        return None
    seconds = number(text)
    if seconds is None:
        try:
            when = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)


def _texts(value: Any, depth: int = 0) -> list[str]:
    """Collect the human texts of ``errors`` (list, text or object), ``error`` and ``message``."""
    if isinstance(value, str):
        return [value]
    if depth > 4:
        return []
    if isinstance(value, list):
        return [text for item in value[:5] for text in _texts(item, depth + 1)]
    if not isinstance(value, dict):
        return []
    keys = [key for key in ("errors", "error", "message") if value.get(key)]
    if keys:
        return [text for key in keys for text in _texts(value[key], depth + 1)]
    if depth == 0:
        return []
    # Validation errors: {field: [{"attribute", "type", "message"}]}.
    return [f"{field}: {text}" for field, item in list(value.items())[:5] for text in _texts(item, depth + 1)]


def _clean(text: str) -> str:
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return _LONG_SECRET.sub("[...]", _QUERY.sub(r"\1?[...]", flat))[:300]


def _why(raw: RawAnswer) -> str | None:
    text = said(raw)
    return f"Canvas said: {text}" + ("" if text.endswith((".", "!", "?")) else ".") if text else None


def _make(
    kind: type[errors.CanvasError],
    raw: RawAnswer,
    what: str,
    *,
    why: str | None = None,
    had_no_effect: bool = False,
    right: str | None = None,
) -> errors.CanvasError:
    return kind(
        what,
        why=why,
        status=raw.status,
        method=raw.method,
        path=raw.path,
        request_id=raw.request_id,
        retry_after=retry_after(raw.headers),
        had_no_effect=had_no_effect,
        right=right,
    )


def _page(raw: RawAnswer) -> errors.CanvasError:
    """Return the error for an HTML page where data should be."""
    page = said(raw)
    if b"login" in raw.body[:50_000].lower() or b"password" in raw.body[:50_000].lower():
        return _make(errors.LoginPageError, raw, f"A log-in page came instead of data ({page}).")
    if not raw.from_canvas:
        return _make(errors.WrongHostError, raw, f"The host answers, but not with Canvas's API ({page}).")
    return _make(errors.UnexpectedAnswerError, raw, f"Canvas answered with {page} instead of data.")


def _forbidden(raw: RawAnswer) -> errors.CanvasError:
    text = said(raw)
    if "user agent" in text.lower().replace("-", " "):
        return _make(errors.UserAgentRefusedError, raw, "The request was refused for its User-Agent.")
    if raw.is_html or ("json" not in raw.content_type and not raw.from_canvas):
        stranger = (
            f"This is {text or 'an empty answer'}, not Canvas's own refusal: a firewall or proxy stands before it."
        )
        said_no = "The request was refused on its way to Canvas."
        return _make(errors.EdgeRefusedError, raw, said_no, why=stranger)
    right = right_for(raw.path)
    why = f"It needs the permission {right}." if right else _why(raw)
    return _make(errors.ForbiddenError, raw, "The token's owner may not read this in Canvas.", why=why, right=right)


def _unauthenticated(raw: RawAnswer) -> errors.CanvasError:
    """Tell the kinds of 401 apart: by the body's fields and the header where they suffice, by text at the end."""
    try:
        body = orjson.loads(raw.body)
    except orjson.JSONDecodeError:
        body = None
    fields = body if isinstance(body, dict) else {}
    text = said(raw).lower()
    if fields.get("status") == "unauthorized" and "www-authenticate" not in raw.headers:
        # Until late 2024 Canvas gave 401 for a missing right.
        return _forbidden(raw)
    if "expired_at" in str(raw.body[:2_000]) or "expired" in text:
        return _make(errors.ExpiredTokenError, raw, "The Canvas access token has expired.")
    if "revoked" in text:
        return _make(errors.RevokedTokenError, raw, "The Canvas access token was revoked.")
    if "scope" in text:
        return _make(errors.InsufficientScopesError, raw, "The token's scopes leave this endpoint out.")
    if fields.get("status") == "unauthenticated":
        why = "The request arrived without a token that counts: a proxy may strip the Authorization header."
        return _make(errors.MissingTokenError, raw, "Canvas saw no access token.", why=why)
    return _make(errors.InvalidTokenError, raw, "Canvas does not accept the access token.", why=_why(raw))

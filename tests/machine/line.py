"""The line between the pipeline and Canvas: what is sent, what goes wrong on the way, and when it arrives.

It stands below the real client. Every POST is written down with the intent that it is for.
"""

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.machine.canvas import ORIGIN, TOKEN, Answer, Canvas, Report, echo_of, json_answer
from tests.machine.processes import boundary

ASKING: ContextVar[int | None] = ContextVar("asking", default=None)
"""The intent that a POST is sent for."""

LATEST = timedelta(seconds=90)
"""How long a POST that nobody answered may lie before Canvas takes it up."""


class Trouble(StrEnum):
    """What goes wrong with one request."""

    REFUSED = "no connection"
    THROTTLED = "throttled"
    TOKEN = "the token is not accepted"
    FORBIDDEN = "forbidden"
    LOST_BEFORE = "lost on the way there"
    LOST_AFTER = "lost on the way back"
    LATE = "taken up later, and never answered"
    EDGE_BEFORE = "502 of the edge, on the way there"
    EDGE_AFTER = "502 of the edge, on the way back"
    BROKEN_OFF = "the answer breaks off"
    LOGIN = "a log-in page"
    SHORT = "the answer is short"
    EXPIRED = "the link has expired"


HARMLESS = frozenset({Trouble.REFUSED, Trouble.THROTTLED, Trouble.TOKEN})
"""What proves to the sender that Canvas did nothing."""

_NO_EFFECT = HARMLESS | {Trouble.FORBIDDEN, Trouble.LOST_BEFORE, Trouble.LATE, Trouble.EDGE_BEFORE, Trouble.EXPIRED}


class Kind(StrEnum):
    """What a request is for."""

    ASK = "ask"
    LIST = "list"
    SHOW = "show"
    CHANGE = "change"
    FILE = "file"


@dataclass
class Post:
    """One POST. `harmless`: its sender could know that it had no effect; `report` is what it led to."""

    intent: int
    harmless: bool = False
    report: Report | None = None


class Line:
    """What the requests of all processes go through, with the troubles that wait for them, by kind."""

    def __init__(self, canvas: Canvas, clock: Callable[[], datetime]) -> None:
        self.canvas = canvas
        self.clock = clock
        self.troubles: dict[Kind, list[Trouble]] = {kind: [] for kind in Kind}
        self.posts: list[Post] = []
        self.fetched: dict[int, int] = {}
        """The number of the file that was last fetched whole, by report."""
        self._late: list[tuple[datetime, Post, httpx.Request]] = []

    def deliver(self, *, whatever_the_time: bool = False) -> None:
        """Let Canvas take up the POSTs that lay somewhere until now."""
        due = [one for one in self._late if whatever_the_time or one[0] <= self.clock()]
        self._late = [one for one in self._late if one not in due]
        for _, post, request in due:
            words = request.url.path.split("/")
            post.report = self.canvas.start(int(words[4]), words[6], echo_of(request.content), post.intent)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Carry one request there and its answer back."""
        await request.aread()
        own = str(request.url).startswith(f"{ORIGIN}/")
        token = request.headers.get("authorization")
        assert token == (f"Bearer {TOKEN}" if own else None), "the token went where it must not go"
        boundary("before a request")
        kind = _kind(request, own=own)
        trouble = self.troubles[kind].pop(0) if self.troubles[kind] else None
        post = self._noted(request, trouble)
        if trouble is Trouble.REFUSED:
            raise httpx.ConnectError("refused", request=request)
        answer = None
        if trouble not in _NO_EFFECT and not (trouble is Trouble.LOGIN and kind is Kind.ASK):
            answer = self._answered(request, post) if own else self._stored(request, whole=trouble is None)
        if trouble is Trouble.LATE and post is not None:
            self._late.append((self.clock() + LATEST, post, request))
        boundary("before an answer")
        return _arriving(request, answer, trouble)

    def _noted(self, request: httpx.Request, trouble: Trouble | None) -> Post | None:
        if request.method != "POST":
            return None
        intent = ASKING.get()
        assert intent is not None, "a POST for no intent"
        before = [post for post in self.posts if post.intent == intent and not post.harmless]
        assert not before, f"intent {intent} is posted again, and nobody knows what became of the first POST"
        post = Post(intent, trouble in HARMLESS)
        self.posts.append(post)
        return post

    def _answered(self, request: httpx.Request, post: Post | None) -> Answer:
        known = len(self.canvas.reports)
        answer = self.canvas.answer(request.method, str(request.url), request.content, post.intent if post else None)
        if post is not None and len(self.canvas.reports) > known:
            post.report = self.canvas.reports[len(self.canvas.reports)]
        return answer

    def _stored(self, request: httpx.Request, *, whole: bool) -> Answer:
        number = int(request.url.path.strip("/"))
        body = self.canvas.stored(number)
        assert body is not None
        for report in self.canvas.reports.values():
            if whole and any(file.number == number for file in report.files):
                self.fetched[report.number] = number
        return Answer(200, body, {"content-type": "text/csv"})


LINE: ContextVar[Line] = ContextVar("line")
"""The line that the clients of this context use."""


class Transport(httpx.AsyncBaseTransport):
    """The line, as the HTTP library wants it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._line.send(request)


def _kind(request: httpx.Request, *, own: bool) -> Kind:
    if not own or urlsplit(str(request.url)).path.startswith("/files/"):
        return Kind.FILE
    if request.method != "GET":
        return Kind.ASK if request.method == "POST" else Kind.CHANGE
    return Kind.SHOW if request.url.path.split("/")[-1].isdecimal() else Kind.LIST


class _BrokenOff(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body[: len(self._body) // 2]
        raise httpx.ReadError("broken off")


_PAGE = b"<!DOCTYPE html><html><title>Log in</title><form>login password</form></html>"
_HTML = {"content-type": "text/html"}


def _arriving(request: httpx.Request, answer: Answer | None, trouble: Trouble | None) -> httpx.Response:
    """Return what arrives of an answer, or raise what the HTTP library raises."""
    if trouble in (Trouble.LOST_BEFORE, Trouble.LATE):
        raise httpx.ReadTimeout("silence", request=request)
    if trouble is Trouble.LOST_AFTER:
        raise httpx.ReadError("reset", request=request)
    given: dict[Trouble | None, Answer] = {
        Trouble.THROTTLED: Answer(
            403,
            b"403 Forbidden (Rate Limit Exceeded)\n",
            {"content-type": "text/plain", "x-rate-limit-remaining": "0.0"},
        ),
        Trouble.TOKEN: json_answer(401, {"errors": [{"message": "Invalid access token."}]}),
        Trouble.FORBIDDEN: json_answer(
            403,
            {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]},
        ),
        Trouble.EDGE_BEFORE: Answer(502, b"<html>Bad gateway</html>", _HTML),
        Trouble.EDGE_AFTER: Answer(502, b"<html>Bad gateway</html>", _HTML),
        Trouble.LOGIN: Answer(200, _PAGE, _HTML),
        Trouble.EXPIRED: Answer(403, b"<Error><Code>AccessDenied</Code></Error>", {"content-type": "application/xml"}),
    }
    arrived = given.get(trouble, answer)
    assert arrived is not None
    body: Any = {"content": arrived.body}
    if trouble is Trouble.BROKEN_OFF:
        body = {"stream": _BrokenOff(arrived.body)}
    elif trouble is Trouble.SHORT:
        body = {"content": arrived.body[:-1]}
    return httpx.Response(arrived.status, headers=arrived.headers, request=request, **body)

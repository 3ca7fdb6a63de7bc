"""The Canvas client: every request of the product goes through here.

Lives here: the public face (``get_json``, ``pages``, ``post_form``, ``put``, ``delete``, ``download``) and the one
``_send`` behind it. Does not live here: what endpoints there are (``accounts``, ``courses``, ``analytics``,
``account_reports`` and their like), nor any table.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from pipelines import __version__
from pipelines.canvas import errors
from pipelines.canvas.answers import Answer, RawAnswer, decode
from pipelines.canvas.budget import TokenBudget
from pipelines.canvas.downloads import Download, fetch_file
from pipelines.canvas.gate import QuotaGate
from pipelines.canvas.origin import OriginGuard
from pipelines.canvas.paging import PageTrail, next_link
from pipelines.canvas.quota import DEFAULT_CAP, QuotaGovernor
from pipelines.canvas.retries import RetryPolicy, retried
from pipelines.canvas.secret import SecretToken
from pipelines.canvas.shapes import expect_page
from pipelines.canvas.transport import Timeouts, open_http
from pipelines.canvas.wire import RequestEvent, Wire

USER_AGENT = f"canvaslake/{__version__} (+https://github.com/canvaslake/canvaslake)"
PER_PAGE = 100
MAX_JSON_BYTES = 64 * 2**20
MAX_DOWNLOAD_BYTES = 64 * 2**30
MAX_PAGES = 10_000

Scalar = str | int | float | bool
#: Query parameters. A list repeats its key, so name it as Canvas does: ``{"include[]": ["term", "teachers"]}``.
Params = Mapping[str, Scalar | Sequence[Scalar] | None]
Form = Iterable[tuple[str, str]]


class CanvasClient:
    """A conversation with one Canvas under one token. Use as ``async with CanvasClient(...) as client:``.

    ``base_url`` must be https, except on this machine. ``state_dir`` is where processes that share the token meet
    (see ``exclusive``). ``max_in_flight`` is the polite cap; the pace below it follows Canvas's own headers.
    ``on_request`` hears of every attempt and must not raise.

    Methods take a ``path`` such as ``/api/v1/accounts/self``, never a whole URL, and raise only errors of the tree
    in ``errors``.
    """

    def __init__(
        self,
        base_url: str,
        token: SecretToken | str,
        *,
        user_agent: str = USER_AGENT,
        state_dir: Path | None = None,
        max_in_flight: int = DEFAULT_CAP,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        max_json_bytes: int = MAX_JSON_BYTES,
        max_pages: int = MAX_PAGES,
        on_request: Callable[[RequestEvent], None] | None = None,
    ) -> None:
        secret = token if isinstance(token, SecretToken) else SecretToken(token)
        self._guard = OriginGuard(base_url, secret)
        self._budget = None if state_dir is None else TokenBudget(state_dir, str(self._guard.origin), secret)
        self._user_agent = user_agent.strip() or USER_AGENT
        self._max_in_flight = max_in_flight
        self._timeouts = timeouts or Timeouts()
        self._retries = retries or RetryPolicy()
        self._max_json_bytes, self._max_pages = max_json_bytes, max_pages
        self._on_request = on_request
        self._stack: AsyncExitStack | None = None
        self._open_wire: Wire | None = None

    def __repr__(self) -> str:
        return f"CanvasClient({str(self._guard.origin)!r}, max_in_flight={self._max_in_flight})"

    @property
    def base_url(self) -> str:
        """The origin this client talks to, such as ``https://canvas.example.edu``."""
        return str(self._guard.origin)

    async def __aenter__(self) -> Self:
        # The gate belongs to one event loop, so it is made here and not in the constructor.
        gate = QuotaGate(QuotaGovernor(cap=self._max_in_flight))
        stack = AsyncExitStack()
        http = open_http(self._guard.origin, self._user_agent, self._timeouts, self._max_in_flight + 4)
        await stack.enter_async_context(http)
        stack.callback(gate.close)
        self._stack, self._open_wire = stack, Wire(http, self._guard, gate, self._on_request)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, self._stack, self._open_wire = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    @property
    def _wire(self) -> Wire:
        if self._open_wire is None:
            raise errors.ClientClosedError("The Canvas client is not open.")
        return self._open_wire

    @asynccontextmanager
    async def exclusive(
        self, purpose: str, *, on_wait: Callable[[str], None] | None = None, give_up_after: float | None = None
    ) -> AsyncIterator[None]:
        """Hold this token's budget across processes for bulk work; without ``state_dir`` there is none to hold.

        ``on_wait`` is called once with who holds it. Raises ``TimeoutError`` after ``give_up_after`` seconds.
        """
        if self._budget is None:
            yield
            return
        async with self._budget.exclusive(purpose, on_wait=on_wait, give_up_after=give_up_after):
            yield

    async def get_json(self, path: str, params: Params | None = None) -> Answer[Any]:
        """GET ``path`` and return its decoded answer, whatever its shape."""
        return (await self._send("GET", self._guard.absolute(path) + _query(params)))[1]

    async def post_form(self, path: str, form: Form = ()) -> Answer[Any]:
        """POST form fields. Repeated only after failures that provably had no effect, for a POST is not idempotent.

        After any other transient failure the caller must look whether Canvas did it.
        """
        return (await self._send("POST", self._guard.absolute(path), form=form))[1]

    async def put(self, path: str, form: Form = (), *, once: bool = False) -> Answer[Any]:
        """PUT form fields; repeated on transient failures.

        ``once`` is for those few that do something new each time: they are repeated as a POST is.
        """
        return (await self._send("PUT", self._guard.absolute(path), form=form, once=once))[1]

    async def delete(self, path: str) -> Answer[Any]:
        """DELETE ``path``; repeated on transient failures, so ``NotFoundError`` may mean that it worked before."""
        return (await self._send("DELETE", self._guard.absolute(path)))[1]

    def own_path(self, link: str) -> str:
        """Return the path of a link that Canvas gave, without its query, so that it can be asked for like any other.

        Raises ``ForeignOriginError`` for a link to anywhere but this client's own origin.
        """
        return urlsplit(self._guard.resolve(link, seen_at=f"{self._guard.origin}/")).path

    async def pages(
        self, path: str, params: Params | None = None, *, wrapped_in: str | None = None, or_bare: bool = False
    ) -> AsyncIterator[Answer[Any]]:
        """Yield the pages of a list, 100 records each or as many as Canvas gives, following ``next`` links only.

        A page's data is a list of records; with ``wrapped_in`` it is the object that holds the list under that key,
        and with ``or_bare`` it may be either. Raises ``ForeignOriginError`` when a link leaves the origin,
        ``PagingLoopError`` on circles, and ``UnexpectedAnswerError`` when a page is no list or a promised page is gone.
        """
        url: str | None = self._guard.absolute(path) + _query({"per_page": PER_PAGE, **(params or {})})
        trail = PageTrail(path, self._max_pages)
        request_id: str | None = None
        number = 0
        while url is not None:
            trail.step(url, request_id)
            number += 1
            try:
                raw, answer = await self._send("GET", url)
            except errors.NotFoundError as gone:
                if number == 1:
                    raise
                # The list itself was there a moment ago: this must not be read as "no such course".
                raise errors.UnexpectedAnswerError(
                    f"Page {number} of a list is gone, though the page before led to it.",
                    why="Canvas's bookmark ran out, or the list was deleted meanwhile.",
                    next_step="Read the list again from its start.",
                    status=gone.status,
                    method="GET",
                    path=path,
                    request_id=gone.request_id,
                ) from None
            expect_page(answer, wrapped_in, or_bare=or_bare)
            yield answer
            request_id = answer.request_id
            link = next_link([raw.headers.get("link", "")])
            try:
                url = None if link is None else self._guard.resolve(link, seen_at=url)
            except errors.ForeignOriginError as foreign:
                foreign.method, foreign.path, foreign.request_id = "GET", raw.path, request_id
                raise

    async def download(
        self,
        url: str,
        destination: Path,
        *,
        expected_size: int | None = None,
        max_bytes: int = MAX_DOWNLOAD_BYTES,
    ) -> Download:
        """Stream the file behind an attachment's ``url`` to ``destination`` (mode 0600, renamed into place when whole).

        Redirects are followed by hand, five at most; the token goes to Canvas's own origin and nowhere else.
        Raises ``LinkExpiredError`` (ask for the report again), ``LoginPageError``, ``TruncatedDownloadError``,
        ``DownloadSizeError``, ``InsecureAddressError``, or what a request to Canvas raises. No message holds ``url``.
        """
        wire, guard = self._wire, self._guard

        async def attempt(number: int) -> Download:
            return await fetch_file(
                wire,
                guard,
                url,
                destination,
                attempt=number,
                seconds=self._timeouts.download,
                expected_size=expected_size,
                max_bytes=max_bytes,
            )

        return await retried(self._retries, "GET", attempt)

    async def _send(
        self, method: str, url: str, *, form: Form | None = None, once: bool = False
    ) -> tuple[RawAnswer, Answer[Any]]:
        """Send one request, with repeats as the policy allows, and decode its answer."""
        wire = self._wire
        content = None if form is None else urlencode(list(form)).encode("ascii")
        headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}

        async def attempt(number: int) -> tuple[RawAnswer, Answer[Any]]:
            async with wire.exchange(
                method, url, attempt=number, seconds=self._timeouts.request, content=content, headers=headers
            ) as opened:
                raw = opened.raw
                if raw.status < 300:
                    body = await opened.read(self._max_json_bytes)
                    raw = RawAnswer(raw.method, raw.path, raw.status, raw.headers, body)
                return raw, decode(raw, attempts=number)

        return await retried(self._retries, "POST" if once else method, attempt)


def _query(params: Params | None) -> str:
    pairs: list[tuple[str, str]] = []
    for key, value in (params or {}).items():
        if value is None:
            continue
        values = [value] if isinstance(value, str | int | float) else value
        pairs.extend((key, as_text(one)) for one in values)
    return f"?{urlencode(pairs)}" if pairs else ""


def as_text(value: Scalar) -> str:
    """Return a parameter as Canvas reads it: ``true`` and ``false`` in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)

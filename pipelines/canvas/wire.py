"""One request on the wire: a place in the quota, the token where it belongs, and a record of what happened.

Lives here: what every request shares, whether its answer is decoded (``client``) or streamed (``downloads``). Does
not live here: repeating a request (``retries``).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from pipelines.canvas.answers import RawAnswer, number
from pipelines.canvas.errors import CanvasError, OversizedAnswerError
from pipelines.canvas.gate import QuotaGate
from pipelines.canvas.origin import Origin, OriginGuard
from pipelines.canvas.paths import shown_path
from pipelines.canvas.transport import reading, translated

_ERROR_BODY_BYTES = 64 * 1024
#: What messages and events call a place that is not Canvas: its paths and hosts can be part of a signed link.
ELSEWHERE = "(file storage)"


@dataclass(frozen=True)
class RequestEvent:
    """One attempt at one request, for progress displays and logs. ``path`` has no query; times are seconds."""

    method: str
    path: str
    attempt: int
    status: int | None
    request_id: str | None
    cost: float | None
    remaining: float | None
    waited: float
    seconds: float
    in_flight: int
    error: str | None


@dataclass(frozen=True)
class Opened:
    """An answer whose headers are here. ``raw`` holds the whole of it for a status of 300 or more."""

    response: httpx.Response
    raw: RawAnswer
    host: str

    async def read(self, bound: int) -> bytes:
        """Return the whole body. Raises ``OversizedAnswerError`` past ``bound`` bytes."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > bound:
                raise OversizedAnswerError(
                    f"An answer is larger than {bound} bytes.", why="No known endpoint gives so much."
                )
        return bytes(body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, unpacked. Raises ``TruncatedAnswerError`` when it breaks off."""
        async with reading(self.host):
            async for chunk in self.response.aiter_bytes():
                yield chunk


class Wire:
    """Sends single requests. Only those to Canvas's own origin carry the token and take a place in the quota."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: OriginGuard,
        gate: QuotaGate,
        on_request: Callable[[RequestEvent], None] | None,
    ) -> None:
        self._http, self._guard, self._gate, self._on_request = http, guard, gate, on_request

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        *,
        attempt: int,
        seconds: float,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Opened]:
        """Send one request and open its answer. Raises only errors of our own tree.

        ``seconds`` bounds the block as a whole, not the wait for a place.
        """
        host = str(Origin.of(url))
        own = self._guard.owns(url)
        path = shown_path(httpx.URL(url).path) if own else ELSEWHERE
        raw: RawAnswer | None = None
        failed: CanvasError | None = None
        async with AsyncExitStack() as stack:
            ticket = None
            if own:
                ticket = await self._gate.enter(repeat=attempt > 1)
                stack.enter_context(self._gate.holding(ticket))
            started = time.monotonic()
            try:
                async with translated(method, path, host if own else "the file storage"), asyncio.timeout(seconds):
                    sent = {**(headers or {}), **self._guard.credentials_for(url)}
                    async with self._http.stream(method, url, content=content, headers=sent) as response:
                        raw = RawAnswer(method, path, response.status_code, dict(response.headers), b"")
                        opened = Opened(response, raw, host if own else "the file storage")
                        if raw.status >= 300:
                            body = self._guard.redact(await _beginning(opened))
                            raw = RawAnswer(method, path, raw.status, raw.headers, body)
                            opened = Opened(response, raw, opened.host)
                        if ticket is not None:
                            self._gate.answered(
                                ticket,
                                remaining=number(raw.headers.get("x-rate-limit-remaining")),
                                cost=number(raw.headers.get("x-request-cost")),
                                refused=raw.is_throttle,
                            )
                        yield opened
            except CanvasError as error:
                failed = error
                error.method, error.path = error.method or method, error.path or path
                if raw is not None:
                    error.status = error.status or raw.status
                    error.request_id = error.request_id or raw.request_id
                raise
            finally:
                self._tell(method, path, attempt, raw, ticket.waited if ticket else 0.0, started, failed)

    def _tell(
        self,
        method: str,
        path: str,
        attempt: int,
        raw: RawAnswer | None,
        waited: float,
        started: float,
        failed: CanvasError | None,
    ) -> None:
        if self._on_request is None:
            return
        headers = raw.headers if raw is not None else {}
        self._on_request(
            RequestEvent(
                method=method,
                path=path,
                attempt=attempt,
                status=raw.status if raw is not None else None,
                request_id=raw.request_id if raw is not None else None,
                cost=number(headers.get("x-request-cost")),
                remaining=number(headers.get("x-rate-limit-remaining")),
                waited=waited,
                seconds=time.monotonic() - started,
                in_flight=self._gate.governor.in_flight,
                error=type(failed).__name__ if failed is not None else None,
            )
        )


async def _beginning(opened: Opened) -> bytes:
    """Return the first part of an error body; the rest tells nothing more."""
    body = bytearray()
    async for chunk in opened.chunks():
        body += chunk
        if len(body) >= _ERROR_BODY_BYTES:
            break
    return bytes(body[:_ERROR_BODY_BYTES])

"""What both hosts do with a request and a response: logging, faults that replace an answer, broken bodies.

How a connection is cut is known to `server`, which hands in a `Dropper`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipelines.demo.faults import AnswerWith, Delay, Drop, Faults
from pipelines.demo.request_log import RequestRecord
from pipelines.demo.world import World

Dropper = Callable[[Request], Awaitable[None]]
"""Closes the connection that a request came on, without an answer."""

_TOKEN_END: Final = 4


def bearer_token(request: Request) -> str | None:
    """Return the token of a request: from the Authorization header, or from `access_token`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.query_params.get("access_token")


def log_arrival(world: World, request: Request, host: str) -> tuple[int, str]:
    """Log a request and return its number and its request id."""
    request_id = str(uuid.uuid4())
    token = bearer_token(request)
    number = world.requests.arrived(
        RequestRecord(
            number=0,
            host=host,
            method=request.method,
            path=request.scope["path"],
            query=request.url.query,
            at=world.clock(),
            header_names=tuple(request.headers.keys()),
            in_flight=0,
            request_id=request_id,
            token=None if token is None else token[-_TOKEN_END:],
        )
    )
    return number, request_id


async def dropped_or_answered(
    faults: Faults, request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response | None:
    """Return the answer with the faults of the path done to it; None means that the connection is to be cut."""
    method, path = request.method, request.scope["path"]
    delay = faults.take(Delay, method, path)
    if delay is not None:
        await asyncio.sleep(delay.seconds)
    fixed = faults.take(AnswerWith, method, path)
    if fixed is not None:
        return Response(fixed.body, fixed.status, headers=dict(fixed.headers))
    drop = faults.take(Drop, method, path)
    if drop is None:
        return await answer(request)
    if drop.after_effect:
        await answer(request)
    return None


class CutResponse(Response):
    """Announces a length, sends less, and ends: the server then closes the connection on the client."""

    def __init__(self, kept: bytes, announced: int, *, headers: dict[str, str], media_type: str) -> None:
        super().__init__(b"", headers=headers, media_type=media_type)
        self._kept = kept
        self.headers["content-length"] = str(announced)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Send the part of the body that is kept."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._kept, "more_body": True})

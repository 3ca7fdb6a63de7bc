"""A tiny scripted server on a real socket, and a second one on another port that plays the file storage.

Lives here: what transport tests need and no more. Does not live here: a Canvas; answers are scripted per test.
"""

import asyncio
import socket
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TOKEN = "7~SecretSecretSecretSecretSecretSecretSecretSecretSecret"
QUOTA = {"x-request-context-id": "req-1", "x-rate-limit-remaining": "600.0", "x-request-cost": "0.1"}

T = TypeVar("T")
Answerer = Callable[[Request], Awaitable[Response]] | Response


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Stage:
    """A server whose answers a test writes. Answers of one path are given in turn; the last one stays."""

    port: int
    seen: list[Seen] = field(default_factory=list)
    _script: dict[tuple[str, str], list[Answerer]] = field(default_factory=lambda: defaultdict(list))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, *answers: Answerer, method: str = "GET") -> None:
        self._script[(method, path)].extend(answers)

    def clear(self) -> None:
        self.seen.clear()
        self._script.clear()

    async def handle(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode() if request.scope.get("raw_path") else request.url.path
        path = path.split("?")[0]
        body = await request.body()
        self.seen.append(Seen(request.method, path, request.url.query, dict(request.headers), body))
        script = self._script.get((request.method, path))
        if not script:
            return json_answer({"errors": [{"message": "The specified resource does not exist."}]}, status=404)
        answer = script.pop(0) if len(script) > 1 else script[0]
        return answer if isinstance(answer, Response) else await answer(request)


def json_answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        orjson.dumps(data), status_code=status, media_type="application/json", headers={**QUOTA, **(headers or {})}
    )


def throttle_answer() -> Response:
    return Response(
        "403 Forbidden (Rate Limit Exceeded)\n",
        status_code=403,
        media_type="text/plain",
        headers={"x-rate-limit-remaining": "0.0", "x-request-context-id": "req-t"},
    )


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run a test's coroutine function to its end."""

    async def main() -> T:
        return await work()

    return asyncio.run(main())


@contextmanager
def _serving() -> Iterator[Stage]:
    # Listening before the server thread starts: a request made too early waits in the backlog, so no test polls.
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    stage = Stage(listener.getsockname()[1])
    methods = ["GET", "POST", "PUT", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", stage.handle, methods=methods)])
    config = uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off", ws="none", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    try:
        yield stage
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="session")
def _canvas_server() -> Iterator[Stage]:
    with _serving() as stage:
        yield stage


@pytest.fixture(scope="session")
def _storage_server() -> Iterator[Stage]:
    with _serving() as stage:
        yield stage


@pytest.fixture
def canvas(_canvas_server: Stage) -> Stage:
    """The configured origin."""
    _canvas_server.clear()
    return _canvas_server


@pytest.fixture
def storage(_storage_server: Stage) -> Stage:
    """Another origin: same host, other port."""
    _storage_server.clear()
    return _storage_server

"""The Canvas host as an ASGI app: the edge, the quota, authentication, routing, and the headers of an answer.

What an endpoint answers is in the module of its family; adding a family is one line in `FAMILIES`.
"""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from pipelines.demo import (
    accounts,
    analytics,
    calendars_api,
    course_analytics,
    course_reports_api,
    courses_api,
    notifications_api,
    progress_api,
    reports_api,
    settings_api,
    student_analytics,
    student_summaries,
    terms_api,
    tokens_api,
)
from pipelines.demo.downloads import web_answer
from pipelines.demo.faults import NextLink, Throttle
from pipelines.demo.quota import REFUSAL_BODY
from pipelines.demo.sending import Dropper, bearer_token, dropped_or_answered, log_arrival
from pipelines.demo.tokens import CHALLENGE
from pipelines.demo.wire import JSON_TYPE, Answer, ApiError, Query, not_found, read_body, to_json
from pipelines.demo.world import Call, Endpoint, World

FAMILIES: Final[tuple[tuple[Endpoint, ...], ...]] = (
    accounts.ENDPOINTS,
    terms_api.ENDPOINTS,
    courses_api.ENDPOINTS,
    analytics.ENDPOINTS,
    course_analytics.ENDPOINTS,
    student_summaries.ENDPOINTS,
    student_analytics.ENDPOINTS,
    progress_api.ENDPOINTS,
    reports_api.ENDPOINTS,
    course_reports_api.ENDPOINTS,
    calendars_api.ENDPOINTS,
    notifications_api.ENDPOINTS,
    settings_api.ENDPOINTS,
    tokens_api.ENDPOINTS,
)
STRING_IDS: Final = "application/json+canvas-string-ids"

_LOG: Final = logging.getLogger(__name__)
_NEXT_URL: Final = re.compile(r'<([^>]*)>(?=; rel="next")')
_CURRENT_URL: Final = re.compile(r'<([^>]*)>(?=; rel="current")')


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint


class CanvasApp:
    """The Canvas host; stateless itself, all state is in the `World`."""

    def __init__(self, world: World, drop: Dropper) -> None:
        self._world = world
        self._drop = drop
        self._routes = [
            _Route(endpoint.method, compile_path(endpoint.path)[0], endpoint)
            for family in FAMILIES
            for endpoint in family
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        number, request_id = log_arrival(self._world, request, "api")
        if request.headers.get("user-agent", "").strip():
            response = await dropped_or_answered(self._world.faults, request, self._through_quota)
        else:
            response = _no_user_agent()
        if response is None:
            self._world.requests.answered("api", number, None)
            await self._drop(request)
            return
        response.headers["x-request-context-id"] = request_id
        response.headers["server"] = "Apache"
        # Logged before sending, so that a client holding the answer finds its status in the log.
        self._world.requests.answered("api", number, response.status_code)
        await response(scope, receive, send)

    async def _through_quota(self, request: Request) -> Response:
        """Reserve quota, answer, and settle the real cost; refuse when the bucket is full."""
        world = self._world
        path = request.scope["path"]
        token = bearer_token(request)
        client = token or (request.client.host if request.client else "nowhere")
        if world.faults.take(Throttle, request.method, path) is not None or not world.quota.admit(client):
            return Response(
                REFUSAL_BODY, 403, headers={"x-rate-limit-remaining": "0.0"}, media_type="text/plain; charset=utf-8"
            )
        route, path_params = self._find(request.method, path)
        kind = route.request_class if route is not None else "file"
        cost = world.costs.cost_of(kind)
        began = time.perf_counter()
        try:
            latency = world.costs.latency_of(kind)
            if latency > 0:
                await asyncio.sleep(latency)
            answer = await self._answer(request, route, path_params, token)
        finally:
            remaining = world.quota.settle(client, cost)
        response = self._written(request, answer)
        response.headers["x-request-cost"] = str(cost)
        response.headers["x-rate-limit-remaining"] = str(round(remaining, 6))
        response.headers["x-runtime"] = f"{time.perf_counter() - began:.6f}"
        return response

    async def _answer(
        self, request: Request, route: Endpoint | None, path_params: dict[str, str], token: str | None
    ) -> Answer:
        path = request.scope["path"]
        try:
            if not path.startswith("/api/"):
                return web_answer(self._world, request.method, path, token)
            endpoint, call = await self._admitted(request, route, path_params, token)
            answer = await run_in_threadpool(endpoint.handler, call)
        except ApiError as error:
            return Answer(error.body, error.status, error.headers)
        except ClientDisconnect:
            # Who asked has gone; nobody reads this.
            return Answer(None, 500)
        except Exception:  # noqa: BLE001 - whatever goes wrong here must look like Canvas's own 500
            _LOG.exception("the demo Canvas failed at %s %s", request.method, path)
            message = {"message": "An error occurred.", "error_code": "internal_server_error"}
            return Answer({"errors": [message], "error_report_id": 1}, 500)
        self._bend_next_link(request.method, path, answer)
        return answer

    async def _admitted(
        self, request: Request, route: Endpoint | None, path_params: dict[str, str], token: str | None
    ) -> tuple[Endpoint, Call]:
        """Authenticate, check the scope, read the body; raises the answer that Canvas would give instead."""
        grant = self._world.tokens.authenticate(token)
        if route is None:
            raise not_found()
        if grant.scopes is not None and route.scope not in grant.scopes:
            raise ApiError(401, {"errors": [{"message": "Insufficient scopes on access token."}]}, CHALLENGE)
        body = read_body(request.headers.get("content-type", ""), await request.body())
        path = request.scope["path"].rstrip("/")
        query = Query.parse(request.url.query)
        return route, Call(self._world, grant, request.method, path, query, path_params, body)

    def _find(self, method: str, path: str) -> tuple[Endpoint | None, dict[str, str]]:
        for route in self._routes:
            found = route.pattern.match(path.rstrip("/"))
            if route.method == method and found is not None:
                return route.endpoint, dict(found.groupdict())
        return None, {}

    def _written(self, request: Request, answer: Answer) -> Response:
        if answer.content is not None:
            return Response(answer.content, answer.status, headers=answer.headers)
        string_ids = STRING_IDS in request.headers.get("accept", "")
        headers = {"content-type": JSON_TYPE, "cache-control": "max-age=0, private, must-revalidate", **answer.headers}
        return Response(to_json(answer.payload, string_ids=string_ids), answer.status, headers=headers)

    def _bend_next_link(self, method: str, path: str, answer: Answer) -> None:
        link = answer.headers.get("link", "")
        following = _NEXT_URL.search(link)
        if following is None:
            return
        fault = self._world.faults.take(NextLink, method, path)
        if fault is None:
            return
        current = _CURRENT_URL.search(link)
        if fault.kind == "loop" and current is not None:
            bent = current[1]
        else:
            bent = following[1].replace(self._world.base_url, fault.origin or self._world.files_url, 1)
        answer.headers["link"] = link[: following.start(1)] + bent + link[following.end(1) :]


def _no_user_agent() -> Response:
    body = {"error": "Forbidden", "message": "The request does not have a valid user agent."}
    return Response(to_json(body, string_ids=False), 403, media_type="application/json")

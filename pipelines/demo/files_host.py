"""The second host: object storage behind signed links, which refuses a second kind of authentication.

Serves bytes of finished reports and nothing else. An Authorization header is answered with 400 and
shows in the request log, so a test can prove that a token never came here.
"""

import re
from typing import Final
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipelines.demo.faults import Truncate
from pipelines.demo.sending import CutResponse, Dropper, dropped_or_answered, log_arrival
from pipelines.demo.signed_links import verdict
from pipelines.demo.wire import Query
from pipelines.demo.world import World

_KEY: Final = re.compile(r"^/attachments/(\d+)/([^/]+)$")


class FilesApp:
    """The files host as an ASGI app."""

    def __init__(self, world: World, drop: Dropper) -> None:
        self._world = world
        self._drop = drop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        number, request_id = log_arrival(self._world, request, "files")
        response = await dropped_or_answered(self._world.faults, request, self._answer)
        if response is None:
            self._world.requests.answered("files", number, None)
            await self._drop(request)
            return
        response.headers["x-amz-request-id"] = request_id.replace("-", "").upper()[:16]
        response.headers["server"] = "AmazonS3"
        self._world.requests.answered("files", number, response.status_code)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope["path"]
        if "authorization" in request.headers:
            return _xml(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; a signed link and an Authorization header came.",
            )
        found = _KEY.match(path)
        file = None if found is None else self._world.reports.file(int(found[1]))
        if file is None or file.key != path:
            return _xml(404, "NoSuchKey", "The key does not exist.")
        judged = verdict(path, Query.parse(request.url.query), self._world.clock())
        if judged == "expired":
            return _xml(403, "AccessDenied", "Request has expired")
        if judged == "forged":
            return _xml(403, "SignatureDoesNotMatch", "The signature of the link is not right.")
        headers = {"content-disposition": f'attachment; filename="{file.name}"', "accept-ranges": "none"}
        cut = self._world.faults.take(Truncate, request.method, path)
        if cut is not None:
            kept = file.content[: int(len(file.content) * cut.keep)]
            if not cut.honest:
                return CutResponse(kept, len(file.content), headers=headers, media_type=file.content_type)
            return _bytes(kept, headers, file.content_type)
        return _bytes(file.content, headers, file.content_type)


def _bytes(content: bytes, headers: dict[str, str], content_type: str) -> Response:
    response = Response(content, headers=headers)
    # Set by hand: the framework would add a charset, which storage does not know.
    response.headers["content-type"] = content_type
    return response


def _xml(status: int, code: str, message: str) -> Response:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status_code=status, media_type="application/xml")

"""The Canvas host's web side of a report's file: the download address, the web address, the login page.

Nothing here is JSON. The bytes themselves are on the files host; from here only leads a signed link.
"""

import re
from typing import Final

from pipelines.demo.faults import ExpireLink
from pipelines.demo.login_page import HTML, LOGIN_PAGE
from pipelines.demo.signed_links import sign
from pipelines.demo.tokens import TokenBook
from pipelines.demo.wire import Answer, ApiError
from pipelines.demo.world import World

_DOWNLOAD: Final = re.compile(r"^/files/(\d+)/download$")
_WEB_DOWNLOAD: Final = re.compile(r"^/(?:accounts|courses)/\d+/files/\d+/download$")
_HTML: Final = {"content-type": HTML}
_MISSING_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Page Not Found</title></head><body></body></html>\n"


def web_answer(world: World, method: str, path: str, token: str | None) -> Answer:
    """Answer a request outside of `/api/`: pages, redirects, never JSON."""
    if path in {"/login", "/login/canvas"}:
        return Answer(content=LOGIN_PAGE.encode(), headers=dict(_HTML))
    if _WEB_DOWNLOAD.match(path):
        # Web addresses know sessions only: a bearer token is not looked at.
        return _to_login(world)
    found = _DOWNLOAD.match(path)
    if found is None or method not in {"GET", "HEAD"}:
        return Answer(status=404, content=_MISSING_PAGE, headers=dict(_HTML))
    if token is None:
        return _to_login(world)
    return _to_file(world, world.tokens, int(found[1]), path, token)


def _to_login(world: World) -> Answer:
    return Answer(status=302, content=b"", headers={"location": f"{world.base_url}/login/canvas", **_HTML})


def _to_file(world: World, tokens: TokenBook, file_id: int, path: str, token: str) -> Answer:
    try:
        tokens.authenticate(token)
    except ApiError as refused:
        return Answer(refused.body, refused.status, refused.headers)
    file = world.reports.file(file_id)
    if file is None:
        return Answer(status=404, content=_MISSING_PAGE, headers=dict(_HTML))
    stale = world.faults.take(ExpireLink, "GET", path) is not None
    query = sign(file.key, world.clock(), -1 if stale else world.link_seconds)
    return Answer(status=302, content=b"", headers={"location": f"{world.files_url}{file.key}?{query}", **_HTML})

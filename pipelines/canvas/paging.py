"""How a list continues: Canvas's Link header.

Lives here: reading the header and guarding against circles. Does not live here: fetching the pages (``client``).

Only ``rel="next"`` counts. Canvas leaves ``last`` out or wrong, pages may be short or empty in the middle, and the
page value may be an opaque bookmark, so neither counting nor guessing page numbers works.
"""

import re
from collections.abc import Iterable

from pipelines.canvas.errors import PagingLoopError

_LINK = re.compile(r"<([^<>]*)>((?:[^<\",]|\"[^\"]*\")*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def next_link(headers: Iterable[str]) -> str | None:
    """Return the target of ``rel="next"`` from one or several Link headers, as written; None at the end."""
    for header in headers:
        for target, parameters in _LINK.findall(header):
            for quoted, bare in _REL.findall(parameters):
                if "next" in (quoted or bare).lower().split():
                    return str(target).strip()
    return None


class PageTrail:
    """The pages of one list that were read. Raises ``PagingLoopError`` on a circle, or past ``bound`` pages."""

    def __init__(self, path: str, bound: int) -> None:
        self._path, self._bound = path, bound
        self._seen: set[str] = set()

    def step(self, url: str, request_id: str | None = None) -> None:
        """Record that ``url`` is read next."""
        if url in self._seen:
            raise PagingLoopError(
                f"Page {len(self._seen) + 1} of a list leads back to a page already read.",
                method="GET",
                path=self._path,
                request_id=request_id,
            )
        if len(self._seen) >= self._bound:
            raise PagingLoopError(
                f"A list has more than {self._bound} pages.", method="GET", path=self._path, request_id=request_id
            )
        self._seen.add(url)

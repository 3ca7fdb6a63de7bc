"""Pages of a list and the `Link` header, by Canvas's rules.

Two kinds: numbered pages (`page=2`) and bookmarked ones (`page=bookmark:...`). Serialising the records of
a page is left to the caller; which endpoint uses which kind is written at the endpoint.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import urlencode

import orjson

from pipelines.demo.wire import Query, not_found

_Record = TypeVar("_Record")

DEFAULT_PER_PAGE: Final = 10
MAX_PER_PAGE: Final = 100
MAX_LINK_BYTES: Final = 6 * 1024
_ORDER: Final = ("current", "next", "prev", "first", "last")
_KEPT_FIRST: Final = ("next", "last", "prev", "current", "first")
# The token is left out on purpose: a follower has to send it again.
_NOT_KEPT: Final = frozenset({"page", "per_page", "access_token", "api_key"})


def per_page(query: Query) -> int:
    """Return the page size: 10 unless asked, clamped to 1..100, and 1 for what is not a number."""
    raw = query.get("per_page")
    if raw is None:
        return DEFAULT_PER_PAGE
    digits = re.match(r"\s*([+-]?\d+)", raw)
    return min(max(int(digits[1]) if digits else 0, 1), MAX_PER_PAGE)


def numbered_page(
    url: str, query: Query, records: Sequence[_Record], *, with_total: bool = True
) -> tuple[Sequence[_Record], str]:
    """Return one page and its `Link`. Without a total there is no `last`; past the end the page is empty.

    `url` is absolute and without a query. A page that is not a number is a 404.
    """
    size = per_page(query)
    raw = query.get("page") or "1"
    if raw == "first":
        raw = "1"
    if not (raw.isascii() and raw.isdigit()) or int(raw) < 1:
        raise not_found()
    number = int(raw)
    start = (number - 1) * size
    pages: dict[str, str] = {"current": str(number), "first": "1"}
    if start + size < len(records):
        pages["next"] = str(number + 1)
    if number > 1:
        pages["prev"] = str(number - 1)
    if with_total:
        pages["last"] = str(max(-(-len(records) // size), 1))
    return records[start : start + size], _link(url, query, pages, size)


def bookmarked_page(
    url: str, query: Query, records: Sequence[_Record], key: Callable[[_Record], int]
) -> tuple[Sequence[_Record], str]:
    """Return one page after a bookmark and its `Link` (never `prev` or `last`).

    `records` are sorted by `key`. A numeric page above 1 or a bookmark that cannot be read is a 404.
    """
    size = per_page(query)
    current = query.get("page") or "first"
    start = 0
    if current.startswith("bookmark:"):
        after = _read_bookmark(current.removeprefix("bookmark:"))
        start = next((at for at, record in enumerate(records) if key(record) > after), len(records))
    elif current not in {"first", "1"}:
        raise not_found()
    page = records[start : start + size]
    pages = {"current": current, "first": "first"}
    if start + size < len(records):
        pages["next"] = f"bookmark:{_write_bookmark(key(page[-1]))}"
    return page, _link(url, query, pages, size)


def _write_bookmark(value: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([value])).decode("ascii").rstrip("=")


def _read_bookmark(text: str) -> int:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[0]
    except (binascii.Error, ValueError, LookupError, TypeError):
        raise not_found() from None
    if not isinstance(value, int):
        raise not_found()
    return value


def _link(url: str, query: Query, pages: dict[str, str], size: int) -> str:
    kept = [(name, value) for name, value in query.pairs if name not in _NOT_KEPT]
    rels = {
        rel: f'<{url}?{urlencode([*kept, ("page", page), ("per_page", str(size))], safe=":")}>; rel="{rel}"'
        for rel, page in pages.items()
    }
    room = MAX_LINK_BYTES
    fitting: set[str] = set()
    for rel in _KEPT_FIRST:
        # Rels are dropped whole, the least useful first, so that the header stays below 6 KB.
        if rel in rels and len(rels[rel]) + 1 <= room:
            fitting.add(rel)
            room -= len(rels[rel]) + 1
    return ",".join(rels[rel] for rel in _ORDER if rel in fitting)

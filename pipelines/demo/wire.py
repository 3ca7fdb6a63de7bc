"""What goes over the wire in either direction: a parsed call, an answer, an error, and JSON as Canvas writes it.

Knows HTTP and Canvas's body shapes; knows no endpoint and no record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

NOT_FOUND: Final = "The specified resource does not exist."
JSON_TYPE: Final = "application/json; charset=utf-8"

_ID_KEY = re.compile(r"(^|_)id$")
_IDS_KEY = re.compile(r"(^|_)ids$")
_BRACKET = re.compile(r"\[([^\]]*)\]")


class ApiError(Exception):
    """An answer that is an error: its status, JSON body and extra headers."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def not_found() -> ApiError:
    """Return Canvas's 404."""
    return ApiError(404, {"errors": [{"message": NOT_FOUND}]})


def forbidden() -> ApiError:
    """Return Canvas's 403 for a user who is known but lacks a permission."""
    return ApiError(
        403,
        {
            "status": "unauthorized",
            "errors": [{"message": "user not authorized to perform that action"}],
        },
    )


@dataclass(slots=True)
class Answer:
    """An answer before it is sent; `payload` is JSON-able unless `content` holds the bytes."""

    payload: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """The query of a request: ordered pairs, with Rails's `name[]` lists."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, raw: str) -> "Query":
        """Read a raw query string, blank values kept."""
        return cls(tuple(parse_qsl(raw, keep_blank_values=True)))

    def get(self, name: str) -> str | None:
        """Return the last value of a name, as Rails does."""
        return next((value for key, value in reversed(self.pairs) if key == name), None)

    def many(self, name: str) -> list[str]:
        """Return all values of `name[]` (a bare `name` counts as a list of one)."""
        return [value for key, value in self.pairs if key in {f"{name}[]", name}]


def to_json(payload: object, *, string_ids: bool) -> bytes:
    """Write JSON; with `string_ids` the integers under `id`, `*_id` and `*_ids` become strings."""
    return orjson.dumps(stringify_ids(payload) if string_ids else payload)


def stringify_ids(payload: object) -> object:
    """Return a copy of the payload with ids as strings; keys of maps and camelCase ids stay numbers."""
    if isinstance(payload, list):
        return [stringify_ids(each) for each in payload]
    if not isinstance(payload, dict):
        return payload
    return {key: _stringified(key, value) for key, value in payload.items()}


def _stringified(key: str, value: object) -> object:
    if _is_number(value) and _ID_KEY.search(key):
        return str(value)
    if isinstance(value, list) and _IDS_KEY.search(key):
        return [str(each) if _is_number(each) else each for each in value]
    return stringify_ids(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def utc_text(moment: datetime | None) -> str | None:
    """Format a moment as Canvas's JSON does: to the second, in UTC, with Z."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Read a request body into Rails's nested parameters: JSON, a form or multipart.

    Form values stay strings, which Canvas echoes as such; JSON values keep their types. A body that cannot be
    read raises the 400 of the framework.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/json":
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ApiError(400, {"errors": [{"message": "Invalid JSON body"}]}) from error
        return parsed if isinstance(parsed, dict) else {"_json": parsed}
    if kind == "multipart/form-data":
        return _nested(_multipart_pairs(content_type, body))
    return _nested(parse_qsl(body.decode("utf-8"), keep_blank_values=True))


def _multipart_pairs(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            pairs.append((name, content.decode("utf-8")))
    return pairs


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Turn `parameters[a]=1` and `parameters[b][]=2` into nested maps and lists."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        first = name.partition("[")[0]
        steps = [first, *_BRACKET.findall(name)]
        target = root
        for step, following in pairwise(steps):
            if following == "":
                target.setdefault(step, []).append(value)
                break
            target = target.setdefault(step, {})
        else:
            target[steps[-1]] = value
    return root

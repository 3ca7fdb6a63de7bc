"""The least that an answer must look like before anybody reads it.

Lives here: checks of the outermost shape. Does not live here: columns and types, which ``normalize`` declares.
"""

from collections.abc import AsyncIterator
from typing import Any

from pipelines.canvas.answers import Answer
from pipelines.canvas.errors import UnexpectedAnswerError

#: One JSON object as Canvas gave it.
Record = dict[str, Any]


def unexpected(answer: Answer[Any], wanted: str) -> UnexpectedAnswerError:
    """Return the error for an answer that is JSON but not ``wanted``. It names the type it saw, never the content."""
    kind = {dict: "an object", list: "a list", str: "a text", type(None): "nothing"}.get(type(answer.data), "a value")
    return UnexpectedAnswerError(
        f"Canvas answered with {kind} where {wanted} belongs.",
        status=answer.status,
        method="GET",
        path=answer.path,
        request_id=answer.request_id,
    )


def expect_object(answer: Answer[Any], *keys: str) -> Answer[Record]:
    """Return the answer if its data is an object that has ``keys``."""
    if not isinstance(answer.data, dict):
        raise unexpected(answer, "an object")
    missing = [key for key in keys if key not in answer.data]
    if missing:
        raise unexpected(answer, f"an object with {', '.join(missing)}")
    return answer


def expect_records(answer: Answer[Any], *, within: str | None = None, or_bare: bool = False) -> Answer[list[Record]]:
    """Return the answer around its list of objects, taken from under ``within`` if given.

    With ``or_bare`` a list that is not wrapped will do too.
    """
    data = _listed(answer.data, within, or_bare)
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise unexpected(answer, f"a list of objects{f' under {within!r}' if within else ''}")
    return answer.with_data(data)


def expect_page(answer: Answer[Any], wrapped_in: str | None, *, or_bare: bool = False) -> None:
    """Raise unless the data is a list, or an object with a list under ``wrapped_in``; either with ``or_bare``."""
    if not isinstance(_listed(answer.data, wrapped_in, or_bare), list):
        raise unexpected(answer, f"a list{f' under {wrapped_in!r}' if wrapped_in else ''}")


def _listed(data: Any, within: str | None, or_bare: bool) -> Any:
    """Return what stands where the list belongs."""
    if within is None or (or_bare and isinstance(data, list)):
        return data
    return data.get(within) if isinstance(data, dict) else None


async def collect(pages: AsyncIterator[Answer[list[Record]]]) -> list[Record]:
    """Return the records of all pages in one list. For lists known to fit in memory."""
    return [record async for page in pages for record in page.data]

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


def expect_records(answer: Answer[Any], *, within: str | None = None) -> Answer[list[Record]]:
    """Return the answer around its list of objects, taken from under ``within`` if given."""
    data = answer.data
    if within is not None:
        data = data.get(within) if isinstance(data, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise unexpected(answer, f"a list of objects{f' under {within!r}' if within else ''}")
    return answer.with_data(data)


def expect_page(answer: Answer[Any], wrapped_in: str | None) -> None:
    """Raise unless the data is a list, or an object with a list under ``wrapped_in``."""
    data = answer.data
    if wrapped_in is not None:
        data = data.get(wrapped_in) if isinstance(data, dict) else None
    if not isinstance(data, list):
        raise unexpected(answer, f"a list{f' under {wrapped_in!r}' if wrapped_in else ''}")


async def collect(pages: AsyncIterator[Answer[list[Record]]]) -> list[Record]:
    """Return the records of all pages in one list. For lists known to fit in memory."""
    return [record async for page in pages for record in page.data]

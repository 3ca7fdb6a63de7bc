"""Account calendars (``/api/v1/account_calendars`` and ``/api/v1/accounts/:id/account_calendars``).

Lives here: the calls that read. Does not live here: changing what is visible, which this product never does.

The documentation shows plain lists; Canvas wraps the first of them into an object that is paginated all the same.
Both shapes are let through, for both.
"""

from collections.abc import AsyncIterator

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, expect_records, unexpected

_WRAPPER = "account_calendars"


async def account_calendars(client: CanvasClient) -> AsyncIterator[Answer[list[Record]]]:
    """GET /account_calendars: pages of the visible calendars of accounts that the token's owner belongs to."""
    async for page in client.pages(api_path("account_calendars"), wrapped_in=_WRAPPER, or_bare=True):
        yield expect_records(page, within=_WRAPPER, or_bare=True)


async def all_account_calendars(client: CanvasClient, account: CanvasId) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/account_calendars: pages of the calendars of an account and of its direct children.

    Hidden ones too, each with its ``sub_account_count``. Raises ``ForbiddenError`` without
    ``manage_account_calendar_visibility``.
    """
    path = api_path("accounts", account, "account_calendars")
    async for page in client.pages(path, wrapped_in=_WRAPPER, or_bare=True):
        yield expect_records(page, within=_WRAPPER, or_bare=True)


async def visible_calendars_count(client: CanvasClient, account: CanvasId) -> Answer[int]:
    """GET /accounts/:id/visible_calendars_count: how many calendars of the whole subtree are visible.

    Raises ``ForbiddenError`` without ``manage_account_calendar_visibility``.
    """
    path = api_path("accounts", account, "visible_calendars_count")
    answer = expect_object(await client.get_json(path), "count")
    count = answer.data["count"]
    if not isinstance(count, int) or isinstance(count, bool):
        raise unexpected(answer, "an object with a number as count")
    return answer.with_data(count)

"""Announcements to a whole institution (``/api/v1/accounts/:id/account_notifications``).

Lives here: the one call. Does not live here: making or closing them, which this product never does.
"""

from collections.abc import AsyncIterator

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_records


async def account_notifications(
    client: CanvasClient, account: CanvasId, *, include_past: bool = True, include_all: bool = False
) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/account_notifications: the announcements of the root account, whichever account is asked.

    Those for the token's owner, ended and closed ones too with ``include_past``; those for every role with
    ``include_all``, which older Canvas ignores and which needs ``manage_alerts`` (``ForbiddenError``). One page in
    practice. ``message`` is HTML.
    """
    # Sent only when wanted: what is absent is false to Canvas.
    params = {"include_past": include_past or None, "include_all": include_all or None}
    async for page in client.pages(api_path("accounts", account, "account_notifications"), params):
        yield expect_records(page)

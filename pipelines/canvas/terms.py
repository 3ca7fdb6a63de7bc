"""Enrollment terms (``/api/v1/accounts/:id/terms``).

Lives here: the one call. Does not live here: which terms are active.
"""

from collections.abc import AsyncIterator

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_records

_WRAPPER = "enrollment_terms"


async def terms(
    client: CanvasClient, root_account: CanvasId, *, with_deleted: bool = True
) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/terms: pages of a root account's terms, taken out of their wrapping object.

    Deleted terms come too (``workflow_state[]=all``), for their courses still name them. Raises
    ``BadRequestError`` for a sub-account, ``ForbiddenError`` without ``read_terms``.
    """
    params = {"workflow_state[]": ["all"]} if with_deleted else None
    path = api_path("accounts", root_account, "terms")
    async for page in client.pages(path, params, wrapped_in=_WRAPPER):
        yield expect_records(page, within=_WRAPPER)

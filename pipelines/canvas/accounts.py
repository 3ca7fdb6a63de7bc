"""Accounts: the tree that everything else hangs on (``/api/v1/accounts``).

Lives here: thin calls of the accounts endpoints. Does not live here: terms, courses, and which accounts to pull.
Every call may raise any error of the tree in ``errors``; only the particular ones are named.
"""

from collections.abc import AsyncIterator, Sequence

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, expect_records, unexpected


async def show_account(client: CanvasClient, account: CanvasId, *, include: Sequence[str] = ()) -> Answer[Record]:
    """GET /accounts/:id: one account. ``self`` is the root account of the domain.

    Without the right to manage it, only id, name, parent and root id, state, uuid and time zone come.
    """
    # This endpoint reads `includes[]`, the list reads both: the documented `include[]` alone changes nothing here.
    params = {"include[]": list(include), "includes[]": list(include)} if include else None
    return expect_object(await client.get_json(api_path("accounts", account), params), "id")


async def list_accounts(client: CanvasClient, *, include: Sequence[str] = ()) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts: pages of the accounts that the token's owner administers; empty for everybody else."""
    async for page in client.pages(api_path("accounts"), {"include[]": list(include)}):
        yield expect_records(page)


async def sub_accounts(
    client: CanvasClient, account: CanvasId, *, recursive: bool = True
) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/sub_accounts: pages of the accounts below, the whole subtree unless ``recursive`` is off.

    The account itself is not among them. The subtree comes in no promised order.
    """
    params = {"recursive": True} if recursive else None
    async for page in client.pages(api_path("accounts", account, "sub_accounts"), params):
        yield expect_records(page)


async def permissions(client: CanvasClient, account: CanvasId, names: Sequence[str]) -> Answer[dict[str, bool]]:
    """GET /accounts/:id/permissions: for each of ``names``, whether the token's owner has it on this account."""
    path = api_path("accounts", account, "permissions")
    answer = expect_object(await client.get_json(path, {"permissions[]": list(names)}))
    # Canvas gives JSON booleans; its documentation shows them as texts.
    granted = {name: {"true": True, "false": False}.get(str(value).lower()) for name, value in answer.data.items()}
    if None in granted.values():
        raise unexpected(answer, "an object of true and false")
    return answer.with_data(granted)

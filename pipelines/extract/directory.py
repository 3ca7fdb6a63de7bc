"""The directory from Canvas: the account tree, terms and courses of the configured accounts."""

from dataclasses import dataclass

from pipelines.canvas import Answer, CanvasClient, Record, collect
from pipelines.canvas.accounts import show_account, sub_accounts
from pipelines.canvas.courses import account_courses
from pipelines.canvas.shapes import unexpected
from pipelines.canvas.terms import terms


@dataclass(frozen=True)
class AccountTree:
    """A configured account with everything below it. `root_account_id` is the account that terms belong to."""

    account_id: int
    root_account_id: int
    accounts: list[Record]
    request_id: str | None


async def account_tree(client: CanvasClient, account: str | int) -> AccountTree:
    """Return an account (`self` for the root of the domain) and its whole subtree, the account itself first."""
    top = await show_account(client, account)
    below = await collect(sub_accounts(client, account, recursive=True))
    account_id, root = _number(top, "id"), top.data.get("root_account_id")
    # By the text of the id: one that is no number is set aside where rows are typed, and does not end the tree.
    unique = {str(record.get("id")): record for record in [top.data, *below]}
    root_id = account_id if root is None else _number(top, "root_account_id")
    return AccountTree(account_id, root_id, list(unique.values()), top.request_id)


def _number(answer: Answer[Record], key: str) -> int:
    try:
        return int(answer.data[key])
    except (TypeError, ValueError):
        raise unexpected(answer, f"an account with a number as its {key}") from None


async def account_terms(client: CanvasClient, root_account_id: int) -> list[Record]:
    """Return the terms of a root account, deleted ones included."""
    return await collect(terms(client, root_account_id, with_deleted=True))


async def courses_below(client: CanvasClient, account_id: int) -> list[Record]:
    """Return the courses of an account's subtree, deleted ones included, each once."""
    records = await collect(account_courses(client, account_id, with_deleted=True))
    return list({str(record.get("id")): record for record in records}.values())

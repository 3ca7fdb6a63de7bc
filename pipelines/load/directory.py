"""The directory into the lake: accounts, terms and courses of each configured account."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.canvas import CanvasClient
from pipelines.extract.directory import AccountTree, account_terms, account_tree, courses_below
from pipelines.lake.store import Lake
from pipelines.load.questions import Ended, Question, Tables, ask_and_load
from pipelines.normalize import directory as rows
from pipelines.normalize.contracts import directory as contracts


@dataclass(frozen=True)
class DirectoryLoad:
    """How the directory's questions ended, and the accounts that were found below each configured account."""

    ended: list[Ended]
    trees: list[AccountTree]


async def load_accounts(
    lake: Lake, client: CanvasClient, instance: str, accounts: Sequence[str | int]
) -> DirectoryLoad:
    """Load the account tree below each configured account; accounts that overlap are loaded under each."""
    ended, trees = [], []
    for account in accounts:

        async def fetch(account: str | int = account) -> Tables:
            tree = await account_tree(client, account)
            trees.append(tree)
            batch = rows.accounts(tree.accounts)
            return Tables([(contracts.ACCOUNTS, batch)], lake.ledger.clock(), request_id=tree.request_id)

        ended.append(
            await ask_and_load(
                lake, instance, Question("account", str(account), "accounts", "accounts", {"account": account}), fetch
            )
        )
    return DirectoryLoad(ended, trees)


async def load_terms(lake: Lake, client: CanvasClient, instance: str, root_accounts: Sequence[int]) -> list[Ended]:
    """Load the terms of each root account."""
    ended = []
    for root in root_accounts:

        async def fetch(root: int = root) -> Tables:
            batch = rows.terms(await account_terms(client, root), root)
            return Tables([(contracts.TERMS, batch)], lake.ledger.clock())

        question = Question("account", str(root), "terms", "terms", {"account": root})
        ended.append(await ask_and_load(lake, instance, question, fetch))
    return ended


async def load_courses(lake: Lake, client: CanvasClient, instance: str, accounts: Sequence[int]) -> list[Ended]:
    """Load the courses below each account, with their teachers."""
    ended = []
    for account in accounts:

        async def fetch(account: int = account) -> Tables:
            records = await courses_below(client, account)
            return Tables(
                [
                    (contracts.COURSES, rows.courses(records)),
                    (contracts.COURSE_TEACHERS, rows.course_teachers(records)),
                ],
                lake.ledger.clock(),
            )

        question = Question("account", str(account), "courses", "courses", {"account": account})
        ended.append(await ask_and_load(lake, instance, question, fetch))
    return ended

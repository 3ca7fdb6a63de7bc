"""The directory into the lake: accounts and what is set up in them, terms, courses.

The account tree comes first, for everything else hangs on it. What a list says of an account besides (may courses be
made there, is it taught in) is folded into the account's row.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pipelines.canvas import Answer, CanvasClient, CanvasError, Record, collect
from pipelines.canvas.accounts import (
    account_domains,
    account_settings,
    course_accounts,
    course_creation_accounts,
    environment_settings,
    help_links,
    list_accounts,
    manageable_accounts,
    permissions,
    terms_of_service,
)
from pipelines.canvas.calendars import account_calendars, all_account_calendars, visible_calendars_count
from pipelines.canvas.errors import ForbiddenError
from pipelines.canvas.notifications import account_notifications
from pipelines.extract.directory import AccountTree, account_terms, account_tree, courses_below
from pipelines.extract.work import concerns_all
from pipelines.lake import Lake
from pipelines.lake.read import AccountPlace, live_rows, with_those_below
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.load.questions import Ended, Question, Reply, ask_and_load, failed
from pipelines.load.work_list import Work
from pipelines.normalize import directory as rows
from pipelines.normalize.contracts.directory import ACCOUNTS, SETUP_TABLES
from pipelines.normalize.course import whole_number

Pages = Callable[[CanvasClient], AsyncIterator[Answer[list[Record]]]]

FLAG_LISTS: dict[str, tuple[str, Pages]] = {
    "accounts list": ("is_listed", list_accounts),
    "manageable_accounts": ("is_manageable", manageable_accounts),
    "course_creation_accounts": ("can_create_courses", course_creation_accounts),
    "course_accounts": ("is_course_account", course_accounts),
}
"""The lists that say something of accounts, by their name in the coverage: the column, and the call."""

_CALENDARS = "visible_calendars"

PERMISSIONS = (
    "read_reports",
    "view_analytics",
    "read_course_list",
    "read_terms",
    "read_roster",
    "read_sis",
    "read_as_admin",
    "view_all_grades",
    "manage_grades",
    "manage_account_settings",
    "manage_account_calendar_visibility",
    "manage_alerts",
)
"""The permissions that `canvas.account_permissions` tells of: those that the tables of the warehouse rest on."""


OPTIONAL_ENDPOINTS = frozenset({*FLAG_LISTS, "visible_calendars_count", *(table.name for table in SETUP_TABLES)})
"""Questions that a token with few rights does without: what they bring is beside the analytics."""


@dataclass
class _Flags:
    """What the lists say: for each column the ids that are on its list, or None where the list could not be read."""

    listed: dict[str, set[int] | None] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)


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
    flags = await _ask_lists(lake, client, instance)
    before = await asyncio.to_thread(_said_before, lake, instance)
    for account in accounts:

        async def fetch(account: str | int = account) -> Reply:
            tree = await account_tree(client, account)
            counts = await _ask_calendar_count(lake, client, instance, tree.account_id, flags)
            records = [_with_flags(record, flags, counts, before) for record in tree.accounts]
            trees.append(tree)
            return Reply([rows.accounts(records)], lake.ledger.clock(), request_id=tree.request_id)

        question = Question("account", str(account), "accounts", "accounts", {"account": account})
        ended.append(await ask_and_load(lake, instance, question, fetch))
    return DirectoryLoad([*ended, *flags.ended], trees)


async def _ask_lists(lake: Lake, client: CanvasClient, instance: str) -> _Flags:
    flags = _Flags()
    for name, (column, call) in FLAG_LISTS.items():
        question = Question("account", "self", name, "accounts", {})

        async def listed(call: Pages = call) -> set[int]:
            numbers = {whole_number(record.get("id")) for record in await collect(call(client))}
            return {number for number in numbers if number is not None}

        flags.listed[column] = await _noted(lake, instance, question, listed, flags)
    return flags


async def _ask_calendar_count(
    lake: Lake, client: CanvasClient, instance: str, account: int, flags: _Flags
) -> dict[int, int]:
    question = Question("account", str(account), "visible_calendars_count", "accounts", {})

    async def count() -> int:
        return (await visible_calendars_count(client, account)).data

    found = await _noted(lake, instance, question, count, flags)
    return {} if found is None else {account: found}


async def _noted(
    lake: Lake, instance: str, question: Question, ask: Callable[[], Awaitable[Any]], flags: _Flags
) -> Any:
    """Ask for something that is folded into accounts, and write down how it ended; None where it did not come."""
    place = (instance, question.scope_kind, question.scope_id, question.endpoint)
    try:
        found = await ask()
    except CanvasError as error:
        if concerns_all(error):
            raise
        found, coverage = None, failed(instance, question, error)
    else:
        coverage = Coverage(*place, CoverageStatus.EMPTY if found == set() else CoverageStatus.LOADED, 200)
    await asyncio.to_thread(record_coverage, lake.ledger, [coverage])
    flags.ended.append(Ended(question, coverage))
    return found


def _said_before(lake: Lake, instance: str) -> dict[int, dict[str, Any]]:
    """Return what is known of accounts besides their records: a list that cannot be read today takes nothing away."""
    columns = ["account_id", _CALENDARS, *(column for column, _ in FLAG_LISTS.values())]
    there = live_rows(lake, instance, ACCOUNTS, columns)
    return {row["account_id"]: row for row in there}


def _with_flags(record: Record, flags: _Flags, calendars: dict[int, int], before: dict[int, dict[str, Any]]) -> Record:
    account = whole_number(record.get("id"))
    said = dict(record)
    if account is None:
        return said
    for column, ids in flags.listed.items():
        said[column] = before.get(account, {}).get(column) if ids is None else account in ids
    said[_CALENDARS] = calendars.get(account, before.get(account, {}).get(_CALENDARS))
    return said


async def load_terms(lake: Lake, client: CanvasClient, instance: str, root_accounts: Sequence[int]) -> list[Ended]:
    """Load the terms of each root account."""
    ended = []
    for root in root_accounts:

        async def fetch(root: int = root) -> Reply:
            return Reply([rows.terms(await account_terms(client, root), root)], lake.ledger.clock())

        question = Question("account", str(root), "terms", "terms", {"account": root})
        ended.append(await ask_and_load(lake, instance, question, fetch))
    return ended


async def load_courses(lake: Lake, client: CanvasClient, instance: str, accounts: Sequence[int]) -> list[Ended]:
    """Load the courses below each account, with their teachers."""
    ended = []
    for account in accounts:

        async def fetch(account: int = account) -> Reply:
            records = await courses_below(client, account)
            return Reply([rows.courses(records), rows.course_teachers(records)], lake.ledger.clock())

        question = Question("account", str(account), "courses", "courses", {"account": account})
        ended.append(await ask_and_load(lake, instance, question, fetch))
    return ended


@dataclass(frozen=True, slots=True)
class SetupQuestion:
    """A question about what is set up in an account. `name` is that of its table and of its source."""

    account_id: int
    name: str

    def question(self) -> Question:
        """Return the question as the lake and `meta.coverage` know it."""
        return Question("account", str(self.account_id), self.name, self.name, {"account": self.account_id})


def setup_questions(places: Sequence[AccountPlace]) -> list[SetupQuestion]:
    """Return what to ask: settings and permissions of each account, the rest of the tops and of the domain's root."""
    found = [SetupQuestion(place.account_id, name) for place in places for name in ("account_settings", _PERMITTED)]
    found += [
        SetupQuestion(place.account_id, name)
        for place in places
        if place.is_top
        for name in ("account_calendars", "terms_of_service")
    ]
    # A token's domain has one root account.
    root = min(place.root_account_id for place in places) if places else None
    if root is not None:
        names = ("environment_settings", "account_notifications", "help_links", "account_domains")
        found += [SetupQuestion(root, name) for name in names]
    return found


_PERMITTED = "account_permissions"


class SetupWorks:
    """Makes works of questions about what is set up. `host` is the name of this Canvas in the lookup of domains."""

    def __init__(self, client: CanvasClient, places: Sequence[AccountPlace], host: str) -> None:
        self._client, self._places, self._host = client, places, host
        self._fetches: dict[str, Callable[[int], Awaitable[Reply]]] = {
            "account_settings": self._settings,
            _PERMITTED: self._permissions,
            "account_calendars": self._calendars,
            "terms_of_service": self._terms_of_service,
            "environment_settings": self._environment,
            "account_notifications": self._notifications,
            "help_links": self._help_links,
            "account_domains": self._domains,
        }

    def work(self, item: SetupQuestion) -> Work:
        """Return a question with how to ask it."""
        return Work(item.question(), partial(self._fetches[item.name], item.account_id))

    async def _settings(self, account: int) -> Reply:
        answer = await account_settings(self._client, account)
        return Reply.of(answer, rows.account_settings(answer.data, account))

    async def _permissions(self, account: int) -> Reply:
        answer = await permissions(self._client, account, PERMISSIONS)
        return Reply.of(answer, rows.account_permissions(answer.data, account))

    async def _terms_of_service(self, account: int) -> Reply:
        answer = await terms_of_service(self._client, account)
        return Reply.of(answer, rows.terms_of_service(answer.data, account))

    async def _environment(self, root: int) -> Reply:
        answer = await environment_settings(self._client)
        return Reply.of(answer, rows.environment_settings(answer.data, root))

    async def _help_links(self, root: int) -> Reply:
        # `self` and not the id: for any other account than the domain's root Canvas fails.
        answer = await help_links(self._client, "self")
        return Reply.of(answer, rows.help_links(answer.data, root))

    async def _domains(self, root: int) -> Reply:
        found: dict[tuple[str, str], Record] = {}
        answers = [await account_domains(self._client, domain=self._host)]
        name = next((place.name for place in self._places if place.account_id == root), None)
        if name:
            answers.append(await account_domains(self._client, name=name))
        for answer in answers:
            found |= {(str(record.get("domain")), str(record.get("name"))): record for record in answer.data}
        return Reply.of(_together(answers), rows.account_domains(list(found.values())))

    async def _notifications(self, root: int) -> Reply:
        try:
            answer = await _gathered(account_notifications(self._client, "self", include_past=True, include_all=True))
        except ForbiddenError:
            # Everybody may see what is meant for them; all of them only those who write them.
            answer = await _gathered(account_notifications(self._client, "self", include_past=True))
        return Reply.of(answer, rows.account_notifications(answer.data, root))

    async def _calendars(self, top: int) -> Reply:
        """Ask each account with others below it for its calendar and theirs; without the right, for the visible."""
        inside = with_those_below(self._places, [top])
        parents = [
            place.account_id
            for place in self._places
            if place.account_id in inside and (place.is_parent or place.account_id == top)
        ]
        try:
            answers = [await _gathered(all_account_calendars(self._client, parent)) for parent in parents]
        except ForbiddenError:
            answers = [await _gathered(account_calendars(self._client))]
        found = {str(record.get("id")): record for answer in answers for record in answer.data}
        # One whose id cannot be read goes on: typing sets it aside, and nobody has to guess where it belongs.
        mine = [record for record in found.values() if whole_number(record.get("id")) in {None, *inside}]
        return Reply.of(_together(answers), rows.account_calendars(mine, top))


def _together(answers: Sequence[Answer[Any]]) -> Answer[Any]:
    """Return the last of some answers, with the requests of all."""
    return replace(answers[-1], attempts=sum(answer.attempts for answer in answers))


async def _gathered(pages: AsyncIterator[Answer[list[Record]]]) -> Answer[list[Record]]:
    """Return all pages as one answer, which counts the requests of each."""
    records: list[Record] = []
    last: Answer[Any] | None = None
    requests = 0
    async for page in pages:
        records += page.data
        requests += page.attempts
        last = page
    if last is None:
        raise ValueError("a list has at least one page")
    return replace(last, data=records, attempts=requests)

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


async def manageable_accounts(client: CanvasClient) -> AsyncIterator[Answer[list[Record]]]:
    """GET /manageable_accounts: pages of the accounts where the token's owner may create or manage courses.

    With everything below them; empty for teachers and students.
    """
    async for page in client.pages(api_path("manageable_accounts")):
        yield expect_records(page)


async def course_creation_accounts(client: CanvasClient) -> AsyncIterator[Answer[list[Record]]]:
    """GET /course_creation_accounts: pages of the accounts in which the token's owner may create courses."""
    async for page in client.pages(api_path("course_creation_accounts")):
        yield expect_records(page)


async def course_accounts(client: CanvasClient) -> AsyncIterator[Answer[list[Record]]]:
    """GET /course_accounts: pages of the accounts that the token's owner sees as teacher, assistant or designer.

    Seven fields each: id, name, state, uuid, parent and root id, time zone. The pages are bookmarked.
    """
    async for page in client.pages(api_path("course_accounts")):
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


async def account_settings(client: CanvasClient, account: CanvasId) -> Answer[Record]:
    """GET /accounts/:id/settings: what is set of Microsoft sync, and nothing else; often an empty object.

    Raises ``ForbiddenError`` without ``manage_account_settings``.
    """
    return expect_object(await client.get_json(api_path("accounts", account, "settings")))


async def environment_settings(client: CanvasClient) -> Answer[Record]:
    """GET /settings/environment: the flat object of settings that Canvas's own pages read, for the root account."""
    return expect_object(await client.get_json(api_path("settings", "environment")))


async def terms_of_service(client: CanvasClient, account: CanvasId) -> Answer[Record]:
    """GET /accounts/:id/terms_of_service: the root account's terms; ``content`` is HTML, or null for Canvas's own.

    ``self_registration_type`` is that of the account asked.
    """
    return expect_object(await client.get_json(api_path("accounts", account, "terms_of_service")), "id")


async def help_links(client: CanvasClient, account: CanvasId) -> Answer[Record]:
    """GET /accounts/:id/help_links: the help menu, as ``custom_help_links`` and ``default_help_links``.

    Ask for the root account of the domain only: for any other Canvas fails (``ServerError``).
    """
    path = api_path("accounts", account, "help_links")
    return expect_object(await client.get_json(path), "custom_help_links", "default_help_links")


async def account_domains(
    client: CanvasClient, *, name: str | None = None, domain: str | None = None
) -> Answer[list[Record]]:
    """GET /accounts/search: up to five institutions whose name or domain holds a text: ``name``, ``domain``.

    Not paginated. ``authentication_provider`` may be null, ``distance`` always is. Only hosted Canvas has it:
    ``NotFoundError`` elsewhere.
    """
    path = api_path("accounts", "search")
    return expect_records(await client.get_json(path, {"name": name, "domain": domain}))


async def permissions(client: CanvasClient, account: CanvasId, names: Sequence[str]) -> Answer[dict[str, bool]]:
    """GET /accounts/:id/permissions: for each of ``names``, whether the token's owner has it on this account."""
    path = api_path("accounts", account, "permissions")
    answer = expect_object(await client.get_json(path, {"permissions[]": list(names)}))
    # Canvas gives JSON booleans; its documentation shows them as texts.
    granted = {name: {"true": True, "false": False}.get(str(value).lower()) for name, value in answer.data.items()}
    if None in granted.values():
        raise unexpected(answer, "an object of true and false")
    return answer.with_data(granted)

"""Account calendars: the visible ones of everybody, all of an account, and how many are visible.

Every account has a calendar. Which are visible follows from the account's id, so that it stays from pull to pull.
"""

from collections.abc import Iterable
from typing import Any, Final

from pipelines.demo.records import Account
from pipelines.demo.wire import Answer, ApiError
from pipelines.demo.world import Call, Endpoint

_SHORTEST_SEARCH: Final = 2


def is_visible(account: Account) -> bool:
    """Whether an account's calendar is visible: every second one is, the root's among them."""
    return account.id % 2 == 1


def calendar_json(call: Call, account: Account) -> dict[str, Any]:
    """Write an account's calendar."""
    root = call.institution.root
    return {
        "id": account.id,
        "name": account.name,
        "parent_account_id": account.parent_id,
        "root_account_id": None if account.id == root.id else root.id,
        "visible": is_visible(account),
        "auto_subscribe": account.id % 4 == 1,
        "asset_string": f"account_{account.id}",
        "type": "account",
        "calendar_event_url": f"/accounts/{account.id}/calendar_events/%7B%7B%20id%20%7D%7D",
        "can_create_calendar_events": is_visible(account),
        "create_calendar_event_url": f"/accounts/{account.id}/calendar_events",
        "new_calendar_event_url": f"/accounts/{account.id}/calendar_events/new",
    }


def list_calendars(call: Call) -> Answer:
    """Answer a page of the visible calendars by name, wrapped into an object with their number.

    In the documented shape the list is not wrapped.
    """
    visible = [each for each in call.institution.accounts if each.state != "deleted" and is_visible(each)]
    shown = _by_name(_searched(call, visible))
    answer = call.numbered(shown, lambda each: calendar_json(call, each))
    if not call.world.documented_shapes:
        answer.payload = {"account_calendars": answer.payload, "total_results": len(shown)}
    return answer


def list_all_calendars(call: Call) -> Answer:
    """Answer a page of an account's and its children's calendars; a search or a filter covers the whole subtree."""
    account = call.account()
    call.require("manage_account_calendar_visibility")
    wanted = call.query.get("filter")
    if wanted and wanted not in {"visible", "hidden"}:
        raise ApiError(400, {"errors": "Expected filter param to be one of: visible, hidden"})
    institution = call.institution
    if wanted or call.query.get("search_term"):
        below = [account, *institution.descendants(account.id)]
        shown = _by_name(
            each for each in _searched(call, below) if not wanted or is_visible(each) == (wanted == "visible")
        )
    else:
        shown = [account, *_by_name(institution.children(account.id))]

    def write(each: Account) -> dict[str, Any]:
        return {**calendar_json(call, each), "sub_account_count": len(institution.children(each.id))}

    return call.numbered(shown, write)


def count_visible_calendars(call: Call) -> Answer:
    """Answer how many calendars of the account's subtree are visible."""
    account = call.account()
    call.require("manage_account_calendar_visibility")
    below = [account, *call.institution.descendants(account.id)]
    return Answer({"count": sum(map(is_visible, below))})


def _searched(call: Call, accounts: list[Account]) -> list[Account]:
    term = call.query.get("search_term")
    if not term:
        return accounts
    if len(term) < _SHORTEST_SEARCH:
        message = f"search_term of {_SHORTEST_SEARCH} or more characters is required"
        raise ApiError(400, {"errors": [{"message": message}]})
    return [each for each in accounts if term.lower() in each.name.lower()]


def _by_name(accounts: Iterable[Account]) -> list[Account]:
    return sorted(accounts, key=lambda each: (each.name.casefold(), each.id))


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/account_calendars", list_calendars, "list"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/account_calendars", list_all_calendars, "list"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/visible_calendars_count", count_visible_calendars),
)

"""Accounts, their sub-accounts and permissions, the search for domains, and the token's own user.

Courses, terms, calendars, notifications and settings of an account have their own modules.
"""

import re
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pipelines.demo.records import Account
from pipelines.demo.tokens import ALL_PERMISSIONS
from pipelines.demo.wire import Answer
from pipelines.demo.world import Call, Endpoint

_MANUALLY_CREATED: Final = "Manually-Created Courses"
_MOST_DOMAINS: Final = 5


def account_json(call: Call, account: Account, *, read_only: bool = False) -> dict[str, Any]:
    """Write an account: seven fields for everyone who reads it, quotas and SIS ids by permission."""
    root = call.institution.root
    written: dict[str, Any] = {
        "id": account.id,
        "name": account.name,
        "workflow_state": account.state,
        "parent_account_id": account.parent_id,
        "root_account_id": None if account.id == root.id else root.id,
        "uuid": uuid5(NAMESPACE_OID, f"account {account.id}").hex,
        "default_time_zone": account.time_zone,
    }
    if read_only or not call.may("manage_account_settings"):
        return written
    written |= {
        "default_storage_quota_mb": 500,
        "default_user_storage_quota_mb": 50,
        "default_group_storage_quota_mb": 50,
    }
    if account.id != root.id and call.may("read_sis"):
        written |= {
            "sis_account_id": account.sis_id,
            "integration_id": None,
            "sis_import_id": 1 if account.created_by_sis else None,
        }
    includes = {*call.query.many("include"), *call.query.many("includes")}
    if "course_count" in includes:
        own = [each for each in call.institution.courses if each.account_id == account.id]
        written["course_count"] = sum(each.state != "deleted" for each in own)
    if "sub_account_count" in includes:
        written["sub_account_count"] = len(call.institution.children(account.id))
    return written


def list_accounts(call: Call) -> Answer:
    """Answer the accounts that the token's user administers directly: the root."""
    return call.numbered([call.institution.root], lambda each: account_json(call, each))


def show_account(call: Call) -> Answer:
    """Answer one account."""
    account = call.account()
    call.require("read")
    return Answer(account_json(call, account))


def list_sub_accounts(call: Call) -> Answer:
    """Answer the direct children with a total, or the whole subtree without one."""
    account = call.account()
    call.require("read")
    if (call.query.get("recursive") or "").lower() in {"true", "1"}:
        below = sorted(call.institution.descendants(account.id), key=lambda each: each.id)
        return call.without_total(below, lambda each: account_json(call, each), lambda each: each.id)
    return call.numbered(call.institution.children(account.id), lambda each: account_json(call, each))


def list_course_accounts(call: Call) -> Answer:
    """Answer the accounts reached through course administration, on bookmarked pages, seven fields each."""
    return call.bookmarked(_tree(call), lambda each: account_json(call, each, read_only=True), lambda each: each.id)


def list_manageable_accounts(call: Call) -> Answer:
    """Answer the whole tree to whoever may manage courses in it, and nothing to others."""
    accounts = _tree(call) if call.may("manage_courses_admin") else []
    return call.numbered(accounts, lambda each: account_json(call, each))


def list_course_creation_accounts(call: Call) -> Answer:
    """Answer the whole tree to whoever may add courses in it, and nothing to others."""
    accounts = _tree(call) if call.may("manage_courses_admin") or call.may("manage_courses_add") else []
    return call.numbered(accounts, lambda each: account_json(call, each))


def show_manually_created_courses_account(call: Call) -> Answer:
    """Answer the account of that name; one that has none shows its first child, for records are not made here."""
    root = call.institution.root
    children = call.institution.children(root.id)
    named = (each for each in children if each.name == _MANUALLY_CREATED)
    account = next(named, children[0] if children else root)
    return Answer(account_json(call, account, read_only=not call.may("read")))


def search_domains(call: Call) -> Answer:
    """Answer up to five institutions whose name or domain holds what is asked for; no right is needed."""
    name, domain = ((call.query.get(key) or "").lower() for key in ("name", "domain"))
    found = [
        each for each in _domains(call) if name in str(each["name"]).lower() and domain in str(each["domain"]).lower()
    ]
    return Answer(found[:_MOST_DOMAINS])


def _domains(call: Call) -> list[dict[str, Any]]:
    """Return one domain for the root account and for each account below it; some have log-ins of their own."""
    return [
        {
            "name": each.name,
            "domain": f"{re.sub(r'[^a-z0-9]+', '-', each.name.lower()).strip('-') or each.id}.example.edu",
            "distance": None,
            "authentication_provider": "canvas" if each.id % 2 else None,
        }
        for each in _tree(call)
    ]


def _tree(call: Call) -> list[Account]:
    accounts = (each for each in call.institution.accounts if each.state != "deleted")
    return sorted(accounts, key=lambda each: each.id)


def show_permissions(call: Call) -> Answer:
    """Answer name -> boolean for the permissions asked for; unknown names are false.

    In the documented shape the booleans are texts.
    """
    call.account()
    call.require("read")
    asked = call.query.many("permissions") or sorted(ALL_PERMISSIONS)
    granted = {name: call.may(name) for name in asked}
    if call.world.documented_shapes:
        return Answer({name: str(value).lower() for name, value in granted.items()})
    return Answer(granted)


def show_self(call: Call) -> Answer:
    """Answer the token's own user."""
    name = call.institution.api_user_name
    return Answer({"id": call.institution.api_user_id, "name": name, "short_name": name, "sortable_name": name})


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/accounts", list_accounts, "list"),
    Endpoint("GET", "/api/v1/course_accounts", list_course_accounts, "list"),
    Endpoint("GET", "/api/v1/manageable_accounts", list_manageable_accounts, "list"),
    Endpoint("GET", "/api/v1/course_creation_accounts", list_course_creation_accounts, "list"),
    Endpoint("GET", "/api/v1/manually_created_courses_account", show_manually_created_courses_account),
    # Before the route of one account, which would take `search` for an id.
    Endpoint("GET", "/api/v1/accounts/search", search_domains, "list"),
    Endpoint("GET", "/api/v1/accounts/{id}", lambda call: show_account(_renamed(call))),
    Endpoint("GET", "/api/v1/accounts/{account_id}/sub_accounts", list_sub_accounts, "list"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/permissions", show_permissions),
    Endpoint("GET", "/api/v1/users/self", show_self),
)


def _renamed(call: Call) -> Call:
    # The scope of this one route says :id where the others say :account_id.
    call.path_params["account_id"] = call.path_params["id"]
    return call

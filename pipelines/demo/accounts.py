"""Accounts, their sub-accounts and permissions, and the token's own user.

Courses and terms of an account have their own modules.
"""

from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from pipelines.demo.records import Account
from pipelines.demo.tokens import ALL_PERMISSIONS
from pipelines.demo.wire import Answer
from pipelines.demo.world import Call, Endpoint


def account_json(call: Call, account: Account) -> dict[str, Any]:
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
    if not call.may("manage_account_settings"):
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
    """Answer the accounts reached through course administration, on bookmarked pages."""
    accounts = [each for each in call.institution.accounts if each.state != "deleted"]
    return call.bookmarked(accounts, lambda each: account_json(call, each), lambda each: each.id)


def show_permissions(call: Call) -> Answer:
    """Answer name -> boolean for the permissions asked for; unknown names are false."""
    call.account()
    call.require("read")
    asked = call.query.many("permissions") or sorted(ALL_PERMISSIONS)
    return Answer({name: call.may(name) for name in asked})


def show_self(call: Call) -> Answer:
    """Answer the token's own user."""
    name = call.institution.api_user_name
    return Answer({"id": call.institution.api_user_id, "name": name, "short_name": name, "sortable_name": name})


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/accounts", list_accounts, "list"),
    Endpoint("GET", "/api/v1/course_accounts", list_course_accounts, "list"),
    Endpoint("GET", "/api/v1/accounts/{id}", lambda call: show_account(_renamed(call))),
    Endpoint("GET", "/api/v1/accounts/{account_id}/sub_accounts", list_sub_accounts, "list"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/permissions", show_permissions),
    Endpoint("GET", "/api/v1/users/self", show_self),
)


def _renamed(call: Call) -> Call:
    # The scope of this one route says :id where the others say :account_id.
    call.path_params["account_id"] = call.path_params["id"]
    return call

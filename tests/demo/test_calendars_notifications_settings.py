"""What the demo Canvas says of an account beside its courses: calendars, announcements, settings, help, domains."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pipelines.canvas import CanvasClient, RetryPolicy, accounts, calendars, collect, errors, notifications
from pipelines.demo import DemoCanvas, ManualClock
from tests.demo.conftest import MakeCanvas

Call = Callable[[CanvasClient], Awaitable[Any]]


def ask(canvas: DemoCanvas, call: Call, token: str | None = None) -> Any:
    async def work() -> Any:
        async with CanvasClient(canvas.base_url, token or canvas.token, retries=RetryPolicy(attempts=1)) as client:
            return await call(client)

    return asyncio.run(work())


def test_visible_calendars_are_wrapped_paginated_and_sorted_by_name(canvas: DemoCanvas, http: httpx.Client) -> None:
    page = http.get("/api/v1/account_calendars?per_page=2")
    assert list(page.json()) == ["account_calendars", "total_results"]
    assert len(page.json()["account_calendars"]) == 2
    assert 'rel="next"' in page.headers["link"]
    found = ask(canvas, lambda c: collect(calendars.account_calendars(c)))
    assert len(found) == page.json()["total_results"] > 2
    assert all(calendar["visible"] for calendar in found)
    assert [calendar["name"] for calendar in found] == sorted((c["name"] for c in found), key=str.casefold)
    root = next(calendar for calendar in found if calendar["id"] == 1)
    assert (root["parent_account_id"], root["root_account_id"], root["asset_string"]) == (None, None, "account_1")
    assert "sub_account_count" not in root


def test_the_documented_calendars_are_not_wrapped(make_canvas: MakeCanvas, canvas: DemoCanvas) -> None:
    documented = make_canvas(documented_shapes=True)
    headers = documented.headers
    assert isinstance(httpx.get(f"{documented.base_url}/api/v1/account_calendars", headers=headers).json(), list)
    listing = lambda c: collect(calendars.account_calendars(c))  # noqa: E731
    assert ask(documented, listing) == ask(canvas, listing)


def test_all_calendars_are_an_account_and_its_children_hidden_ones_too(canvas: DemoCanvas) -> None:
    found = ask(canvas, lambda c: collect(calendars.all_account_calendars(c, 1)))
    children = canvas.institution.children(1)
    assert found[0]["id"] == 1
    assert {calendar["id"] for calendar in found} == {1, *(child.id for child in children)}
    assert {calendar["visible"] for calendar in found} == {True, False}
    assert found[0]["sub_account_count"] == len(children)


def test_a_filter_covers_the_whole_subtree_and_knows_two_words(canvas: DemoCanvas, http: httpx.Client) -> None:
    path = "/api/v1/accounts/1/account_calendars?per_page=100"
    visible, hidden = (http.get(f"{path}&filter={name}").json() for name in ("visible", "hidden"))
    assert {calendar["visible"] for calendar in visible} == {True}
    assert {calendar["visible"] for calendar in hidden} == {False}
    everybody = [each for each in canvas.institution.accounts if each.state != "deleted"]
    assert len(visible) + len(hidden) == len(everybody)
    assert ask(canvas, lambda c: calendars.visible_calendars_count(c, 1)).data == len(visible)
    wrong = http.get(f"{path}&filter=all")
    assert (wrong.status_code, list(wrong.json())) == (400, ["errors"])


@pytest.mark.parametrize(
    ("right", "call"),
    [
        ("manage_account_calendar_visibility", lambda c: collect(calendars.all_account_calendars(c, 1))),
        ("manage_account_calendar_visibility", lambda c: calendars.visible_calendars_count(c, 1)),
        ("manage_account_settings", lambda c: accounts.account_settings(c, 1)),
        ("manage_alerts", lambda c: collect(notifications.account_notifications(c, 1, include_all=True))),
    ],
)
def test_a_missing_right_is_refused_and_named(canvas: DemoCanvas, right: str, call: Call) -> None:
    canvas.tokens.grant("limited", without={right})
    with pytest.raises(errors.ForbiddenError) as caught:
        ask(canvas, call, "limited")
    assert caught.value.right == right
    ask(canvas, call)


def subjects(found: list[dict[str, Any]]) -> list[str]:
    return [each["subject"] for each in found]


def test_announcements_are_those_of_the_root_for_this_user(canvas: DemoCanvas, http: httpx.Client) -> None:
    now = http.get("/api/v1/accounts/1/account_notifications").json()
    assert subjects(now) == ["Library hours"]
    assert now == http.get("/api/v1/accounts/2/account_notifications").json()
    past = ask(canvas, lambda c: collect(notifications.account_notifications(c, 1)))
    assert "Maintenance" in subjects(past)
    assert any(subject.startswith("Welcome to") for subject in subjects(past))
    assert not any(each["roles"] for each in past)
    everybody = ask(canvas, lambda c: collect(notifications.account_notifications(c, 1, include_all=True)))
    assert {tuple(each["roles"]) for each in everybody} == {(), ("StudentEnrollment",)}
    assert {tuple(each["role_ids"]) for each in everybody} == {(), (3,)}
    assert len({each["id"] for each in everybody}) == len(everybody)
    assert all(each["message"].startswith("<p>") for each in everybody)


def test_an_announcement_ends_with_time_and_keeps_its_id(make_canvas: MakeCanvas, clock: ManualClock) -> None:
    canvas = make_canvas()
    before = ask(canvas, lambda c: collect(notifications.account_notifications(c, 1)))
    clock.advance(400 * 86400)
    after = ask(canvas, lambda c: collect(notifications.account_notifications(c, 1)))
    known = {each["id"]: each for each in after}
    assert len(after) > len(before)
    assert [known[each["id"]] for each in before] == before


def test_a_closed_announcement_cannot_be_shown(http: httpx.Client) -> None:
    path = "/api/v1/accounts/1/account_notifications"
    assert http.get(f"{path}/1").json()["subject"] == "Library hours"
    assert http.get(f"{path}/2").status_code == 403
    assert http.get(f"{path}/4711").status_code == 404


def test_settings_are_of_microsoft_sync_without_empty_ones(canvas: DemoCanvas) -> None:
    root = ask(canvas, lambda c: accounts.account_settings(c, "self")).data
    assert root["microsoft_sync_enabled"] is True
    assert all(name.startswith("microsoft_sync_") and value is not None for name, value in root.items())
    assert ask(canvas, lambda c: accounts.account_settings(c, 2)).data == {}
    environment = ask(canvas, accounts.environment_settings).data
    assert environment["calendar_contexts_limit"] == 10
    assert not any(isinstance(value, dict | list) for value in environment.values())


def test_terms_of_service_are_the_roots_whichever_account_is_asked(canvas: DemoCanvas) -> None:
    shown = ask(canvas, lambda c: accounts.terms_of_service(c, 2)).data
    assert set(shown) == {"id", "terms_type", "passive", "account_id", "content", "self_registration_type"}
    assert shown["account_id"] == 1


def test_the_help_menu_is_the_roots_alone_and_any_other_fails(canvas: DemoCanvas) -> None:
    menu = ask(canvas, lambda c: accounts.help_links(c, "self")).data
    assert set(menu) == {"help_link_name", "help_link_icon", "custom_help_links", "default_help_links"}
    assert {link["type"] for link in menu["custom_help_links"]} == {"default", "custom"}
    with pytest.raises(errors.ServerError) as caught:
        ask(canvas, lambda c: accounts.help_links(c, 2))
    assert caught.value.status == 500


def test_the_search_for_domains_is_no_account_and_finds_five_at_most(canvas: DemoCanvas) -> None:
    everything = ask(canvas, accounts.account_domains).data
    assert len(everything) == 5 < len(canvas.institution.accounts)
    assert {tuple(each) for each in everything} == {("name", "domain", "distance", "authentication_provider")}
    assert {each["authentication_provider"] for each in everything} == {"canvas", None}
    assert {each["distance"] for each in everything} == {None}
    name = everything[1]["name"]
    assert name in {each["name"] for each in ask(canvas, lambda c: accounts.account_domains(c, name=name.upper())).data}
    domain = everything[1]["domain"]
    assert ask(canvas, lambda c: accounts.account_domains(c, domain=domain)).data[0]["domain"] == domain
    assert ask(canvas, lambda c: accounts.account_domains(c, name="nowhere at all")).data == []


def test_accounts_to_manage_are_the_tree_for_who_may(canvas: DemoCanvas) -> None:
    tree = sorted(each.id for each in canvas.institution.accounts if each.state != "deleted")
    canvas.tokens.grant("adder", without={"manage_courses_admin"})
    canvas.tokens.grant("neither", without={"manage_courses_admin", "manage_courses_add"})
    for token, manageable, creation in ((None, tree, tree), ("adder", [], tree), ("neither", [], [])):
        found = ask(canvas, lambda c: collect(accounts.manageable_accounts(c)), token)
        assert [each["id"] for each in found] == manageable
        found = ask(canvas, lambda c: collect(accounts.course_creation_accounts(c)), token)
        assert [each["id"] for each in found] == creation


def test_course_accounts_are_bookmarked_and_show_seven_fields(canvas: DemoCanvas, http: httpx.Client) -> None:
    page = http.get("/api/v1/course_accounts?per_page=2")
    assert "page=bookmark:" in page.headers["link"]
    assert {len(each) for each in page.json()} == {7}
    assert http.get("/api/v1/course_accounts?per_page=2&page=2").status_code == 404
    found = ask(canvas, lambda c: collect(accounts.course_accounts(c)))
    assert [each["id"] for each in found] == sorted(each["id"] for each in found)
    assert len(found) > 2


def test_the_account_of_courses_made_by_hand_is_below_the_root(http: httpx.Client) -> None:
    shown = http.get("/api/v1/manually_created_courses_account").json()
    assert shown["parent_account_id"] == 1


def test_documented_permissions_are_texts_and_mean_the_same(make_canvas: MakeCanvas) -> None:
    canvas = make_canvas(documented_shapes=True)
    names = ["read_reports", "become_user"]
    raw = httpx.get(
        f"{canvas.base_url}/api/v1/accounts/1/permissions", params={"permissions[]": names}, headers=canvas.headers
    )
    assert raw.json() == {"read_reports": "true", "become_user": "false"}
    typed = ask(canvas, lambda c: accounts.permissions(c, 1, names))
    assert typed.data == {"read_reports": True, "become_user": False}

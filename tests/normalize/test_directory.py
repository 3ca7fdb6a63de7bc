"""What is set up in accounts: settings, permissions, calendars, announcements, terms of service, help links."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pipelines.normalize import directory
from pipelines.normalize.rows import UnexpectedAnswerShapeError
from tests.normalize.typed import batch, reasons, rows


def test_each_setting_is_a_row_and_keeps_its_value() -> None:
    answer = {"sync": True, "suffix": "@example.edu", "limit": 10, "none": None, "map": {"a": [1, 10**30]}, "empty": ""}
    found = rows(directory.account_settings(answer, 7))
    assert {row["account_id"] for row in found} == {7}
    assert {row["key"]: row["value"] for row in found} == {
        "sync": "true",
        "suffix": "@example.edu",
        "limit": "10",
        "none": None,
        "map": '{"a":[1,1000000000000000000000000000000]}',
        "empty": "",
    }
    assert rows(directory.environment_settings({"open": False}, 1)) == [
        {"root_account_id": 1, "key": "open", "value": "false"}
    ]
    assert rows(directory.account_settings({}, 7)) == []


def test_permissions_are_true_and_false_as_json_or_as_text() -> None:
    found = directory.account_permissions({"a": True, "b": "false", "c": "true", "d": False, "e": ["no"]}, 7)
    assert [(row["account_id"], row["permission"], row["granted"]) for row in rows(found)] == [
        (7, "a", True),
        (7, "b", False),
        (7, "c", True),
        (7, "d", False),
    ]
    assert reasons(found) == ["granted is a list, not true or false"]


def test_calendars_come_bare_or_wrapped() -> None:
    calendar = {
        "id": 7,
        "name": "Arts",
        "parent_account_id": 1,
        "root_account_id": 1,
        "visible": True,
        "auto_subscribe": False,
        "can_create_calendar_events": True,
        "asset_string": "account_7",
        "type": "account",
        "calendar_event_url": "/e/{{ id }}",
        "create_calendar_event_url": "/c",
        "new_calendar_event_url": "/n",
        "sub_account_count": 2,
    }
    bare = rows(directory.account_calendars([calendar], 7))
    assert bare == rows(directory.account_calendars({"account_calendars": [calendar], "total_results": 1}, 7))
    kept = {key: value for key, value in calendar.items() if key not in ("id", "new_calendar_event_url")}
    del kept["create_calendar_event_url"]
    assert bare == [{"account_id": 7, "top_account_id": 7, **kept}]


def test_announcements_keep_their_roles_as_text() -> None:
    given = {
        "id": 2,
        "subject": "Down",
        "message": "<p>…</p>",
        "icon": "warning",
        "start_at": "2026-11-20T00:00:00Z",
        "end_at": None,
        "role_ids": [1, None, "3"],
        "roles": ["StudentEnrollment", "Dean, Arts"],
    }
    (row,) = rows(directory.account_notifications([given], 1))
    assert row == {
        "notification_id": 2,
        "root_account_id": 1,
        "subject": "Down",
        "message": "<p>…</p>",
        "icon": "warning",
        "start_at": datetime(2026, 11, 20, tzinfo=UTC),
        "end_at": None,
        "role_ids": "1,,3",
        "roles": "StudentEnrollment,Dean, Arts",
    }
    everybody = rows(directory.account_notifications([{**given, "role_ids": [], "roles": []}, {"id": 3}], 1))
    assert [row["role_ids"] for row in everybody] == ["", None]
    assert reasons(directory.account_notifications([{"id": 3, "roles": [{"id": 1}]}], 1)) == [
        "roles is a list, not text"
    ]


def test_terms_of_service_are_one_row_of_the_account_that_was_asked() -> None:
    answer = {
        "id": 4,
        "terms_type": "custom",
        "passive": True,
        "account_id": 1,
        "content": None,
        "self_registration_type": "none",
    }
    assert rows(directory.terms_of_service(answer, 7)) == [
        {
            "account_id": 7,
            "terms_of_service_id": 4,
            "terms_type": "custom",
            "passive": True,
            "content": None,
            "self_registration_type": "none",
        }
    ]


def test_help_links_are_told_by_where_they_stand() -> None:
    link = {"id": "report_a_problem", "text": "Report", "subtext": "…", "url": "#create_ticket", "type": "default",
            "available_to": ["user", "student"]}  # fmt: skip
    custom = {"id": "link1", "text": "Help", "url": "https://example.edu", "is_new": True}
    answer = {
        "help_link_name": "Help",
        "help_link_icon": "help",
        "default_help_links": [link, link],
        "custom_help_links": [custom],
    }
    found = rows(directory.help_links(answer, 1))
    assert [(row["source"], row["position"], row["link_id"]) for row in found] == [
        ("default", 1, "report_a_problem"),
        ("default", 2, "report_a_problem"),
        ("custom", 1, "link1"),
    ]
    assert [row["available_to"] for row in found] == ["user,student", "user,student", None]
    assert {(row["help_link_name"], row["help_link_icon"]) for row in found} == {("Help", "help")}
    assert found[2]["is_new"] is True
    assert rows(directory.help_links({"default_help_links": [], "custom_help_links": None}, 1)) == []


def test_domains_keep_a_login_that_is_not_given() -> None:
    found = {"name": "University", "domain": "example.edu", "distance": None, "authentication_provider": None}
    assert rows(directory.account_domains([found])) == [found]


def test_what_is_known_of_an_account_beside_its_record_is_kept_and_the_rest_is_unknown() -> None:
    (first, second) = rows(
        directory.accounts([{"id": 1, "is_listed": True, "is_manageable": False, "visible_calendars": 3}, {"id": 2}])
    )
    assert (first["is_listed"], first["is_manageable"], first["visible_calendars"]) == (True, False, 3)
    assert (second["is_listed"], second["is_manageable"], second["visible_calendars"]) == (None, None, None)
    assert first["can_create_courses"] is first["is_course_account"] is None


@pytest.mark.parametrize("teachers", [{"id": 9}, 9, [9], [[{"id": 9}]], [None], [{"display_name": "A"}]])
def test_what_is_no_teacher_is_set_aside(teachers: object) -> None:
    found = batch(directory.course_teachers([{"id": 5, "teachers": teachers}, {"id": 6, "teachers": [{"id": 1}]}]))
    assert found.frame["course_id"].tolist() == [6]
    assert len(found.quarantined) == 1


_OF_ACCOUNT: list[Callable[[object, int], object]] = [
    directory.account_settings,
    directory.environment_settings,
    directory.account_permissions,
    directory.terms_of_service,
    directory.help_links,
    directory.terms,
    directory.account_notifications,
]


@pytest.mark.parametrize("answer", [None, "text", 5, [1], [[]]])
@pytest.mark.parametrize("parse", _OF_ACCOUNT)
def test_an_answer_of_another_kind_is_refused_with_the_account(
    parse: Callable[[object, int], object], answer: object
) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match="account 4711: Canvas gave"):
        parse(answer, 4711)


@pytest.mark.parametrize(
    ("parse", "answer"),
    [
        (directory.account_settings, {"errors": [{"message": "boom"}]}),
        (directory.environment_settings, {"errors": "boom"}),
        (directory.terms_of_service, {"errors": []}),
        (directory.help_links, {"errors": []}),
        (directory.help_links, {"default_help_links": None}),
        (directory.help_links, {"default_help_links": {}, "custom_help_links": []}),
        (directory.help_links, {"default_help_links": [1], "custom_help_links": []}),
    ],
)
def test_an_error_that_comes_as_an_object_does_not_become_rows(
    parse: Callable[[object, int], object], answer: object
) -> None:
    with pytest.raises(UnexpectedAnswerShapeError, match="account 4711: Canvas gave"):
        parse(answer, 4711)

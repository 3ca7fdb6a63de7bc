"""The directory in the lake, cell by cell, against the records that the demo Canvas holds."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Institution
from pipelines.demo.records import Account
from pipelines.ledger import CoverageStatus
from pipelines.ledger.coverage import coverage_since
from pipelines.load.directory import PERMISSIONS
from pipelines.normalize.contracts import TABLES, Table, directory
from tests.load import by_hand
from tests.load.families import pull_directory, pull_setup, statuses, tables
from tests.load.worlds import HOST, NOON, Rows, World, institution, open_world

NAMES = tuple(table.qualified for table in directory.TABLES)
DOMAIN = "college-of-arts.example.edu"


def pull(world: World, token: str = "") -> None:
    pull_directory(world, token)
    pull_setup(world, DOMAIN, token)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world whose whole directory is loaded. To be looked at only."""
    with open_world(tmp_path_factory.mktemp("directory"), institution=institution(0.1)) as world:
        pull(world)
        yield world


@pytest.fixture(scope="module")
def school(pulled: World) -> Institution:
    return pulled.canvas.institution


def active(school: Institution) -> list[Account]:
    return sorted((each for each in school.accounts if each.state == "active"), key=lambda each: each.id)


def below(school: Institution, account: int) -> set[int]:
    """Return an account and all active ones below it."""
    children = [each.id for each in active(school) if each.parent_id == account]
    return {account}.union(*(below(school, child) for child in children))


def as_canvas_says(table: Table, record: dict[str, Any], **known: object) -> dict[str, Any]:
    """Return a row: what the records know, and for the rest Canvas's words under the names of the contract."""
    row = {column.name: record.get(column.source_name) for column in table.columns}
    assert known.keys() <= row.keys()
    return {**row, **known}


def test_the_tables_of_the_directory_are_all_compared_here() -> None:
    assert {table.qualified for table in TABLES.values() if table.group == "directory"} == set(NAMES)
    here = {name.removeprefix("test_").split("_table_")[0] for name in globals() if "_table_" in name}
    assert {f"canvas.{name}" for name in here} == set(NAMES)


def test_accounts_table_is_the_tree_with_what_the_lists_say(pulled: World, school: Institution) -> None:
    said = {one["id"]: one for one in by_hand.said(pulled, "/accounts/1/sub_accounts?recursive=true&per_page=100")[0]}
    said[1] = by_hand.said(pulled, "/accounts/1")[0]
    due = [
        as_canvas_says(
            directory.ACCOUNTS,
            said[each.id],
            account_id=each.id,
            name=each.name,
            parent_account_id=each.parent_id,
            root_account_id=1,
            workflow_state=each.state,
            default_time_zone=each.time_zone,
            sis_account_id=each.sis_id,
            sis_import_id=1 if each.created_by_sis else None,
            # The token's owner administers the root; what may be managed is the whole tree.
            is_listed=each.id == 1,
            is_manageable=True,
            can_create_courses=True,
            is_course_account=True,
            visible_calendars=sum(one % 2 for one in below(school, 1)) if each.id == 1 else None,
        )
        for each in active(school)
    ]
    assert pulled.rows("canvas.accounts") == due
    assert len(due) == 12
    assert len({row["uuid"] for row in due}) == 12


def test_terms_table_has_the_deleted_ones_too(pulled: World, school: Institution) -> None:
    assert pulled.rows("canvas.terms") == [
        {
            "term_id": each.id,
            "root_account_id": 1,
            "name": each.name,
            "start_at": each.start_at,
            "end_at": each.end_at,
            "created_at": each.created_at,
            "workflow_state": each.state,
            "grading_period_group_id": None,
            "sis_term_id": each.sis_id,
            "sis_import_id": 1 if each.created_by_sis else None,
        }
        for each in sorted(school.terms, key=lambda one: one.id)
    ]
    assert {each.state for each in school.terms} == {"active", "deleted"}


def test_courses_table_has_every_course_of_the_tree(pulled: World, school: Institution) -> None:
    said = by_hand.said(pulled, "/accounts/1/courses?state[]=all&per_page=100")[0]
    answers = {one["id"]: one for one in said}
    terms = {each.id: each for each in school.terms}
    names = {each.id: each.name for each in school.accounts}
    due = []
    for each in sorted(school.courses, key=lambda one: one.id):
        end = each.end_at if each.restrict_to_dates else terms[each.term_id].end_at
        students = {
            one.user_id
            for one in school.enrollments
            if one.course_id == each.id
            and one.type == "StudentEnrollment"
            and one.state in ("active", "completed", "invited")
        }
        state = "unpublished" if each.state in ("created", "claimed") else each.state
        due.append(
            as_canvas_says(
                directory.COURSES,
                answers[each.id],
                course_id=each.id,
                name=each.name,
                course_code=each.code,
                account_id=each.account_id,
                root_account_id=1,
                enrollment_term_id=each.term_id,
                workflow_state=state,
                created_at=each.created_at,
                start_at=each.start_at,
                end_at=each.end_at,
                concluded=each.state == "completed" or (end is not None and end < NOON),
                account_name=names[each.account_id],
                total_students=len(students),
                sis_course_id=each.sis_id,
                integration_id=each.integration_id,
                sis_import_id=1 if each.created_by_sis else None,
                course_format=each.course_format,
                is_public=each.is_public,
                restrict_enrollments_to_course_dates=each.restrict_to_dates,
            )
        )
    assert pulled.rows("canvas.courses") == due
    assert {row["workflow_state"] for row in due} == {"unpublished", "available", "completed", "deleted"}
    assert {row["total_students"] == 0 for row in due} == {True, False}
    assert {row["sis_course_id"] for row in due} >= {None, "00012345"}
    names_ = {row["name"] for row in due}
    assert {"NA", 'Commas, "quotes"\nand a second line; 100 % — naïve 日本語'} <= names_


def test_course_teachers_table_has_each_teacher_of_each_course_once(pulled: World, school: Institution) -> None:
    names = {each.id: each.name for each in school.users}
    teaching = {
        (each.course_id, each.user_id)
        for each in school.enrollments
        if each.type == "TeacherEnrollment" and each.state in ("active", "completed", "invited")
    }
    assert pulled.rows("canvas.course_teachers") == [
        {"course_id": course, "user_id": user, "display_name": names[user]} for course, user in sorted(teaching)
    ]
    assert teaching


def test_account_settings_table_holds_what_canvas_shows_of_each_account(pulled: World, school: Institution) -> None:
    accounts = [each.id for each in active(school)]
    said = by_hand.said(pulled, *(f"/accounts/{account}/settings" for account in accounts))
    due = [
        {"account_id": account, "key": key, "value": value if isinstance(value, str) else json.dumps(value)}
        for account, answer in zip(accounts, said, strict=True)
        for key, value in sorted(answer.items())
    ]
    assert pulled.rows("canvas.account_settings") == due
    assert ("microsoft_sync_enabled", "true") in {(row["key"], row["value"]) for row in due}
    # An account without any is empty, which is not the same as unread.
    ended = statuses(pulled)
    assert ended["2", "account_settings"] is CoverageStatus.EMPTY
    assert ended["1", "account_settings"] is CoverageStatus.LOADED


def test_environment_settings_table_keeps_numbers_and_flags_as_json(pulled: World) -> None:
    rows = pulled.rows("canvas.environment_settings")
    (said,) = by_hand.said(pulled, "/settings/environment")
    assert {row["key"]: row["value"] for row in rows} == {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()
    }
    assert {row["root_account_id"] for row in rows} == {1}
    assert {"10", "false", "23:59:59"} <= {row["value"] for row in rows}


def test_account_permissions_table_has_every_permission_of_every_account(pulled: World, school: Institution) -> None:
    due = [
        {"account_id": each.id, "permission": name, "granted": True}
        for each in active(school)
        for name in sorted(PERMISSIONS)
    ]
    assert pulled.rows("canvas.account_permissions") == due


def test_account_calendars_table_has_the_hidden_ones_too(pulled: World, school: Institution) -> None:
    parents = {each.parent_id for each in active(school)} - {None} | {1}
    said = by_hand.said(pulled, *(f"/accounts/{parent}/account_calendars" for parent in sorted(parents, key=str)))
    answers = {one["id"]: one for listed in said for one in listed}
    due = [
        as_canvas_says(
            directory.ACCOUNT_CALENDARS,
            answers[each.id],
            account_id=each.id,
            top_account_id=1,
            name=each.name,
            parent_account_id=each.parent_id,
            root_account_id=None if each.id == 1 else 1,
            asset_string=f"account_{each.id}",
            sub_account_count=len(below(school, each.id) & {one.id for one in active(school)
                                                            if one.parent_id == each.id}),
        )
        for each in active(school)
    ]  # fmt: skip
    rows = pulled.rows("canvas.account_calendars")
    assert rows == due
    assert {row["visible"] for row in rows} == {True, False}
    assert sum(row["sub_account_count"] for row in rows) == 11


def test_account_notifications_table_has_those_that_are_over_and_those_for_roles(
    pulled: World, school: Institution
) -> None:
    rows = {row["notification_id"]: row for row in pulled.rows("canvas.account_notifications")}
    begun = [each for each in school.terms if each.state == "active" and each.start_at]
    week = timedelta(days=7)
    due = {1, 2}
    for each in begun:
        assert each.start_at is not None
        if each.start_at - week <= NOON:
            due.add(10 * each.id)
            row = rows[10 * each.id]
            assert (row["subject"], row["start_at"]) == (f"Welcome to {each.name}", each.start_at - week)
            assert (row["role_ids"], row["roles"], row["root_account_id"]) == ("", "", 1)
        if each.start_at <= NOON:
            due.add(10 * each.id + 1)
            row = rows[10 * each.id + 1]
            assert (row["end_at"], row["role_ids"], row["roles"]) == (each.end_at, "3", "StudentEnrollment")
    assert set(rows) == due
    assert rows[1]["message"] == '<p>The library is open until <b>22:00</b>. <a href="/courses">Your courses</a></p>'
    assert rows[2]["icon"] == "warning"
    (said,) = by_hand.said(pulled, "/accounts/self/account_notifications?include_past=true&include_all=true")
    assert {one["id"] for one in said} == due


def test_terms_of_service_table_is_what_the_configured_account_shows(pulled: World) -> None:
    assert pulled.rows("canvas.terms_of_service") == [
        {
            "account_id": 1,
            "terms_of_service_id": 1,
            "terms_type": "custom",
            "passive": True,
            "content": "<p>Be kind &amp; hand in on time.</p>",
            "self_registration_type": "none",
        }
    ]


def test_help_links_table_keeps_both_lists_in_their_order(pulled: World) -> None:
    (said,) = by_hand.said(pulled, "/accounts/self/help_links")
    due = [
        as_canvas_says(
            directory.HELP_LINKS,
            link,
            account_id=1,
            source=source,
            position=position,
            available_to=",".join(link["available_to"]),
            help_link_name="Help",
            help_link_icon="help",
        )
        for source in ("custom", "default")
        for position, link in enumerate(said[f"{source}_help_links"], start=1)
    ]
    assert pulled.rows("canvas.help_links") == due
    # The same link may stand in both lists.
    assert len(due) == 4
    assert len({row["link_id"] for row in due}) == 3


def test_account_domains_table_has_what_the_lookup_finds_for_host_and_name(pulled: World) -> None:
    by_name, by_host = by_hand.said(
        pulled, "/accounts/search?name=Ridgeline%20University", f"/accounts/search?domain={DOMAIN}"
    )
    due = sorted((one["domain"], one["name"], one["authentication_provider"]) for one in [*by_name, *by_host])
    rows = pulled.rows("canvas.account_domains")
    assert [(row["domain"], row["name"], row["authentication_provider"]) for row in rows] == due
    assert {name for _, name, _ in due} == {"College of Arts", "Ridgeline University"}
    assert {row["distance"] for row in rows} == {None}


def test_documented_shapes_give_the_same_directory(tmp_path: Path, pulled: World) -> None:
    with open_world(tmp_path, institution=institution(0.1), documented_shapes=True, bookmark_pages=True) as world:
        pull(world)
        assert tables(world, NAMES) == tables(pulled, NAMES)


def test_what_the_token_may_not_read_is_told_and_nothing_is_made_up(tmp_path: Path) -> None:
    rights = ["manage_account_settings", "read_sis", "manage_alerts", "manage_account_calendar_visibility"]
    with open_world(tmp_path, institution=institution(0.1)) as world:
        world.canvas.tokens.grant("1~reader", without=[*rights, "manage_courses_admin", "manage_courses_add"])
        pull(world, "1~reader")
        accounts = world.rows("canvas.accounts")
        assert len(accounts) == 12
        # Unknown is NULL; what a list that could be read leaves out is false.
        assert {row["sis_account_id"] for row in accounts} == {row["visible_calendars"] for row in accounts} == {None}
        assert {row["is_manageable"] for row in accounts} == {row["can_create_courses"] for row in accounts} == {False}
        assert {row["is_course_account"] for row in accounts} == {True}
        ended = statuses(world)
        assert ended["1", "account_settings"] is CoverageStatus.FORBIDDEN
        assert ended["1", "visible_calendars_count"] is CoverageStatus.FORBIDDEN
        granted = {(row["permission"], row["granted"]) for row in world.rows("canvas.account_permissions")}
        assert {(name, name not in rights) for name in PERMISSIONS} == granted
        calendars = world.rows("canvas.account_calendars")
        assert {row["account_id"] % 2 for row in calendars} == {1}
        assert {row["sub_account_count"] for row in calendars} == {None}
        assert {row["role_ids"] for row in world.rows("canvas.account_notifications")} == {""}


def test_a_list_that_cannot_be_read_today_takes_nothing_of_yesterday_away(tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.1)) as world:
        pull(world)
        before = tables(world, NAMES)
        faults = world.canvas.faults
        faults.answer(r"/(manageable_accounts|course_creation_accounts)$", status=500, times=None)
        faults.answer(r"/visible_calendars_count$", status=500, times=None)
        faults.html(r"/(settings|permissions|help_links|account_notifications|terms_of_service|search)$", times=None)
        faults.answer(r"/(terms|courses|environment|account_calendars)$", status=502, body="bad gateway", times=None)
        world.clock.advance(3600)
        pull(world)
        assert tables(world, NAMES) == before
        failed = coverage_since(world.ledger, HOST, world.clock(), [CoverageStatus.FAILED])
        named = {one.endpoint for one in failed}
        assert {"terms", "courses", "help_links", "account_settings", "manageable_accounts"} <= named
        assert all(one.detail for one in failed)


def _row(rows: Rows, **wanted: object) -> dict[str, Any]:
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_an_account_may_be_configured_by_another_name_and_a_part_of_the_tree_is_a_tree(tmp_path: Path) -> None:
    from pipelines.lake.read import top_account_ids
    from pipelines.load.directory import load_accounts

    with open_world(tmp_path, institution=institution(0.1)) as world:
        world.ask(lambda client: load_accounts(world.lake, client, HOST, ["sis_account_id:COL002"]))
        school = world.canvas.institution
        college = next(each for each in school.accounts if each.sis_id == "COL002")
        rows = world.rows("canvas.accounts")
        assert {row["account_id"] for row in rows} == below(school, college.id)
        assert _row(rows, account_id=college.id)["root_account_id"] == 1
        assert top_account_ids(world.lake, HOST) == [college.id]

"""Which accounts are configured decides what stays in the lake, whatever an account is called."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.course import _place
from pipelines.lake.read import account_places, live_table
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import answers, record_coverage
from pipelines.ledger.loads import live_row_counts, retire_scopes
from pipelines.load.directory import SetupWorks, load_accounts, setup_questions
from pipelines.load.questions import Ended, Question, Summary
from pipelines.load.students import StudentQuestion, StudentWorks
from pipelines.normalize.contracts import TABLES
from pipelines.normalize.contracts.directory import ACCOUNTS
from tests.load.worlds import HOST, World, open_world


def load(world: World, *accounts: str | int) -> None:
    world.ask(lambda client: load_accounts(world.lake, client, HOST, accounts))


def set_up(world: World) -> list[Coverage]:
    places = account_places(world.lake, HOST)
    return world.pull(
        "account set-up", setup_questions(places), lambda client: SetupWorks(client, places, "demo.example.edu").work
    )


def test_an_account_that_is_named_by_its_sis_id_keeps_its_rows(world: World) -> None:
    load(world, "sis_account_id:COL002")
    configured = {"sis_account_id:COL002"}
    gone = retire_scopes(world.ledger, HOST, "accounts", keep=lambda scope: str(scope["account"]) in configured)
    assert gone == 0
    assert [row["account_id"] for row in world.rows("canvas.accounts")][:1] == [2]


def test_two_configured_accounts_hold_each_calendar_once_and_keep_their_terms_apart(world: World) -> None:
    load(world, 2, 3)
    set_up(world)
    accounts = [row["account_id"] for row in world.rows("canvas.accounts")]
    calendars = [row["account_id"] for row in world.rows("canvas.account_calendars")]
    assert sorted(calendars) == sorted(accounts)
    assert [row["account_id"] for row in world.rows("canvas.terms_of_service")] == [2, 3]
    world.clock.advance(3600)
    world.canvas.faults.answer(
        r"/accounts/2/terms_of_service", status=200, body='{"id": 9, "terms_type": "custom", "content": "new"}',
        headers={"content-type": "application/json"},
    )  # fmt: skip
    set_up(world)
    held = [(row["account_id"], row["content"]) for row in world.rows("canvas.terms_of_service")]
    assert [account for account, _ in held] == [2, 3]
    assert dict(held)[2] == "new"


def test_the_set_up_of_the_root_stays_where_only_a_sub_account_is_configured(world: World) -> None:
    load(world, 2)
    set_up(world)
    asked = {(item.name, item.account_id) for item in setup_questions(account_places(world.lake, HOST))}
    for name in ("environment_settings", "help_links"):
        assert (name, 1) in asked
        assert live_row_counts(world.ledger)[f"canvas.{name}"] > 0


def test_a_course_that_left_and_came_back_is_asked_about_anew(world: World) -> None:
    places = [("course", "101", "analytics/activity"), ("student", "101/5", "analytics/users/activity")]
    record_coverage(world.ledger, [Coverage(HOST, *place, CoverageStatus.LOADED) for place in places])
    kept = Coverage(HOST, "student", "102/5", "analytics/users/activity", CoverageStatus.LOADED)
    record_coverage(world.ledger, [kept])
    lake_rows(world, "student_activity", {"course": 101, "user": 5})
    lake_rows(world, "course_activity", {"course": 101})
    for source in ("student_activity", "course_activity"):
        retire_scopes(world.ledger, HOST, source, keep=lambda scope: int(str(scope["course"])) != 101, place=_place)
    assert list(answers(world.ledger, HOST, "course")) == [("unrelated", "another")]
    assert list(answers(world.ledger, HOST, "student")) == [("102/5", "analytics/users/activity")]


def lake_rows(world: World, source: str, scope: dict[str, Any]) -> None:
    from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
    from pipelines.normalize import course, student

    if "user" in scope:
        tables = student.activity({"page_views": {"2026-11-01": 3}, "participations": []}, **_ids(scope))
    else:
        tables = [course.activity([{"date": "2026-11-01", "views": 1, "participations": 0}], scope["course"])]

    def note(_: int, __: SliceResult) -> Coverage:
        return Coverage(HOST, "course", "unrelated", "another", CoverageStatus.LOADED)

    answer = SliceAnswer(scope, tables, world.clock())
    load_batch(world.lake, load_id=f"load {source}", instance=HOST, source=source, answers=[answer], note=note)


def _ids(scope: dict[str, Any]) -> dict[str, int]:
    return {"course_id": scope["course"], "user_id": scope["user"]}


def test_a_file_from_before_a_column_was_declared_is_read_with_nulls_in_it(world: World) -> None:
    load(world, "self")
    for path in Path(world.lake.root / "canvas" / "accounts").rglob("*.parquet"):
        older = pq.read_table(path, partitioning=None).drop_columns(["is_listed", "visible_calendars"])
        pq.write_table(older, path)
    found = live_table(world.lake, HOST, ACCOUNTS, ["account_id", "is_listed", "visible_calendars"])
    assert found.num_rows > 0
    assert found["is_listed"].null_count == found.num_rows
    assert found["visible_calendars"].type == pa.int64()
    load(world, "self")


def test_tables_whose_slices_nothing_tells_apart_do_not_share_a_load(world: World) -> None:
    from pipelines.lake.batches import SliceAnswer, load_batch
    from pipelines.normalize.directory import terms

    two = [SliceAnswer({"account": one}, [terms([{"id": one}], one)], world.clock()) for one in (1, 2)]
    with pytest.raises(ValueError, match=r"canvas\.terms"):
        load_batch(world.lake, load_id="x", instance=HOST, source="terms", answers=two, note=lambda *_: None)  # type: ignore[arg-type]
    assert TABLES["canvas.terms"].slice_columns == ()


@pytest.mark.parametrize("odd", ['"1~5"', "[]", '"x"', "null"])
def test_an_account_with_an_odd_id_is_set_aside_and_the_others_stay(tmp_path: Path, odd: str) -> None:
    with open_world(tmp_path) as world:
        load(world, "self")
        before = [row["account_id"] for row in world.rows("canvas.accounts")]
        for path in (r"/manageable_accounts", r"/accounts/\d+/account_calendars"):
            world.canvas.faults.answer(
                path, status=200, body=f'[{{"id": {odd}, "name": "Odd"}}]',
                headers={"content-type": "application/json"}, times=None,
            )  # fmt: skip
        load(world, "self")
        assert [row["account_id"] for row in world.rows("canvas.accounts")] == before
        ended = {entry.endpoint: entry.status for entry in set_up(world)}
        assert ended["account_calendars"] is CoverageStatus.FAILED
        assert ended["help_links"] is CoverageStatus.LOADED


def test_a_firewall_in_the_way_of_one_student_says_nothing_of_the_others(world: World) -> None:
    course = next(each for each, students in world.canvas.institution.students_by_course.items() if len(students) > 3)
    users = list(world.canvas.institution.students_by_course[course])[:4]
    items = [StudentQuestion(course, user, "communication", "", settled=True) for user in users]
    world.canvas.faults.answer(rf"/users/{users[0]}/communication", status=403, body="<html>Blocked</html>",
                               headers={"content-type": "text/html"}, times=None)  # fmt: skip
    ended = world.pull("student", items, lambda client: StudentWorks(client).work, width=1)
    assert sorted(entry.scope_id for entry in ended if not entry.status.value.startswith(("loaded", "empty"))) == [
        f"{course}/{users[0]}"
    ]


def test_what_is_refused_to_one_student_of_a_course_is_not_asked_of_the_others(world: World) -> None:
    course = next(each for each, students in world.canvas.institution.students_by_course.items() if len(students) > 3)
    users = list(world.canvas.institution.students_by_course[course])[:4]
    items = [StudentQuestion(course, user, "communication", "", settled=True) for user in users]
    world.canvas.tokens.grant("limited", without=["read_grades"])
    ended = world.pull("student", items, lambda client: StudentWorks(client).work, width=1, token="limited")
    assert {entry.status for entry in ended} == {CoverageStatus.FORBIDDEN}
    assert sorted(entry.attempts for entry in ended) == [0, 0, 0, 1]
    assert world.canvas.requests.count("/communication") == 1


def test_thousands_of_failures_of_one_kind_are_one_cause() -> None:
    summary = Summary()
    for user in range(3000):
        question = Question("student", f"7/{user}", "analytics/users/activity", "student_activity", {})
        detail = f"activity of student {user} in course 7: Canvas gave text"
        summary.add(Ended(question, Coverage(HOST, "student", f"7/{user}", "x", CoverageStatus.FAILED, detail=detail)))
    (cause,) = summary.causes.values()
    assert (cause.questions, cause.first.scope_id) == (3000, "7/0")
    assert "student 0 in course 7" in cause.text

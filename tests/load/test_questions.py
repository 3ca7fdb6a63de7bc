"""Directory and department analytics: every row as Canvas gave it, and one bad account never sinks the others."""

from typing import Any

import pytest

from pipelines.canvas import CanvasClient
from pipelines.canvas.analytics import TermFilter, department_activity
from pipelines.canvas.errors import AuthenticationError
from pipelines.extract.terms import TermDates
from pipelines.lake.read import account_ids, root_account_ids, term_dates, top_account_ids
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.database import rows_of
from pipelines.load.department import ENDPOINTS, DepartmentQuestion, department_work, due_questions
from pipelines.load.directory import load_accounts, load_courses, load_terms
from pipelines.load.questions import Ended
from pipelines.normalize.department import DepartmentScope
from tests.load.worlds import HOST, NOON, World, open_world


def load_directory(world: World) -> list[Ended]:
    async def work(client: CanvasClient) -> list[Ended]:
        loaded = await load_accounts(world.lake, client, HOST, ["self"])
        roots = [tree.root_account_id for tree in loaded.trees]
        terms = await load_terms(world.lake, client, HOST, roots)
        return [*loaded.ended, *terms, *await load_courses(world.lake, client, HOST, roots)]

    return world.ask(work)


def questions(world: World, accounts: list[int] | None = None) -> list[DepartmentQuestion]:
    school = world.canvas.institution
    terms = [TermDates(term.id, term.start_at, term.end_at) for term in school.terms if term.state == "active"]
    live = [account.id for account in school.accounts if account.state == "active"]
    return due_questions(world.ledger, HOST, accounts or live, terms, now=NOON)


def without_terms(world: World, accounts: list[int]) -> list[DepartmentQuestion]:
    return [item for item in questions(world, accounts) if item.scope.term_id is None]


def load_department(world: World, asked: list[DepartmentQuestion], token: str = "") -> list[Coverage]:
    return world.pull("department", asked, lambda client: lambda item: department_work(client, item), token=token)


def test_every_account_term_and_course_is_what_the_school_holds(world: World) -> None:
    ended = load_directory(world)
    assert {one.coverage.status for one in ended} == {CoverageStatus.LOADED}
    school = world.canvas.institution
    live = [account for account in school.accounts if account.state == "active"]
    found = world.rows("canvas.accounts")
    assert [(r["account_id"], r["name"], r["parent_account_id"], r["sis_account_id"]) for r in found] == [
        (a.id, a.name, a.parent_id, a.sis_id) for a in live
    ]
    assert {r["root_account_id"] for r in found} == {1}
    names = ("term_id", "name", "start_at", "end_at", "workflow_state", "sis_term_id")
    assert [tuple(r[name] for name in names) for r in world.rows("canvas.terms")] == [
        (t.id, t.name, t.start_at, t.end_at, t.state, t.sis_id) for t in school.terms
    ]
    states = {"created": "unpublished", "claimed": "unpublished"}
    names = ("course_id", "name", "account_id", "enrollment_term_id", "workflow_state", "sis_course_id")
    assert [tuple(r[name] for name in names) for r in world.rows("canvas.courses")] == [
        (c.id, c.name, c.account_id, c.term_id, states.get(c.state, c.state), c.sis_id)
        for c in sorted(school.courses, key=lambda c: c.id)
    ]
    teaching = {
        (e.course_id, e.user_id)
        for e in school.enrollments
        if e.type == "TeacherEnrollment" and e.state in ("active", "completed", "invited")
    }
    taught = [(r["course_id"], r["user_id"]) for r in world.rows("canvas.course_teachers")]
    assert taught == sorted(teaching)


def test_what_was_loaded_decides_what_is_asked_next(world: World) -> None:
    load_directory(world)
    school = world.canvas.institution
    active = sorted(account.id for account in school.accounts if account.state == "active")
    assert account_ids(world.lake, HOST) == active
    assert root_account_ids(world.lake, HOST) == [1]
    assert top_account_ids(world.lake, HOST) == [1]
    assert [term.term_id for term in term_dates(world.lake, HOST)] == sorted(
        term.id for term in school.terms if term.state == "active"
    )
    assert account_ids(world.lake, "another instance") == []


def test_the_activity_of_every_account_and_filter_is_in_the_lake_row_by_row(world: World) -> None:
    every = questions(world)
    assert len(every) == 12 * (2 + 5) * len(ENDPOINTS)
    asked = [item for item in every if item.endpoint == "activity"]
    ended = load_department(world, asked)
    assert len(ended) == len(asked)
    assert {one.status for one in ended} <= {CoverageStatus.LOADED, CoverageStatus.EMPTY}

    async def answers(client: CanvasClient) -> dict[tuple[int, str, int | None], Any]:
        found = {}
        for item in asked:
            scope = item.scope
            which = TermFilter(scope.term_filter) if scope.term_id is None else TermFilter.term(scope.term_id)
            answer = await department_activity(client, scope.account_id, which)
            found[scope.account_id, scope.term_filter, scope.term_id] = answer.data
        return found

    due = world.ask(answers)
    days = {
        (*scope, day["date"], day["views"], day["participations"]) for scope, a in due.items() for day in a["by_date"]
    }
    kinds = {(*scope, one["category"], one["views"]) for scope, a in due.items() for one in a["by_category"]}
    by_date = world.rows("analytics.department_activity_by_date")
    assert len(by_date) == len(days) > 0
    assert {(r["account_id"], r["term_filter"], r["term_id"], r["date"].isoformat(), r["views"], r["participations"])
            for r in by_date} == days  # fmt: skip
    by_kind = world.rows("analytics.department_activity_by_category")
    assert {(r["account_id"], r["term_filter"], r["term_id"], r["category"], r["views"]) for r in by_kind} == kinds


def test_counts_and_grades_are_those_of_the_records(world: World) -> None:
    load_department(world, questions(world, [1]))
    school = world.canvas.institution
    for term in (term for term in school.terms if term.state == "active"):
        courses = school.courses_in(1, term_id=term.id, states=("available", "completed"))
        (row,) = [r for r in world.rows("analytics.department_statistics") if r["term_id"] == term.id]
        assert row["courses"] == len(courses)
        assert row["students"] == len(school.people(courses, "StudentEnrollment"))
        assert row["subaccounts"] == len(school.children(1))
        scores: dict[tuple[int, int], float] = {}
        for course in courses:
            for one in school.enrollments_by_course.get(course.id, []):
                score = one.grades.current_score
                if score is not None and one.type == "StudentEnrollment" and one.state in ("active", "completed"):
                    scores.setdefault((course.id, one.user_id), score)
        grades = {
            r["score"]: r["students"] for r in world.rows("analytics.department_grades") if r["term_id"] == term.id
        }
        assert sorted(grades) == list(range(101))
        due = [sum(int(s + 0.5) == whole for s in scores.values()) if scores else None for whole in range(101)]
        assert [grades[whole] for whole in range(101)] == due
    own = [r for r in world.rows("analytics.department_statistics_by_subaccount") if r["term_filter"] == "current"]
    assert [r["subaccount_id"] for r in own] == [1, *(child.id for child in school.children(1))]


def test_documented_shapes_give_the_same_views(world: World, tmp_path: Any) -> None:
    asked = [item for item in questions(world, [1]) if item.endpoint == "activity"]
    load_department(world, asked)
    with open_world(tmp_path / "documented", documented_shapes=True) as documented:
        load_department(documented, asked)
        table = "analytics.department_activity_by_date"
        real = [{**row, "participations": None} for row in world.rows(table)]
        assert documented.rows(table) == real


def test_a_missing_right_is_told_apart_from_an_empty_account_and_old_rows_stay(world: World) -> None:
    asked = without_terms(world, [1])
    load_department(world, asked)
    before = world.rows("analytics.department_grades", system=True)
    world.canvas.tokens.grant("without-the-right", without=["view_analytics"])
    ended = load_department(world, asked, token="without-the-right")
    assert {(one.status, one.http_status) for one in ended} == {(CoverageStatus.FORBIDDEN, 403)}
    assert world.rows("analytics.department_grades", system=True) == before
    (entry, *_) = coverage_since(world.ledger, HOST, NOON)
    assert entry.status is CoverageStatus.FORBIDDEN
    assert "right" in (entry.detail or "")
    assert entry.request_id


def test_an_account_that_does_not_exist_is_missing_and_an_empty_one_is_loaded(world: World) -> None:
    scopes = [DepartmentScope(4711, "current"), DepartmentScope(1, "completed")]
    ended = load_department(world, [DepartmentQuestion(scope, "activity") for scope in scopes])
    by_account = {one.scope_id: one.status for one in ended}
    assert by_account["4711"] is CoverageStatus.MISSING
    assert by_account["1"] in (CoverageStatus.LOADED, CoverageStatus.EMPTY)


def test_one_account_that_fails_never_sinks_the_others(world: World) -> None:
    accounts = [2, 3, 4]
    load_department(world, without_terms(world, accounts))
    before = world.rows("analytics.department_statistics", system=True)
    world.canvas.faults.answer(r"/accounts/3/analytics/", status=500, times=None)
    world.canvas.faults.html(r"/accounts/4/analytics/current/grades", times=None)
    ended = load_department(world, without_terms(world, accounts))
    status = {(one.scope_id, one.endpoint): one.status for one in ended}
    failed = {key for key, value in status.items() if value is CoverageStatus.FAILED}
    assert failed == {key for key in status if key[0] == "3"} | {("4", "analytics/current/grades")}
    assert len(status) == len(ended) == len(without_terms(world, accounts))
    assert world.rows("analytics.department_statistics", system=True) == before


def test_an_answer_of_the_wrong_shape_is_told_and_old_rows_stay(world: World) -> None:
    asked = [DepartmentQuestion(DepartmentScope(1, "current"), "statistics")]
    load_department(world, asked)
    before = world.rows("analytics.department_statistics", system=True)
    world.canvas.faults.answer(r"/analytics/", status=200, body='{"message": "later"}',
                               headers={"content-type": "application/json"})  # fmt: skip
    (ended,) = load_department(world, asked)
    assert ended.status is CoverageStatus.FAILED
    assert "object" in (ended.detail or "")
    assert world.rows("analytics.department_statistics", system=True) == before


@pytest.mark.parametrize("token", ["1~nobody", "1~revoked"])
def test_a_token_that_is_not_valid_stops_everything_at_once(world: World, token: str) -> None:
    world.canvas.tokens.grant("1~revoked")
    world.canvas.tokens.revoke("1~revoked")
    with pytest.raises(AuthenticationError):
        load_department(world, questions(world), token=token)
    # As many as were on their way, and none after them.
    assert 1 <= world.canvas.requests.count("/analytics/") <= 4
    assert coverage_since(world.ledger, HOST, NOON)[0].status is CoverageStatus.FAILED


def test_the_same_answer_again_writes_nothing_but_that_it_was_asked(world: World) -> None:
    asked = without_terms(world, [1, 2])
    load_department(world, asked)
    files = world.parquet()
    world.clock.advance(3600)
    ended = load_department(world, asked)
    assert len(ended) == len(asked)
    assert rows_of(world.ledger, "SELECT sum(unchanged) AS n FROM loads") == [{"n": len(ENDPOINTS)}]
    assert world.parquet() == files


def test_a_term_that_settled_is_not_asked_again_and_full_asks_all(world: World) -> None:
    load_department(world, questions(world, [1]))
    world.clock.advance(60)
    terms = [TermDates(t.id, t.start_at, t.end_at) for t in world.canvas.institution.terms]
    again = due_questions(world.ledger, HOST, [1], terms, now=world.clock())
    asked_terms = {item.scope.term_id for item in again}
    # 1 has no dates and 4 is running; 2 and 3 ended long ago, 5 has not begun, and 9 was never loaded.
    assert asked_terms == {None, 1, 4, 9}
    full = due_questions(world.ledger, HOST, [1], terms, now=world.clock(), full=True)
    assert {item.scope.term_id for item in full} == {None, 1, 2, 3, 4, 5, 9}

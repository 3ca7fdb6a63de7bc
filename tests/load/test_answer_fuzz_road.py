"""Spoiled answers down the whole road, from the socket to the lake: right rows, rows set aside, or a named failure."""

import copy
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.canvas import CanvasClient
from pipelines.extract.courses import CourseFacts
from pipelines.lake.read import live_rows
from pipelines.lake.store import refusal
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.pulls import begin_pull
from pipelines.load.courses import CourseQuestion, course_work
from pipelines.load.questions import Question, Reply, load_replies
from pipelines.load.students import StudentQuestion, StudentWorks
from pipelines.load.work_list import Meter, Work, WorkList
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.normalize.contracts.model import Table
from pipelines.normalize.rows import QuarantinedRow
from tests.load.worlds import NOON, World, institution, open_world
from tests.normalize import oracle
from tests.normalize.oracle import Refused, Row
from tests.normalize.test_answer_fuzz import CASES, COURSE, STUDENT, Case, Mutation, spoil

pytestmark = pytest.mark.timeout(30)

NEIGHBOUR = COURSE + 1
ENDPOINTS = {
    "activity": "activity",
    "assignments": "assignments",
    "student summaries": "student_summaries",
    "student activity": "users/activity",
    "student assignments": "users/assignments",
    "student communication": "users/communication",
}
"""The cases of the fuzz of normalize that are asked here, and what is asked for each."""

CHOSEN = [case for case in CASES if case.name in ENDPOINTS]
_RUNS = count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a Canvas whose answers the tests put in, and one lake in which each example is an instance of its own."""
    with open_world(tmp_path_factory.mktemp("fuzz"), institution=institution(0.05)) as opened:
        yield opened


def works(case: Case, course: int) -> tuple[Callable[[CanvasClient], Work], Question, str]:
    """Return how a case is asked about a course, as what question, and at what address."""
    endpoint = ENDPOINTS[case.name]
    if endpoint.startswith("users/"):
        kind = endpoint.removeprefix("users/")
        of_student = StudentQuestion(course, STUDENT, kind, "basis", settled=True)
        address = f"/courses/{course}/analytics/users/{STUDENT}/{kind}$"
        return lambda client: StudentWorks(client).work(of_student), of_student.question(), address
    facts = CourseFacts(course, 1, 4, "available", concluded=False, total_students=9)
    of_course = CourseQuestion(facts, endpoint)
    return (
        lambda client: course_work(client, of_course),
        of_course.question(),
        f"/courses/{course}/analytics/{endpoint}$",
    )


def ask(
    world: World, case: Case, body: bytes, content_type: str = "application/json"
) -> tuple[str, Coverage, Coverage]:
    """Let Canvas give a body where a good answer is known; return the instance, and how it and its neighbour ended."""
    instance = f"run-{next(_RUNS)}"
    spoiled, question, address = works(case, COURSE)
    whole, _, other_address = works(case, NEIGHBOUR)
    parts = case.read(copy.deepcopy(case.answer))
    before = Reply(parts if isinstance(parts, list) else [parts], NOON)
    load_replies(world.lake, instance, [(question, before, "before")])
    faults = world.canvas.faults
    faults.clear()
    headers = {"content-type": content_type}
    faults.answer(address, status=200, body=body, headers=headers, times=None)
    faults.answer(other_address, status=200, body=json.dumps(case.answer),
                  headers={"content-type": "application/json"}, times=None)  # fmt: skip
    pull = begin_pull(world.ledger, instance, "fuzz")

    async def work(client: CanvasClient) -> int:
        listed = WorkList(world.lake, instance, pull, width=2, meter=Meter(), batch=10)
        return (await listed.work_off([spoiled(client), whole(client)])).questions

    assert world.ask(work) == 2
    found = {entry.scope_id.split("/")[0]: entry for entry in coverage_since(world.ledger, instance, NOON)}
    assert set(found) == {str(COURSE), str(NEIGHBOUR)}
    return instance, found[str(COURSE)], found[str(NEIGHBOUR)]


def rows_of(world: World, instance: str, table: Table, course: int = COURSE) -> list[Row]:
    names = [column.name for column in table.columns]
    return [row for row in live_rows(world.lake, instance, table, names) if row["course_id"] == course]


def in_order(rows: list[Row]) -> list[str]:
    return sorted(repr(sorted((name, _plain(value)) for name, value in row.items())) for row in rows)


def _plain(value: object) -> str:
    return str(value.timestamp()) if hasattr(value, "timestamp") else repr(value)


def good_rows(case: Case, answer: Any) -> list[tuple[Table, list[Row], int]]:
    """Return for each table the rows that must come of an answer, and how many must be set aside."""
    found = []
    for table, raw in case.expect(copy.deepcopy(answer)):
        everything = [oracle.typed(table, row) for row in raw]
        kept = [row for row in everything if oracle.fits(table, row)]
        found.append((table, kept, len(everything) - len(kept)))
    return found


def is_refused(found: list[tuple[Table, list[Row], int]]) -> bool:
    """Whether too few of the rows fit, by the same rule as everywhere."""
    bad = QuarantinedRow(1, "", "")
    return any(refusal(table, len(kept), [bad] * worse, 0.1) for table, kept, worse in found)


def is_taken(case: Case, answer: Any) -> bool:
    """Whether an answer has the outer shape that the client lets pass."""
    if case.name == "student activity":
        return (
            isinstance(answer, dict)
            and (isinstance(answer.get("page_views"), dict) or answer.get("page_views") == [])
            and isinstance(answer.get("participations"), list)
        )
    if case.name == "student communication":
        return answer == [] or (isinstance(answer, dict) and all(isinstance(day, dict) for day in answer.values()))
    return isinstance(answer, list) and all(isinstance(one, dict) for one in answer)


def check(world: World, case: Case, answer: Any, body: bytes) -> None:
    instance, ended, neighbour = ask(world, case, body)
    try:
        wanted = good_rows(case, answer) if is_taken(case, answer) else None
    except Refused:
        wanted = None
    if wanted is None or is_refused(wanted):
        assert ended.status is CoverageStatus.FAILED
        assert ended.detail
        # A person can find the course by the entry alone.
        assert ended.scope_id.split("/")[0] == str(COURSE)
        wanted = good_rows(case, case.answer)
        aside = 0
    else:
        assert ended.status is (CoverageStatus.LOADED if any(kept for _, kept, _ in wanted) else CoverageStatus.EMPTY)
        aside = sum(bad for _, _, bad in wanted)
    for table, kept, _ in wanted:
        assert in_order(rows_of(world, instance, table)) == in_order(kept)
    set_aside = live_rows(world.lake, instance, QUARANTINE, ["slice", "table_name"])
    assert len(set_aside) == aside
    assert neighbour.status is CoverageStatus.LOADED
    assert all(rows_of(world, instance, table, NEIGHBOUR) for table, kept, _ in good_rows(case, case.answer) if kept)


_WHAT = ["drop", "replace", "as text", "add", "rename", "repeat", "list for map", "map for list"]
_MUTATIONS = st.lists(st.tuples(st.sampled_from(_WHAT), st.integers(0, 500), st.integers(0, 500)), max_size=3)


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
@given(mutations=_MUTATIONS)
@example(mutations=[])
@settings(max_examples=9)
def test_a_spoiled_answer_gives_its_right_rows_or_leaves_those_of_before(
    world: World, case: Case, mutations: list[Mutation]
) -> None:
    # The root is a place too, so that a whole answer can be of another kind.
    root = [copy.deepcopy(case.answer)]
    for mutation in mutations:
        spoil(root, mutation)
    body = json.dumps(root[0] if root else None).encode()
    check(world, case, orjson.loads(body), body)


def test_every_case_of_courses_and_students_goes_down_the_road() -> None:
    assert len(CHOSEN) == len(ENDPOINTS)


NOT_JSON = {
    "nothing": (b"", "application/json"),
    "half an answer": (b'[{"date": "2026-11-20", "vie', "application/json"),
    "not UTF-8": (b'[{"date": "\xff\xfe"}]', "application/json"),
    "deep": (b"[" * 200_000, "application/json"),
    "a page": (b"<!DOCTYPE html><html><title>Be right back</title></html>", "text/html"),
    "a page that says it is JSON": (b"<html><body>maintenance</body></html>", "application/json"),
    "a number that is none": (b'[{"date": "2026-11-20", "views": NaN}]', "application/json"),
    "text": (b"Service temporarily slow", "text/plain"),
    "two answers": (b"[][]", "application/json"),
    "a job without an address": (b'{"progress_url": null}', "application/json"),
    "a job elsewhere in Canvas": (b'{"progress_url": "/api/v1/progress/999"}', "application/json"),
}


@pytest.mark.parametrize("what", NOT_JSON)
def test_what_is_no_answer_at_all_is_a_failure_with_the_course_and_leaves_the_rows(world: World, what: str) -> None:
    body, content_type = NOT_JSON[what]
    case = next(one for one in CHOSEN if one.name == ("assignments" if "job" in what else "activity"))
    instance, ended, neighbour = ask(world, case, body, content_type)
    assert ended.status is CoverageStatus.FAILED
    assert ended.scope_id == str(COURSE)
    assert ended.detail
    # A document that could not be read is a student's, too: it is not quoted.
    assert "views" not in ended.detail
    assert "2026-11-20" not in ended.detail
    for table, kept, _ in good_rows(case, case.answer):
        assert in_order(rows_of(world, instance, table)) == in_order(kept)
    assert neighbour.status is CoverageStatus.LOADED

"""Many answers in one load: each replaces its own slice and no other, in one file per table, or not at all."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo import ManualClock
from pipelines.lake import Lake, Part, batches, store
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.lake.read import live_rows
from pipelines.ledger import Coverage, CoverageStatus, Ledger, loads
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import live_columns, live_files
from pipelines.normalize import course as course_rows
from pipelines.normalize import department as department_rows
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.course import COURSE_ACTIVITY, COURSE_ASSIGNMENT_MODULES, COURSE_ASSIGNMENTS
from pipelines.normalize.contracts.department import ACTIVITY_BY_CATEGORY, ACTIVITY_BY_DATE
from pipelines.normalize.contracts.directory import ACCOUNTS
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.normalize.department import DepartmentScope
from pipelines.normalize.rows import batch_from_records
from tests.load.worlds import HOST, NOON

Days = Mapping[int, object]


def day(number: int) -> str:
    return f"2026-11-{number:02d}"


def activity(course: int, days: Days, **more: object) -> SliceAnswer:
    """Return an answer about a course: views by day of November; what is no number makes a bad row."""
    records = [{"date": day(at), "views": views, "participations": 0, **more} for at, views in days.items()]
    return SliceAnswer({"course": course}, [course_rows.activity(records, course)], NOON)


def note(position: int, result: SliceResult) -> Coverage:
    status = CoverageStatus.FAILED if result.refused else CoverageStatus.LOADED
    return Coverage(HOST, "course", str(position), "analytics/activity", status, 200, detail=result.refused)


def load(lake: Lake, load_id: str, answers: Sequence[SliceAnswer]) -> list[SliceResult]:
    return load_batch(
        lake, load_id=load_id, instance=HOST, source="course_activity", answers=answers, note=note
    )  # fmt: skip


def views(lake: Lake) -> dict[int, dict[int, int]]:
    """Return the live views by course and day."""
    found: dict[int, dict[int, int]] = {}
    for row in live_rows(lake, HOST, COURSE_ACTIVITY, ["course_id", "date", "views"]):
        found.setdefault(row["course_id"], {})[row["date"].day] = row["views"]
    return found


def brought_by(lake: Lake, table: Table = COURSE_ACTIVITY) -> dict[str, str]:
    """Return the load that each live slice comes from."""
    return {
        file.slice.removeprefix(f"instance={HOST},"): file.load_id
        for file in live_files(lake.ledger)
        if file.table_name == table.qualified
    }


def written(lake: Lake) -> list[Path]:
    return sorted(path for path in lake.root.rglob("*") if path.is_file())


def set_aside(lake: Lake) -> list[tuple[str, str, int]]:
    rows = live_rows(lake, HOST, QUARANTINE, ["table_name", "slice", "line_number"])
    return [(row["table_name"], row["slice"], row["line_number"]) for row in rows]


def refusals(lake: Lake) -> dict[str, str | None]:
    failed = coverage_since(lake.ledger, HOST, NOON, [CoverageStatus.FAILED])
    return {one.scope_id: one.detail for one in failed}


def test_many_answers_are_one_file_and_each_is_a_slice(lake: Lake) -> None:
    results = load(lake, "a", [activity(course, {1: course, 2: 0}) for course in range(1, 41)])
    assert [result.rows for result in results] == [{"analytics.course_activity": 2}] * 40
    assert views(lake) == {course: {1: course, 2: 0} for course in range(1, 41)}
    (file,) = written(lake)
    assert pq.read_table(file).num_rows == 80
    assert brought_by(lake) == {f"course={course}": "a" for course in range(1, 41)}
    # A reader of one course or one day skips most of a file that is in order.
    rows = pq.read_table(file, columns=["course_id", "date"]).to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["course_id"], row["date"]))
    (record,) = rows_of(lake.ledger, "SELECT rows_read, rows_loaded, rows_quarantined, unchanged FROM loads")
    assert record == {"rows_read": 80, "rows_loaded": 80, "rows_quarantined": 0, "unchanged": 0}


def test_what_has_not_changed_writes_nothing(lake: Lake) -> None:
    answers = [activity(course, {1: course, 3: None}) for course in range(5)]
    load(lake, "a", answers)
    before = written(lake), brought_by(lake)
    # In another order, as Canvas gives days, and as text, as it gives some numbers.
    again = [activity(course, {3: None, 1: str(course)}) for course in reversed(range(5))]
    assert [result.rows for result in load(lake, "b", again)] == [{"analytics.course_activity": 2}] * 5
    assert (written(lake), brought_by(lake)) == before
    unchanged = rows_of(lake.ledger, "SELECT load_id, unchanged FROM loads ORDER BY load_id")
    assert unchanged == [{"load_id": "a", "unchanged": 0}, {"load_id": "b", "unchanged": 1}]


def test_only_the_slices_that_have_changed_are_in_the_new_file(lake: Lake) -> None:
    load(lake, "a", [activity(course, {1: 1}) for course in range(6)])
    (old,) = written(lake)
    load(lake, "b", [activity(course, {1: 2 if course in (1, 4) else 1}) for course in range(6)])
    (new,) = set(written(lake)) - {old}
    assert pq.read_table(new, columns=["course_id", "views"]).to_pylist() == [
        {"course_id": 1, "views": 2},
        {"course_id": 4, "views": 2},
    ]
    assert brought_by(lake) == {f"course={course}": "b" if course in (1, 4) else "a" for course in range(6)}
    assert views(lake) == {course: {1: 2 if course in (1, 4) else 1} for course in range(6)}


def test_a_slice_may_shrink_and_be_emptied_and_come_again(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 5, 2: 6, 3: 7}), activity(2, {1: 8})])
    load(lake, "b", [activity(1, {2: 6})])
    assert views(lake) == {1: {2: 6}, 2: {1: 8}}
    files = written(lake)
    (result,) = load(lake, "c", [activity(1, {})])
    assert result == SliceResult({"analytics.course_activity": 0})
    assert views(lake) == {2: {1: 8}}
    assert brought_by(lake) == {"course=2": "a"}
    assert written(lake) == files
    load(lake, "d", [activity(1, {2: 6})])
    assert views(lake) == {1: {2: 6}, 2: {1: 8}}
    load(lake, "e", [activity(1, {}), activity(2, {}), activity(3, {})])
    assert views(lake) == {}


def test_a_key_that_nobody_declared_is_kept_as_text_and_told(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 5}), activity(2, {1: 6}, mood={"a": 1}), activity(3, {1: 7}, mood=None)])
    (file,) = written(lake)
    found = pq.read_table(file, columns=["course_id", "mood"]).to_pylist()
    assert [row["mood"] for row in found] == [None, '{"a":1}', None]
    assert rows_of(lake.ledger, "SELECT table_name, kind, name FROM drift") == [
        {"table_name": "analytics.course_activity", "kind": "unknown column", "name": "mood"}
    ]


def test_an_undeclared_key_of_one_answer_does_not_write_the_others_again(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 5}), activity(2, {1: 6})])
    load(lake, "b", [activity(1, {1: 5}), activity(2, {1: 6}, mood="x")])
    assert brought_by(lake) == {"course=1": "a", "course=2": "b"}
    load(lake, "c", [activity(1, {1: 5}), activity(2, {1: 6}, mood="x")])
    load(lake, "d", [activity(2, {1: 6}, mood="x")])
    assert brought_by(lake) == {"course=1": "a", "course=2": "b"}
    load(lake, "e", [activity(2, {1: 6}, mood="y"), activity(3, {1: 6})])
    assert brought_by(lake) == {"course=1": "a", "course=2": "e", "course=3": "e"}


def test_the_hash_of_a_slice_tells_rows_that_differ_apart(lake: Lake) -> None:
    """Equal counts in other places are other rows."""
    rounds: list[dict[int, object]] = [{1: 1, 2: None}, {1: None, 2: 1}, {1: 1}, {2: 1}, {1: 11}, {1: 1, 11: None}]
    for at, days in enumerate(rounds):
        load(lake, f"load {at}", [activity(1, days)])
        assert views(lake) == {1: days}
        assert brought_by(lake) == {"course=1": f"load {at}"}


def test_bad_rows_are_set_aside_per_slice_and_cleared_by_the_next_clean_answer(lake: Lake) -> None:
    many: dict[int, object] = dict.fromkeys(range(1, 21), 1)
    results = load(lake, "a", [activity(7, many), activity(8, many | {3: "x", 20: "y"}), activity(9, many | {1: "z"})])
    assert [result.quarantined for result in results] == [
        {},
        {"analytics.course_activity": 2},
        {"analytics.course_activity": 1},
    ]
    scope = f"instance={HOST},source=course_activity,course"
    table = "analytics.course_activity"
    # A line is a place in its own answer: whoever looks there has that answer and not the batch.
    assert set_aside(lake) == [(table, f"{scope}=8", 3), (table, f"{scope}=8", 20), (table, f"{scope}=9", 1)]
    assert {course: len(days) for course, days in views(lake).items()} == {7: 20, 8: 18, 9: 19}
    (record,) = rows_of(lake.ledger, "SELECT rows_read, rows_loaded, rows_quarantined FROM loads")
    assert record == {"rows_read": 60, "rows_loaded": 57, "rows_quarantined": 3}
    load(lake, "b", [activity(8, many)])
    assert set_aside(lake) == [(table, f"{scope}=9", 1)]
    load(lake, "c", [activity(9, many | {1: "z"})])
    assert brought_by(lake, QUARANTINE) == {f"source=course_activity,course={9}": "a"}
    load(lake, "d", [activity(9, many)])
    assert set_aside(lake) == []


def test_an_answer_that_does_not_fit_is_refused_and_its_neighbours_load(lake: Lake) -> None:
    load(lake, "a", [activity(course, {1: course}) for course in (1, 2, 3)])
    spoilt: dict[int, object] = {at: "many" if at % 2 else 3 for at in range(1, 25)}
    results = load(lake, "b", [activity(1, {1: 10}), activity(2, spoilt), activity(3, {1: 30, 2: "x"})])
    assert [bool(result.refused) for result in results] == [False, True, False]
    assert views(lake) == {1: {1: 10}, 2: {1: 2}, 3: {1: 30}}
    (detail,) = refusals(lake).values()
    assert detail is not None
    assert "12 of 24 rows do not fit analytics.course_activity" in detail
    assert results[1].rows == {}
    # What was refused was not read: the counts add up without it.
    found = rows_of(lake.ledger, "SELECT rows_read, rows_loaded, rows_quarantined FROM loads WHERE load_id = 'b'")
    assert found == [{"rows_read": 3, "rows_loaded": 2, "rows_quarantined": 1}]
    assert len(set_aside(lake)) == 1


def test_an_answer_of_which_no_row_fits_never_empties_its_slice(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 1}), activity(2, {1: 2})])
    results = load(lake, "b", [activity(1, {1: "x"}), activity(2, {1: "y"})])
    assert all(result.refused for result in results)
    assert views(lake) == {1: {1: 1}, 2: {1: 2}}
    assert set(refusals(lake)) == {"0", "1"}
    # A refused answer leaves the old bad rows too.
    assert set_aside(lake) == []


def test_the_tables_of_one_answer_are_refused_together(lake: Lake) -> None:
    def answer(course: int, *modules: object, due_at: str | None = None) -> SliceAnswer:
        records = [{"assignment_id": 1, "title": "A", "due_at": due_at, "module_ids": list(modules)}]
        return SliceAnswer({"course": course}, course_rows.assignments(records, course), NOON)

    def loading(load_id: str, *answers: SliceAnswer) -> list[SliceResult]:
        return load_batch(
            lake, load_id=load_id, instance=HOST, source="course_assignments", answers=answers, note=note
        )  # fmt: skip

    loading("a", answer(1, 5, 6), answer(2, 7))
    results = loading("b", answer(1, 8, due_at="soon"), answer(2))
    assert bool(results[0].refused)
    assert results[1].rows == {"analytics.course_assignments": 1, "analytics.course_assignment_modules": 0}
    modules = live_rows(lake, HOST, COURSE_ASSIGNMENT_MODULES, ["course_id", "module_id"])
    assert [(row["course_id"], row["module_id"]) for row in modules] == [(1, 5), (1, 6)]
    assert brought_by(lake, COURSE_ASSIGNMENTS) == {"course=1": "a", "course=2": "a"}


def test_a_slice_without_a_term_is_another_than_one_with_it(lake: Lake) -> None:
    scopes = [DepartmentScope(1, "current"), DepartmentScope(1, "completed")]
    scopes += [DepartmentScope(1, "term", 3), DepartmentScope(2, "term", 3), DepartmentScope(2, "current")]

    def answer(scope: DepartmentScope, count: int) -> SliceAnswer:
        data = {"by_date": [{"date": day(1), "views": count}], "by_category": [{"category": "pages", "views": count}]}
        return SliceAnswer(
            {"account": scope.account_id, "term_filter": scope.term_filter, "term": scope.term_id},
            [department_rows.activity_by_date(data, scope), department_rows.activity_by_category(data, scope)],
            NOON,
        )

    def loading(load_id: str, counts: Mapping[int, int]) -> None:
        load_batch(
            lake, load_id=load_id, instance=HOST, source="department_activity",
            answers=[answer(scopes[at], count) for at, count in counts.items()], note=note,
        )  # fmt: skip

    def found(table: Table) -> list[int]:
        columns = ["account_id", "term_filter", "term_id", "views"]
        by_scope = {
            (row["account_id"], row["term_filter"], row["term_id"]): row["views"]
            for row in live_rows(lake, HOST, table, columns)
        }
        return [by_scope[scope.account_id, scope.term_filter, scope.term_id] for scope in scopes]

    loading("a", {0: 10, 1: 11, 2: 12, 3: 13, 4: 14})
    loading("b", {0: 20, 3: 23})
    loading("c", {2: 32, 1: 11})
    for table in (ACTIVITY_BY_DATE, ACTIVITY_BY_CATEGORY):
        assert found(table) == [20, 11, 32, 23, 14]


def test_two_answers_for_one_slice_are_a_mistake_of_ours(lake: Lake) -> None:
    with pytest.raises(ValueError, match="same slice"):
        load(lake, "a", [activity(1, {1: 1}), activity(1, {1: 2})])
    assert (views(lake), written(lake)) == ({}, [])


def test_the_coverage_that_a_load_brings_comes_with_it_or_not_at_all(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 1}), activity(2, {1: "x"})])
    there = {one.scope_id: one.status for one in coverage_since(lake.ledger, HOST, NOON)}
    assert there == {"0": CoverageStatus.LOADED, "1": CoverageStatus.FAILED}


@pytest.mark.parametrize("where", ["commit_batch", "write_rows", "live_hashes"])
def test_nothing_stays_behind_when_a_load_breaks_off(lake: Lake, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bad: dict[int, object] = dict.fromkeys(range(1, 20), 1)
    load(lake, "a", [activity(1, {1: 1}), activity(2, {1: 2})])
    before = written(lake), views(lake), brought_by(lake)
    real, calls = getattr(batches, where), 0

    def breaks(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        # The second table's file: the first one is there already.
        if where == "commit_batch" or calls == 2:
            raise KeyboardInterrupt
        return real(*arguments, **more)

    monkeypatch.setattr(batches, where, breaks)
    with pytest.raises(KeyboardInterrupt):
        load(lake, "b", [activity(1, bad | {1: "x"}), activity(2, {1: 3})])
    assert (written(lake), views(lake), brought_by(lake)) == before
    assert coverage_since(lake.ledger, HOST, NOON + timedelta(seconds=1)) == []
    monkeypatch.undo()
    load(lake, "b", [activity(1, bad | {1: "x"}), activity(2, {1: 3})])
    assert views(lake)[2] == {1: 3}


def test_an_interrupt_right_after_the_commit_leaves_the_files_that_are_live_now(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the ledger would name files that are gone, and no publish would succeed any more."""
    commit = loads.commit_batch

    def interrupted(*arguments: Any, **more: Any) -> None:
        commit(*arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "commit_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(lake, "a", [activity(1, {1: 1}), activity(2, {1: 2})])
    assert views(lake) == {1: {1: 1}, 2: {1: 2}}


def test_an_interrupt_right_after_the_commit_of_a_report_leaves_its_files(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = loads.commit_load

    def interrupted(*arguments: Any, **more: Any) -> Any:
        commit(*arguments, **more)
        raise KeyboardInterrupt

    def loading(load_id: str, *ids: int) -> None:
        batch = batch_from_records(ACCOUNTS, [{"id": one} for one in ids])
        lake.load(
            load_id=load_id, instance=HOST, source="accounts", scope={}, extracted_at=NOON,
            parts=[Part(ACCOUNTS, [batch])],
        )  # fmt: skip

    monkeypatch.setattr(store, "commit_load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loading("a", 1, 2)
    files = written(lake)
    # The same rows again: recorded as unchanged, so that the new files are strays.
    with pytest.raises(KeyboardInterrupt):
        loading("b", 1, 2)
    assert written(lake) == files
    assert [row["account_id"] for row in live_rows(lake, HOST, ACCOUNTS, ["account_id"])] == [1, 2]


def test_a_coverage_that_cannot_be_noted_takes_the_load_back(lake: Lake) -> None:
    def impossible(position: int, result: SliceResult) -> Coverage:
        raise RuntimeError("no note")

    with pytest.raises(RuntimeError, match="no note"):
        load_batch(
            lake, load_id="a", instance=HOST, source="course_activity", answers=[activity(1, {1: 1})], note=impossible
        )
    assert (written(lake), rows_of(lake.ledger, "SELECT * FROM loads")) == ([], [])


def test_files_of_a_batch_are_for_their_owner_alone(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 1}), activity(2, {1: 2, 2: "x", **dict.fromkeys(range(3, 15), 1)})])
    assert {path.stat().st_mode & 0o777 for path in written(lake)} == {0o600}
    assert len(written(lake)) == 2


def test_instances_never_touch_each_others_slices(lake: Lake) -> None:
    load(lake, "a", [activity(1, {1: 1})])
    load_batch(
        lake, load_id="b", instance="another", source="course_activity", answers=[activity(1, {1: 2})], note=note
    )
    assert views(lake) == {1: {1: 1}}
    assert [row["views"] for row in live_rows(lake, "another", COURSE_ACTIVITY, ["views"])] == [2]


_ANSWERS = st.dictionaries(
    st.integers(1, 4), st.dictionaries(st.integers(1, 3), st.one_of(st.integers(0, 2), st.just("x")), max_size=3),
    min_size=1,
)  # fmt: skip
_ROUNDS = st.lists(st.tuples(_ANSWERS, st.booleans()), min_size=1, max_size=6)


@settings(max_examples=20)
@given(rounds=_ROUNDS)
def test_any_sequence_of_batches_is_what_a_dictionary_would_hold_now_and_at_every_moment_before(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[dict[int, dict[int, object]], bool]]
) -> None:
    home = tmp_path_factory.mktemp("lake")
    clock = ManualClock(NOON)
    lake = Lake(home / "lake", Ledger(home / "ledger.sqlite", clock))
    model: dict[int, dict[int, int]] = {}
    bad: dict[int, int] = {}
    past: list[tuple[Any, dict[int, int], dict[int, int]]] = []
    for number, (answers, odd) in enumerate(rounds):
        clock.advance(60)
        more = {"mood": "x"} if odd else {}
        load(lake, f"load {number}", [activity(course, days, **more) for course, days in answers.items()])
        for course, days in answers.items():
            good = {at: count for at, count in days.items() if isinstance(count, int)}
            if len(days) - len(good) > len(good):
                continue
            model[course], bad[course] = good, len(days) - len(good)
        model = {course: days for course, days in model.items() if days}
        bad = {course: count for course, count in bad.items() if count}
        assert views(lake) == model
        assert len(set_aside(lake)) == sum(bad.values())
        past.append((clock(), {course: len(days) for course, days in model.items()}, dict(bad)))
    for moment, rows, aside in past:
        live = live_columns(lake.ledger, moment)
        found = dict(zip(zip(live["table_name"], live["slice"], strict=True), live["rows"], strict=True))
        due = {(COURSE_ACTIVITY.qualified, f"instance={HOST},course={course}"): n for course, n in rows.items()}
        due |= {
            (QUARANTINE.qualified, f"instance={HOST},source=course_activity,course={course}"): n
            for course, n in aside.items()
        }
        assert found == due
        # And what is live is there, whatever came after it.
        assert all((lake.root / path).is_file() for path in live["path"])
    assert live_columns(lake.ledger, NOON)["slice"] == []
    shutil.rmtree(home)

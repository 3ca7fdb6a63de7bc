"""What batches brought is in the file: little by little as from nothing, slice by slice, from an older ledger too."""

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import ManualClock
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.lake.parquet_files import write_table
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.loads import live_files
from pipelines.ledger.schema import MIGRATIONS
from pipelines.normalize import course as course_rows
from pipelines.normalize import department as department_rows
from pipelines.normalize import student as student_rows
from pipelines.normalize.contracts.department import GRADES
from pipelines.normalize.contracts.directory import ACCOUNTS
from pipelines.normalize.department import DepartmentScope
from pipelines.normalize.rows import Batch, batch_from_records, batch_of
from tests.load.worlds import HOST, NOON
from tests.warehouse.conftest import Shop, open_warehouse
from tests.warehouse.test_incremental import EVERYTHING, contents


@dataclass
class Filler:
    """Brings batches of three families of endpoints into the lake of a shop."""

    shop: Shop
    loads: int = 0

    def _load(self, source: str, scope_kind: str, answers: Mapping[str, SliceAnswer]) -> list[SliceResult]:
        self.loads += 1
        names = list(answers)

        def note(position: int, result: SliceResult) -> Coverage:
            status = CoverageStatus.FAILED if result.refused else CoverageStatus.LOADED
            return Coverage(HOST, scope_kind, names[position], source, status, 200, detail=result.refused)

        return load_batch(
            self.shop.warehouse.lake,
            load_id=f"batch-{self.loads:04d}",
            instance=HOST,
            source=source,
            answers=list(answers.values()),
            note=note,
        )

    def courses(self, days: Mapping[int, Mapping[int, object]], **more: object) -> list[SliceResult]:
        """Bring views by course and day of November."""
        answers = {}
        for course, at in days.items():
            records = [{"date": f"2026-11-{day:02d}", "views": count, **more} for day, count in at.items()]
            answers[str(course)] = SliceAnswer({"course": course}, [course_rows.activity(records, course)], NOON)
        return self._load("course_activity", "course", answers)

    def students(self, views: Mapping[tuple[int, int], Mapping[int, object]]) -> list[SliceResult]:
        """Bring page views by student and day; each is a participation too."""
        answers = {}
        for (course, user), at in views.items():
            days = {f"2026-11-{day:02d}": count for day, count in at.items()}
            told = {"page_views": days, "participations": [{"created_at": f"{day}T01:00:00Z"} for day in days]}
            answers[f"{course}/{user}"] = SliceAnswer(
                {"course": course, "user": user}, student_rows.activity(told, course, user), NOON
            )
        return self._load("student_activity", "student", answers)

    def departments(self, counts: Mapping[tuple[int, str, int | None], int]) -> list[SliceResult]:
        """Bring grades by account and term filter."""
        answers = {}
        for (account, filter_, term), count in counts.items():
            scope = DepartmentScope(account, filter_, term)
            answers[f"{account} {filter_} {term}"] = SliceAnswer(
                {"account": account, "term_filter": filter_, "term": term},
                [department_rows.grades({str(score): count for score in range(3)}, scope)],
                NOON,
            )
        return self._load("department_grades", "account", answers)


@pytest.fixture
def filler(shop: Shop) -> Filler:
    return Filler(shop)


def rebuilt(shop: Shop) -> dict[str, list[str]]:
    """Return what the file holds when it is made of the lake alone."""
    shop.warehouse.paths.build.unlink()
    shop.warehouse.paths.published.unlink()
    shop.publish(accept=EVERYTHING)
    return contents(shop)


def test_any_sequence_of_batches_and_publishes_gives_the_file_that_is_made_from_nothing(
    shop: Shop, filler: Filler
) -> None:
    rng = random.Random(2)  # noqa: S311

    def some(most: int) -> dict[int, object]:
        return {day: rng.choice([0, 1, 2, 2, 3, "x"]) for day in rng.sample(range(1, 29), rng.randint(0, most))}

    for step in range(10):
        kind = rng.randrange(4)
        if kind == 0:
            extra = {"mood": "x"} if step % 3 == 0 else {}
            filler.courses({course: some(12) for course in rng.sample(range(1, 7), 3)}, **extra)
        elif kind == 1:
            filler.students({(course, user): some(4) for course in (1, 2) for user in rng.sample(range(9), 4)})
        elif kind == 2:
            terms = [(1, "current", None), (1, "completed", None), (1, "term", 3), (2, "term", 3)]
            filler.departments({scope: rng.randint(0, 2) for scope in rng.sample(terms, 2)})
        else:
            shop.load(sorted(rng.sample(range(40), 8)), f"n{step}", slice_=rng.randint(1, 3))
        if rng.random() < 0.5:
            shop.publish(accept=EVERYTHING)
    shop.publish(accept=EVERYTHING)
    step_by_step = contents(shop)
    assert len(step_by_step["analytics.course_activity"]) > 10
    assert len(step_by_step["analytics.student_page_views"]) > 10
    assert rebuilt(shop) == step_by_step


def test_only_the_slices_that_have_changed_are_moved(shop: Shop, filler: Filler) -> None:
    filler.courses({course: {1: course, 2: 5} for course in range(20)})
    shop.publish()
    filler.courses({course: {1: course, 2: 6 if course in (3, 9) else 5} for course in range(20)})
    (change,) = shop.publish().applied.applied
    assert (change.table, change.added, change.removed, change.rows_before, change.rows_after) == (
        "analytics.course_activity", 2, 2, 40, 40,
    )  # fmt: skip
    found = shop.rows("select course_id, views, _load_id from analytics.course_activity where date = '2026-11-02'")
    assert sorted(found) == [
        (course, 6, "batch-0002") if course in (3, 9) else (course, 5, "batch-0001") for course in range(20)
    ]
    assert shop.publish().applied.applied == ()


def test_each_slice_is_a_row_of_the_loads_and_counts_its_rows(shop: Shop, filler: Filler) -> None:
    filler.courses({1: {1: 1, 2: 2}, 2: {1: 3}, 3: {}})
    filler.students({(1, 10): {1: 1}, (1, 11): {1: 1, 2: 2}, (2, 10): {}})
    filler.students({(1, 10): {1: 9}})
    shop.publish()
    loads = shop.rows("select table_name, slice, load_id, source, rows from meta.loads order by 1, 2")
    assert loads == [
        ("analytics.course_activity", f"instance={HOST},course=1", "batch-0001", "course_activity", 2),
        ("analytics.course_activity", f"instance={HOST},course=2", "batch-0001", "course_activity", 1),
        *(
            (f"analytics.{name}", f"instance={HOST},course=1,user={user}", load_id, "student_activity", rows)
            for name in ("student_page_views", "student_participations")
            for user, load_id, rows in (
                (10, "batch-0003" if name == "student_page_views" else "batch-0002", 1),
                (11, "batch-0002", 2),
            )
        ),
    ]
    for table, count in shop.rows("select table_name, sum(rows)::int from meta.loads group by all"):
        assert shop.rows(f"select count(*)::int from {table}") == [(count,)]


def test_every_row_is_of_a_load_that_the_file_lists(shop: Shop, filler: Filler) -> None:
    filler.students({(1, user): {1: 1, 2: user} for user in range(10)})
    filler.students({(1, user): {1: 1, 2: 5} for user in range(3, 6)})
    shop.publish()
    strays = shop.rows(
        "select count(*) from analytics.student_page_views as rows anti join meta.loads as loads"
        " on loads.load_id = rows._load_id and loads.table_name = 'analytics.student_page_views'"
        " and loads.slice = format('instance=demo,course={},user={}', rows.course_id, rows.user_id)"
    )
    assert strays == [(0,)]


def test_an_emptied_slice_leaves_the_file_and_the_others_stay(shop: Shop, filler: Filler) -> None:
    filler.students({(1, user): {1: 1} for user in range(30)})
    shop.publish()
    filler.students({(1, 7): {}})
    shop.publish()
    users = [row[0] for row in shop.rows("select user_id from analytics.student_page_views order by 1")]
    assert users == [user for user in range(30) if user != 7]


def test_a_slice_without_a_term_is_never_taken_for_another(shop: Shop, filler: Filler) -> None:
    scopes: list[tuple[int, str, int | None]] = [(1, "current", None), (1, "term", 1), (11, "current", None)]
    filler.departments(dict.fromkeys(scopes, 1))
    shop.publish()
    filler.departments({scopes[0]: 5})
    shop.publish()
    sums = f"select account_id, term_filter, term_id, sum(students)::int from {GRADES.qualified} group by all"
    found = shop.rows(sums)
    assert sorted(found, key=str) == [(1, "current", None, 15), (1, "term", 1, 3), (11, "current", None, 3)]


def test_what_was_set_aside_is_in_the_file_until_a_clean_answer_comes(shop: Shop, filler: Filler) -> None:
    clean: dict[int, object] = dict.fromkeys(range(1, 15), 1)
    filler.courses({1: clean | {3: "x"}, 2: clean | {5: "y"}})
    shop.publish()
    lines = "select slice, line_number from meta.quarantine order by 1"
    scope = f"instance={HOST},source=course_activity,course"
    assert shop.rows(lines) == [(f"{scope}=1", 3), (f"{scope}=2", 5)]
    filler.courses({1: clean})
    shop.publish()
    assert shop.rows(lines) == [(f"{scope}=2", 5)]


def test_the_coverage_can_be_joined_by_its_ids(shop: Shop, filler: Filler) -> None:
    filler.courses({101: {1: 1}, 102: {1: "x"}})
    filler.students({(101, 2**53 + 1): {1: 1}})
    shop.publish()
    found = shop.rows(
        "select scope_kind, scope_id, account_id, course_id, user_id, status from meta.coverage order by scope_id"
    )
    assert found == [
        ("course", "101", None, 101, None, "loaded"),
        ("student", f"101/{2**53 + 1}", None, 101, 2**53 + 1, "loaded"),
        ("course", "102", None, 102, None, "failed"),
    ]
    joined = shop.rows(
        "select views from analytics.student_page_views join meta.coverage using (course_id, user_id)"
        " where scope_kind = 'student'"
    )
    assert joined == [(1,)]


def test_accounts_are_covered_by_number_and_a_name_is_none(shop: Shop, filler: Filler) -> None:
    filler.departments({(7, "current", None): 1})
    with shop.warehouse.ledger.write() as connection:
        connection.execute("UPDATE coverage SET scope_id = '7' WHERE scope_kind = 'account'")
        connection.execute(
            "INSERT INTO coverage (instance, scope_kind, scope_id, endpoint, status, attempts, answered_at)"
            " VALUES ('demo', 'account', 'self', 'accounts', 'loaded', 1, '2026-11-21T12:00:00.000000+00:00')"
        )
    shop.publish()
    found = shop.rows("select scope_id, account_id from meta.coverage order by 1")
    assert found == [("7", 7), ("self", None)]


OLD_STEPS = 3


def old_ledger(home: Path) -> None:
    """Write a ledger as it was before batches, with loads of one file per slice."""
    path = home / "state" / "ledger.sqlite"
    path.parent.mkdir(parents=True, mode=0o700)
    at = "2026-11-20T12:00:00.000000+00:00"
    with sqlite3.connect(path) as connection:
        for statement in (one for step in MIGRATIONS[:OLD_STEPS] for one in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {OLD_STEPS}")
        scope = DepartmentScope(1, "current")
        grades = [batch_of(department_rows.grades({"0": count, "1": 2}, scope)) for count in (1, 4)]
        accounts = batch_from_records(ACCOUNTS, [{"id": 1, "name": "Root"}, {"id": 2, "name": "Zoë"}])
        loads: list[tuple[Any, str, Batch, str, str | None]] = [
            (GRADES, "department_grades", grades[0], "account=1,term_filter=current", at),
            (GRADES, "department_grades", grades[1], "account=1,term_filter=current", None),
            (ACCOUNTS, "accounts", accounts, "account=self", None),
        ]
        for number, (table, source, batch, scope_name, gone) in enumerate(loads):
            load_id, slice_ = f"old-{number}", f"instance={HOST},{scope_name}"
            relative = f"{table.schema}/{table.name}/{slice_}/{load_id}.abcdef.parquet"
            file = write_table(home / "lake" / relative, table, [batch], load_id=load_id, extracted_at=NOON, sort=True)
            connection.execute(
                "INSERT INTO loads VALUES (?, ?, ?, '{}', NULL, ?, ?, 0, ?, 0, ?, ?)",
                (load_id, HOST, source, file.rows, file.rows, file.content_hash, at, at),
            )
            connection.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
                (load_id, table.qualified, slice_, relative, file.rows, file.bytes, file.sha256, file.content_hash, at,
                 gone),
            )  # fmt: skip
        connection.execute(
            "INSERT INTO coverage VALUES"
            " (?, 'account', '1', 'analytics/current/grades', 'loaded', 200, 'r', 1, NULL, ?)",
            (HOST, at),
        )
    connection.close()


def test_a_ledger_of_before_batches_is_brought_up_to_date_and_its_rows_are_published(tmp_path: Path) -> None:
    home = tmp_path / "home"
    old_ledger(home)
    shop = Shop(open_warehouse(home, ManualClock(NOON)))
    shop.publish()
    assert shop.rows("select name from canvas.accounts order by 1") == [("Root",), ("Zoë",)]
    # The superseded load is history: kept in the ledger, not in the file.
    grades = shop.rows(f"select score, students from {GRADES.qualified} order by 1")
    assert grades == [(0, 4), (1, 2)]
    loads = shop.rows("select load_id, rows from meta.loads order by 1")
    assert loads == [("old-1", 2), ("old-2", 2)]
    (entry,) = coverage_since(shop.warehouse.ledger, HOST, NOON - timedelta(days=2))
    assert (entry.scope_id, entry.status, entry.settled, entry.fingerprint) == ("1", CoverageStatus.LOADED, True, None)


def test_batches_replace_what_an_older_version_loaded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    old_ledger(home)
    shop = Shop(open_warehouse(home, ManualClock(NOON)))
    shop.publish()
    Filler(shop).departments({(1, "current", None): 9, (1, "term", 3): 8})
    shop.publish()
    found = shop.rows(f"select term_filter, score, students from {GRADES.qualified} order by 1, 2")
    assert found == [(name, score, count) for name, count in (("current", 9), ("term", 8)) for score in range(3)]
    live = [file.load_id for file in live_files(shop.warehouse.ledger) if file.table_name == GRADES.qualified]
    assert live == ["batch-0001"] * 2
    assert rebuilt(shop)["analytics.department_grades"]


def test_an_older_ledger_is_brought_up_to_date_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    old_ledger(home)
    path = home / "state" / "ledger.sqlite"
    before = [file.path for file in live_files(Ledger(path))]
    assert [file.path for file in live_files(Ledger(path))] == before
    assert len(before) == 2
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()
    assert {"slices", "parquet", "pulls", "coverage"} <= names
    assert not {"files", "coverage_2"} & names

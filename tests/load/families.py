"""Whole families of questions pulled as the assets pull them, without Dagster: what the lake holds decides what is due.

Beside it the names under which one row is told from another, so that two worlds can be held against each other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pipelines.canvas import CanvasClient
from pipelines.lake import Lake
from pipelines.lake.read import account_places, course_facts, term_dates
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.ledger.coverage import coverage_since, record_skipped
from pipelines.ledger.pulls import Pull
from pipelines.load.courses import CourseQuestion, course_work, due_courses
from pipelines.load.directory import SetupWorks, load_accounts, load_courses, load_terms, setup_questions
from pipelines.load.questions import Ended, Summary
from pipelines.load.students import StudentQuestion, StudentWorks, due_students
from pipelines.load.work_list import Meter, Work, work_off_pull
from pipelines.normalize.contracts import course, student
from tests.load.worlds import HOST, NOON, Rows, World

COURSE_TABLES = tuple(table.qualified for table in course.TABLES)
STUDENT_TABLES = tuple(table.qualified for table in student.TABLES)
OF_STUDENTS = r"/analytics/users/"
OF_COURSES = r"/courses/\d+/analytics/(activity|assignments|student_summaries)$"

T = TypeVar("T")
Heard = Callable[[int], None]


def pull_directory(world: World, token: str = "") -> list[Ended]:
    """Load accounts, terms and courses."""

    async def work(client: CanvasClient) -> list[Ended]:
        loaded = await load_accounts(world.lake, client, HOST, ["self"])
        roots = [tree.root_account_id for tree in loaded.trees]
        terms = await load_terms(world.lake, client, HOST, roots)
        return [*loaded.ended, *terms, *await load_courses(world.lake, client, HOST, roots)]

    return world.ask(work, token=token)


def pull_setup(world: World, host: str, token: str = "") -> list[Coverage]:
    """Load what is set up in the accounts that are loaded."""
    places = account_places(world.lake, HOST)
    return world.pull(
        "account set-up", setup_questions(places), lambda client: SetupWorks(client, places, host).work, token=token
    )


def _pull(
    world: World,
    family: str,
    due: Callable[[Pull], Sequence[T]],
    works: Callable[[CanvasClient], Callable[[T], Work]],
    *,
    token: str,
    width: int,
    batch: int,
    on_batch: Heard | None,
) -> Summary:
    async def work(client: CanvasClient) -> Summary:
        meter, task = Meter(), works(client)
        return await work_off_pull(
            world.lake, HOST, family, due, task, width=width, meter=meter, batch=batch, on_batch=on_batch
        )

    return world.ask(work, token=token)


def courses_due(world: World, pull: Pull | None = None, *, old_too: bool = False) -> list[CourseQuestion]:
    terms = {term.term_id: term for term in term_dates(world.lake, HOST)}
    found = due_courses(
        world.ledger, HOST, course_facts(world.lake, HOST), terms, now=world.clock(), old_too=old_too, pull=pull
    )
    record_skipped(world.ledger, found.skipped)
    return found.questions


def pull_courses(
    world: World,
    *,
    old_too: bool = False,
    token: str = "",
    width: int = 4,
    batch: int = 50,
    on_batch: Heard | None = None,
) -> Summary:
    """Pull what is due of courses."""
    return _pull(
        world,
        "course",
        lambda pull: courses_due(world, pull, old_too=old_too),
        lambda client: lambda item: course_work(client, item),
        token=token,
        width=width,
        batch=batch,
        on_batch=on_batch,
    )


def students_due(
    world: World, pull: Pull | None = None, *, every: bool = True, full: bool = False, refresh_days: int = 30
) -> list[StudentQuestion]:
    return due_students(
        world.lake,
        HOST,
        course_facts(world.lake, HOST),
        now=world.clock(),
        every=every,
        refresh_after=timedelta(days=refresh_days),
        full=full,
        pull=pull,
    )


def pull_students(
    world: World,
    *,
    every: bool = True,
    full: bool = False,
    refresh_days: int = 30,
    token: str = "",
    width: int = 4,
    batch: int = 200,
    on_batch: Heard | None = None,
) -> Summary:
    """Pull what is due of students: of all with `every`, else of those whose summary has moved."""
    return _pull(
        world,
        "student",
        lambda pull: students_due(world, pull, every=every, full=full, refresh_days=refresh_days),
        lambda client: StudentWorks(client).work,
        token=token,
        width=width,
        batch=batch,
        on_batch=on_batch,
    )


def pull_all(world: World, *, every: bool = True, old_too: bool = False, refresh_days: int = 30) -> None:
    """Pull the directory, the courses and the students, as a night does."""
    pull_directory(world)
    pull_courses(world, old_too=old_too)
    pull_students(world, every=every, refresh_days=refresh_days)


def reopened(world: World) -> World:
    """Return the world as another process finds it: the same files, and nothing in memory."""
    ledger = Ledger(world.ledger.path, world.clock)
    return replace(world, ledger=ledger, lake=Lake(world.lake.root, ledger, max_bad_share=world.lake.max_bad_share))


def tables(world: World, names: Iterable[str]) -> dict[str, Rows]:
    """Return the rows of some tables, without the columns that say when they came."""
    return {name: world.rows(name) for name in names}


def statuses(world: World, since: datetime = NOON) -> dict[tuple[str, str], CoverageStatus]:
    """Return how the last question about each scope and endpoint ended."""
    return {(one.scope_id, one.endpoint): one.status for one in coverage_since(world.ledger, HOST, since)}


def keyed(rows: Rows, *key: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return rows by their key, which must tell them apart."""
    found = {tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows)
    return found

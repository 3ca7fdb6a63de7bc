"""A pull that breaks off anywhere is taken up where it broke off: the same tables, and few questions twice."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Institution, ManualClock
from pipelines.lake import Lake, batches
from pipelines.ledger import CoverageStatus, Ledger, loads
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import live_columns
from pipelines.ledger.pulls import begin_pull
from pipelines.load.questions import Summary
from tests.load.families import (
    COURSE_TABLES,
    OF_COURSES,
    OF_STUDENTS,
    STUDENT_TABLES,
    courses_due,
    pull_courses,
    pull_directory,
    pull_students,
    reopened,
    statuses,
    students_due,
    tables,
)
from tests.load.worlds import HOST, NOON, World, institution, open_world

pytestmark = pytest.mark.slow

WIDTH = 4


def small_school() -> Institution:
    """Return two running courses: what counts here is the number of checkpoints, and not how much is between."""
    school = institution(0.05)
    held = school.students_by_course
    courses = [each for each in school.courses if each.term_id in (1, 4) and each.state == "available"]
    smallest = sorted((each for each in courses if each.id in held), key=lambda each: len(held[each.id]))
    return replace(school, courses=tuple(smallest[:2]))


class Crash(BaseException):
    """The process is gone: nobody catches this."""


@dataclass
class Crashing:
    """Lets the process die at the `at`-th call of something, counted from 0."""

    at: int
    calls: int = 0

    def due(self) -> bool:
        self.calls += 1
        return self.calls > self.at


@contextmanager
def crash_at(monkeypatch: pytest.MonkeyPatch, where: str, crashing: Crashing) -> Iterator[Callable[[int], None] | None]:
    """Let a process die in its saving: `before` or `after` the commit of a load, or after the `checkpoint`.

    Dead is dead: from then on nothing is saved any more, as the rest of a process that is killed is not.
    """
    commit = loads.commit_batch

    def dying(*arguments: Any, **more: Any) -> None:
        dies = crashing.due()
        if not dies or (where == "after" and crashing.calls == crashing.at + 1):
            commit(*arguments, **more)
        if dies:
            raise Crash

    def heard(_: int) -> None:
        if crashing.due():
            raise Crash

    with monkeypatch.context() as patched:
        if where == "checkpoint":
            # A death after a checkpoint leaves the rest unsaved, too.
            def first_only(*arguments: Any, **more: Any) -> None:
                if crashing.calls > crashing.at:
                    raise Crash
                commit(*arguments, **more)

            patched.setattr(batches, "commit_batch", first_only)
            yield heard
        else:
            patched.setattr(batches, "commit_batch", dying)
            yield None


@dataclass(frozen=True)
class Family:
    """A family of questions and how it is pulled."""

    name: str
    tables: tuple[str, ...]
    path: str
    pull: Callable[..., Summary]
    due: Callable[[World], int]


FAMILIES = {
    "course": Family("course", COURSE_TABLES, OF_COURSES, pull_courses, lambda world: len(courses_due(world))),
    "student": Family("student", STUDENT_TABLES, OF_STUDENTS, pull_students, lambda world: len(students_due(world))),
}
SIZES = {"course": 2, "student": 20}


def prepared(world: World, family: Family) -> None:
    pull_directory(world)
    if family.name == "student":
        pull_courses(world)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world in which nothing went wrong. To be looked at only."""
    with open_world(tmp_path_factory.mktemp("calm"), institution=small_school()) as world:
        pull_directory(world)
        pull_courses(world)
        pull_students(world)
        yield world


def plain(world: World, names: tuple[str, ...]) -> dict[str, Any]:
    found = tables(world, names)
    for row in found.get("analytics.student_participations", ()):
        row["url"] = row["url"] and row["url"].replace(world.canvas.base_url, "")
    return found


def places(family: Family) -> set[str]:
    """Return the endpoints of a family as the coverage names them."""
    if family.name == "course":
        return {f"analytics/{kind}" for kind in ("activity", "assignments", "student_summaries")}
    return {f"analytics/users/{kind}" for kind in ("activity", "assignments", "communication")}


def answered(world: World, family: Family) -> int:
    """Return how many questions of a family are answered in the ledger."""
    ended = statuses(world).items()
    return sum(end in places(family) and status is not CoverageStatus.SKIPPED for (_, end), status in ended)


def crash_and_start_again(world: World, family: Family, monkeypatch: pytest.MonkeyPatch, where: str, at: int) -> bool:
    """Let a pull die and start it again; return whether it died. Asserts what must hold of the second start."""
    size, asked = SIZES[family.name], world.canvas.requests
    total = family.due(world)
    asked.clear()
    died = False
    with crash_at(monkeypatch, where, Crashing(at)) as heard:
        try:
            family.pull(world, width=WIDTH, batch=size, on_batch=heard)
        except Crash:
            died = True
    first = Counter(record.path for record in asked.matching(family.path))
    after = reopened(world)
    saved = answered(after, family)
    asked.clear()
    if died:
        # A process that is started later, and still within the life of Canvas's cache.
        world.clock.advance(3600)
        assert family.pull(after, width=WIDTH, batch=size).questions == total - saved
        again = Counter(record.path for record in asked.matching(family.path))
        assert sum((first & again).values()) < 2 * size
        assert len(first | again) >= total
    # Whatever the crash left behind is in nobody's way.
    assert all((after.lake.root / path).is_file() for path in live_columns(after.ledger)["path"])
    pulls = rows_of(after.ledger, f"SELECT answered, finished_at FROM pulls WHERE family = '{family.name}'")
    ((counted, finished),) = [(int(str(row["answered"])), row["finished_at"]) for row in pulls]
    # What the batch that was being saved had cost is not known any more.
    assert total - 2 * size < counted <= total
    assert finished is not None
    return died


@pytest.mark.parametrize("where", ["commit", "checkpoint"])
@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_pull_that_dies_at_any_checkpoint_ends_with_the_same_tables_and_few_questions_twice(
    tmp_path: Path, undisturbed: World, monkeypatch: pytest.MonkeyPatch, where: str, name: str
) -> None:
    family = FAMILIES[name]
    due, at = plain(undisturbed, family.tables), 0
    with open_world(tmp_path / "canvas", institution=small_school()) as canvas:
        prepared(canvas, family)
        while True:
            world = copied(canvas, tmp_path / f"office {at}")
            # By turns right before a commit and right after it.
            place = where if where == "checkpoint" else ("before", "after")[at % 2]
            died = crash_and_start_again(world, family, monkeypatch, place, at)
            assert plain(world, family.tables) == due
            if not died:
                break
            at += 1
    # The pull has died at every checkpoint that it has.
    assert at >= 3


def copied(world: World, home: Path) -> World:
    """Return an office of its own with what another has, on the same Canvas."""
    shutil.copytree(world.home, home)
    clock = ManualClock(NOON)
    ledger = Ledger(home / "state" / "ledger.sqlite", clock)
    return World(world.canvas, clock, home, ledger, Lake(home / "lake", ledger))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path, institution=small_school()) as opened:
        pull_directory(opened)
        yield opened


def die_early(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a pull of courses die after its second checkpoint; return how many questions it had."""
    total = len(courses_due(world))
    with crash_at(monkeypatch, "after", Crashing(2)), pytest.raises(Crash):
        pull_courses(world, width=2, batch=2)
    assert 0 < answered(world, FAMILIES["course"]) < total
    return total


@pytest.mark.parametrize(("hours", "anew"), [(11.99, False), (12, True), (48, True)])
def test_a_pull_that_broke_off_long_ago_is_begun_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, hours: float, anew: bool
) -> None:
    """After twelve hours Canvas answers afresh: what was answered then would be older than the rest."""
    total = die_early(world, monkeypatch)
    saved = answered(world, FAMILIES["course"])
    world.clock.advance(hours * 3600)
    assert pull_courses(reopened(world)).questions == (total if anew else total - saved)
    pulls = rows_of(world.ledger, "SELECT finished_at FROM pulls WHERE family = 'course' ORDER BY pull_id")
    assert [row["finished_at"] is not None for row in pulls] == ([False, True] if anew else [True])


def test_a_question_that_failed_is_asked_again_when_its_pull_is_taken_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = courses_due(world)[0].course.course_id
    path = rf"/courses/{spoilt}/analytics/activity$"
    world.canvas.faults.answer(path, status=500, times=None)
    total = die_early(world, monkeypatch)
    key = str(spoilt), "analytics/activity"
    assert statuses(world)[key] is CoverageStatus.FAILED
    saved = answered(world, FAMILIES["course"])
    world.canvas.faults.clear()
    world.clock.advance(60)
    assert pull_courses(reopened(world)).questions == total - saved + 1
    assert statuses(world)[key] is CoverageStatus.LOADED


def test_a_pull_that_was_finished_is_not_taken_up(world: World) -> None:
    total = pull_courses(world).questions
    world.clock.advance(60)
    assert pull_courses(reopened(world)).questions == total


def test_a_pull_of_one_family_or_instance_never_takes_up_that_of_another(world: World) -> None:
    ledger = world.ledger
    one = begin_pull(ledger, "one", "course")
    world.clock.advance(60)
    assert begin_pull(ledger, "one", "student").pull_id != one.pull_id
    assert begin_pull(ledger, "two", "course").pull_id != one.pull_id
    again = begin_pull(ledger, "one", "course")
    assert (again.pull_id, again.since, again.taken_up) == (one.pull_id, NOON, True)


def test_a_clock_that_was_set_back_begins_a_pull_anew(world: World, tmp_path: Path) -> None:
    """Else every question would count as answered, for its answer is younger than the pull."""
    begin_pull(world.ledger, HOST, "course")
    earlier = Ledger(world.ledger.path, ManualClock(NOON - timedelta(days=1)))
    assert not begin_pull(earlier, HOST, "course").taken_up

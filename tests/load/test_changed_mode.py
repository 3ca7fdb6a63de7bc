"""Mode `changed`: a few questions instead of all, and the same tables."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.demo import Institution
from pipelines.demo.records import Submissions
from pipelines.demo.seed_changes import changed_institution
from pipelines.demo.student_summaries import UNREPORTED_EVERY
from pipelines.load.students import StudentQuestion
from tests.load import by_hand
from tests.load.families import (
    COURSE_TABLES,
    OF_STUDENTS,
    STUDENT_TABLES,
    pull_all,
    pull_courses,
    pull_directory,
    pull_students,
    students_due,
    tables,
)
from tests.load.worlds import AS_OF, NOON, World, institution, open_world

pytestmark = pytest.mark.slow

DAY = timedelta(days=1).total_seconds()
TABLES = (*COURSE_TABLES, *STUDENT_TABLES)


def plain(world: World) -> dict[str, Any]:
    """Return the rows of every table of courses and students, addresses without the port of this Canvas."""
    found = tables(world, TABLES)
    for row in found["analytics.student_participations"]:
        row["url"] = row["url"] and row["url"].replace(world.canvas.base_url, "")
    return found


def differences(home: Path, world: World) -> list[str]:
    """Return the tables whose rows differ from those of an office that asks about everybody, now and afresh."""
    with open_world(home, institution=world.canvas.institution) as other:
        other.clock.advance((world.clock() - other.clock()).total_seconds())
        pull_all(other)
        one, other_ = plain(world), plain(other)
    return [name for name in TABLES if one[name] != other_[name]]


def night(world: World, *, refresh_days: int = 30) -> int:
    """Pull in mode `changed`; return how many requests about students that took."""
    before = world.canvas.requests.count(OF_STUDENTS)
    pull_directory(world)
    pull_courses(world)
    pull_students(world, every=False, refresh_days=refresh_days)
    return world.canvas.requests.count(OF_STUDENTS) - before


def a_day_later(school: Institution, number: int, share: float = 0.01, **kinds: bool) -> Institution:
    return changed_institution(school, share, number, day=AS_OF + timedelta(days=number), **kinds)


def moved(world: World) -> list[StudentQuestion]:
    """Pull what the lake must know of courses, and return who is due then."""
    pull_directory(world)
    pull_courses(world)
    return students_due(world, every=False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world in which a first night has brought everything."""
    with open_world(tmp_path / "thrifty", institution=institution(0.05)) as opened:
        night(opened)
        yield opened


def test_a_quiet_day_costs_a_twentieth_of_all_and_ends_with_the_same_rows(tmp_path: Path) -> None:
    school = institution(0.2)
    with open_world(tmp_path / "thrifty", institution=school) as world:
        assert night(world) == len(students_due(world, every=True)) > 3 * 200
        before = plain(world)
        world.clock.advance(DAY)
        world.canvas.institution = a_day_later(school, 1)
        everybody = len(students_due(world, every=True))
        asked = night(world)
        assert 0 < asked < 0.05 * everybody
        assert differences(tmp_path / "thorough", world) == []
        after = plain(world)
        changed = ("analytics.student_page_views", "analytics.student_participations", "analytics.student_assignments")
        assert all(after[name] != before[name] for name in changed)
        # Nothing new: nobody is asked about.
        world.clock.advance(DAY / 4)
        assert night(world) == 0


@pytest.mark.parametrize("cached", [timedelta(0), timedelta(hours=12)])
def test_after_days_of_work_and_one_of_rest_the_tables_are_those_of_all(tmp_path: Path, cached: timedelta) -> None:
    """What Canvas had in its cache when it was asked is asked for again, so that no change is lost."""
    school = institution(0.05)
    with open_world(tmp_path / "thrifty", institution=school, analytics_cache=cached) as world:
        night(world)
        asked = 0
        for number in range(1, 3):
            school = world.canvas.institution = a_day_later(school, number, 0.1)
            # Twice a day, at odd hours: what is new is now and then behind the cache of what was asked before.
            for part in (0.4, 0.6):
                world.clock.advance(part * DAY)
                asked += night(world)
        for _ in range(2):
            world.clock.advance(DAY / 2)
            asked += night(world)
        assert differences(tmp_path / "thorough", world) == []
        assert asked < 6 * 0.4 * len(students_due(world, every=True))


def test_a_course_that_concludes_has_one_last_round(world: World) -> None:
    school = world.canvas.institution
    over = next(item.course_id for item in students_due(world, every=True))
    courses = tuple(replace(each, state="completed") if each.id == over else each for each in school.courses)
    world.canvas.institution = replace(school, courses=courses)
    world.clock.advance(DAY)
    due = moved(world)
    users = {user for course, user in by_hand.pairs(school, world.clock()) if course == over}
    kinds = ("activity", "assignments", "communication")
    assert {(item.course_id, item.user_id, item.endpoint) for item in due} >= {
        (over, user, kind) for user in users for kind in kinds
    }
    pull_students(world, every=False)
    before = world.canvas.requests.count(rf"/courses/{over}/")
    for _ in range(3):
        world.clock.advance(DAY)
        night(world)
    assert world.canvas.requests.count(rf"/courses/{over}/") == before
    # Not even in mode `all`: nothing new can come.
    assert over not in {item.course_id for item in students_due(world, every=True)}


def test_another_title_is_asked_for_where_it_stands_and_nothing_else_is(world: World, tmp_path: Path) -> None:
    school = world.canvas.institution
    course_id = students_due(world, every=True)[0].course_id
    (first, *_) = [each for each in school.assignments if each.course_id == course_id]
    titled = tuple(replace(each, title="別の題") if each.id == first.id else each for each in school.assignments)
    world.canvas.institution = replace(school, assignments=titled)
    world.clock.advance(3600)
    due = moved(world)
    users = {user for course, user in by_hand.pairs(school, world.clock()) if course == course_id}
    assert Counter((item.course_id, item.endpoint) for item in due) == {(course_id, "assignments"): len(users)}
    pull_students(world, every=False)
    assert differences(tmp_path / "thorough", world) == []


def _with_scores(school: Institution, more: float) -> Institution:
    """Return the school with other scores for graded work of courses that go on, and nothing else."""
    held = school.submissions
    open_ = [each.id for each in school.courses if each.term_id in (1, 4) and each.state == "available"]
    graded = (held.submitted_at > 0) & (np.nan_to_num(held.score) > 0) & np.isin(held.course_id, open_)
    columns = {name: getattr(held, name) for name in Submissions.__dataclass_fields__}
    return replace(
        school, submissions=Submissions(**{**columns, "score": np.where(graded, held.score + more, held.score)})
    )


@pytest.mark.parametrize("what", ["messages", "scores"])
def test_what_no_summary_tells_comes_with_the_refresh(world: World, tmp_path: Path, what: str) -> None:
    """A price of mode `changed`, told in the settings: it is bounded by `student_refresh_days`."""
    school = world.canvas.institution
    if what == "messages":
        other = a_day_later(school, 1, 0.3, activity=False, submissions=False)
        table = "analytics.student_messages"
    else:
        other, table = _with_scores(school, 0.25), "analytics.student_assignments"
    before = plain(world)
    world.canvas.institution = other
    world.clock.advance(DAY)
    asked = night(world, refresh_days=2)
    stale = plain(world)
    assert stale[table] == before[table]
    # The class's statistics are of the course, and asked for every time.
    assert (stale["analytics.course_assignments"] != before["analytics.course_assignments"]) is (what == "scores")
    world.clock.advance(DAY)
    asked += night(world, refresh_days=2)
    assert plain(world)[table] != before[table]
    assert differences(tmp_path / "thorough", world) == []
    # Everybody once, and those whose dates have passed meanwhile.
    assert asked <= 1.3 * len(students_due(world, every=True))


def test_a_student_whom_the_service_of_page_views_does_not_know_is_not_forgotten(tmp_path: Path) -> None:
    """The summary has no counts of such a student, so that it cannot tell that something has moved."""
    school = institution(0.05)
    running = {each.id for each in school.courses if each.term_id == 4 and each.state == "available"}
    old = next(user for course, user in by_hand.pairs(school, NOON) if course in running)
    new = UNREPORTED_EVERY * 200
    school = _renumbered(school, old, new)
    with open_world(tmp_path / "thrifty", institution=school) as world:
        night(world)
        summary = [row for row in world.rows("analytics.student_summaries") if row["user_id"] == new]
        assert None in {row["page_views"] for row in summary}
        course_id = next(row["course_id"] for row in summary if row["page_views"] is None)
        log = school.activity
        (mine,) = np.nonzero((log.user_id == new) & (log.course_id == course_id))
        views = log.views.copy()
        views[mine] += 5
        assert len(mine)
        world.canvas.institution = replace(school, activity=replace(log, views=views))
        world.clock.advance(DAY)
        # One question for each course in which the service does not know the student.
        assert night(world) == sum(row["page_views"] is None for row in summary)
        assert differences(tmp_path / "thorough", world) == []


def test_nobody_is_asked_about_for_counts_that_this_canvas_does_not_keep(world: World) -> None:
    """A Canvas whose service of page views is away must not make every night as dear as the first."""
    school = world.canvas.institution
    course_id = next(each.id for each in school.courses if each.term_id == 4 and each.state == "available")
    for user in by_hand.weights(school)[course_id]:
        school = _renumbered(school, user, UNREPORTED_EVERY * (1000 + user))
    world.canvas.institution = school
    world.clock.advance(DAY)
    night(world)
    views = {row["page_views"] for row in world.rows("analytics.student_summaries") if row["course_id"] == course_id}
    assert views == {None}
    # Longer than Canvas's cache lives, and before the next evening on which work is due.
    world.clock.advance(13 / 24 * DAY)
    assert [item for item in moved(world) if item.course_id == course_id] == []


def _renumbered(school: Institution, old: int, new: int) -> Institution:
    def column(values: Any) -> Any:
        return np.where(values == old, new, values)

    return replace(
        school,
        users=tuple(replace(each, id=new) if each.id == old else each for each in school.users),
        enrollments=tuple(replace(each, user_id=new) if each.user_id == old else each for each in school.enrollments),
        activity=replace(school.activity, user_id=column(school.activity.user_id)),
        submissions=replace(school.submissions, user_id=column(school.submissions.user_id)),
        messages=replace(school.messages, user_id=column(school.messages.user_id)),
    )


def test_work_on_paper_that_becomes_due_is_missing_the_same_night(tmp_path: Path) -> None:
    """Summaries leave work on paper out of their counts, so that the passing of its date must be seen otherwise."""
    school = institution(0.05)
    course_id = next(each.id for each in school.courses if each.term_id == 4 and each.state == "available")
    (paper,) = [each for each in school.assignments if each.course_id == course_id and each.non_digital_submission]
    held = school.submissions
    others = held.assignment_id != paper.id
    soon = replace(paper, due_at=datetime(2026, 11, 21, 22, tzinfo=UTC))
    school = replace(
        school,
        assignments=tuple(soon if each.id == paper.id else each for each in school.assignments),
        submissions=Submissions(*(getattr(held, name)[others] for name in Submissions.__dataclass_fields__)),
    )

    def found(world: World) -> set[str]:
        rows = world.rows("analytics.student_assignments")
        return {row["status"] for row in rows if row["assignment_id"] == paper.id}

    with open_world(tmp_path / "thrifty", institution=school) as world:
        night(world)
        assert found(world) == {"floating"}
        world.clock.advance(DAY)
        night(world)
        assert found(world) == {"missing"}
        assert differences(tmp_path / "thorough", world) == []
        world.clock.advance(DAY)
        assert [item for item in moved(world) if item.course_id == course_id] == []

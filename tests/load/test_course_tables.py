"""Course analytics in the lake, cell by cell, against the records that the demo Canvas holds."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Institution
from pipelines.ledger import CoverageStatus
from pipelines.ledger.coverage import coverage_since
from pipelines.normalize.contracts import TABLES
from tests.load import by_hand
from tests.load.families import COURSE_TABLES, keyed, pull_courses, pull_directory, statuses, tables
from tests.load.worlds import HOST, NOON, Rows, World, institution, open_world

STATISTICS = ("min_score", "first_quartile", "median", "third_quartile", "max_score")
TARDINESS = ("missing", "late", "on_time", "floating")
KINDS = ("activity", "assignments", "student_summaries")


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world in which everything about courses has been pulled. To be looked at only."""
    with open_world(tmp_path_factory.mktemp("courses"), institution=institution(0.1)) as world:
        pull_directory(world)
        pull_courses(world, old_too=True)
        yield world


@pytest.fixture(scope="module")
def school(pulled: World) -> Institution:
    return pulled.canvas.institution


def of_courses(school: Institution) -> list[int]:
    return sorted(each.id for each in by_hand.courses_with_analytics(school, NOON))


def answers(world: World, kind: str) -> dict[int, Any]:
    """Return what Canvas says of each course, read without the code under test."""
    courses = of_courses(world.canvas.institution)
    return dict(zip(courses, by_hand.said(world, *(f"/courses/{c}/analytics/{kind}" for c in courses)), strict=True))


def test_no_table_of_courses_is_forgotten() -> None:
    assert {table.qualified for table in TABLES.values() if table.group == "course"} == set(COURSE_TABLES)
    assert set(COURSE_TABLES) == {
        "analytics.course_activity",
        "analytics.course_assignments",
        "analytics.course_assignment_modules",
        "analytics.student_summaries",
    }


def test_the_activity_of_each_course_adds_up_to_the_log_day_by_day(pulled: World, school: Institution) -> None:
    due = [
        {"course_id": course, "date": on, "views": views, "participations": taken}
        for (course, on), (views, taken) in by_hand.log_by(school, by_user=False).items()
        if course in of_courses(school)
    ]
    assert len(due) > 500
    assert pulled.rows("analytics.course_activity") == sorted(due, key=lambda row: (row["course_id"], row["date"]))


def test_assignments_are_those_of_the_records_with_the_statistics_that_canvas_gives(
    pulled: World, school: Institution
) -> None:
    held, found = by_hand.weights(school), by_hand.submissions(school)
    said = {(c, one["assignment_id"]): one for c, listed in answers(pulled, "assignments").items() for one in listed}
    due = []
    for each in school.assignments:
        if each.course_id not in of_courses(school):
            continue
        class_ = held[each.course_id]
        of_status = dict.fromkeys(TARDINESS, 0)
        for user, enrollments in class_.items():
            of_status[by_hand.status(each, found.get((each.id, user)), NOON)] += enrollments
        if each.non_digital_submission:
            of_status = dict.fromkeys(TARDINESS, 0)
        # Canvas's roll-ups know nothing of work that is not due yet.
        of_status["floating"] = 0
        raw = said[each.course_id, each.id]
        due.append(
            {
                "course_id": each.course_id,
                "assignment_id": each.id,
                "title": each.title,
                "due_at": each.due_at,
                "unlock_at": None,
                "points_possible": each.points_possible,
                "muted": each.muted,
                "multiple_due_dates": None,
                "non_digital_submission": each.non_digital_submission,
                **{name: raw.get(name) for name in STATISTICS},
                **{f"tardiness_{name}": count / class_.total() for name, count in of_status.items()},
                "tardiness_total": class_.total(),
            }
        )
    rows = pulled.rows("analytics.course_assignments")
    assert rows == sorted(due, key=lambda row: (row["course_id"], row["assignment_id"]))
    # What breaks pipelines is among them.
    assert {row["median"] is None for row in rows} == {True, False}
    assert any(row["points_possible"] is None for row in rows)
    assert any(row["due_at"] is None for row in rows)
    assert any(row["muted"] for row in rows)
    assert any(not str(row["title"]).isascii() for row in rows)
    assert any(row["title"].startswith("NA ") for row in rows)


def test_a_course_without_any_grade_has_assignments_without_statistics(pulled: World, school: Institution) -> None:
    found = by_hand.submissions(school)
    graded = {each.course_id for each in school.assignments for (one, _), work in found.items()
              if one == each.id and work.score is not None}  # fmt: skip
    ungraded = set(of_courses(school)) - graded
    assert ungraded
    rows = [row for row in pulled.rows("analytics.course_assignments") if row["course_id"] in ungraded]
    assert len(rows) >= 4
    assert {row[name] for row in rows for name in STATISTICS} == {None}


def test_a_student_in_two_sections_counts_twice_in_the_class_and_is_one_in_the_summaries(
    pulled: World, school: Institution
) -> None:
    twice = {course: class_ for course, class_ in by_hand.weights(school).items() if class_.total() > len(class_)}
    twice = {course: class_ for course, class_ in twice.items() if course in of_courses(school)}
    assert twice
    totals = {row["course_id"]: row["tardiness_total"] for row in pulled.rows("analytics.course_assignments")}
    for course, class_ in twice.items():
        assert totals[course] == class_.total()
        users = [row["user_id"] for row in pulled.rows("analytics.student_summaries") if row["course_id"] == course]
        assert users == sorted(class_)


def due_summaries(world: World, now: datetime = NOON) -> Rows:
    """Return the summaries of all students, reckoned from the records; the levels are what Canvas says."""
    school = world.canvas.institution
    log, work = by_hand.log_by(school, by_user=True), by_hand.submissions(school)
    levels = {
        (course, one["id"]): one for course, listed in answers(world, "student_summaries").items() for one in listed
    }
    current = next(term.id for term in school.terms if term.start_at and term.start_at <= now <= (term.end_at or now))
    due = []
    for course in by_hand.courses_with_analytics(school, now):
        users = sorted(by_hand.weights(school)[course.id])
        # In a running course Canvas's service of page views does not know everybody.
        known = [u for u in users if u % 97 or course.state != "available" or course.term_id != current]
        counts = {
            user: [sum(sums[at] for (c, u, _), sums in log.items() if (c, u) == (course.id, user)) for at in (0, 1)]
            for user in known
        }
        digital = [
            each for each in school.assignments if each.course_id == course.id and not each.non_digital_submission
        ]
        for user in users:
            of_status = [by_hand.status(each, work.get((each.id, user)), now) for each in digital]
            views, taken = counts.get(user, (None, None))
            due.append(
                {
                    "course_id": course.id,
                    "user_id": user,
                    "page_views": views,
                    "max_page_views": max(seen for seen, _ in counts.values()),
                    "page_views_level": int(levels[course.id, user]["page_views_level"]),
                    "participations": taken,
                    "max_participations": max(took for _, took in counts.values()),
                    "participations_level": int(levels[course.id, user]["participations_level"]),
                    "tardiness_total": len(digital),
                    **{f"tardiness_{name}": of_status.count(name) for name in TARDINESS},
                }
            )
    return sorted(due, key=lambda row: (row["course_id"], row["user_id"]))


def test_the_summary_of_each_student_adds_up_to_the_log_and_to_the_work(pulled: World, school: Institution) -> None:
    rows = pulled.rows("analytics.student_summaries")
    assert rows == due_summaries(pulled)
    assert {0, 1, 2, 3} == {row["page_views_level"] for row in rows}
    # Who was there and did nothing has counts, of nothing.
    assert any(row["page_views"] == 0 for row in rows)
    users = {row["user_id"] for row in rows}
    assert any(user > 2**53 for user in users)
    awkward = {each.id for each in school.users if each.logins and each.logins[0].unique_id in ("NA", "NULL", "None")}
    assert awkward & users


def test_documented_shapes_give_the_same_rows_where_they_say_the_same(pulled: World, tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.1), documented_shapes=True) as world:
        pull_directory(world)
        pull_courses(world, old_too=True)
        for name in ("analytics.course_activity", "analytics.student_summaries"):
            assert world.rows(name) == pulled.rows(name)
        documented = keyed(world.rows("analytics.course_assignments"), "course_id", "assignment_id")
        rolled_up = keyed(pulled.rows("analytics.course_assignments"), "course_id", "assignment_id")
        assert documented.keys() == rolled_up.keys()
        same = ("title", "due_at", "points_possible", "muted", "non_digital_submission", "tardiness_missing")
        school, held = world.canvas.institution, by_hand.weights(world.canvas.institution)
        for place, row in documented.items():
            # A student of two sections counts once here, so shares of a class differ where there is one.
            single = held[place[0]].total() == len(held[place[0]])
            names = same if single else same[:-1]
            assert {name: row[name] for name in names} == {name: rolled_up[place][name] for name in names}
            assert row["multiple_due_dates"] is False
        assert {place: row["unlock_at"] for place, row in documented.items()} == {
            # Canvas writes whole seconds.
            (each.course_id, each.id): each.unlock_at and each.unlock_at.replace(microsecond=0)
            for each in school.assignments
            if each.course_id in of_courses(school)
        }
        modules = [
            {"course_id": each.course_id, "assignment_id": each.id, "module_id": module}
            for each in school.assignments
            if each.course_id in of_courses(school)
            for module in each.module_ids
        ]
        rows = world.rows("analytics.course_assignment_modules")
        assert len(rows) > 50
        assert rows == sorted(modules, key=lambda row: (row["course_id"], row["assignment_id"], row["module_id"]))


def test_who_may_not_grade_gets_assignments_with_modules_and_no_summaries(tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.1)) as world:
        pull_directory(world)
        world.canvas.tokens.grant("1~no-grader", without=["manage_grades", "view_all_grades"])
        pull_courses(world, token="1~no-grader")
        school = world.canvas.institution
        asked = {row["course_id"] for row in world.rows("analytics.course_assignments")}
        work = by_hand.submissions(school)
        done: dict[int, int] = {each.id: 0 for each in school.assignments}
        for each in school.assignments:
            for (assignment, _), found in work.items():
                if assignment == each.id and (by_hand.recorded(each, found) or found.score is not None):
                    done[each.id] += 1
        shown = [each for each in school.assignments if each.course_id in asked]
        shown = [each for each in shown if not each.muted and done[each.id] >= 5]
        rows = world.rows("analytics.course_assignment_modules")
        assert [(row["assignment_id"], row["module_id"]) for row in rows] == [
            (each.id, module) for each in sorted(shown, key=lambda one: (one.course_id, one.id))
            for module in sorted(each.module_ids)
        ]  # fmt: skip
        assert rows
        entries = coverage_since(world.ledger, HOST, NOON, [CoverageStatus.FORBIDDEN])
        assert {one.endpoint for one in entries} == {"analytics/student_summaries"}
        assert all("view_all_grades" in (one.detail or "") for one in entries)
        assert world.rows("analytics.student_summaries") == []


def test_a_student_whom_canvas_lists_twice_is_one_row(tmp_path: Path, pulled: World) -> None:
    with open_world(tmp_path, institution=institution(0.1), repeated_students=True) as world:
        pull_directory(world)
        pull_courses(world, old_too=True)
        listed = [one["id"] for said in answers(world, "student_summaries").values() for one in said]
        assert len(listed) > len(world.rows("analytics.student_summaries"))
        assert tables(world, COURSE_TABLES) == tables(pulled, COURSE_TABLES)


def test_how_each_course_ended_is_told(pulled: World, school: Institution) -> None:
    """Unpublished, not begun and nobody there are told apart from each other and from nothing done."""
    ended = statuses(pulled)
    begun = {term.id: term.start_at is None or term.start_at <= NOON for term in school.terms}
    for each in school.courses:
        found = {ended.get((str(each.id), f"analytics/{kind}")) for kind in KINDS}
        if each.state == "deleted":
            assert found == {None}
        elif each.state in ("created", "claimed") or not begun[each.term_id]:
            assert found == {CoverageStatus.SKIPPED}
        elif each.id not in by_hand.weights(school):
            assert found == {CoverageStatus.MISSING}
        else:
            assert found <= {CoverageStatus.LOADED, CoverageStatus.EMPTY}
    count = {one: sum(status is one for (_, end), status in ended.items() if "analytics/" in end) for one in
             (CoverageStatus.SKIPPED, CoverageStatus.MISSING, CoverageStatus.LOADED)}  # fmt: skip
    assert all(count.values())
    skipped = coverage_since(pulled.ledger, HOST, NOON, [CoverageStatus.SKIPPED])
    assert {(one.attempts, one.http_status) for one in skipped} == {(0, None)}
    assert {one.detail for one in skipped} == {
        "The course is unpublished: Canvas has no analytics of it.",
        "The course's term has not begun.",
    }


def test_every_row_says_which_load_brought_it_and_when(pulled: World) -> None:
    for name in COURSE_TABLES:
        rows = pulled.rows(name, system=True)
        assert all(row["_load_id"] and isinstance(row["_extracted_at"], datetime) for row in rows)
    assert isinstance(pulled.rows("analytics.course_activity")[0]["date"], date)

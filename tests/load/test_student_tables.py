"""Student analytics in the lake, cell by cell, against the records that the demo Canvas holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Institution
from pipelines.ledger import CoverageStatus
from pipelines.ledger.coverage import coverage_since
from pipelines.normalize.contracts import TABLES
from tests.load import by_hand
from tests.load.families import (
    OF_STUDENTS,
    STUDENT_TABLES,
    pull_courses,
    pull_directory,
    pull_students,
    reopened,
    students_due,
    tables,
)
from tests.load.worlds import HOST, NOON, Rows, World, institution, open_world

SHARD_USER = 1234 * 10**13 + 42


def pull(world: World) -> None:
    pull_directory(world)
    pull_courses(world, old_too=True)
    # Of the courses that go on and of those that are over.
    pull_students(world)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a world in which every student has been asked about. To be looked at only."""
    with open_world(tmp_path_factory.mktemp("students"), institution=institution(0.1)) as world:
        pull(world)
        yield world


@pytest.fixture(scope="module")
def school(pulled: World) -> Institution:
    return pulled.canvas.institution


@pytest.fixture(scope="module")
def activity(pulled: World, school: Institution) -> dict[by_hand.Pair, Any]:
    """Return what Canvas says of each student's activity, read without the code under test."""
    places = by_hand.pairs(school, NOON)
    paths = (f"/courses/{course}/analytics/users/{user}/activity" for course, user in places)
    return dict(zip(places, by_hand.said(pulled, *paths), strict=True))


def by_place(rows: Rows) -> dict[by_hand.Pair, Rows]:
    found: dict[by_hand.Pair, Rows] = {}
    for row in rows:
        found.setdefault((row["course_id"], row["user_id"]), []).append(row)
    return found


def test_no_table_of_students_is_forgotten() -> None:
    assert {table.qualified for table in TABLES.values() if table.group == "student"} == set(STUDENT_TABLES)
    assert set(STUDENT_TABLES) == {
        "analytics.student_page_views",
        "analytics.student_participations",
        "analytics.student_assignments",
        "analytics.student_messages",
    }


def test_everybody_who_studies_somewhere_was_asked_about(pulled: World, school: Institution) -> None:
    due = by_hand.pairs(school, NOON)
    assert len(due) > 100
    assert any(user == SHARD_USER for _, user in due)
    asked = coverage_since(pulled.ledger, HOST, NOON, [CoverageStatus.LOADED, CoverageStatus.EMPTY])
    asked = [one for one in asked if one.scope_kind == "student"]
    kinds = ("activity", "assignments", "communication")
    wanted = {(f"{c}/{u}", f"analytics/users/{kind}") for c, u in due for kind in kinds}
    assert {(one.scope_id, one.endpoint) for one in asked} == wanted
    assert {(one.attempts, one.http_status) for one in asked} == {(1, 200)}


def test_page_views_by_hour_add_up_to_the_log_of_each_day(
    pulled: World, school: Institution, activity: dict[by_hand.Pair, Any]
) -> None:
    rows = pulled.rows("analytics.student_page_views")
    log = by_hand.log_by(school, by_user=True)
    places = set(by_hand.pairs(school, NOON))
    sums: Counter[tuple[int, int, Any]] = Counter()
    for row in rows:
        at = row["bucket_at"].astimezone(UTC)
        assert (at.minute, at.second, row["bucket"]) == (0, 0, "hour")
        sums[row["course_id"], row["user_id"], at.date()] += row["views"]
    assert sums == {key: views for key, (views, _) in log.items() if key[:2] in places and views}
    # And hour by hour they are what Canvas says, in UTC.
    said = {
        (*place, datetime.fromisoformat(hour).astimezone(UTC)): views
        for place, answer in activity.items()
        for hour, views in answer["page_views"].items()
    }
    assert {(r["course_id"], r["user_id"], r["bucket_at"]): r["views"] for r in rows} == said
    assert len(rows) == len(said) > 2000


def test_page_views_by_day_are_the_log(tmp_path: Path, pulled: World, school: Institution) -> None:
    """A Canvas without the service of page views keeps days: a midnight in UTC stands for each."""
    with open_world(tmp_path, institution=institution(0.1), page_view_buckets="day") as world:
        pull(world)
        places = set(by_hand.pairs(school, NOON))
        due = [
            {
                "course_id": course,
                "user_id": user,
                "bucket_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
                "bucket": "day",
                "views": views,
            }
            for (course, user, day), (views, _) in by_hand.log_by(school, by_user=True).items()
            if (course, user) in places and views
        ]
        found = world.rows("analytics.student_page_views")
        assert found == sorted(due, key=lambda row: (row["course_id"], row["user_id"], row["bucket_at"]))
        rest = [name for name in STUDENT_TABLES if name != "analytics.student_page_views"]
        assert list(_without_hosts(world, rest)) == list(_without_hosts(pulled, rest))


def test_participations_are_counted_as_in_the_log_and_stand_in_their_order(
    pulled: World, school: Institution, activity: dict[by_hand.Pair, Any]
) -> None:
    rows = pulled.rows("analytics.student_participations")
    log = by_hand.log_by(school, by_user=True)
    counts = Counter((r["course_id"], r["user_id"], r["created_at"].astimezone(UTC).date()) for r in rows)
    places = set(by_hand.pairs(school, NOON))
    assert counts == {key: taken for key, (_, taken) in log.items() if key[:2] in places and taken}
    found = by_place(rows)
    for place, answer in activity.items():
        told = [
            (at, datetime.fromisoformat(one["created_at"]), one["url"])
            for at, one in enumerate(answer["participations"], start=1)
        ]
        assert [(r["position"], r["created_at"], r["url"]) for r in found.get(place, [])] == told
        assert told == sorted(told)
    assert {row["url"] is None for row in rows} == {True, False}


def due_assignments(school: Institution, now: datetime = NOON) -> Rows:
    work, held = by_hand.submissions(school), by_hand.weights(school)
    asked = {each.id for each in by_hand.courses_with_analytics(school, now)}
    due = []
    for each in school.assignments:
        for user in held[each.course_id] if each.course_id in asked else ():
            found = work.get((each.id, user))
            # Excused work has no submission to show.
            shown = None if found is None or found.excused else found
            due.append(
                {
                    "course_id": each.course_id,
                    "user_id": user,
                    "assignment_id": each.id,
                    "title": each.title,
                    "due_at": each.due_at,
                    # Canvas writes whole seconds.
                    "unlock_at": each.unlock_at and each.unlock_at.replace(microsecond=0),
                    "points_possible": each.points_possible,
                    "non_digital_submission": each.non_digital_submission,
                    "status": by_hand.status(each, found, now),
                    "muted": False,
                    "excused": None if found is None else found.excused,
                    "statistics": True,
                    "submission_score": shown and shown.score,
                    "submission_submitted_at": shown and by_hand.recorded(each, shown),
                    "submission_posted_at": shown and shown.posted_at,
                }
            )
    return sorted(due, key=lambda row: (row["course_id"], row["user_id"], row["assignment_id"]))


def test_the_work_of_each_student_is_that_of_the_records(pulled: World, school: Institution) -> None:
    rows = pulled.rows("analytics.student_assignments")
    assert rows == due_assignments(school)
    assert {row["status"] for row in rows} == {"on_time", "late", "missing", "floating"}
    assert {row["excused"] for row in rows} == {None, False, True}
    assert any(row["submission_score"] == 0 for row in rows)
    assert any(row["points_possible"] and (row["submission_score"] or 0) > row["points_possible"] for row in rows)
    assert any(row["submission_submitted_at"] and row["submission_score"] is None for row in rows)
    assert any(row["submission_score"] is not None and row["submission_posted_at"] is None for row in rows)
    assert any(row["user_id"] == SHARD_USER for row in rows)


def test_messages_are_those_of_the_records(pulled: World, school: Institution) -> None:
    places = set(by_hand.pairs(school, NOON))
    due = [
        {"course_id": course, "user_id": user, "date": day, "instructor_messages": theirs, "student_messages": own}
        for (course, user, day), (theirs, own) in by_hand.messages(school).items()
        if (course, user) in places
    ]
    rows = pulled.rows("analytics.student_messages")
    assert rows == sorted(due, key=lambda row: (row["course_id"], row["user_id"], row["date"]))
    assert {0} < {row["instructor_messages"] for row in rows}
    assert {0} < {row["student_messages"] for row in rows}
    # Most students have none, which is an answer and not a hole.
    silent = places - {(row["course_id"], row["user_id"]) for row in rows}
    ended = coverage_since(pulled.ledger, HOST, NOON, [CoverageStatus.EMPTY])
    told = {one.scope_id for one in ended if one.endpoint == "analytics/users/communication"}
    assert told == {f"{course}/{user}" for course, user in silent}
    assert len(told) > 50


def test_documented_shapes_give_the_same_rows(tmp_path: Path, pulled: World, school: Institution) -> None:
    with open_world(tmp_path, institution=institution(0.1), documented_shapes=True) as world:
        pull(world)
        rest = [name for name in STUDENT_TABLES if name != "analytics.student_assignments"]
        assert list(_without_hosts(world, rest)) == list(_without_hosts(pulled, rest))
        muted = {each.id for each in school.assignments if each.muted}
        due = [{**row, "muted": row["assignment_id"] in muted} for row in due_assignments(school)]
        assert world.rows("analytics.student_assignments") == due


def _without_hosts(world: World, names: list[str]) -> Iterator[Rows]:
    """Give the rows of some tables with addresses that do not name the port that this Canvas listens on."""
    for rows in tables(world, names).values():
        yield [{**row, "url": row["url"].replace(world.canvas.base_url, "")} if row.get("url") else row for row in rows]


def test_statistics_that_are_held_back_are_told_and_the_own_score_stays(tmp_path: Path) -> None:
    """Without the right to grade Canvas keeps the class's statistics of a muted assignment, and the score, to itself.

    The summaries need that right too, so that they are from before it was taken away.
    """
    with open_world(tmp_path, institution=institution(0.1)) as world:
        pull_directory(world)
        pull_courses(world)
        world.canvas.tokens.grant("1~no-grader", without=["manage_grades", "view_all_grades"])
        pull_students(world, token="1~no-grader")
        school = world.canvas.institution
        asked = {(row["course_id"], row["user_id"]) for row in world.rows("analytics.student_summaries")}
        due = {(r["course_id"], r["user_id"], r["assignment_id"]): r for r in due_assignments(school)}
        muted = {each.id for each in school.assignments if each.muted}
        rows = world.rows("analytics.student_assignments")
        assert {(row["course_id"], row["user_id"]) for row in rows} == asked
        assert {row["statistics"] for row in rows} == {True, False}
        for row in rows:
            expected = due[row["course_id"], row["user_id"], row["assignment_id"]]
            hidden = row["assignment_id"] in muted
            assert row["muted"] is hidden
            assert row["submission_score"] == (None if hidden else expected["submission_score"])
            assert row["status"] == expected["status"]
            assert not (hidden and row["statistics"])


def test_what_a_student_no_longer_has_goes_and_the_rows_of_the_others_stay(tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.05)) as world:
        pull_directory(world)
        pull_courses(world)
        pull_students(world)
        before = {name: by_place(rows) for name, rows in tables(world, STUDENT_TABLES).items()}
        school = world.canvas.institution
        talkers = sorted(before["analytics.student_messages"])
        course, user = talkers[0]
        held = school.messages
        keep = ~((held.course_id == course) & (held.user_id == user))
        columns = ("course_id", "user_id", "day", "instructor_messages", "student_messages")
        fewer = replace(held, **{name: getattr(held, name)[keep] for name in columns})
        world.canvas.institution = replace(school, messages=fewer)
        world.clock.advance(13 * 3600)
        pull_students(world)
        after = {name: by_place(rows) for name, rows in tables(world, STUDENT_TABLES).items()}
        del before["analytics.student_messages"][course, user]
        assert len(talkers) > 1
        # A day that has begun changes what is missing, and nobody's messages.
        assert after["analytics.student_messages"] == before["analytics.student_messages"]
        assert after["analytics.student_page_views"] == before["analytics.student_page_views"]


def test_a_right_that_is_missing_is_asked_for_once_a_course_and_told_for_every_student(tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.05)) as world:
        pull_directory(world)
        pull_courses(world)
        world.canvas.tokens.grant("1~blind", without=["read_grades"])
        due = students_due(world)
        summary = pull_students(world, token="1~blind", width=1)
        courses = {item.course_id for item in due}
        assert world.canvas.requests.count(OF_STUDENTS) == 3 * len(courses)
        assert summary.refused == len(due) > 3 * len(courses)
        assert not any(tables(world, STUDENT_TABLES).values())
        told = coverage_since(world.ledger, HOST, NOON, [CoverageStatus.FORBIDDEN])
        assert len(told) == len(due)
        assert all("read_grades" in (one.detail or "") for one in told)
        # Whoever asked for the right is waiting: everybody is due at the next pull, and no longer forbidden.
        world.clock.advance(60)
        assert len(students_due(reopened(world), every=False)) == len(due)
        pull_students(world, every=False)
        assert len(by_place(world.rows("analytics.student_assignments"))) == len(due) / 3


def test_a_student_who_left_between_summary_and_question_is_missing_and_sinks_nobody(tmp_path: Path) -> None:
    with open_world(tmp_path, institution=institution(0.05)) as world:
        pull_directory(world)
        pull_courses(world)
        school = world.canvas.institution
        gone = next(item for item in students_due(world))
        left = tuple(
            replace(each, state="deleted")
            if (each.course_id, each.user_id, each.type) == (gone.course_id, gone.user_id, "StudentEnrollment")
            else each
            for each in school.enrollments
        )
        world.canvas.institution = replace(school, enrollments=left)
        pull_students(world)
        missing = coverage_since(world.ledger, HOST, NOON, [CoverageStatus.MISSING])
        of_students = [one for one in missing if one.scope_kind == "student"]
        assert {one.scope_id for one in of_students} == {f"{gone.course_id}/{gone.user_id}"}
        assert len(of_students) == 3
        places = by_place(world.rows("analytics.student_assignments"))
        assert (gone.course_id, gone.user_id) not in places
        assert len(places) > 20

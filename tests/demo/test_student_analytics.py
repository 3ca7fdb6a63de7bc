import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, changed_institution
from pipelines.demo.records import Assignment, Submissions
from pipelines.demo.seed import CROSS_SHARD_USER_ID, SILENT_USER_ID
from tests.demo.conftest import MakeCanvas
from tests.demo.course_calls import SCORES, STATUSES, as_, home_course, pages, path, served

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALWAYS = {
    "assignment_id",
    "title",
    "unlock_at",
    "points_possible",
    "non_digital_submission",
    "multiple_due_dates",
    "due_at",
    "status",
    "muted",
}


def of(http: httpx.Client, course: int, user: object, name: str, **options: Any) -> Any:
    answer = http.get(path(course, f"users/{user}/{name}"), **options)
    assert answer.status_code == 200
    return answer.json()


def with_work(
    institution: Institution, course: int, user: int, *work: tuple[Assignment, tuple[Any, ...] | None]
) -> Institution:
    """Return a copy in which the course has only this work of one student: submitted, score, posted, excused."""
    rows = [(each.id, course, user, *row) for each, row in work if row is not None]
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    made = Submissions(*columns)
    return replace(institution, assignments=tuple(each for each, _ in work), submissions=made)


def test_views_and_participations_of_students_add_up_to_their_summaries_and_to_the_course(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    course = home_course(institution)
    days: Counter[tuple[str, str]] = Counter()
    compared = 0
    for summary in pages(http, path(course, "student_summaries"), per_page=100):
        activity = of(http, course, summary["id"], "activity")
        views = sum(activity["page_views"].values())
        if summary["page_views"] is not None:
            assert summary["page_views"] == views
            assert summary["participations"] == len(activity["participations"])
            compared += views > 0
        for hour, count in activity["page_views"].items():
            days[datetime.fromisoformat(hour).astimezone(UTC).date().isoformat(), "views"] += count
        for each in activity["participations"]:
            days[each["created_at"][:10], "participations"] += 1
    assert compared > 20
    log = institution.activity_of(course)
    students = np.array(sorted(institution.students_by_course[course]))
    others = ~np.isin(log.user_id, students)
    for day, seen, took in zip(
        log.day[others].tolist(), log.views[others].tolist(), log.participations[others].tolist(), strict=True
    ):
        text = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
        days[text, "views"] += seen
        days[text, "participations"] += took
    in_course = {
        (day["date"], kind): day[kind]
        for day in http.get(path(course, "activity")).json()
        for kind in ("views", "participations")
    }
    assert +days == {key: count for key, count in in_course.items() if count}


def test_tardiness_of_a_summary_counts_the_statuses_of_the_work_that_is_handed_in_digitally(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    seen: Counter[str] = Counter()
    for course in served(canvas.institution)[:6]:
        for summary in pages(http, path(course, "student_summaries"), per_page=100):
            work = of(http, course, summary["id"], "assignments")
            digital = [item for item in work if not item["non_digital_submission"]]
            assert len(digital) < len(work)
            counts = Counter(item["status"] for item in digital)
            breakdown = summary["tardiness_breakdown"]
            assert {name: breakdown[name] for name in STATUSES} == {name: counts[name] for name in STATUSES}
            assert breakdown["total"] == len(digital)
            seen += counts
    assert min(seen[name] for name in STATUSES) > 10


def test_page_views_are_keyed_by_hour_in_the_accounts_zone_with_its_offset(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    keys: set[str] = set()
    for user in canvas.institution.students_by_course[course]:
        keys |= set(of(http, course, user, "activity")["page_views"])
    offsets = Counter(key[-6:] for key in keys)
    # Summer time ends within the term.
    assert set(offsets) == {"-06:00", "-07:00"}
    assert all(key[13:19] == ":00:00" for key in keys)
    assert len({key[11:13] for key in keys}) > 8


def test_with_day_buckets_page_views_are_keyed_by_utc_day_and_sum_to_the_same(
    make_canvas: MakeCanvas, canvas: DemoCanvas, http: httpx.Client
) -> None:
    daily = make_canvas(page_view_buckets="day")
    course = home_course(canvas.institution)
    hours = of(http, course, CROSS_SHARD_USER_ID, "activity")
    days = httpx.get(
        daily.base_url + path(course, f"users/{CROSS_SHARD_USER_ID}/activity"), headers=daily.headers
    ).json()
    assert all(len(key) == 10 for key in days["page_views"])
    summed: Counter[str] = Counter()
    for key, count in hours["page_views"].items():
        summed[datetime.fromisoformat(key).astimezone(UTC).date().isoformat()] += count
    assert summed == days["page_views"]
    assert len(hours["page_views"]) > len(days["page_views"]) > 5


def test_participations_are_oldest_first_and_their_urls_absolute_relative_or_null(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    kinds: Counter[str] = Counter()
    for user in canvas.institution.students_by_course[course]:
        listed = of(http, course, user, "activity")["participations"]
        moments = [each["created_at"] for each in listed]
        assert moments == sorted(moments)
        assert len(set(moments)) == len(moments)
        for each in listed:
            assert set(each) == {"created_at", "url"}
            url = each["url"]
            kinds["null" if url is None else "relative" if url.startswith("/") else "absolute"] += 1
    assert min(kinds["null"], kinds["relative"]) > 5
    assert kinds["absolute"] > kinds["relative"]


def test_a_student_who_never_came_has_empty_answers_and_work_that_is_missing(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    assert of(http, course, SILENT_USER_ID, "activity") == {"page_views": {}, "participations": []}
    assert of(http, course, SILENT_USER_ID, "communication") == {}
    work = of(http, course, SILENT_USER_ID, "assignments")
    assert {item["status"] for item in work} == {"missing", "floating"}
    assert not any({"excused", "submission"} & set(item) for item in work)
    for item in work:
        overdue = item["due_at"] is not None and item["due_at"] < "2026-11-21T12:00:00Z"
        assert item["status"] == ("missing" if overdue else "floating")


def test_a_student_of_another_shard_has_activity_submissions_and_an_id_beyond_a_double(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    assert CROSS_SHARD_USER_ID > 2**53
    by_number = of(http, course, CROSS_SHARD_USER_ID, "assignments")
    assert (
        by_number == of(http, course, "1234~42", "assignments") == of(http, course, "sis_user_id:X-0042", "assignments")
    )
    assert any("submission" in item for item in by_number)
    assert len(of(http, course, CROSS_SHARD_USER_ID, "activity")["page_views"]) > 5


def test_assignments_of_a_student_have_the_statistics_of_the_class_and_the_submission(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    course = home_course(institution)
    shapes: Counter[str] = Counter()
    rolled = {item["assignment_id"]: item for item in http.get(path(course, "assignments")).json()}
    for user in institution.students_by_course[course]:
        rows = institution.submissions_of(course, user)
        held = dict(zip(rows.assignment_id.tolist(), range(len(rows)), strict=True))
        work = of(http, course, user, "assignments")
        assert [item["assignment_id"] for item in work] == list(rolled)
        for item in work:
            at = held.get(item["assignment_id"])
            expected = ALWAYS | SCORES | {"module_ids"}
            if at is None:
                shapes["none"] += 1
            elif rows.excused[at]:
                expected = expected | {"excused"}
                assert item["excused"] is True
                shapes["excused"] += 1
            else:
                expected = expected | {"excused", "submission"}
                assert item["excused"] is False
                assert set(item["submission"]) == {"posted_at", "score", "submitted_at"}
                score = item["submission"]["score"]
                assert score == (None if np.isnan(rows.score[at]) else rows.score[at])
                shapes["zero" if score == 0 else "ungraded" if score is None else "graded"] += 1
                shapes["unposted"] += score is not None and item["submission"]["posted_at"] is None
                shapes["above"] += bool(score and item["points_possible"] and score > item["points_possible"])
            assert set(item) == expected
            assert item["multiple_due_dates"] is False
            assert item["muted"] is False
            assert item["due_at"] == rolled[item["assignment_id"]]["due_at"]
    assert min(shapes[name] for name in ("none", "excused", "zero", "ungraded", "graded", "unposted", "above")) > 0
    assert {len(item["module_ids"]) for item in work} == {0, 1, 2}


@pytest.mark.parametrize(
    ("due", "digital", "row", "status", "submitted_at"),
    [
        (-10, True, (-11, 8.0, True, False), "on_time", -11),
        (-10, True, (-10, 8.0, True, False), "on_time", -10),
        (-10, True, (-9, 8.0, True, False), "late", -9),
        (-10, True, (-9, None, True, True), "on_time", None),
        (-10, True, (None, None, True, False), "missing", None),
        (-10, True, (None, 0.0, True, False), "missing", None),
        (-10, True, (None, None, True, True), "floating", None),
        (-10, True, None, "missing", None),
        (10, True, None, "floating", None),
        (10, True, (None, None, True, False), "floating", None),
        (10, True, (-1, None, True, False), "on_time", -1),
        (None, True, None, "floating", None),
        (None, True, (-5, None, True, False), "on_time", -5),
        # On paper: the day of the grade or the due date, whichever is earlier; nothing for a zero.
        (-10, False, (None, 8.0, True, False), "on_time", -10),
        (10, False, (None, 8.0, True, False), "on_time", -1),
        (None, False, (None, 8.0, True, False), "on_time", -1),
        (-10, False, (None, 0.0, True, False), "floating", None),
        (-10, False, (None, None, True, False), "floating", None),
        (-10, False, None, "missing", None),
    ],
)
def test_status_and_date_of_each_kind_of_work(
    make_canvas: MakeCanvas,
    small: Institution,
    due: int | None,
    digital: bool,
    row: tuple[int | None, float | None, bool, bool] | None,
    status: str,
    submitted_at: int | None,
) -> None:
    def at(days: int | None) -> datetime | None:
        return None if days is None else NOW + timedelta(days=days)

    def seconds(days: int | None) -> int:
        return -1 if days is None else int((NOW + timedelta(days=days)).timestamp())

    course = home_course(small)
    asked = Assignment(1, course, "one", at(due), None, 10.0, non_digital_submission=not digital)
    other = Assignment(2, course, "two", at(-300), None, 10.0)
    handed_in = None
    if row is not None:
        submitted, score, posted, excused = row
        handed_in = (seconds(submitted), np.nan if score is None else score, seconds(-1) if posted else -1, excused)
    filler = (seconds(-301), 5.0, -1, False)
    institution = with_work(small, course, CROSS_SHARD_USER_ID, (asked, handed_in), (other, filler))
    canvas = make_canvas(institution)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as client:
        item = next(
            each for each in of(client, course, CROSS_SHARD_USER_ID, "assignments") if each["assignment_id"] == 1
        )
    assert item["status"] == status
    found = item.get("submission", {}).get("submitted_at")
    moment = at(submitted_at)
    assert found == (None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert ("submission" in item) == (row is not None and not row[3])


def test_those_who_may_not_grade_see_no_statistics_of_muted_or_little_done_work(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    limited = as_(canvas, "manage_grades", "view_all_grades")
    shown: Counter[bool] = Counter()
    muted_scores = []
    for item in of(http, course, CROSS_SHARD_USER_ID, "assignments", headers=limited):
        group = SCORES | {"module_ids"}
        assert group <= set(item) or not group & set(item)
        shown["median" in item] += 1
        if item["muted"]:
            assert "median" not in item
            muted_scores.append(item["submission"]["score"])
        rows = canvas.institution.submissions_of(course)
        handed_in = int(((rows.assignment_id == item["assignment_id"]) & (rows.submitted_at > 0)).sum())
        if handed_in >= 5 and not item["muted"]:
            assert "median" in item
    assert muted_scores == [None]
    assert min(shown[True], shown[False]) > 0


def test_messages_are_keyed_by_day_and_a_side_that_wrote_nothing_is_left_out(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    keys: Counter[str] = Counter()
    for course in served(institution)[:6]:
        written = institution.messages_of(course)
        total = 0
        for user in institution.students_by_course[course]:
            for day, counts in of(http, course, user, "communication").items():
                assert date.fromisoformat(day) <= NOW.date()
                assert set(counts) <= {"instructorMessages", "studentMessages"}
                assert min(counts.values()) > 0
                keys["+".join(sorted(counts))] += 1
                total += sum(counts.values())
        assert total == int(written.instructor_messages.sum() + written.student_messages.sum())
    assert set(keys) == {"instructorMessages", "studentMessages", "instructorMessages+studentMessages"}


@pytest.mark.parametrize("name", ["activity", "assignments", "communication"])
def test_only_students_who_are_active_or_completed_are_there(canvas: DemoCanvas, http: httpx.Client, name: str) -> None:
    institution = canvas.institution
    course = home_course(institution)
    strangers = {
        (each.type, each.state): each.user_id
        for each in institution.enrollments
        if each.course_id == course and each.user_id not in institution.students_by_course[course]
    }
    assert {
        ("TeacherEnrollment", "active"),
        ("StudentViewEnrollment", "active"),
        ("StudentEnrollment", "inactive"),
        ("StudentEnrollment", "invited"),
        ("StudentEnrollment", "deleted"),
    } <= set(strangers)
    for user in (*strangers.values(), 4711, "sis_user_id:nobody", "x"):
        assert http.get(path(course, f"users/{user}/{name}")).status_code == 404


@pytest.mark.parametrize("name", ["activity", "assignments", "communication"])
def test_a_students_analytics_need_the_rights_of_the_course_and_read_grades(
    canvas: DemoCanvas, http: httpx.Client, name: str
) -> None:
    course = home_course(canvas.institution)
    url = path(course, f"users/{CROSS_SHARD_USER_ID}/{name}")
    for missing in ("view_analytics", "read_as_admin", "read_grades"):
        assert http.get(url, headers=as_(canvas, missing)).status_code == 403
    assert http.get(url, headers=as_(canvas, "manage_grades", "view_all_grades")).status_code == 200
    # Who is no student is not found, before the right to see grades is asked for.
    stranger = path(course, f"users/4711/{name}")
    assert http.get(stranger, headers=as_(canvas, "read_grades")).status_code == 404


def test_the_awkward_sis_ids_name_their_students(canvas: DemoCanvas, http: httpx.Client) -> None:
    institution = canvas.institution
    for user, sis in ((10001, "NA"), (10002, "NULL")):
        course = next(each for each in served(institution) if user in institution.students_by_course[each])
        by_sis = of(http, course, f"sis_user_id:{sis}", "assignments")
        assert by_sis == of(http, course, user, "assignments") == of(http, course, f"1~{user}", "assignments")


def test_of_a_changed_institution_the_untouched_are_answered_as_before_and_the_touched_are_not(
    fresh: DemoCanvas, fresh_http: httpx.Client, small: Institution
) -> None:
    course = home_course(small)
    names = ("activity", "communication", "assignments")

    def answers() -> dict[tuple[int, str], str]:
        return {
            (user, name): fresh_http.get(path(course, f"users/{user}/{name}")).text
            for user in small.students_by_course[course]
            for name in names
        }

    def own(text: str) -> list[Any]:
        return [{key: each[key] for key in each if key not in SCORES} for each in json.loads(text)]

    before = answers()
    fresh.institution = changed_institution(small, 0.2, 11, day=date(2026, 11, 21))
    after = answers()

    def changed(kind: str) -> set[int]:
        return {user for (user, name), text in after.items() if name == kind and text != before[user, name]}

    touched = changed("activity")
    assert 0 < len(touched) < len(small.students_by_course[course]) / 2
    assert changed("communication")
    assert changed("communication") < touched
    handed_in = {
        user for (user, name), text in after.items() if name == "assignments" and own(text) != own(before[user, name])
    }
    assert handed_in == touched


def test_with_the_cache_a_fresh_summary_and_a_stale_detail_stand_side_by_side(
    make_canvas: MakeCanvas, small: Institution, clock: ManualClock
) -> None:
    canvas = make_canvas(analytics_cache=timedelta(hours=12))
    course = home_course(small)
    detail = path(course, f"users/{CROSS_SHARD_USER_ID}/activity")
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        stale = http.get(detail).json()
        canvas.institution = changed_institution(small, 1.0, 3, day=date(2026, 11, 21))
        summary = next(
            each
            for each in pages(http, path(course, "student_summaries"), per_page=100)
            if each["id"] == CROSS_SHARD_USER_ID
        )
        assert http.get(detail).json() == stale
        assert summary["page_views"] > sum(stale["page_views"].values())
        clock.advance(12 * 3600)
        assert sum(http.get(detail).json()["page_views"].values()) == summary["page_views"]

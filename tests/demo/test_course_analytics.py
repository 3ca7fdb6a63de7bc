from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from pipelines.demo import DemoCanvas, Institution, ManualClock, changed_institution
from pipelines.demo.coursework import quartiles
from pipelines.demo.records import CATEGORIES
from pipelines.demo.seed import CROSS_SHARD_USER_ID, SILENT_USER_ID
from pipelines.demo.student_summaries import UNREPORTED_EVERY
from tests.demo.conftest import MakeCanvas
from tests.demo.course_calls import SCORES, STATUSES, as_, home_course, pages, path, served


def test_activity_is_unordered_days_with_a_null_id_that_count_teachers_too(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    days = http.get(path(course, "activity")).json()
    assert [set(day) for day in days] == [{"id", "date", "views", "participations"}] * len(days)
    assert {day["id"] for day in days} == {None}
    dates = [day["date"] for day in days]
    assert len(set(dates)) == len(dates) > 20
    assert dates != sorted(dates)
    log = canvas.institution.activity
    inside = log.course_id == course
    assert sum(day["views"] for day in days) == int(log.views[inside].sum())
    teachers = canvas.institution.people([canvas.institution.course_by_id[course]], "TeacherEnrollment")
    assert int(log.views[inside & (log.user_id == min(teachers))].sum()) > 0


def test_activity_of_a_term_by_day_is_the_sum_of_its_courses(canvas: DemoCanvas, http: httpx.Client) -> None:
    total: Counter[tuple[str, str]] = Counter()
    for course in served(canvas.institution):
        if canvas.institution.course_by_id[course].term_id == 4:
            for day in http.get(path(course, "activity")).json():
                total[day["date"], "views"] += day["views"]
                total[day["date"], "participations"] += day["participations"]
    department = http.get("/api/v1/accounts/1/analytics/terms/4/activity").json()["by_date"]
    assert {(day["date"], kind): day[kind] for day in department for kind in ("views", "participations")} == total
    assert department


def test_statistics_of_a_department_count_the_assignments_that_the_courses_list(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    # Courses without students list nothing, but their assignments count.
    shown = [len(http.get(path(each, "assignments")).json()) for each in served(canvas.institution)]
    hidden = [
        each.id
        for each in canvas.institution.courses
        if each.state in {"available", "completed"} and each.id not in served(canvas.institution)
    ]
    terms = {each.id for each in canvas.institution.terms if each.state == "active"}
    counted = [
        http.get(f"/api/v1/accounts/1/analytics/terms/{term}/statistics").json()["assignments"] for term in terms
    ]
    hidden_ones = sum(len(canvas.institution.assignments_by_course[each]) for each in hidden)
    assert sum(counted) == sum(shown) + hidden_ones == len(canvas.institution.assignments)


def test_assignments_for_graders_are_rolled_up_and_have_no_unlock_date(canvas: DemoCanvas, http: httpx.Client) -> None:
    course = home_course(canvas.institution)
    listed = http.get(path(course, "assignments")).json()
    always = {"assignment_id", "title", "due_at", "muted", "points_possible", "non_digital_submission"}
    for item in listed:
        expected = always | {"tardiness_breakdown"} | (SCORES if item["points_possible"] is not None else set())
        assert set(item) == expected
        assert set(item["tardiness_breakdown"]) == {*STATUSES, "total"}
    assert [item["assignment_id"] for item in listed] == [
        each.id for each in canvas.institution.assignments_by_course[course]
    ]
    due = [item["due_at"] for item in listed]
    assert due[-1] is None
    assert due[:-1] == sorted(due[:-1])
    assert any(item["points_possible"] is None for item in listed)
    assert any(item["muted"] for item in listed)


def test_rolled_up_scores_are_whole_points_and_quartiles_are_bucket_values(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    checked = 0
    for course in served(institution):
        rows = institution.submissions_of(course)
        scores: dict[int, list[int]] = {}
        for which, user, score in zip(
            rows.assignment_id.tolist(), rows.user_id.tolist(), rows.score.tolist(), strict=True
        ):
            if score == score:
                sections = len(institution.students_by_course[course][user])
                scores.setdefault(which, []).extend([int(score)] * sections)
        for item in http.get(path(course, "assignments")).json():
            held = scores.get(item["assignment_id"])
            if item["points_possible"] != 100 or held is None:
                continue
            assert (item["max_score"], item["min_score"]) == (max(held), min(held))
            # 26 buckets from 0 to 100 stand 4 apart; what is above 100 falls into the last.
            fours = [min(100, int(score / 4 + 0.5) * 4) for score in held]
            assert (item["first_quartile"], item["median"], item["third_quartile"]) == quartiles(fours)
            checked += max(held) > 100
    assert checked, "no assignment of 100 points with a score above them"


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], (None, None, None)), ([7], (7, 7, 7)), ([1, 2, 3, 4], (1.25, 2.5, 3.75)), ([3, 1, 2], (1, 2, 3))],
)
def test_quartiles_lie_between_neighbours_as_canvas_reckons(
    values: list[int], expected: tuple[float | None, ...]
) -> None:
    assert quartiles(values) == expected


def test_scores_are_null_where_nothing_is_graded_in_a_whole_course(canvas: DemoCanvas, http: httpx.Client) -> None:
    institution = canvas.institution
    ungraded = [
        course
        for course in served(institution)
        if institution.course_by_id[course].term_id == 4
        and not (institution.submissions_of(course).score == institution.submissions_of(course).score).any()
    ]
    assert len(ungraded) == 1
    listed = http.get(path(ungraded[0], "assignments")).json()
    assert {item[name] for item in listed for name in SCORES & set(item)} == {None}
    assert any(item["tardiness_breakdown"]["on_time"] > 0 for item in listed)


def test_tardiness_is_fractions_of_enrollments_and_a_student_of_two_sections_counts_twice(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    course = next(
        each
        for each in served(institution)
        if any(len(held) > 1 for held in institution.students_by_course[each].values())
    )
    enrollments = sum(len(held) for held in institution.students_by_course[course].values())
    assert enrollments > len(institution.students_by_course[course])
    for item in http.get(path(course, "assignments")).json():
        breakdown = item["tardiness_breakdown"]
        assert breakdown["total"] == enrollments
        share = sum(breakdown[name] for name in STATUSES)
        assert 0 <= share <= 1 + 1e-9
        assert breakdown["floating"] == 0
        if item["due_at"] and item["due_at"] < "2026-11-21T12" and not item["non_digital_submission"]:
            assert share * enrollments == pytest.approx(round(share * enrollments))
            assert share > 0.9
        if item["non_digital_submission"]:
            assert share == 0


def test_assignments_for_others_have_unlock_dates_and_hold_back_statistics(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = next(each for each in served(canvas.institution) if canvas.institution.course_by_id[each].term_id == 3)
    limited = as_(canvas, "manage_grades", "view_all_grades")
    listed = http.get(path(course, "assignments"), headers=limited).json()
    for item in listed:
        assert {"unlock_at", "multiple_due_dates", "tardiness_breakdown"} <= set(item)
        breakdown = item["tardiness_breakdown"]
        students = len(canvas.institution.students_by_course[course])
        assert breakdown["total"] == (0 if item["non_digital_submission"] else students)
        assert sum(breakdown[name] for name in STATUSES) == pytest.approx(1 if breakdown["total"] else 0)
    muted = [item for item in listed if item["muted"]]
    assert muted
    assert not any({"max_score", "module_ids"} & set(item) for item in muted)
    assert any({*SCORES, "module_ids"} <= set(item) for item in listed if not item["muted"])
    one_right = as_(canvas, "manage_grades")
    assert "unlock_at" not in http.get(path(course, "assignments"), headers=one_right).json()[0]


def test_documented_shapes_are_those_of_the_public_documentation(make_canvas: MakeCanvas) -> None:
    canvas = make_canvas(documented_shapes=True)
    course = home_course(canvas.institution)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        days = http.get(path(course, "activity")).json()
        assert set(days[0]) == {"date", "participations", "views"}
        assert [day["date"] for day in days] == sorted(day["date"] for day in days)
        listed = http.get(path(course, "assignments")).json()
        assert all({"unlock_at", "module_ids", "multiple_due_dates", *SCORES} <= set(item) for item in listed)
        summary = http.get(path(course, "student_summaries")).json()[0]
        assert "max_page_view" in summary
        assert "max_page_views" not in summary
        assert summary["page_views_level"] in {"0", "1", "2", "3"}


def test_a_summary_has_counts_levels_and_the_maxima_of_the_class(canvas: DemoCanvas, http: httpx.Client) -> None:
    course = home_course(canvas.institution)
    summaries = pages(http, path(course, "student_summaries"), per_page=100)
    for each in summaries:
        assert set(each) == {
            "id",
            "page_views",
            "max_page_views",
            "page_views_level",
            "participations",
            "max_participations",
            "participations_level",
            "tardiness_breakdown",
        }
        breakdown = each["tardiness_breakdown"]
        assert breakdown["total"] == sum(breakdown[name] for name in STATUSES)
    reported = [each["page_views"] for each in summaries if each["page_views"] is not None]
    assert {each["max_page_views"] for each in summaries} == {max(reported)}
    low, _, high = quartiles(reported)
    assert low is not None
    assert high is not None
    for each in summaries:
        views = each["page_views"]
        level = 0 if not views else 1 if views < low else 2 if views < high else 3
        assert each["page_views_level"] == level
    assert {each["page_views_level"] for each in summaries} == {0, 1, 2, 3}


def test_summaries_are_paged_by_sortable_name_with_a_total_and_name_every_student_once(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    first = http.get(path(course, "student_summaries"), params={"per_page": 7})
    assert len(first.json()) == 7
    assert {"current", "next", "first", "last"} == set(first.links)
    last = http.get(first.links["last"]["url"])
    assert "next" not in last.links
    ids = [each["id"] for each in pages(http, path(course, "student_summaries"), per_page=7)]
    assert last.json()[-1]["id"] == ids[-1]
    people = canvas.institution.user_by_id
    assert ids == sorted(ids, key=lambda each: (people[each].sortable_name.casefold(), each))
    assert sorted(ids) == sorted(canvas.institution.students_by_course[course])
    assert {CROSS_SHARD_USER_ID, SILENT_USER_ID} <= set(ids)


def test_the_users_called_na_and_null_are_summarised(canvas: DemoCanvas, http: httpx.Client) -> None:
    for user in (10001, 10002):
        courses = [each for each in served(canvas.institution) if user in canvas.institution.students_by_course[each]]
        assert courses
        for course in courses:
            found = pages(http, path(course, "student_summaries"), student_id=user)
            assert [each["id"] for each in found] == [user]


def test_students_whom_the_page_view_service_does_not_report_have_null_counts_in_running_courses(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    seen: Counter[bool] = Counter()
    for course in served(canvas.institution):
        running = canvas.institution.course_by_id[course].term_id == 4
        for each in pages(http, path(course, "student_summaries"), per_page=100):
            unknown = running and each["id"] % UNREPORTED_EVERY == 0
            assert (each["page_views"] is None) == (each["participations"] is None) == unknown
            seen[unknown] += 1
    assert seen[True]
    assert CROSS_SHARD_USER_ID % UNREPORTED_EVERY


def test_sorting_by_page_views_leaves_people_out_and_says_a_wrong_last_page(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    institution = canvas.institution
    course = next(
        each
        for each in served(institution)
        if institution.course_by_id[each].term_id == 4
        and any(user % UNREPORTED_EVERY == 0 for user in institution.students_by_course[each])
    )
    everybody = pages(http, path(course, "student_summaries"), per_page=5)
    views = {each["id"]: each["page_views"] for each in everybody if each["page_views"] is not None}
    assert len(views) < len(everybody)
    for column, descending in (("page_views", False), ("page_views_ascending", False), ("page_views_descending", True)):
        found = pages(http, path(course, "student_summaries"), per_page=5, sort_column=column)
        assert [each["id"] for each in found] == sorted(views, key=lambda each: (views[each], each), reverse=descending)
    first = http.get(path(course, "student_summaries"), params={"per_page": 5, "sort_column": "participations"})
    true_pages = -(-len(views) // 5)
    assert int(httpx.URL(first.links["last"]["url"]).params["page"]) == -(-true_pages // 5) < true_pages
    beyond: dict[str, str | int] = {"per_page": 5, "sort_column": "participations", "page": true_pages + 1}
    assert http.get(path(course, "student_summaries"), params=beyond).status_code == 404


def test_sorting_by_score_puts_nulls_lowest_and_an_unknown_column_sorts_by_name(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    course = home_course(canvas.institution)
    held = {
        user: enrollments[0].grades.current_score
        for user, enrollments in canvas.institution.students_by_course[course].items()
    }

    def ids(column: str) -> list[int]:
        found = pages(http, path(course, "student_summaries"), per_page=100, sort_column=column)
        return [each["id"] for each in found]

    ascending = sorted(held, key=lambda user: (-1.0 if held[user] is None else held[user] or 0.0, user))
    assert ids("score") == ids("score_ascending") == ascending
    assert ids("score_descending") == ascending[::-1]
    assert ids("name_descending") == ids("name")[::-1]
    assert ids("shoe_size") == ids("name_ascending") == ids("name") != ascending


def test_a_student_of_two_sections_is_repeated_only_where_the_server_is_told_so(
    make_canvas: MakeCanvas, small: Institution
) -> None:
    course, user = next(
        (course, user)
        for course in served(small)
        for user, held in small.students_by_course[course].items()
        if len({each.grades.current_score for each in held}) > 1
    )
    for told, times in ((False, 1), (True, 2)):
        canvas = make_canvas(repeated_students=told)
        with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
            listed = Counter(each["id"] for each in pages(http, path(course, "student_summaries"), per_page=100))
        assert listed[user] == times


def test_a_course_without_visible_students_or_not_published_is_404_whatever_the_token_may(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    unserved = [each for each in canvas.institution.courses if each.id not in served(canvas.institution)]
    assert {each.state for each in unserved} == {"created", "claimed", "available", "deleted"}
    for course in unserved:
        for name in ("activity", "assignments", "student_summaries", "users/10001/activity"):
            assert http.get(path(course.id, name)).status_code == 404
    assert http.get(path(4711, "activity")).status_code == 404


@pytest.mark.parametrize(
    ("without", "refused"),
    [
        (("view_analytics",), {"activity", "assignments", "student_summaries"}),
        (("read_as_admin",), {"activity", "assignments", "student_summaries"}),
        (("manage_grades", "view_all_grades"), {"student_summaries"}),
        (("manage_grades",), set()),
        (("view_all_grades", "read_grades"), set()),
    ],
)
def test_each_right_opens_what_canvas_says_it_opens(
    canvas: DemoCanvas, http: httpx.Client, without: tuple[str, ...], refused: set[str]
) -> None:
    course = home_course(canvas.institution)
    headers = as_(canvas, *without)
    for name in ("activity", "assignments", "student_summaries"):
        answer = http.get(path(course, name), headers=headers)
        assert answer.status_code == (403 if name in refused else 200), name
        if name in refused:
            assert answer.json()["status"] == "unauthorized"


def test_rights_are_asked_before_students_are_and_after_the_state_of_the_course(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    empty = next(each for each in canvas.institution.courses if each.name == "Nobody came")
    draft = next(each for each in canvas.institution.courses if each.state == "created")
    blind, stranger = as_(canvas, "view_analytics"), as_(canvas, "read_as_admin")
    assert http.get(path(empty.id, "activity"), headers=blind).status_code == 403
    assert http.get(path(empty.id, "activity"), headers=stranger).status_code == 404
    assert http.get(path(draft.id, "activity"), headers=blind).status_code == 404


def test_a_course_can_be_named_by_its_sis_id_and_its_global_id(canvas: DemoCanvas, http: httpx.Client) -> None:
    course = next(each for each in map(canvas.institution.course_by_id.get, served(canvas.institution)) if each)
    named = [course.id, f"sis_course_id:{course.sis_id}", f"1~{course.id}", 10**13 + course.id]
    answers = [http.get(path(each, "assignments")).json() for each in named]
    assert answers == [answers[0]] * 4
    assert answers[0]


def test_async_assignments_come_after_their_progress_has_completed(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    course = home_course(fresh.institution)
    direct = fresh_http.get(path(course, "assignments")).json()
    begun = fresh_http.get(path(course, "assignments"), params={"async": "1"})
    assert begun.status_code == 200
    url = begun.json()["progress_url"]
    assert url.startswith(f"{fresh.base_url}/api/v1/progress/")
    assert fresh_http.get(path(course, "assignments"), params={"async": "true"}).json() == begun.json()
    states = []
    for _ in range(4):
        progress = fresh_http.get(url).json()
        states.append(progress["workflow_state"])
        clock.advance(0.2)
    assert states == ["queued", "running", "running", "completed"]
    assert set(progress) == {
        "id",
        "context_id",
        "context_type",
        "user_id",
        "tag",
        "completion",
        "workflow_state",
        "created_at",
        "updated_at",
        "message",
        "url",
    }
    assert (progress["context_type"], progress["context_id"], progress["completion"]) == ("Course", course, 100.0)
    assert progress["url"] == url
    assert fresh_http.get(path(course, "assignments"), params={"async": "1"}).json() == direct
    clock.advance(12 * 3600)
    assert fresh_http.get(path(course, "assignments"), params={"async": "1"}).json()["progress_url"] != url


def test_a_progress_can_fail_and_the_next_call_begins_another(
    fresh: DemoCanvas, fresh_http: httpx.Client, clock: ManualClock
) -> None:
    course = home_course(fresh.institution)
    fresh.progress.fail_next()
    first = fresh_http.get(path(course, "assignments"), params={"async": "1"}).json()["progress_url"]
    clock.advance(1)
    assert fresh_http.get(first).json()["workflow_state"] == "failed"
    second = fresh_http.get(path(course, "assignments"), params={"async": "1"}).json()["progress_url"]
    assert second != first
    clock.advance(1)
    assert fresh_http.get(second).json()["workflow_state"] == "completed"
    assert fresh_http.get("/api/v1/progress/4711").status_code == 404
    assert fresh_http.get("/api/v1/progress/x").status_code == 404


def test_with_the_cache_an_answer_stays_for_half_a_day_and_each_answer_by_itself(
    make_canvas: MakeCanvas, clock: ManualClock, small: Institution
) -> None:
    canvas = make_canvas(analytics_cache=timedelta(hours=12))
    course = home_course(small)
    changed = changed_institution(small, 1.0, 3, day=date(2026, 11, 21))
    department = "/api/v1/accounts/1/analytics/terms/4/activity"
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        stale = [path(course, "activity"), path(course, "student_summaries"), department]
        before = {url: http.get(url).json() for url in stale}
        canvas.institution = changed
        late = http.get(path(course, "assignments")).json()
        clock.advance(12 * 3600 - 1)
        assert {url: http.get(url).json() for url in stale} == before
        # The second page of what is cached belongs to the first: the class is remembered, not the page.
        page: dict[str, str | int] = {"page": 2, "per_page": 5}
        assert http.get(path(course, "student_summaries"), params=page).json() == before[stale[1]][5:10]
        limited = as_(canvas, "manage_grades")
        assert http.get(path(course, "activity"), headers=limited).json() != before[stale[0]]
        clock.advance(1)
        after = {url: http.get(url).json() for url in stale}
        assert all(after[url] != before[url] for url in stale)
    uncached = make_canvas(small)
    with httpx.Client(base_url=uncached.base_url, headers=uncached.headers) as http:
        old = http.get(path(course, "assignments")).json()
        uncached.institution = changed
        assert late != old
        assert http.get(path(course, "activity")).json() != before[stale[0]]


def test_with_the_cache_async_answers_at_once_what_was_answered_before(
    make_canvas: MakeCanvas, small: Institution
) -> None:
    canvas = make_canvas(analytics_cache=timedelta(hours=12))
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        direct = http.get(path(home_course(small), "assignments")).json()
        assert http.get(path(home_course(small), "assignments"), params={"async": "1"}).json() == direct


def test_analytics_cost_what_analytics_cost_and_string_ids_reach_arrays(canvas: DemoCanvas, http: httpx.Client) -> None:
    course = home_course(canvas.institution)
    answer = http.get(path(course, "activity"))
    assert answer.headers["x-request-cost"] == "0.8"
    asked = {"Accept": "application/json+canvas-string-ids"}
    summaries = http.get(path(course, "student_summaries"), headers=asked, params={"per_page": 100}).json()
    assert str(CROSS_SHARD_USER_ID) in {each["id"] for each in summaries}


def test_a_day_of_changes_touches_only_the_chosen_and_is_kept_in_bounds(small: Institution) -> None:
    changed = changed_institution(small, 0.1, 5, day=date(2026, 11, 21))
    pairs = {
        (course, user)
        for course in served(small)
        if small.course_by_id[course].term_id == 4 and small.course_by_id[course].state == "available"
        for user in small.students_by_course[course]
    }

    def rows(institution: Institution, course: int, user: int) -> tuple[object, ...]:
        activity, submissions = institution.activity_of(course, user), institution.submissions_of(course, user)
        columns = (activity.day, activity.category, activity.views, activity.participations)
        days = sorted(zip(*(column.tolist() for column in columns), strict=True))
        return days, submissions.submitted_at.tobytes(), submissions.score.tobytes()

    touched = {pair for pair in pairs if rows(small, *pair) != rows(changed, *pair)}
    assert len(touched) == round(len(pairs) * 0.1)
    for course, user in touched:
        before, after = small.activity_of(course, user), changed.activity_of(course, user)
        assert after.views.sum() > before.views.sum()
        assert after.participations.sum() > before.participations.sum()
        old, new = small.submissions_of(course, user), changed.submissions_of(course, user)
        assert int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) < new.submitted_at.max()
        assert len(new) - len(old) in {0, 1}
    assert changed.messages.student_messages.sum() > small.messages.student_messages.sum()
    keys = list(
        zip(
            *(getattr(changed.activity, name).tolist() for name in ("course_id", "user_id", "day", "category")),
            strict=True,
        )
    )
    assert len(set(keys)) == len(keys)
    assert changed.activity.category.max() < len(CATEGORIES)
    again = changed_institution(small, 0.1, 5, day=date(2026, 11, 21))
    assert (again.submissions.score == changed.submissions.score).sum() == (
        changed.submissions.score == changed.submissions.score
    ).sum()
    only = changed_institution(small, 0.1, 5, day=date(2026, 11, 21), submissions=False, messages=False)
    assert only.submissions is small.submissions
    assert only.messages is small.messages
    assert only.activity is not small.activity
    assert changed_institution(small, 0.0, 5, day=date(2026, 11, 21)).activity is small.activity

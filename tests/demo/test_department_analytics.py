import httpx
import pytest

from pipelines.demo import DemoCanvas
from tests.demo.conftest import MakeCanvas

ROOT = "/api/v1/accounts/1/analytics"


def test_activity_is_arrays_of_objects_with_a_null_id_and_unordered_days(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    activity = http.get(f"{ROOT}/terms/4/activity").json()
    days = [item["date"] for item in activity["by_date"]]
    assert len(set(days)) == len(days) > 30
    assert days != sorted(days)
    assert all(set(item) == {"id", "date", "views", "participations"} for item in activity["by_date"])
    assert all(item["id"] is None for item in activity["by_date"])
    categories = [item["category"] for item in activity["by_category"]]
    assert categories == sorted(categories)
    assert sum(item["views"] for item in activity["by_date"]) == sum(item["views"] for item in activity["by_category"])


def test_activity_of_the_root_is_the_sum_of_its_colleges(http: httpx.Client) -> None:
    def views(account: int) -> int:
        activity = http.get(f"/api/v1/accounts/{account}/analytics/terms/4/activity").json()
        return sum(item["views"] for item in activity["by_category"])

    assert views(1) == views(2) + views(3) + views(4) > 0


def test_documented_shapes_are_maps_of_the_same_numbers(make_canvas: MakeCanvas) -> None:
    real, documented = make_canvas(), make_canvas(documented_shapes=True)
    arrays = httpx.get(f"{real.base_url}{ROOT}/current/activity", headers=real.headers).json()
    maps = httpx.get(f"{documented.base_url}{ROOT}/current/activity", headers=documented.headers).json()
    assert maps["by_date"] == {item["date"]: item["views"] for item in arrays["by_date"]}
    assert maps["by_category"] == {item["category"]: item["views"] for item in arrays["by_category"]}


def test_grades_have_101_keys_and_count_a_student_of_two_sections_once(canvas: DemoCanvas, http: httpx.Client) -> None:
    grades = http.get(f"{ROOT}/terms/4/grades").json()
    assert list(grades) == [str(score) for score in range(101)]
    courses = canvas.institution.courses_in(1, term_id=4, states=("available", "completed"))
    scored: dict[tuple[int, int], float] = {}
    rows = 0
    for course in courses:
        for each in canvas.institution.enrollments_by_course.get(course.id, []):
            score = each.grades.current_score
            if score is not None and each.type == "StudentEnrollment" and each.state in {"active", "completed"}:
                scored.setdefault((course.id, each.user_id), score)
                rows += 1
    assert rows > len(scored), "the seed must hold a student in two sections for this test to mean anything"
    assert sum(filter(None, grades.values())) == sum(score < 100.5 for score in scored.values())


def test_grades_are_all_null_where_no_course_has_scores(http: httpx.Client) -> None:
    assert set(http.get(f"{ROOT}/terms/5/grades").json().values()) == {None}


def test_current_and_completed_speak_of_the_default_term_only(canvas: DemoCanvas, http: httpx.Client) -> None:
    current = http.get(f"{ROOT}/current/statistics").json()
    completed = http.get(f"{ROOT}/completed/statistics").json()
    both = http.get(f"{ROOT}/terms/default/statistics").json()
    expected = canvas.institution.courses_in(1, term_id=1, states=("available",))
    assert current["courses"] == len(expected)
    assert both["courses"] == current["courses"] + completed["courses"]
    assert current["subaccounts"] == 3
    assert set(current) == {
        "courses",
        "subaccounts",
        "teachers",
        "students",
        "discussion_topics",
        "media_objects",
        "attachments",
        "assignments",
    }


def test_by_subaccount_lists_itself_first_counts_own_courses_and_hard_codes_four_zeros(http: httpx.Client) -> None:
    accounts = http.get("/api/v1/accounts/2/analytics/terms/4/statistics_by_subaccount").json()["accounts"]
    assert [account["id"] for account in accounts] == [2, 5, 6, 7]
    total = http.get("/api/v1/accounts/2/analytics/terms/4/statistics").json()
    assert sum(account["courses"] for account in accounts) == total["courses"] > 0
    assert total["assignments"] > 0
    zeros = ("discussion_topics", "media_objects", "attachments", "assignments")
    assert all(account[name] == 0 for account in accounts for name in zeros)


@pytest.mark.parametrize("term", ["4", "sis_term_id:202610", "current"])
def test_a_term_can_be_named_in_three_ways(http: httpx.Client, term: str) -> None:
    assert http.get(f"{ROOT}/terms/{term}/statistics").json() == http.get(f"{ROOT}/terms/1~4/statistics").json()


def test_an_unknown_term_or_account_is_404(http: httpx.Client) -> None:
    assert http.get(f"{ROOT}/terms/4711/activity").status_code == 404
    assert http.get("/api/v1/accounts/4711/analytics/current/activity").status_code == 404

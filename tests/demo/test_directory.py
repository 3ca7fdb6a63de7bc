import httpx

from pipelines.demo import DemoCanvas


def test_self_and_sis_ids_and_global_ids_name_the_same_account(http: httpx.Client) -> None:
    assert http.get("/api/v1/accounts/self").json()["id"] == 1
    by_sis = http.get("/api/v1/accounts/sis_account_id:COL002").json()
    assert by_sis == http.get("/api/v1/accounts/2").json() == http.get("/api/v1/accounts/1~2").json()
    assert by_sis["parent_account_id"] == by_sis["root_account_id"] == 1
    assert by_sis["sis_account_id"] == "COL002"


def test_the_root_has_no_root_account_id_and_no_sis_id(http: httpx.Client) -> None:
    (root,) = http.get("/api/v1/accounts").json()
    assert root["root_account_id"] is None
    assert "sis_account_id" not in root
    assert root["default_time_zone"] == "America/Denver"


def test_an_account_without_the_right_to_manage_it_shows_seven_fields(canvas: DemoCanvas) -> None:
    canvas.tokens.grant("reader", without={"manage_account_settings"})
    headers = {**canvas.headers, "Authorization": "Bearer reader"}
    shown = httpx.get(f"{canvas.base_url}/api/v1/accounts/2", headers=headers).json()
    assert len(shown) == 7


def test_permissions_are_json_booleans(canvas: DemoCanvas) -> None:
    canvas.tokens.grant("weak", without={"read_reports"})
    answer = httpx.get(
        f"{canvas.base_url}/api/v1/accounts/1/permissions",
        params={"permissions[]": ["read_reports", "view_analytics", "unheard_of"]},
        headers={**canvas.headers, "Authorization": "Bearer weak"},
    )
    assert answer.json() == {"read_reports": False, "view_analytics": True, "unheard_of": False}


def test_terms_are_wrapped_paginated_latest_first_and_leave_deleted_ones_out(http: httpx.Client) -> None:
    page = http.get("/api/v1/accounts/1/terms?per_page=2")
    assert list(page.json()) == ["enrollment_terms"]
    assert 'rel="last"' in page.headers["link"]
    terms = http.get("/api/v1/accounts/1/terms?per_page=100").json()["enrollment_terms"]
    assert terms[0]["name"] == "Default Term"
    starts = [term["start_at"] for term in terms[1:]]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 4
    everything = http.get("/api/v1/accounts/1/terms?workflow_state[]=all").json()["enrollment_terms"]
    assert {term["workflow_state"] for term in everything} == {"active", "deleted"}


def test_terms_of_a_sub_account_are_a_400(http: httpx.Client) -> None:
    answer = http.get("/api/v1/accounts/2/terms")
    assert (answer.status_code, answer.json()) == (400, {"message": "Terms only belong to root_accounts."})


def test_courses_leave_deleted_ones_out_unless_all_states_are_asked_for(http: httpx.Client) -> None:
    shown = http.get("/api/v1/accounts/1/courses?per_page=100").json()
    everything = http.get("/api/v1/accounts/1/courses?per_page=100&state[]=all").json()
    assert {course["workflow_state"] for course in shown} == {"unpublished", "available", "completed"}
    assert {course["workflow_state"] for course in everything} - {course["workflow_state"] for course in shown} == {
        "deleted"
    }


def test_courses_can_be_narrowed_to_a_term_and_show_what_is_included(canvas: DemoCanvas, http: httpx.Client) -> None:
    query = "enrollment_term_id=sis_term_id:202610&include[]=term&include[]=teachers&include[]=total_students"
    courses = http.get(
        f"/api/v1/accounts/1/courses?{query}&include[]=account_name&include[]=concluded&per_page=100"
    ).json()
    assert {course["term"]["name"] for course in courses} == {"Autumn 2026"}
    empty = next(course for course in courses if course["name"] == "Nobody came")
    assert (empty["total_students"], empty["teachers"], empty["sis_course_id"]) == (0, [], "00012345")
    assert all(course["concluded"] is False for course in courses)
    assert any(course["teachers"] and course["total_students"] > 3 for course in courses)
    assert http.get("/api/v1/accounts/1/courses?enrollment_term_id=4711").status_code == 404


def test_a_sub_accounts_courses_are_those_of_its_subtree(canvas: DemoCanvas, http: httpx.Client) -> None:
    courses = http.get("/api/v1/accounts/2/courses?per_page=100").json()
    below = {2, *(account.id for account in canvas.institution.children(2))}
    assert {course["account_id"] for course in courses} <= below
    assert courses


def test_a_search_of_two_letters_is_a_400(http: httpx.Client) -> None:
    assert http.get("/api/v1/accounts/1/courses?search_term=ab").status_code == 400
    found = http.get("/api/v1/accounts/1/courses?search_term=nobody").json()
    assert [course["name"] for course in found] == ["Nobody came"]

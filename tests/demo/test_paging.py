import re

import httpx
import pytest

from pipelines.demo import DemoCanvas
from tests.demo.conftest import MakeCanvas


def _rels(answer: httpx.Response) -> dict[str, str]:
    pairs = re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"])
    return {rel: url for url, rel in pairs}


def _walk(http: httpx.Client, path: str) -> list[dict[str, int]]:
    answer = http.get(path)
    found = list(answer.json())
    while "next" in _rels(answer):
        answer = http.get(_rels(answer)["next"])
        found += answer.json()
    return found


def test_rels_come_in_canvas_order_without_spaces_and_with_absolute_urls(
    canvas: DemoCanvas, http: httpx.Client
) -> None:
    link = http.get("/api/v1/accounts/1/sub_accounts?per_page=1&page=2").headers["link"]
    assert re.findall(r'rel="(\w+)"', link) == ["current", "next", "prev", "first", "last"]
    assert ">; rel=" in link
    assert ", " not in link
    assert all(part.startswith(f"<{canvas.base_url}/api/v1/accounts/1/sub_accounts?") for part in link.split(","))


def test_links_keep_the_query_and_leave_the_token_out(canvas: DemoCanvas) -> None:
    answer = httpx.get(
        f"{canvas.base_url}/api/v1/accounts/1/courses?include[]=term&state[]=all&access_token={canvas.token}&per_page=1",
        headers={"User-Agent": "a-test"},
    )
    following = httpx.URL(_rels(answer)["next"])
    assert following.params.multi_items() == [
        ("include[]", "term"),
        ("state[]", "all"),
        ("page", "2"),
        ("per_page", "1"),
    ]


def test_courses_have_no_last_link_because_nobody_counts_them(http: httpx.Client) -> None:
    first = http.get("/api/v1/accounts/1/courses?per_page=5")
    assert set(_rels(first)) == {"current", "next", "first"}
    ids = [course["id"] for course in _walk(http, "/api/v1/accounts/1/courses?per_page=5")]
    assert ids == sorted(set(ids))
    assert len(ids) > 10


def test_recursive_sub_accounts_are_the_subtree_without_a_last_link(http: httpx.Client) -> None:
    answer = http.get("/api/v1/accounts/1/sub_accounts?recursive=true&per_page=100")
    assert "last" not in _rels(answer)
    assert len(answer.json()) == 11
    direct = http.get("/api/v1/accounts/1/sub_accounts")
    assert [account["id"] for account in direct.json()] == [2, 3, 4]
    assert "last" in _rels(direct)


@pytest.mark.parametrize(("asked", "given"), [("5000", 100), ("0", 1), ("-3", 1), ("many", 1), ("7", 7)])
def test_per_page_is_clamped_to_1_and_100(http: httpx.Client, asked: str, given: int) -> None:
    link = _rels(http.get("/api/v1/accounts/1/terms", params={"per_page": asked}))
    assert httpx.URL(link["current"]).params["per_page"] == str(given)


def test_a_numbered_page_past_the_end_is_an_empty_list_and_not_an_error(http: httpx.Client) -> None:
    answer = http.get("/api/v1/accounts/1/sub_accounts?page=99")
    assert (answer.status_code, answer.json()) == (200, [])
    assert "next" not in _rels(answer)


def test_bookmarked_pages_are_opaque_have_no_last_and_refuse_a_number_above_1(http: httpx.Client) -> None:
    first = http.get("/api/v1/course_accounts?per_page=5")
    assert set(_rels(first)) == {"current", "next", "first"}
    assert httpx.URL(_rels(first)["next"]).params["page"].startswith("bookmark:")
    assert len(_walk(http, "/api/v1/course_accounts?per_page=5")) == 12
    assert http.get("/api/v1/course_accounts?page=2").status_code == 404
    assert http.get("/api/v1/course_accounts?page=first&per_page=5").json() == first.json()
    assert http.get("/api/v1/course_accounts?page=bookmark:%%%").status_code == 404


def test_lists_without_a_total_can_be_made_bookmarked(make_canvas: MakeCanvas) -> None:
    canvas = make_canvas(bookmark_pages=True)
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        first = http.get("/api/v1/accounts/1/courses?per_page=4")
        assert "bookmark:" in _rels(first)["next"]
        ids = [course["id"] for course in _walk(http, "/api/v1/accounts/1/courses?per_page=4")]
    expected = canvas.institution.courses_in(1, states=("created", "claimed", "available", "completed"))
    assert ids == [course.id for course in expected]

"""How the tests of course and student analytics call the server, and find the courses that it answers for."""

from typing import Any

import httpx

from pipelines.demo import DemoCanvas, Institution
from pipelines.demo.seed import CROSS_SHARD_USER_ID

STATUSES = ("on_time", "late", "missing", "floating")
SCORES = {"max_score", "min_score", "first_quartile", "median", "third_quartile"}


def path(course: object, name: str) -> str:
    return f"/api/v1/courses/{course}/analytics/{name}"


def pages(http: httpx.Client, url: str, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = str(httpx.URL(url, params=query))
    while following:
        answer = http.get(following)
        assert answer.status_code == 200
        found += answer.json()
        following = answer.links.get("next", {}).get("url")
    return found


def home_course(institution: Institution) -> int:
    """Return the running course in which the unusual people are enrolled."""
    return next(each.course_id for each in institution.enrollments if each.user_id == CROSS_SHARD_USER_ID)


def served(institution: Institution) -> list[int]:
    return [
        each.id
        for each in institution.courses
        if each.state in {"available", "completed"} and each.id in institution.students_by_course
    ]


def as_(canvas: DemoCanvas, *without: str) -> dict[str, str]:
    token = "1~without-" + "-".join(without)
    canvas.tokens.grant(token, without=without)
    return {"Authorization": f"Bearer {token}", "User-Agent": "a-test"}

"""The typed calls of course and student analytics, on a Canvas that answers as the real one does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pipelines.canvas import CanvasClient, RetryPolicy, collect, course_analytics, errors, student_analytics
from pipelines.demo import DemoCanvas


def ask(canvas: DemoCanvas, call: Callable[[CanvasClient], Awaitable[Any]], token: str | None = None) -> Any:
    async def work() -> Any:
        async with CanvasClient(canvas.base_url, token or canvas.token, retries=RetryPolicy(attempts=1)) as client:
            return await call(client)

    return asyncio.run(work())


def taught(canvas: DemoCanvas) -> tuple[int, int]:
    """Return a published course that has students, and one of them."""
    institution = canvas.institution
    for course in institution.courses:
        students = institution.people([course], "StudentEnrollment", ("active",))
        if course.state == "available" and len(students) > 3 and course.content.assignments:
            return course.id, min(students)
    raise AssertionError("the institution has no such course")


def test_a_course_and_a_student_answer_every_call(canvas: DemoCanvas) -> None:
    course, student = taught(canvas)
    days = ask(canvas, lambda c: course_analytics.course_activity(c, course)).data
    assert {"date", "views", "participations"} <= set(days[0])
    summaries = ask(canvas, lambda c: collect(course_analytics.student_summaries(c, course)))
    assert student in {each["id"] for each in summaries}
    assignments = ask(canvas, lambda c: course_analytics.course_assignments(c, course)).data
    assert {"assignment_id", "tardiness_breakdown"} <= set(assignments[0])
    activity = ask(canvas, lambda c: student_analytics.student_activity(c, course, student)).data
    assert isinstance(activity["page_views"], dict)
    own = ask(canvas, lambda c: student_analytics.student_assignments(c, course, student)).data
    assert {each["assignment_id"] for each in own} <= {each["assignment_id"] for each in assignments}
    assert own
    messages = ask(canvas, lambda c: student_analytics.student_communication(c, course, student)).data
    assert isinstance(messages, dict)


def test_a_job_in_the_background_brings_the_same_assignments(fresh: DemoCanvas) -> None:
    course, _ = taught(fresh)
    pauses: list[float] = []

    async def move_time(seconds: float) -> None:
        pauses.append(seconds)
        fresh.world.clock.advance(seconds)  # type: ignore[attr-defined]

    answer = ask(fresh, lambda c: course_analytics.course_assignments(c, course, background=True, sleep=move_time))
    assert pauses
    assert fresh.requests.matching("/api/v1/progress/", "GET")
    assert answer.attempts == len(fresh.requests.all())
    assert answer.data == ask(fresh, lambda c: course_analytics.course_assignments(c, course)).data


def test_a_missing_right_and_a_missing_course_are_told_apart(canvas: DemoCanvas) -> None:
    course, student = taught(canvas)
    canvas.tokens.grant("no-analytics", without={"view_analytics"})
    with pytest.raises(errors.ForbiddenError, match="view_analytics"):
        ask(canvas, lambda c: student_analytics.student_activity(c, course, student), "no-analytics")
    with pytest.raises(errors.NotFoundError):
        ask(canvas, lambda c: course_analytics.course_activity(c, 999_999))

"""Canvas works something out in the background: it is waited for with patience, and with an end to it."""

from typing import Any

import pytest

from pipelines.canvas import CanvasClient, RetryPolicy, course_analytics, errors
from tests.canvas.conftest import TOKEN, Stage, json_answer, run

ASSIGNMENTS = "/api/v1/courses/7/analytics/assignments"
PROGRESS = "/api/v1/progress/9"


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def ask(stage: Stage, clock: Clock, *, background: bool = True, attempts: int = 1) -> Any:
    async def work() -> Any:
        retries = RetryPolicy(attempts=attempts, first_wait=0.0)
        async with CanvasClient(stage.url, TOKEN, retries=retries) as client:
            return await course_analytics.course_assignments(
                client, 7, background=background, sleep=clock.sleep, clock=lambda: clock.now
            )

    return run(work)


def promise(stage: Stage, where: str | None = None) -> Any:
    return json_answer({"progress_url": where or f"{stage.url}{PROGRESS}"})


def state(name: str) -> Any:
    return json_answer({"id": 9, "workflow_state": name, "completion": None})


@pytest.mark.parametrize("background", [True, False])
def test_a_job_is_waited_for_whether_or_not_it_was_asked_for(canvas: Stage, background: bool) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas), json_answer([{"assignment_id": 4}]))
    canvas.on(PROGRESS, state("queued"), state("running"), state("completed"))
    clock = Clock()
    answer = ask(canvas, clock, background=background)
    assert answer.data == [{"assignment_id": 4}]
    assert answer.attempts == 5
    assert clock.sleeps == [0.5, 1.0, 2.0]
    asked = [seen.query for seen in canvas.seen if seen.path == ASSIGNMENTS]
    assert asked == ["async=1" if background else ""] * 2


def test_what_is_there_already_is_not_waited_for(canvas: Stage) -> None:
    canvas.on(ASSIGNMENTS, json_answer([]))
    clock = Clock()
    assert (ask(canvas, clock).data, clock.sleeps) == ([], [])


def test_repeats_are_counted_too(canvas: Stage) -> None:
    canvas.on(ASSIGNMENTS, json_answer({}, status=502), promise(canvas), json_answer([]))
    canvas.on(PROGRESS, json_answer({}, status=502), state("completed"))
    assert ask(canvas, Clock(), attempts=3).attempts == 5 == len(canvas.seen)


def test_pauses_grow_to_ten_seconds_and_end_after_ten_minutes(canvas: Stage) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas))
    canvas.on(PROGRESS, state("running"))
    clock = Clock()
    with pytest.raises(errors.BackgroundJobOverdueError, match=r"600 seconds \(it is running\)"):
        ask(canvas, clock)
    assert clock.sleeps[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert set(clock.sleeps[5:]) == {10.0}
    assert 590 < sum(clock.sleeps) <= 600


def test_a_canvas_that_promises_again_and_again_is_not_asked_for_ever(canvas: Stage) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas))
    canvas.on(PROGRESS, state("completed"))
    clock = Clock()
    with pytest.raises(errors.BackgroundJobOverdueError):
        ask(canvas, clock)
    assert len(clock.sleeps) < 70


@pytest.mark.parametrize(
    "answer",
    [state("failed"), json_answer({"errors": [{"message": "The specified resource does not exist."}]}, status=404)],
    ids=["failed", "gone"],
)
def test_a_job_that_fails_or_is_gone_is_not_taken_for_a_missing_course(canvas: Stage, answer: Any) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas))
    canvas.on(PROGRESS, answer)
    with pytest.raises(errors.BackgroundJobFailedError) as caught:
        ask(canvas, Clock())
    assert isinstance(caught.value, errors.TransientCanvasError)
    assert not caught.value.retry_same_request


def test_a_job_elsewhere_is_not_asked_about(canvas: Stage, storage: Stage) -> None:
    storage.on(PROGRESS, state("completed"))
    canvas.on(ASSIGNMENTS, promise(canvas, f"{storage.url}{PROGRESS}"))
    with pytest.raises(errors.ForeignOriginError):
        ask(canvas, Clock())
    assert storage.seen == []


@pytest.mark.parametrize("path", ["/api/v1/users/self", "/api/v1/progress/9/../../users/self", "/api/v1/progress/", ""])
def test_a_link_to_something_else_than_a_progress_is_refused(canvas: Stage, path: str) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas, f"{canvas.url}{path}"))
    with pytest.raises(errors.UnexpectedAnswerError):
        ask(canvas, Clock())
    assert len(canvas.seen) == 1


def test_only_the_path_of_the_link_is_used(canvas: Stage) -> None:
    canvas.on(ASSIGNMENTS, promise(canvas, f"{canvas.url}{PROGRESS}?access_token=x#y"), json_answer([]))
    canvas.on(PROGRESS, state("completed"))
    ask(canvas, Clock())
    assert [seen.query for seen in canvas.seen if seen.path == PROGRESS] == [""]


def test_a_course_that_is_missing_stays_missing(canvas: Stage) -> None:
    with pytest.raises(errors.NotFoundError):
        ask(canvas, Clock())

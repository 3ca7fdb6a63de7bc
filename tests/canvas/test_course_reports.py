"""Course reports: what is sent, and which of Canvas's odd answers mean that there is nothing."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.responses import Response

from pipelines.canvas import CanvasClient, RetryPolicy
from pipelines.canvas.course_reports import last_course_report, show_course_report, start_course_report
from pipelines.canvas.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    ServerError,
    UnexpectedAnswerError,
)
from tests.canvas.conftest import TOKEN, Stage, json_answer, run

PATH = "/api/v1/courses/17/reports/course_pace_docx"
RUN = {"id": 5, "report_type": "course_pace_docx", "course_id": 17, "status": "created", "parameters": {}}
BROKEN = {"errors": [{"message": "An error occurred.", "error_code": "internal_server_error"}], "error_report_id": 1}
DENIED = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}


def ask(stage: Stage, call: Callable[[CanvasClient], Awaitable[Any]]) -> Any:
    async def work() -> Any:
        async with CanvasClient(stage.url, TOKEN, retries=RetryPolicy(attempts=1)) as client:
            return await call(client)

    return run(work)


def form(stage: Stage) -> list[tuple[str, str]]:
    return parse_qsl(stage.seen[-1].body.decode(), keep_blank_values=True)


def test_a_start_without_parameters_names_the_course_for_canvas_fails_without_any(canvas: Stage) -> None:
    canvas.on(PATH, json_answer(RUN), method="POST")
    started = ask(canvas, lambda client: start_course_report(client, 17, "course_pace_docx"))
    assert started.data == RUN
    assert form(canvas) == [("parameters[course_id]", "17")]


def test_what_narrows_a_report_is_sent_as_a_list(canvas: Stage) -> None:
    canvas.on(PATH, json_answer(RUN), method="POST")
    given = {"section_ids": ["3", "4"], "enrollment_ids": None}
    ask(canvas, lambda client: start_course_report(client, 17, "course_pace_docx", given))
    assert sorted(form(canvas)) == [
        ("parameters[course_id]", "17"),
        ("parameters[section_ids][]", "3"),
        ("parameters[section_ids][]", "4"),
    ]


def test_the_course_cannot_be_given_otherwise(canvas: Stage) -> None:
    canvas.on(PATH, json_answer(RUN), method="POST")
    ask(canvas, lambda client: start_course_report(client, 17, "course_pace_docx", {"course_id": 18}))
    assert form(canvas) == [("parameters[course_id]", "17")]


def test_a_start_is_sent_once(canvas: Stage) -> None:
    canvas.on(PATH, json_answer(BROKEN, status=500), json_answer(RUN), method="POST")
    with pytest.raises(ServerError):
        ask(canvas, lambda client: start_course_report(client, 17, "course_pace_docx"))
    assert len(canvas.seen) == 1


def test_a_type_that_canvas_has_not_is_told_by_name(canvas: Stage) -> None:
    canvas.on(PATH, json_answer({"error": "invalid report type course_pace_docx"}, status=400), method="POST")
    with pytest.raises(BadRequestError) as raised:
        ask(canvas, lambda client: start_course_report(client, 17, "course_pace_docx"))
    assert "does not offer the course report course_pace_docx" in str(raised.value)
    assert "[[course_reports]]" in str(raised.value)


def test_the_last_one_is_our_own_newest(canvas: Stage) -> None:
    canvas.on(PATH, json_answer({**RUN, "status": "complete"}))
    assert ask(canvas, lambda client: last_course_report(client, 17, "course_pace_docx")) == {
        **RUN,
        "status": "complete",
    }


def test_where_there_is_no_last_one_canvas_fails_and_that_means_none(canvas: Stage) -> None:
    canvas.on(PATH, json_answer(BROKEN, status=500))
    assert ask(canvas, lambda client: last_course_report(client, 17, "course_pace_docx")) is None


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_failing_gateway_does_not_mean_that_there_is_none(canvas: Stage, status: int) -> None:
    canvas.on(PATH, Response("<html>", status_code=status))
    with pytest.raises(ServerError):
        ask(canvas, lambda client: last_course_report(client, 17, "course_pace_docx"))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"errors": [{"message": "The specified resource does not exist."}]}, NotFoundError),
        (403, DENIED, ForbiddenError),
        (200, {"status": "complete"}, UnexpectedAnswerError),
        (200, {"id": 5}, UnexpectedAnswerError),
        (200, [RUN], UnexpectedAnswerError),
    ],
    ids=["gone", "somebody else's", "no id", "no status", "a list"],
)
def test_a_run_that_cannot_be_shown_is_no_run(canvas: Stage, status: int, body: Any, error: type[Exception]) -> None:
    canvas.on(f"{PATH}/5", json_answer(body, status=status))
    with pytest.raises(error):
        ask(canvas, lambda client: show_course_report(client, 17, "course_pace_docx", 5))


def test_a_run_is_shown_as_canvas_has_it(canvas: Stage) -> None:
    canvas.on(f"{PATH}/5", json_answer({**RUN, "status": "running"}))
    shown = ask(canvas, lambda client: show_course_report(client, 17, "course_pace_docx", 5))
    assert (shown.data["status"], canvas.seen[-1].method) == ("running", "GET")

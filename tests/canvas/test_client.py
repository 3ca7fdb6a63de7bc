"""The client on a real socket: what it sends, what it accepts, and what it tells when something breaks."""

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipelines.canvas import CanvasClient, RequestEvent, RetryPolicy, Timeouts, collect, errors
from tests.canvas.conftest import QUOTA, TOKEN, Stage, json_answer, run, throttle_answer


async def _no_sleep(seconds: float) -> None:
    return None


QUICK = RetryPolicy(sleep=_no_sleep, attempts=3)


def client_for(stage: Stage, **options: Any) -> CanvasClient:
    return CanvasClient(stage.url, TOKEN, retries=options.pop("retries", QUICK), **options)


def get(stage: Stage, path: str = "/api/v1/x", **options: Any) -> Any:
    async def work() -> Any:
        async with client_for(stage, **options) as client:
            return await client.get_json(path)

    return run(work)


def read_pages(stage: Stage, *, wrapped_in: str | None = None, **options: Any) -> list[Any]:
    async def work() -> list[Any]:
        async with client_for(stage, **options) as client:
            return [page.data async for page in client.pages("/api/v1/x", wrapped_in=wrapped_in)]

    return run(work)


def test_every_request_says_who_asks_and_brings_the_token(canvas: Stage) -> None:
    canvas.on(
        "/api/v1/x", json_answer({"id": 1}, headers={"x-request-cost": "0.25", "x-rate-limit-remaining": "588.5"})
    )
    answer = get(canvas)
    assert (answer.data, answer.status, answer.request_id, answer.attempts) == ({"id": 1}, 200, "req-1", 1)
    assert (answer.cost, answer.remaining, answer.path) == (0.25, 588.5, "/api/v1/x")
    assert answer.received_at.utcoffset() is not None
    headers = canvas.seen[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"].startswith("canvaslake/")
    assert "+https://" in headers["user-agent"]
    assert headers["accept"] == "application/json"


def test_parameters_are_spelled_as_canvas_reads_them(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer([]))

    async def work() -> None:
        async with client_for(canvas) as client:
            await client.get_json("/api/v1/x", {"include[]": ["term", "teachers"], "all": True, "n": 7, "no": None})

    run(work)
    assert canvas.seen[0].query == "include%5B%5D=term&include%5B%5D=teachers&all=true&n=7"


def test_cookies_are_not_kept(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer({}, headers={"set-cookie": "canvas_session=abc; path=/"}))

    async def work() -> None:
        async with client_for(canvas) as client:
            await client.get_json("/api/v1/x")
            await client.get_json("/api/v1/x")

    run(work)
    assert "cookie" not in canvas.seen[1].headers


def test_a_throttled_request_comes_back_and_succeeds(canvas: Stage) -> None:
    canvas.on("/api/v1/x", throttle_answer(), json_answer({"id": 1}))
    heard: list[RequestEvent] = []
    assert get(canvas, on_request=heard.append).attempts == 2
    # The governor heard of the refusal and held the repeat back.
    assert heard[1].waited >= 0.4


def test_a_broken_server_is_tried_again_and_then_reported_with_its_id(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer({"errors": [{"message": "An error occurred."}]}, status=500))
    with pytest.raises(errors.ServerError, match="request id req-1, 3 attempts"):
        get(canvas, "/api/v1/x")
    assert len(canvas.seen) == 3


def test_a_missing_right_is_not_asked_for_twice(canvas: Stage) -> None:
    canvas.on("/api/v1/accounts/1/terms", json_answer({"status": "unauthorized", "errors": []}, status=403))
    with pytest.raises(errors.ForbiddenError, match="read_terms"):
        get(canvas, "/api/v1/accounts/1/terms")
    assert len(canvas.seen) == 1


def test_a_post_that_failed_midway_is_not_sent_again(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer({}, status=502), json_answer({"id": 1}), method="POST")

    async def work() -> None:
        async with client_for(canvas) as client:
            await client.post_form("/api/v1/x", [("parameters[users]", "true")])

    with pytest.raises(errors.ServerError):
        run(work)
    assert [(one.method, one.body) for one in canvas.seen] == [("POST", b"parameters%5Busers%5D=true")]


def test_a_throttled_post_is_sent_again_for_nothing_had_happened(canvas: Stage) -> None:
    canvas.on("/api/v1/x", throttle_answer(), json_answer({"id": 1}), method="POST")

    async def work() -> Any:
        async with client_for(canvas) as client:
            return await client.post_form("/api/v1/x", [])

    assert run(work).data == {"id": 1}


def test_put_and_delete_reach_canvas(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer({"id": 1}), method="PUT")
    canvas.on("/api/v1/x", Response(status_code=204), method="DELETE")

    async def work() -> tuple[Any, Any]:
        async with client_for(canvas) as client:
            return (await client.put("/api/v1/x")).data, (await client.delete("/api/v1/x")).data

    assert run(work) == ({"id": 1}, None)


def test_an_answer_that_breaks_off_is_tried_again(canvas: Stage) -> None:
    async def half(request: Request) -> Response:
        return Response(b'{"id": 1', headers={**QUOTA, "content-length": "90", "content-type": "application/json"})

    canvas.on("/api/v1/x", half)
    with pytest.raises(errors.TruncatedAnswerError, match="3 attempts"):
        get(canvas)


def test_a_silent_canvas_is_a_timeout(canvas: Stage) -> None:
    async def silent(request: Request) -> Response:
        # Ends when the client hangs up.
        await request.receive()
        return Response()

    canvas.on("/api/v1/x", silent)
    with pytest.raises(errors.RequestTimeoutError):
        get(canvas, timeouts=Timeouts(read=0.05), retries=RetryPolicy(attempts=1))


def test_a_dripping_answer_ends_at_the_whole_requests_bound(canvas: Stage) -> None:
    async def drip(request: Request) -> Response:
        async def drops() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

        return StreamingResponse(drops(), media_type="application/json")

    canvas.on("/api/v1/x", drip)
    with pytest.raises(errors.RequestTimeoutError):
        get(canvas, timeouts=Timeouts(read=5, request=0.2), retries=RetryPolicy(attempts=1))


def test_an_answer_without_end_is_cut(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer(["x" * 5_000]))
    with pytest.raises(errors.OversizedAnswerError):
        get(canvas, max_json_bytes=1_000)


def test_a_refusing_port_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def work() -> None:
        async with CanvasClient(f"http://127.0.0.1:{port}", TOKEN, retries=QUICK) as client:
            await client.get_json("/api/v1/x")

    with pytest.raises(errors.HostUnreachableError, match="refuses") as caught:
        run(work)
    assert caught.value.reason == "refused"
    assert caught.value.had_no_effect


def test_a_name_that_does_not_resolve_is_named_as_such() -> None:
    async def work() -> None:
        async with CanvasClient("https://canvas.invalid", TOKEN, retries=RetryPolicy(attempts=1)) as client:
            await client.get_json("/api/v1/x")

    with pytest.raises(errors.HostUnreachableError) as caught:
        run(work)
    assert caught.value.reason == "dns"


def test_a_port_without_tls_is_named_as_such(canvas: Stage) -> None:
    async def work() -> None:
        async with CanvasClient(f"https://127.0.0.1:{canvas.port}", TOKEN, retries=RetryPolicy(attempts=1)) as client:
            await client.get_json("/api/v1/x")

    with pytest.raises(errors.HostUnreachableError) as caught:
        run(work)
    assert caught.value.reason == "tls"


def test_no_secret_is_in_a_traceback_a_log_or_a_repr(canvas: Stage, caplog: pytest.LogCaptureFixture) -> None:
    canvas.on("/api/v1/x", json_answer({"errors": [{"message": f"bad token {TOKEN}"}]}, status=400))
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    logging.getLogger("httpcore").setLevel(logging.NOTSET)

    async def work() -> None:
        async with client_for(canvas) as client:
            assert "Secret" not in repr(client)
            await client.get_json("/api/v1/x", {"search_term": "Lovelace"})

    with pytest.raises(errors.BadRequestError) as caught:
        run(work)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "SecretSecret" not in told
    assert "Lovelace" not in caplog.text
    assert "Lovelace" not in str(caught.value)


def test_every_attempt_is_heard_of(canvas: Stage) -> None:
    heard: list[RequestEvent] = []
    canvas.on("/api/v1/x", json_answer({}, status=503), json_answer({}))
    get(canvas, on_request=heard.append)
    assert [(one.attempt, one.status, one.error, one.in_flight) for one in heard] == [
        (1, 503, "ServerError", 1),
        (2, 200, None, 1),
    ]
    assert heard[0].path == "/api/v1/x"


def test_no_more_than_the_cap_is_under_way(canvas: Stage) -> None:
    under_way, most = 0, 0

    async def count(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return json_answer({})

    canvas.on("/api/v1/x", count)

    async def work() -> None:
        async with client_for(canvas, max_in_flight=2) as client:
            await asyncio.gather(*(client.get_json("/api/v1/x") for _ in range(20)))

    run(work)
    assert most == 2


def test_a_closed_client_says_so(canvas: Stage) -> None:
    async def work() -> None:
        await client_for(canvas).get_json("/api/v1/x")

    with pytest.raises(errors.ClientClosedError):
        run(work)


def test_the_budget_is_held_only_where_there_is_a_state_folder(canvas: Stage, tmp_path: Path) -> None:
    async def work() -> None:
        async with client_for(canvas).exclusive("sync"):
            pass
        async with client_for(canvas, state_dir=tmp_path).exclusive("sync"):
            with pytest.raises(TimeoutError):
                async with client_for(canvas, state_dir=tmp_path).exclusive("plan", give_up_after=0):
                    pass

    run(work)


# Lists.


def link(stage: Stage, query: str, *, base: str | None = None) -> dict[str, str]:
    return {"link": f'<{base or stage.url}/api/v1/x?{query}>; rel="next",<{stage.url}/api/v1/x?page=1>; rel="first"'}


def test_a_list_is_followed_through_bookmarks_and_short_and_empty_pages(canvas: Stage) -> None:
    canvas.on(
        "/api/v1/x",
        json_answer([{"id": 1}, {"id": 2}], headers=link(canvas, "page=bookmark:WzEsMl0&per_page=100")),
        json_answer([], headers=link(canvas, "page=bookmark:WzNd&per_page=100")),
        json_answer([{"id": 3}], headers=link(canvas, "page=first&per_page=100")),
        json_answer([{"id": 4}], headers={"link": f'<{canvas.url}/api/v1/x?page=1>; rel="last"'}),
    )
    assert read_pages(canvas) == [[{"id": 1}, {"id": 2}], [], [{"id": 3}], [{"id": 4}]]
    assert canvas.seen[0].query == "per_page=100"
    assert canvas.seen[1].query == "page=bookmark:WzEsMl0&per_page=100"
    assert all(one.headers["authorization"] for one in canvas.seen)


def test_a_link_to_another_origin_ends_the_list_and_the_token_stays(canvas: Stage, storage: Stage) -> None:
    canvas.on("/api/v1/x", json_answer([{"id": 1}], headers=link(canvas, "page=2", base=storage.url)))
    with pytest.raises(errors.ForeignOriginError, match=f"{storage.port}.*GET /api/v1/x, request id req-1"):
        read_pages(canvas)
    assert storage.seen == []


def test_a_list_that_circles_ends(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer([{"id": 1}], headers=link(canvas, "page=2&per_page=100")))
    with pytest.raises(errors.PagingLoopError):
        read_pages(canvas)
    assert len(canvas.seen) == 2


def test_a_list_without_end_ends(canvas: Stage) -> None:
    async def more(request: Request) -> Response:
        number = int(request.query_params.get("page", "1"))
        return json_answer([{"id": number}], headers=link(canvas, f"page={number + 1}"))

    canvas.on("/api/v1/x", more)
    with pytest.raises(errors.PagingLoopError, match="more than 5 pages"):
        read_pages(canvas, max_pages=5)


def test_a_page_that_vanishes_is_not_taken_for_a_missing_course(canvas: Stage) -> None:
    gone = json_answer({"errors": [{"message": "The specified resource does not exist."}]}, status=404)
    canvas.on("/api/v1/x", json_answer([{"id": 1}], headers=link(canvas, "page=2")), gone)
    with pytest.raises(errors.UnexpectedAnswerError, match="Page 2"):
        read_pages(canvas)
    canvas.clear()
    canvas.on("/api/v1/x", gone)
    with pytest.raises(errors.NotFoundError):
        read_pages(canvas)


@pytest.mark.parametrize(
    ("data", "wrapped_in"), [({"x": 1}, None), ([], "terms"), ({"terms": None}, "terms"), (7, None)]
)
def test_a_page_of_another_shape_is_not_an_empty_list(canvas: Stage, data: object, wrapped_in: str | None) -> None:
    canvas.on("/api/v1/x", json_answer(data))
    with pytest.raises(errors.UnexpectedAnswerError, match="where a list"):
        read_pages(canvas, wrapped_in=wrapped_in)


def test_a_wrapped_list_still_has_pages(canvas: Stage) -> None:
    canvas.on(
        "/api/v1/x",
        json_answer({"terms": [{"id": 1}]}, headers=link(canvas, "page=2")),
        json_answer({"terms": [{"id": 2}]}),
    )
    assert read_pages(canvas, wrapped_in="terms") == [{"terms": [{"id": 1}]}, {"terms": [{"id": 2}]}]


def test_pages_are_collected(canvas: Stage) -> None:
    canvas.on("/api/v1/x", json_answer([{"id": 1}], headers=link(canvas, "page=2")), json_answer([{"id": 2}]))

    async def work() -> list[dict[str, Any]]:
        async with client_for(canvas) as client:
            return await collect(client.pages("/api/v1/x"))

    assert run(work) == [{"id": 1}, {"id": 2}]

"""Files: whole and private on disk, and the token nowhere but at Canvas."""

import asyncio
import hashlib
import stat
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from pipelines.canvas import CanvasClient, Download, RequestEvent, RetryPolicy, SecretToken, errors
from pipelines.canvas.answers import RawAnswer
from pipelines.canvas.downloads import _next_hop
from pipelines.canvas.origin import OriginGuard
from tests.canvas.conftest import TOKEN, Stage, json_answer, run

CSV = b"canvas_user_id,user_id\n1,00007919\n" * 1_000
SIGNED = "X-Signature=topsecret&token=eyJ"


async def _no_sleep(seconds: float) -> None:
    return None


def fetch(stage: Stage, url: str, to: Path, *, heard: list[RequestEvent] | None = None, **options: Any) -> Download:
    async def work() -> Download:
        policy = RetryPolicy(attempts=2, sleep=_no_sleep)
        on_request = heard.append if heard is not None else None
        async with CanvasClient(stage.url, TOKEN, retries=policy, on_request=on_request) as client:
            return await client.download(url, to / "report.csv", **options)

    return run(work)


def csv_answer(**headers: str) -> Response:
    return Response(CSV, media_type="text/csv", headers=headers)


def refuse(stage: Stage, url: str, to: Path, kind: type[errors.CanvasError], **options: Any) -> errors.CanvasError:
    """Expect ``kind``, nothing left on disk, and no trace of the signature."""
    with pytest.raises(kind) as caught:
        fetch(stage, url, to, **options)
    assert type(caught.value) is kind
    assert list(to.iterdir()) == []
    told = "".join(traceback.format_exception(caught.value)) + str(vars(caught.value))
    assert "topsecret" not in told
    assert "SecretSecret" not in told
    return caught.value


def test_the_token_ends_where_canvas_ends(canvas: Stage, storage: Stage, tmp_path: Path) -> None:
    canvas.on("/files/9/download", RedirectResponse(f"{storage.url}/hop?{SIGNED}"))
    storage.on("/hop", RedirectResponse(f"/object?{SIGNED}", status_code=307))
    storage.on("/object", csv_answer())
    heard: list[RequestEvent] = []
    got = fetch(canvas, f"{canvas.url}/files/9/download?verifier=v", tmp_path, expected_size=len(CSV), heard=heard)
    assert (got.size, got.sha256, got.content_type) == (len(CSV), hashlib.sha256(CSV).hexdigest(), "text/csv")
    assert got.path.read_bytes() == CSV
    assert got.first_bytes == CSV[:512]
    assert stat.S_IMODE(got.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
    assert canvas.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert [one.headers.get("authorization") for one in storage.seen] == [None, None]
    assert storage.seen[1].query == SIGNED
    assert [one.path for one in heard] == ["/files/9/download", "(file storage)", "(file storage)"]


def test_the_token_does_not_come_back_into_play_by_a_detour(canvas: Stage, storage: Stage, tmp_path: Path) -> None:
    """A redirect back to Canvas gets it again, for Canvas owns it; the stranger between never sees it."""
    canvas.on("/a", RedirectResponse(f"{storage.url}/b"))
    storage.on("/b", RedirectResponse(f"{canvas.url}/c"))
    canvas.on("/c", csv_answer())
    fetch(canvas, f"{canvas.url}/a", tmp_path)
    assert "authorization" not in storage.seen[0].headers
    assert "authorization" in canvas.seen[1].headers


def test_a_link_that_starts_elsewhere_goes_without_the_token(canvas: Stage, storage: Stage, tmp_path: Path) -> None:
    storage.on("/object", csv_answer())
    fetch(canvas, f"{storage.url}/object?{SIGNED}", tmp_path)
    assert "authorization" not in storage.seen[0].headers


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_an_expired_link_asks_for_a_fresh_one(canvas: Stage, storage: Stage, tmp_path: Path, status: int) -> None:
    canvas.on("/f", RedirectResponse(f"{storage.url}/object?{SIGNED}"))
    storage.on("/object", Response(f"<Error>{SIGNED}</Error>", status_code=status, media_type="application/xml"))
    error = refuse(canvas, f"{canvas.url}/f", tmp_path, errors.LinkExpiredError)
    assert isinstance(error, errors.TransientCanvasError)
    assert len(storage.seen) == 1, "the same link stays expired"


def test_a_forbidden_file_of_canvas_itself_is_a_missing_right(canvas: Stage, tmp_path: Path) -> None:
    canvas.on("/f", json_answer({"status": "unauthorized", "errors": [{"message": "no"}]}, status=403))
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.ForbiddenError)


@pytest.mark.parametrize(
    "answer",
    [
        Response("<!DOCTYPE html><title>Log In</title>", media_type="text/html"),
        Response("\ufeff\n<html><body>password", media_type="text/csv"),
        Response("", media_type="text/html"),
        RedirectResponse("/login"),
        RedirectResponse("/login/saml?x=topsecret"),
    ],
)
def test_a_login_page_is_not_a_report(canvas: Stage, tmp_path: Path, answer: Response) -> None:
    canvas.on("/accounts/1/files/9/download", answer)
    refuse(canvas, f"{canvas.url}/accounts/1/files/9/download", tmp_path, errors.LoginPageError)


def test_a_file_shorter_than_announced_is_tried_again_and_refused(canvas: Stage, tmp_path: Path) -> None:
    canvas.on("/f", csv_answer())
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.TruncatedDownloadError, expected_size=len(CSV) + 1)
    assert len(canvas.seen) == 2


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(canvas: Stage, tmp_path: Path) -> None:
    canvas.on("/f", Response(CSV, media_type="text/csv", headers={"content-length": str(len(CSV) + 10)}))
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.TruncatedDownloadError)


def test_a_second_attempt_starts_afresh(canvas: Stage, tmp_path: Path) -> None:
    broken = Response(CSV, media_type="text/csv", headers={"content-length": str(len(CSV) + 10)})
    canvas.on("/f", broken, csv_answer())
    assert fetch(canvas, f"{canvas.url}/f", tmp_path).size == len(CSV)
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]


def test_a_file_larger_than_announced_or_allowed_is_stopped(canvas: Stage, tmp_path: Path) -> None:
    async def endless(request: Request) -> Response:
        async def rows() -> AsyncIterator[bytes]:
            while True:
                yield CSV
                await asyncio.sleep(0)

        return StreamingResponse(rows(), media_type="text/csv")

    canvas.on("/f", endless)
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.DownloadSizeError, expected_size=100_000)
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.DownloadSizeError, max_bytes=100_000)


def test_redirects_do_not_go_on_for_ever(canvas: Stage, tmp_path: Path) -> None:
    canvas.on("/f", RedirectResponse("/f"))
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.UnexpectedAnswerError)
    assert len(canvas.seen) == 6


@pytest.mark.parametrize("location", ["http://files.example.test/x?X-Signature=topsecret", "http://10.0.0.7/x"])
def test_data_does_not_travel_in_the_open(canvas: Stage, tmp_path: Path, location: str) -> None:
    canvas.on("/f", RedirectResponse(location))
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.InsecureAddressError)


@pytest.mark.parametrize("location", ["http://127.0.0.1:6379/", "https://localhost/", "http://canvas.example.edu/f"])
def test_a_redirect_cannot_reach_into_this_machine_or_drop_https(location: str) -> None:
    guard = OriginGuard("https://canvas.example.edu", SecretToken(TOKEN))
    raw = RawAnswer("GET", "/f", 302, {"location": location}, b"")
    with pytest.raises(errors.InsecureAddressError):
        _next_hop(guard, "https://canvas.example.edu/f", raw)


@pytest.mark.parametrize("location", ["", "ftp://x/y", "https://user:topsecret@x/"])
def test_a_redirect_to_nowhere_is_said_to_be_one(canvas: Stage, tmp_path: Path, location: str) -> None:
    canvas.on("/f", Response(status_code=302, headers={"location": location}))
    if location == "":
        # Nothing named means the same page again: the bound on redirects ends it.
        refuse(canvas, f"{canvas.url}/f", tmp_path, errors.UnexpectedAnswerError)
        return
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.UnexpectedAnswerError)
    assert len(canvas.seen) == 1


def test_an_older_file_stays_until_the_new_one_is_whole(canvas: Stage, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("old")
    canvas.on("/f", csv_answer())
    with pytest.raises(errors.TruncatedDownloadError):
        fetch(canvas, f"{canvas.url}/f", tmp_path, expected_size=10**9)
    assert (tmp_path / "report.csv").read_text() == "old"
    fetch(canvas, f"{canvas.url}/f", tmp_path)
    assert (tmp_path / "report.csv").read_bytes() == CSV


def test_storage_trouble_is_tried_again(canvas: Stage, storage: Stage, tmp_path: Path) -> None:
    canvas.on("/f", RedirectResponse(f"{storage.url}/object"))
    storage.on("/object", Response(status_code=503), csv_answer())
    assert fetch(canvas, f"{canvas.url}/f", tmp_path).size == len(CSV)
    assert len(canvas.seen) == 2, "a fresh redirect may carry a fresh signature"


def test_a_vanished_object_is_not_found(canvas: Stage, storage: Stage, tmp_path: Path) -> None:
    canvas.on("/f", RedirectResponse(f"{storage.url}/object"))
    refuse(canvas, f"{canvas.url}/f", tmp_path, errors.NotFoundError)

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pipelines.demo import DemoCanvas, ManualClock

Finish = Callable[..., dict[str, Any]]


@pytest.fixture
def finish(fresh_http: httpx.Client, clock: ManualClock) -> Finish:
    def run(**parameters: str) -> dict[str, Any]:
        path = "/api/v1/accounts/1/reports/provisioning_csv"
        chosen = {f"parameters[{name}]": value for name, value in (parameters or {"users": "1"}).items()}
        report = fresh_http.post(path, data=chosen).json()
        clock.advance(2)
        return dict(fresh_http.get(f"{path}/{report['id']}").json())

    return run


def _signed(http: httpx.Client, report: dict[str, Any]) -> str:
    answer = http.get(report["attachment"]["url"])
    assert answer.status_code == 302
    return str(answer.headers["location"])


def test_a_download_redirects_to_another_origin_with_a_signed_link(
    fresh: DemoCanvas, fresh_http: httpx.Client, finish: Finish
) -> None:
    report = finish()
    location = _signed(fresh_http, report)
    assert location.startswith(fresh.files_url)
    assert "X-Amz-Signature=" in location
    file = httpx.get(location)
    assert file.status_code == 200
    assert len(file.content) == report["attachment"]["size"] == int(file.headers["content-length"])
    assert file.headers["content-type"] == "text/csv"
    assert file.content.startswith(b"canvas_user_id,")


def test_two_members_are_a_zip_by_magic_and_media_type(fresh_http: httpx.Client, finish: Finish) -> None:
    report = finish(users="1", terms="1")
    file = httpx.get(_signed(fresh_http, report))
    assert (file.content[:2], file.headers["content-type"]) == (b"PK", "application/zip")
    assert report["attachment"]["display_name"] == f"provisioning_csv_21_Nov_2026_{report['id']}.zip"


def test_the_files_host_refuses_an_authorization_header_and_the_log_shows_it(
    fresh: DemoCanvas, fresh_http: httpx.Client, finish: Finish
) -> None:
    location = _signed(fresh_http, finish())
    refused = fresh_http.get(location)
    assert refused.status_code == 400
    (leak,) = fresh.requests.matching(host="files")
    assert leak.has_authorization
    httpx.get(location)
    assert [record.has_authorization for record in fresh.requests.matching(host="files")] == [True, False]


def test_a_link_expires_and_a_forged_one_never_works(
    fresh_http: httpx.Client, finish: Finish, clock: ManualClock
) -> None:
    location = _signed(fresh_http, finish())
    assert httpx.get(location.replace("X-Amz-Expires=300", "X-Amz-Expires=9999")).status_code == 403
    assert httpx.get(location.partition("?")[0]).status_code == 403
    clock.advance(299)
    assert httpx.get(location).status_code == 200
    clock.advance(2)
    expired = httpx.get(location)
    assert expired.status_code == 403
    assert "<Error><Code>AccessDenied</Code>" in expired.text


def test_file_url_with_a_token_ends_at_an_html_login_page_with_status_200(
    fresh_http: httpx.Client, finish: Finish
) -> None:
    page = fresh_http.get(finish()["file_url"], follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "pseudonym_session" in page.text


def test_the_attachment_url_needs_the_token(fresh: DemoCanvas, finish: Finish) -> None:
    url = finish()["attachment"]["url"]
    without = httpx.get(url, headers={"User-Agent": "a-test"})
    assert (without.status_code, without.headers["location"]) == (302, f"{fresh.base_url}/login/canvas")
    wrong = httpx.get(url, headers={"User-Agent": "a-test", "Authorization": "Bearer wrong"})
    assert wrong.status_code == 401


def test_deleting_a_report_does_not_remove_its_file(fresh_http: httpx.Client, finish: Finish) -> None:
    report = finish()
    fresh_http.delete(f"/api/v1/accounts/1/reports/provisioning_csv/{report['id']}")
    assert httpx.get(_signed(fresh_http, report)).status_code == 200


def test_downloads_can_break_off_or_come_short_in_silence(
    fresh: DemoCanvas, fresh_http: httpx.Client, finish: Finish
) -> None:
    report = finish()
    location = _signed(fresh_http, report)
    fresh.faults.truncate()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(location)
    fresh.faults.truncate(keep=0.25, honest=True)
    assert len(httpx.get(location).content) == report["attachment"]["size"] // 4
    assert len(httpx.get(location).content) == report["attachment"]["size"]


def test_a_link_can_be_stale_when_it_is_handed_out(fresh: DemoCanvas, fresh_http: httpx.Client, finish: Finish) -> None:
    report = finish()
    fresh.faults.expire_links()
    assert httpx.get(_signed(fresh_http, report)).status_code == 403
    assert httpx.get(_signed(fresh_http, report)).status_code == 200

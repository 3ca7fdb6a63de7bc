import re
import time

import httpx
import pytest

from pipelines.demo import DemoCanvas

SELF = "/api/v1/users/self"
REPORT = "/api/v1/accounts/1/reports/provisioning_csv"


def test_an_answer_is_replaced_as_often_as_told_and_without_its_effect(
    fresh: DemoCanvas, fresh_http: httpx.Client
) -> None:
    fault = fresh.faults.answer(
        "/reports/", method="POST", status=502, body="bad gateway", headers={"retry-after": "7"}, times=2
    )
    answers = [fresh_http.post(REPORT, data={"parameters[users]": "1"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 200]
    assert (answers[0].text, answers[0].headers["retry-after"]) == ("bad gateway", "7")
    assert (fault.hits, len(fresh.reports.all())) == (2, 1)
    assert fresh.faults.pending() == []


def test_an_html_page_can_come_with_status_200(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.html(SELF)
    page = fresh_http.get(SELF)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert fresh_http.get(SELF).json()["id"]


@pytest.mark.parametrize(("after_effect", "reports"), [(False, 0), (True, 1)])
def test_a_lost_answer_tells_nothing_about_the_effect(
    fresh: DemoCanvas, fresh_http: httpx.Client, after_effect: bool, reports: int
) -> None:
    fresh.faults.drop("/reports/", method="POST", after_effect=after_effect)
    with pytest.raises(httpx.RemoteProtocolError):
        fresh_http.post(REPORT, data={"parameters[users]": "1"})
    assert len(fresh_http.get(REPORT).json()) == reports
    assert [record.status for record in fresh.requests.all()] == [None, 200]


def test_a_delay_is_longer_than_a_clients_patience(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.delay(SELF, 0.5)
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        fresh_http.get(SELF, timeout=0.1)
    assert time.monotonic() - began < 0.5
    assert fresh_http.get(SELF, timeout=5).status_code == 200


def test_a_fault_can_wait_for_a_later_request(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.answer(SELF, status=500, after=2)
    assert [fresh_http.get(SELF).status_code for _ in range(4)] == [200, 200, 500, 200]


def test_a_throttle_burst_looks_like_the_quotas_refusal(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.throttle(times=3)
    answers = [fresh_http.get(SELF) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 200]
    assert answers[0].text == "403 Forbidden (Rate Limit Exceeded)\n"
    assert answers[0].headers["x-rate-limit-remaining"] == "0.0"


def test_a_next_link_can_lead_to_another_origin_which_sees_a_leaked_token(
    fresh: DemoCanvas, fresh_http: httpx.Client
) -> None:
    fresh.faults.foreign_next("/courses$")
    link = fresh_http.get("/api/v1/accounts/1/courses?per_page=2").headers["link"]
    (following,) = re.findall(r'<([^>]*)>; rel="next"', link)
    assert following.startswith(fresh.files_url)
    assert fresh_http.get(following).status_code == 400
    assert fresh.requests.matching(host="files")[0].has_authorization


def test_paging_can_run_in_a_loop(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.loop_next("/courses$")
    url = "/api/v1/accounts/1/courses?per_page=2"
    seen = []
    for _ in range(3):
        answer = fresh_http.get(url)
        seen.append(answer.json()[0]["id"])
        (url,) = re.findall(r'<([^>]*)>; rel="next"', answer.headers["link"])
    assert len(set(seen)) == 1


def test_cleared_faults_do_nothing(fresh: DemoCanvas, fresh_http: httpx.Client) -> None:
    fresh.faults.answer("", status=500, times=None)
    assert fresh_http.get(SELF).status_code == 500
    fresh.faults.clear()
    assert fresh_http.get(SELF).status_code == 200

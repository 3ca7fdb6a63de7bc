from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pipelines.demo import CostModel, ManualClock, QuotaPolicy
from pipelines.demo.quota import Quota
from tests.demo.conftest import MakeCanvas


def test_admission_stops_one_reservation_below_the_mark(clock: ManualClock) -> None:
    quota = Quota(QuotaPolicy(), clock)
    assert [quota.admit("a") for _ in range(13)] == [True] * 11 + [False] * 2
    assert quota.admit("b"), "each client has a bucket of its own"


def test_the_bucket_leaks_ten_units_a_second_and_settles_the_real_cost(clock: ManualClock) -> None:
    quota = Quota(QuotaPolicy(), clock)
    quota.admit("a")
    assert quota.settle("a", 30.0) == 570.0
    clock.advance(2)
    assert quota.remaining("a") == 590.0
    clock.advance(60)
    assert quota.remaining("a") == 600.0


def test_others_in_flight_can_push_remaining_below_zero_to_hwm_minus_maximum(clock: ManualClock) -> None:
    quota = Quota(QuotaPolicy(), clock)
    quota.drain("a", -500)
    assert quota.remaining("a") == -200.0


def test_answers_carry_cost_and_remaining_and_a_refusal_is_a_text_403(
    make_canvas: MakeCanvas, clock: ManualClock
) -> None:
    canvas = make_canvas(quota=QuotaPolicy(hwm=100), costs=CostModel(cost={}, default_cost=30.0))
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http:
        first, second = http.get("/api/v1/users/self"), http.get("/api/v1/users/self")
        assert (first.headers["x-request-cost"], first.headers["x-rate-limit-remaining"]) == ("30.0", "70.0")
        assert second.headers["x-rate-limit-remaining"] == "40.0"
        refused = http.get("/api/v1/users/self")
        assert refused.status_code == 403
        assert refused.headers["content-type"].startswith("text/plain")
        assert refused.text == "403 Forbidden (Rate Limit Exceeded)\n"
        assert refused.headers["x-rate-limit-remaining"] == "0.0"
        assert "x-request-cost" not in refused.headers
        assert "retry-after" not in refused.headers
        clock.advance(3)
        assert http.get("/api/v1/users/self").status_code == 200


@pytest.mark.parametrize(("width", "refusals"), [(8, False), (24, True)])
def test_only_many_parallel_requests_eat_the_up_front_reservations(
    make_canvas: MakeCanvas, width: int, refusals: bool
) -> None:
    canvas = make_canvas(costs=CostModel(default_latency=0.2))
    with httpx.Client(base_url=canvas.base_url, headers=canvas.headers) as http, ThreadPoolExecutor(width) as pool:
        statuses = list(pool.map(lambda _: http.get("/api/v1/users/self").status_code, range(width)))
    assert (403 in statuses) is refusals
    assert canvas.requests.peak_in_flight() <= width

"""The governor against a simulation of Canvas's own throttle: never refused, never stuck, close to the possible."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.canvas.gate import QuotaGate
from pipelines.canvas.quota import HEADERLESS_LIMIT, QuotaGovernor, Ticket
from tests.canvas.simulation import SHAPES, Bucket, Shape, Simulation

SECONDS = 90.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_request_is_refused_and_the_pace_is_near_the_oracles(shape: str, seed: int) -> None:
    simulation = Simulation(SHAPES[shape], seed=seed)
    outcome = simulation.run(simulation.governor(cap=10), seconds=SECONDS)
    ideal = Simulation(SHAPES[shape], seed=seed)
    best = ideal.run(ideal.oracle(cap=10), seconds=SECONDS)
    assert best.refused == 0
    assert outcome.refused == 0
    assert outcome.per_second >= 0.85 * best.per_second


@pytest.mark.parametrize("shape", SHAPES)
def test_without_the_polite_cap_the_bucket_itself_is_the_bound(shape: str) -> None:
    simulation = Simulation(SHAPES[shape], seed=5)
    outcome = simulation.run(simulation.governor(cap=40), seconds=SECONDS)
    fixed = Simulation(SHAPES[shape], seed=5)
    reckless = fixed.run(fixed.fixed(20), seconds=SECONDS)
    assert reckless.refused > 100, "the simulation no longer throttles, so this test proves nothing"
    assert outcome.refused <= 1
    assert outcome.done > 300


def test_default_shaped_costs_are_never_refused_whatever_the_cap() -> None:
    for cap in (1, 2, 10, 40):
        simulation = Simulation(SHAPES["default"], seed=cap)
        assert simulation.run(simulation.governor(cap=cap), seconds=SECONDS).refused == 0


def test_a_second_program_with_the_same_token_is_left_its_share() -> None:
    simulation = Simulation(SHAPES["default"], seed=4, neighbour_in_flight=4)
    outcome = simulation.run(simulation.governor(cap=10), seconds=SECONDS)
    assert outcome.done > 4 * SECONDS, "starved by the neighbour"
    assert outcome.refused <= outcome.done * 0.01


def test_without_quota_headers_a_small_fixed_number_goes() -> None:
    simulation = Simulation(SHAPES["light"], headers=False)
    outcome = simulation.run(simulation.governor(cap=10), seconds=SECONDS)
    assert outcome.most_in_flight == HEADERLESS_LIMIT
    assert outcome.refused == 0


@pytest.mark.parametrize(("up_front", "mark"), [(50.0, 600.0), (100.0, 700.0), (20.0, 400.0)])
def test_the_reservation_of_this_install_is_learned(up_front: float, mark: float) -> None:
    simulation = Simulation(SHAPES["light"], bucket=Bucket(mark=mark, up_front=up_front))
    governor = simulation.governor(cap=40)
    outcome = simulation.run(governor, seconds=30.0)
    assert governor.reservation == pytest.approx(up_front, rel=0.25)
    assert outcome.refused <= 1
    # What one gains: about as many under way as the bucket holds, instead of what the default would allow.
    assert outcome.most_in_flight >= (mark / up_front) * 0.75


def test_the_first_request_goes_alone() -> None:
    governor = QuotaGovernor(clock=lambda: 0.0)
    governor.sent()
    assert governor.wait_before_next() == math.inf


def test_a_full_bucket_waits_for_the_leak_and_then_looks_with_one() -> None:
    now = 0.0
    governor = QuotaGovernor(clock=lambda: now, chance=lambda: 0.0)
    ticket = governor.sent()
    now = 0.2
    governor.answered(ticket, remaining=-200.0, cost=1.0)
    governor.finished(ticket)
    wait = governor.wait_before_next()
    # 200 below zero, one reservation and half of one as margin, at ten a second.
    assert wait == pytest.approx(27.5)
    now += wait
    assert governor.wait_before_next() == 0.0
    governor.sent()
    assert governor.wait_before_next() > 0.0


def test_a_refusal_is_followed_by_a_pause_that_grows_and_one_place_less() -> None:
    now = 0.0
    governor = QuotaGovernor(clock=lambda: now, chance=lambda: 0.5)
    waits = []
    for _ in range(3):
        now += governor.wait_before_next()
        ticket = governor.sent()
        now += 0.01
        governor.answered(ticket, remaining=600.0, cost=None, refused=True)
        governor.finished(ticket)
        waits.append(governor.wait_before_next())
    assert waits == pytest.approx([0.75, 1.5, 3.0])
    assert governor.limit < 10


def test_after_a_refusal_one_request_looks_before_the_others_follow() -> None:
    now = 0.0
    governor = QuotaGovernor(clock=lambda: now, chance=lambda: 0.0)
    governor._pairs_tried = 3

    def go(**headers: float | bool | None) -> None:
        nonlocal now
        ticket = governor.sent()
        now += 0.1
        governor.answered(ticket, **headers)  # type: ignore[arg-type]
        governor.finished(ticket)

    go(remaining=600.0, cost=0.1)
    go(remaining=0.0, cost=None, refused=True)
    now += governor.wait_before_next()
    # The constant 0.0 of a refusal is no snapshot: half a second, not the seconds that zero would take to leak.
    assert now == pytest.approx(0.7)
    probe = governor.sent()
    assert governor.wait_before_next() == math.inf
    now += 0.1
    governor.answered(probe, remaining=500.0, cost=0.1)
    governor.finished(probe)
    assert governor.wait_before_next() == 0.0


@pytest.mark.parametrize("remaining", [None, math.nan, math.inf])
def test_a_header_that_is_no_number_counts_as_missing(remaining: float | None) -> None:
    governor = QuotaGovernor(clock=lambda: 1.0)
    ticket = governor.sent()
    governor.answered(ticket, remaining=remaining, cost=None)
    governor.finished(ticket)
    assert governor.limit == HEADERLESS_LIMIT
    assert governor.wait_before_next() == 0.0


def test_what_left_after_the_snapshot_is_counted_against_it() -> None:
    now = 0.0
    governor = QuotaGovernor(cap=40, clock=lambda: now, chance=lambda: 0.0)
    governor._pairs_tried = 3
    first = governor.sent()
    now = 0.1
    governor.answered(first, remaining=600.0, cost=0.1)
    governor.finished(first)
    sent = 0
    while governor.wait_before_next() == 0.0:
        governor.sent()
        sent += 1
    # (600 - 25) / 50, none of them in the snapshot.
    assert sent == 11


def test_a_request_that_broke_off_still_weighs_until_a_later_answer() -> None:
    now = 0.0
    governor = QuotaGovernor(cap=40, clock=lambda: now, chance=lambda: 0.0)
    governor._pairs_tried = 3
    first = governor.sent()
    now = 0.1
    governor.answered(first, remaining=600.0, cost=0.1)
    governor.finished(first)
    # Canvas may still be at work on this one, with its reservation in the bucket.
    governor.finished(governor.sent())
    sent = 0
    while governor.wait_before_next() == 0.0:
        governor.sent()
        sent += 1
    assert sent == 10


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cap=st.integers(1, 40),
    mark=st.floats(60, 1200),
    leak=st.floats(2, 40),
    up_front=st.floats(5, 150),
    service=st.floats(0.001, 5),
    cost=st.floats(0, 60),
    headers=st.booleans(),
    neighbours=st.integers(0, 3),
    loss=st.sampled_from([0.0, 0.2]),
)
def test_it_never_hangs_and_never_exceeds_its_cap(
    seed: int,
    cap: int,
    mark: float,
    leak: float,
    up_front: float,
    service: float,
    cost: float,
    headers: bool,
    neighbours: int,
    loss: float,
) -> None:
    # An install whose reservation alone fills its bucket lets nobody in at all.
    bucket = Bucket(mark=max(mark, up_front * (2 + neighbours)), maximum=1400, leak=leak, up_front=up_front)
    # Neighbours who by themselves spend more than leaks out starve anybody; that is not a hang of ours.
    affordable = min(cost, 5 * leak) if neighbours else cost
    simulation = Simulation(
        Shape(service=(service, service * 2), cost=(0.0, affordable)),
        seed=seed,
        bucket=bucket,
        headers=headers,
        neighbour_in_flight=neighbours,
        loss=loss,
    )
    # Without neighbours an empty event queue would end the run early, which is exactly what hanging looks like.
    outcome = simulation.run(simulation.governor(cap=cap), requests=25, seconds=20_000)
    assert outcome.done == 25
    assert outcome.most_in_flight <= cap


def test_the_gate_lets_no_more_through_than_the_governor_says_and_keeps_the_order() -> None:
    async def work() -> list[int]:
        gate = QuotaGate(QuotaGovernor(cap=3))
        order: list[int] = []

        async def one(number: int) -> None:
            ticket = await gate.enter()
            with gate.holding(ticket):
                order.append(number)
                assert gate.governor.in_flight <= 3
                await asyncio.sleep(0)
                gate.answered(ticket, remaining=600.0, cost=0.1)

        await asyncio.gather(*(one(number) for number in range(20)))
        assert gate.governor.in_flight == 0
        gate.close()
        return order

    assert asyncio.run(work()) == list(range(20))


def test_a_caller_cancelled_at_the_gate_leaves_no_place_taken() -> None:
    async def work() -> int:
        gate = QuotaGate(QuotaGovernor(cap=3))
        first = await gate.enter()
        waiting = [asyncio.ensure_future(gate.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        # Permission for the first waiting one and its cancellation meet in the same turn of the loop.
        gate.answered(first, remaining=600.0, cost=0.1)
        gate.leave(first)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        left = gate.governor.in_flight
        gate.leave(await asyncio.wait_for(gate.enter(), 5))
        gate.close()
        return left

    assert asyncio.run(work()) == 0


def test_a_repeat_goes_before_those_who_wait_for_the_first_time() -> None:
    async def work() -> list[str]:
        gate = QuotaGate(QuotaGovernor(cap=1))
        order: list[str] = []

        async def one(name: str, *, repeat: bool) -> None:
            with gate.holding(await gate.enter(repeat=repeat)) as ticket:
                order.append(name)
                gate.answered(ticket, remaining=600.0, cost=0.1)

        held: Ticket = await gate.enter()
        new = asyncio.ensure_future(one("new", repeat=False))
        await asyncio.sleep(0)
        again = asyncio.ensure_future(one("again", repeat=True))
        await asyncio.sleep(0)
        gate.leave(held)
        await asyncio.gather(new, again)
        return order

    assert asyncio.run(work()) == ["again", "new"]

"""A share of the many thousand steps; each has a test in a file of its own, so that they run at once."""

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import ReportMachine
from tests.machine.world import watched_product

SHARE = 12_500
"""Steps of one share; the four of them are 50,000."""

_SETTINGS = settings(
    max_examples=180,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def take_share(number: int) -> None:
    """Take the steps of a share, no two shares the same ones, and see that they were many and of every kind."""

    class Machine(ReportMachine):
        """One with numbers of its own."""

    with watched_product():
        run_state_machine_as_test(seed(number)(Machine), settings=_SETTINGS)
    print(f"share {number}: {Machine.steps} steps, {Machine.loads} loads, {Machine.deaths} deaths")  # noqa: T201
    assert Machine.steps >= SHARE
    # Many steps with nothing in them would prove nothing.
    assert Machine.loads >= SHARE // 25
    assert Machine.deaths >= SHARE // 50

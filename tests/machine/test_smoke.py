"""Some hundred steps of the machine, for every run of the tests; `test_many_steps_*` take the many thousand."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import ReportMachine
from tests.machine.world import watched_product


def test_reports_are_loaded_once_and_asked_once_whatever_happens() -> None:
    class Machine(ReportMachine):
        pass

    with watched_product():
        run_state_machine_as_test(Machine, settings=settings(max_examples=10, stateful_step_count=50))
    assert Machine.steps >= 300
    assert Machine.loads > 0

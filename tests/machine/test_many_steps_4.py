"""The fourth quarter of the 50,000 steps."""

import pytest

from tests.machine.many_steps import take_share


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_reports_are_loaded_once_and_asked_once_whatever_happens() -> None:
    take_share(4)

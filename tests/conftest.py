"""What holds for every test: property tests draw the same examples at every run, so that a failure repeats."""

import os

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many tests run side by side: one more than there are cores, because stories wait for processes."""
    return (os.cpu_count() or 1) + 1

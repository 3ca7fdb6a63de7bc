"""What holds for every test: property tests draw the same examples at every run, so that a failure repeats."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.canvas import RetryPolicy
from tests.load.worlds import World, open_world

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many tests run side by side: one more than there are cores, because stories wait for processes."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a demo Canvas on a socket, with a ledger and a lake beside it and one clock for all."""
    with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a failed request waits for its next try is tested with the client."""
    monkeypatch.setattr("pipelines.project.SHORT_RETRIES", RetryPolicy(attempts=1))

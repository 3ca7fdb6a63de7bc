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

_SLOW_SECONDS = 900
"""A limit that only what hangs comes to, on a machine where other tests run too."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many tests run side by side: one more than there are cores, because stories wait for processes."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests more time, and start the files with the longest tests first: the others fit in beside them."""
    longest: dict[Path, float] = {}
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW_SECONDS))
        limit = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a demo Canvas on a socket, with a ledger and a lake beside it and one clock for all."""
    with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a failed request waits for its next try is tested with the client."""
    monkeypatch.setattr("pipelines.project.SHORT_RETRIES", RetryPolicy(attempts=1))

"""The world of a test of the lake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lake import Lake
from pipelines.ledger import Ledger
from tests.lake.worlds import NOON, World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake without any Canvas."""
    return Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite", lambda: NOON))

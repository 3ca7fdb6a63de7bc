"""A ledger on a clock that stands still until the test moves it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import Ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Ledger:
    return Ledger(tmp_path / "state" / "ledger.sqlite", clock)

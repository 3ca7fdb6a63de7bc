"""The lake of a test, without any Canvas."""

from pathlib import Path

import pytest

from pipelines.lake import Lake
from pipelines.ledger import Ledger
from tests.load.worlds import NOON


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite", lambda: NOON))

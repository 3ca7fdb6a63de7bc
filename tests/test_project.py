"""What the settings of a project mean for the work that is done with it."""

from pathlib import Path

import pytest

from pipelines.demo import ManualClock
from pipelines.project import Project
from pipelines.settings import LakeSettings, Settings
from tests.load.worlds import NOON
from tests.warehouse.conftest import Shop

DAY = 86_400.0


@pytest.mark.parametrize(("days", "removed"), [(0, 2), (1.5, 2), (3, 0), (400, 0), (10_000_000, 0)])
def test_rows_that_were_replaced_stay_as_long_as_the_settings_say(tmp_path: Path, days: float, removed: int) -> None:
    clock = ManualClock(NOON)
    settings = Settings(home=tmp_path / "home", lake=LakeSettings(keep_superseded_days=days))
    project = Project(settings, clock)
    shop = Shop(project.warehouse)
    shop.load([1, 2])
    shop.load([1, 2, 3])
    clock.advance(2 * DAY)
    files = set(project.lake.root.rglob("*.parquet"))
    assert project.sweep().superseded == removed, "a file of accounts and one of terms"
    assert len(files - set(project.lake.root.rglob("*.parquet"))) == removed
    assert project.paths.lock.exists(), "no publisher reads them meanwhile"
    shop.publish()
    assert shop.ids() == [1, 2, 3]

"""What the Dagster page says of the published file: made, as it was, or put back by a person."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.published import HELD_BACK_CHECK, PUBLISHED, published_asset
from pipelines.demo import ManualClock
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.settings import CanvasSettings, Settings
from pipelines.warehouse.rollback import roll_back
from tests.load.worlds import NOON
from tests.warehouse.conftest import Shop

pytestmark = pytest.mark.slow


def test_the_page_says_what_became_of_each_publish(tmp_path: Path) -> None:
    settings = Settings(canvas=CanvasSettings(base_url="http://demo"), home=tmp_path / "home")
    project = Project(settings, ManualClock(NOON))
    shop = Shop(project.warehouse)
    asset = published_asset([], ["team:tests"])

    def publish() -> tuple[dict[str, Any], dg.AssetCheckEvaluation]:
        result = dg.materialize([asset], resources={"projects": Projects(lambda: project)})
        assert result.success
        [event] = result.asset_materializations_for_node("published_warehouse")
        [check] = result.get_asset_check_evaluations()
        assert (event.asset_key, check.check_name) == (PUBLISHED, HELD_BACK_CHECK)
        return {name: value.value for name, value in event.metadata.items()}, check

    for count in (1, 2):
        shop.load(list(range(count)))
        made, check = publish()
        assert (made["generation"], made["result"]) == (count, f"Published generation {count}.")
        assert "canvas.accounts" in made["changed"]
        assert check.passed
    again, check = publish()
    assert (again["generation"], again["changed"]) == (2, "nothing")
    assert again["result"] == "Nothing has changed since generation 2."
    assert check.passed
    roll_back(project.warehouse)
    shop.load([1, 2, 3])
    pinned, check = publish()
    assert (pinned["generation"], pinned["result"]) == (1, "Generation 1 stays: a person went back to it.")
    assert not check.passed
    [told] = check.metadata["held_back"].value  # type: ignore[misc]
    assert "a person put it back to generation 1" in str(told)
    assert str(told).endswith("canvaslake publish")
    assert len(shop.ids()) == 1

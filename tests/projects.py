"""A project beside the demo Canvas of a world: the settings of a data office, and the ledger and lake of the world."""

from typing import Any

from pydantic import SecretStr

from pipelines.project import Project
from pipelines.settings import CanvasSettings, ReportSettings, Settings
from tests.load.worlds import World


def project_of(
    world: World, *reports: ReportSettings, accounts: tuple[str | int, ...] = (1,), **settings: Any
) -> Project:
    """Return a project whose settings have some reports; `settings` are other parts of them."""
    canvas = CanvasSettings(base_url=world.canvas.base_url, accounts=accounts)
    token = SecretStr(world.canvas.token)
    chosen = Settings(canvas=canvas, reports=reports, home=world.home, token=token, **settings)
    return Project(chosen, clock=world.clock)

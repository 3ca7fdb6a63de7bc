"""What the assets, schedules and sensors are given by Dagster: the project, opened anew for each use."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.project import Project
from pipelines.settings import load_settings


def open_project() -> Project:
    """Return the project of the present settings.

    Read at each use and not when the code is loaded: the code server lives for weeks, and a token may be rotated.
    """
    return Project(load_settings())


@dataclass(frozen=True)
class Projects:
    """The one resource. It carries no secret, so none can stand in a run's configuration."""

    open: Callable[[], Project] = open_project

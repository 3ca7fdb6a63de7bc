"""What the assets, schedules and sensors are given by Dagster: the project, opened anew for each use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

from pipelines.project import Project
from pipelines.run_claims import claimed
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

    def as_resource(self) -> dg.ResourceDefinition:
        """Return the Dagster resource; while a run holds it, the run is known to be at work."""

        @dg.resource(description="The ledger, lake, warehouse and Canvas of the settings.")
        def projects(context: dg.InitResourceContext) -> Iterator[Projects]:
            if context.run is None:
                yield self
                return
            with claimed(self.open().home, context.run.run_id):
                yield self

        return projects

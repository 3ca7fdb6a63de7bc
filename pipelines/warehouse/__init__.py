"""The DuckDB file that readers open: built beside the old one from the live slices, then renamed into its place."""

from pipelines.warehouse.build import PublishError
from pipelines.warehouse.model_runs import ModelRun, Models, Refreshing
from pipelines.warehouse.paths import WarehousePaths
from pipelines.warehouse.publish import (
    PublishOutcome,
    Warehouse,
    publish,
    refresh_build,
)

__all__ = [
    "ModelRun",
    "Models",
    "PublishError",
    "PublishOutcome",
    "Refreshing",
    "Warehouse",
    "WarehousePaths",
    "publish",
    "refresh_build",
]

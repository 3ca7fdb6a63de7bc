"""The tables of models in SQL."""

from pipelines.models.model import Model
from pipelines.warehouse.build import quoted_table


def quoted(model: Model, suffix: str = "") -> str:
    """Return the name of a model's table for SQL text."""
    return quoted_table(model.qualified + suffix)

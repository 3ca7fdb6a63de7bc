"""Models: the SELECT files of `sql/`, read, ordered, traced and run. Dagster and the warehouse file live elsewhere."""

from pipelines.models.columns import model_columns
from pipelines.models.lineage import ColumnLineage, column_lineage, inherited_privacy
from pipelines.models.load import load_models, sql_folder
from pipelines.models.model import Model, ModelError
from pipelines.models.refresh import refresh

__all__ = [
    "ColumnLineage",
    "Model",
    "ModelError",
    "column_lineage",
    "inherited_privacy",
    "load_models",
    "model_columns",
    "refresh",
    "sql_folder",
]

"""The columns and types that the models will have, found by running them over empty tables. No warehouse is touched."""

from collections.abc import Iterable, Mapping

import duckdb

from pipelines.models.model import Model
from pipelines.models.refresh import quoted, run_model
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table


def model_columns(
    models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]
) -> dict[str, list[tuple[str, str]]]:
    """Return the columns of every model as (name, DuckDB type), in order.

    `models` come in the order of `load_models`; `tables` are the contracts of everything loaded that they read.
    Raises ModelError for a model that does not run, or whose header speaks of a column that it does not give.
    """
    with duckdb.connect(":memory:") as con:
        for table in tables.values() if isinstance(tables, Mapping) else tables:
            _create_empty(con, table)
        result = {}
        for model in models:
            run_model(con, model)
            described = con.execute(f"describe {quoted(model)}").fetchall()
            result[model.qualified] = [(str(row[0]), str(row[1])) for row in described]
    return result


def _create_empty(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{column.name}" {column.type.value}' for column in (*table.columns, *SYSTEM_COLUMNS))
    con.execute(f'create schema if not exists "{table.schema}"')
    con.execute(f'create table "{table.schema}"."{table.name}" ({columns})')

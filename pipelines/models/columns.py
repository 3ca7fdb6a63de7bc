"""The columns and types that the models will have, found by running them over empty tables. No warehouse is touched."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import duckdb

from pipelines.models.model import Model
from pipelines.models.names import quoted
from pipelines.models.refresh import refresh
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table


def model_columns(
    models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]
) -> dict[str, list[tuple[str, str]]]:
    """Return the columns of every model as (name, DuckDB type), in order.

    `models` come in the order of `load_models`; `tables` are the contracts of everything loaded that they read. Of a
    model that reads a report nobody declared, near or far, there are the columns that its header describes, as text:
    what the report holds is known when it is loaded. Raises ModelError for a model that does not run, or whose header
    speaks of a column that it does not give.
    """
    found = _columns(tuple(models), tuple(tables.values() if isinstance(tables, Mapping) else tables))
    return {name: list(columns) for name, columns in found.items()}


def unforeseen(models: Iterable[Model], tables: Iterable[Table]) -> set[str]:
    """Return the models that read, near or far, from a table whose columns no contract tells."""
    known, blind = {table.qualified for table in tables}, set[str]()
    for model in models:
        if not known.issuperset(model.depends_on):
            blind.add(model.qualified)
        else:
            known.add(model.qualified)
    return blind


# One command wants them for the assets, for the dictionary and for the lineage.
@lru_cache(maxsize=2)
def _columns(models: tuple[Model, ...], tables: tuple[Table, ...]) -> dict[str, tuple[tuple[str, str], ...]]:
    blind = unforeseen(models, tables)
    with duckdb.connect(":memory:") as con:
        for table in tables:
            _create_empty(con, table)
        result: dict[str, tuple[tuple[str, str], ...]] = {}
        for model in models:
            if model.qualified in blind:
                result[model.qualified] = tuple((name, "VARCHAR") for name in model.columns)
                continue
            refresh(con, [model])
            described = con.execute(f"describe {quoted(model)}").fetchall()
            result[model.qualified] = tuple((str(row[0]), str(row[1])) for row in described)
    return result


def _create_empty(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{column.name}" {column.type.value}' for column in (*table.columns, *SYSTEM_COLUMNS))
    con.execute(f'create schema if not exists "{table.schema}"')
    con.execute(f'create table "{table.schema}"."{table.name}" ({columns})')

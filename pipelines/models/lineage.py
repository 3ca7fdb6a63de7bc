"""Which column comes from which, by the SQL of the models, and what follows for privacy. It never looks at data."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from pipelines.lake.versions import VALIDITY
from pipelines.models.columns import model_columns, unforeseen
from pipelines.models.model import Model, ModelError
from pipelines.models.statement import parse_select
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Privacy, Table

ColumnLineage = dict[str, dict[str, tuple[tuple[str, str], ...]]]
"""Model -> output column -> the (table, column) pairs of the model's direct inputs that its value is made from."""

_FROM_FAR_TO_NEAR = (Privacy.NONE, Privacy.PSEUDONYM, Privacy.RECORD, Privacy.IDENTITY)


def column_lineage(models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]) -> ColumnLineage:
    """Return for every output column the columns of direct inputs that it is computed from, windows included.

    Filters and joins choose rows and are not in it. A column made of nothing (a count, a constant) has none. Arguments
    and errors are those of `model_columns`; ModelError too for a query whose columns cannot be traced.
    """
    return _traced(tuple(models), tuple(tables.values() if isinstance(tables, Mapping) else tables))


# Tracing takes a good second, and one command wants it for the assets and for the privacy of their columns.
@lru_cache(maxsize=2)
def _traced(models: tuple[Model, ...], tables: tuple[Table, ...]) -> ColumnLineage:
    outputs = model_columns(models, tables)
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table in tables:
        columns = {column.name: column.type.value for column in (*table.columns, *SYSTEM_COLUMNS)}
        schema.setdefault(table.schema, {})[table.name] = columns
    for model in models:
        schema.setdefault(model.schema, {})[model.name] = dict(outputs[model.qualified])
    blind = unforeseen(models, tables)
    return {
        model.qualified: {name: () for name, _ in outputs[model.qualified]}
        if model.qualified in blind
        else _trace(model, schema, [name for name, _ in outputs[model.qualified]]) | _kept(model)
        for model in models
    }


def _kept(model: Model) -> dict[str, tuple[tuple[str, str], ...]]:
    return {column.name: () for column in VALIDITY} if model.keeps_versions else {}


def inherited_privacy(
    models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]
) -> dict[str, dict[str, Privacy]]:
    """Return the privacy class of every model column: the most careful class among the columns it is made from.

    Careful on purpose: a maximum over names is still called a name.
    """
    tables = tuple(tables.values() if isinstance(tables, Mapping) else tables)
    classes = {
        (table.qualified, column.name): column.privacy
        for table in tables
        for column in (*table.columns, *SYSTEM_COLUMNS)
    }
    models = tuple(models)
    blind = unforeseen(models, tables)
    result: dict[str, dict[str, Privacy]] = {}
    for model, columns in column_lineage(models, tables).items():
        # What nobody declared may be anything: a column of an undeclared report, or of a table function.
        unknown = Privacy.IDENTITY if model in blind else Privacy.NONE
        result[model] = {
            name: max(
                (classes.get(origin, Privacy.IDENTITY) for origin in origins),
                key=_FROM_FAR_TO_NEAR.index,
                default=unknown,
            )
            for name, origins in columns.items()
        }
        classes.update({(model, name): privacy for name, privacy in result[model].items()})
    return result


def _trace(
    model: Model, schema: dict[str, dict[str, dict[str, str]]], names: list[str]
) -> dict[str, tuple[tuple[str, str], ...]]:
    read: dict[str, dict[str, dict[str, str]]] = {}
    for table in model.depends_on:
        place, _, name = table.partition(".")
        read.setdefault(place, {})[name] = schema[place][name]
    try:
        # Not trimmed to the column that is traced: each trimming copies the query, and the leaves are the same.
        nodes: dict[str, Node] = lineage(
            None, parse_select(model.sql, model.path), schema=read, dialect="duckdb", trim_selects=False
        )
    except SqlglotError as error:
        raise _untraceable(model, str(error)) from error
    names = [name for name in names if name not in _kept(model)]
    if set(nodes) != set(names):
        raise _untraceable(model, f"{', '.join(sorted(set(names) - set(nodes)))} cannot be found in the SQL")
    return {name: _origins(nodes[name]) for name in names}


def _origins(node: Node) -> tuple[tuple[str, str], ...]:
    found = set()
    for leaf in node.walk():
        # Other leaves are constants, and a recursive query meeting itself, whose start is among the leaves anyway.
        if not leaf.downstream and isinstance(leaf.expression, exp.Table):
            table = leaf.expression
            found.add((f"{table.db}.{table.name}", leaf.name.rsplit(".", 1)[-1]))
    return tuple(sorted(found))


def _untraceable(model: Model, reason: str) -> ModelError:
    return ModelError(
        f"the columns of {model.qualified} cannot be traced to their inputs: {reason}.",
        path=model.path,
        model=model.qualified,
        next_step="Name the columns one by one instead of by COLUMNS() or a macro.",
    )

"""How near to a person each column of an answer is, by the columns of tables that it is made from."""

from collections.abc import Sequence

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from pipelines.serve.tables_read import parsed, tables_read

_FROM_FAR_TO_NEAR = ("", "none", "pseudonym", "record", "identity")

_WIDEST = 400
"""Columns of an answer that are traced; it takes longer with the square of their number."""

_Columns = dict[str, dict[str, dict[str, tuple[str, str]]]]
"""Schema -> table -> column -> (DuckDB type, privacy class)."""


def privacy_of_answer(con: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]) -> list[str]:
    """Return the privacy class of each column of a query's answer, `names`: the nearest among what it is made from.

    Careful where it cannot be traced: it then has the class of its namesake in the tables that the query reads, and
    else the nearest class in them. Empty in a file without meta.columns.
    """
    explains = [one.type.name for one in con.extract_statements(sql)] == ["EXPLAIN"]
    statement = None if explains or len(names) > _WIDEST else parsed(sql)
    if explains or isinstance(statement, exp.Describe):
        return ["" for _ in names]
    columns = _columns(con, tables_read(con, sql))
    traced: dict[str, str] = _traced(statement, columns) if isinstance(statement, exp.Query) else {}
    everything = [
        (name, privacy) for tables in columns.values() for one in tables.values() for name, (_, privacy) in one.items()
    ]
    nearest = _nearest([privacy for _, privacy in everything])
    found = []
    for name in names:
        if name in traced:
            found.append(traced[name])
        else:
            namesakes = [privacy for column, privacy in everything if column == name]
            found.append(_nearest(namesakes) if namesakes else nearest)
    return found


def _nearest(classes: Sequence[str]) -> str:
    return max((one for one in classes if one in _FROM_FAR_TO_NEAR), key=_FROM_FAR_TO_NEAR.index, default="")


def _columns(con: duckdb.DuckDBPyConnection, tables: set[str] | None) -> _Columns:
    try:
        rows = con.execute(
            "select table_schema, table_name, column_name, data_type, coalesce(privacy, '') from meta.columns"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    found: _Columns = {}
    for schema, table, column, kind, privacy in rows:
        if tables is None or f"{schema}.{table}".lower() in tables:
            found.setdefault(schema, {}).setdefault(table, {})[column] = (kind, privacy)
    return found


def _traced(query: exp.Query, columns: _Columns) -> dict[str, str]:
    """Return the class of each output column that can be traced."""
    schema = {
        name: {table: {column: kind for column, (kind, _) in one.items()} for table, one in tables.items()}
        for name, tables in columns.items()
    }
    try:
        nodes: dict[str, Node] = lineage(None, query, schema=schema, dialect="duckdb")
    except (SqlglotError, ValueError):
        return {}
    found = {}
    for name, node in nodes.items():
        classes = [_class_of(leaf, columns) for leaf in node.walk() if not leaf.downstream]
        if None not in classes:
            found[name] = _nearest([one for one in classes if one is not None])
    return found


def _class_of(leaf: Node, columns: _Columns) -> str | None:
    """Return the class of what a trace ends at; None where that is neither a known column nor made of none."""
    if not isinstance(leaf.expression, exp.Table):
        return None if leaf.expression.find(exp.Column, exp.TableColumn) else ""
    table = columns.get(leaf.expression.db, {}).get(leaf.expression.name, {})
    known = table.get(leaf.name.rsplit(".", 1)[-1])
    return known[1] if known else None

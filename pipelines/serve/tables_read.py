"""Which tables a statement names, by DuckDB's parser, and by sqlglot's where that one cannot tell."""

from typing import Any

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError


def tables_read(con: duckdb.DuckDBPyConnection, sql: str) -> set[str] | None:
    """Return the tables that a query names, `schema.table` in lower case; None where nobody can tell."""
    try:
        names = con.get_table_names(sql, qualified=True)
    except duckdb.Error:
        # PIVOT is several statements to DuckDB, and JOIN ... USING binds to columns that it does not look up here.
        statement = parsed(sql)
        if statement is None:
            return None
        return {f"{table.db}.{table.name}".lower() for table in statement.find_all(exp.Table)}
    bare = (name.split(" AS ")[0].replace('"', "").lower() for name in names)
    return {".".join(name.split(".")[-2:]) for name in bare}


def parsed(sql: str) -> Any:
    """Return a statement as sqlglot reads it; None for one that it does not understand."""
    try:
        return parse_one(sql, dialect="duckdb")
    except SqlglotError:
        return None

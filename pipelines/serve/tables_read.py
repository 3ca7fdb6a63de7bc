"""Which tables a statement names, by DuckDB's parser, and by sqlglot's where that one cannot tell."""

import logging
import re
from typing import Any

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

_NAME = re.compile(r"\w+(\.\w+)?")
_BEHIND_A_NAME = re.compile(r" (AS|TABLESAMPLE) .*", re.IGNORECASE | re.DOTALL)


def tables_read(con: duckdb.DuckDBPyConnection, sql: str) -> set[str] | None:
    """Return the tables that a query names, `schema.table` in lower case; None where nobody can tell."""
    try:
        named = con.get_table_names(sql, qualified=True)
    except duckdb.Error:
        # PIVOT is several statements to DuckDB, and JOIN ... USING binds to columns that it does not look up here.
        statement = parsed(sql)
        if statement is None:
            return None
        return {f"{table.db}.{table.name}".lower() for table in statement.find_all(exp.Table)}
    bare = (_BEHIND_A_NAME.sub("", name).replace('"', "").lower() for name in named)
    tables = {".".join(name.split(".")[-2:]) for name in bare}
    # A name in a form that was not foreseen must not pass for another table.
    return tables if all(map(_NAME.fullmatch, tables)) else None


def parsed(sql: str) -> Any:
    """Return a statement as sqlglot reads it; None for one that it does not understand."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    # It would print the statement.
    logger.setLevel(logging.ERROR)
    try:
        statement = parse_one(sql, dialect="duckdb")
    except SqlglotError:
        return None
    finally:
        logger.setLevel(before)
    return None if isinstance(statement, exp.Command) else statement

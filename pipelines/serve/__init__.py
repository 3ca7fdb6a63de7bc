"""Serving: reading the published file, for people and programs. Nothing here writes it."""

from pipelines.serve.dictionary import ColumnEntry, TableEntry, describe_table, list_tables
from pipelines.serve.problem import QueryError
from pipelines.serve.query import QueryResult, run_query
from pipelines.serve.render import FORMATS, render, to_csv, to_json, to_markdown, to_terminal

__all__ = [
    "FORMATS",
    "ColumnEntry",
    "QueryError",
    "QueryResult",
    "TableEntry",
    "describe_table",
    "list_tables",
    "render",
    "run_query",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_terminal",
]

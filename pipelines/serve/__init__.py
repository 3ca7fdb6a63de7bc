"""Serving: reading the published file, for people and programs. Nothing here writes it."""

from pipelines.serve.answer import ExportError
from pipelines.serve.dictionary import ColumnEntry, TableEntry, describe_table, list_tables
from pipelines.serve.export import EXPORT_FORMATS, Exported, export_answer
from pipelines.serve.generations import KeptGeneration, file_as_of, kept_generations, numbered_file
from pipelines.serve.problem import QueryError
from pipelines.serve.query import QueryResult, run_query
from pipelines.serve.render import FORMATS, render, to_csv, to_json, to_markdown, to_terminal

__all__ = [
    "EXPORT_FORMATS",
    "FORMATS",
    "ColumnEntry",
    "ExportError",
    "Exported",
    "KeptGeneration",
    "QueryError",
    "QueryResult",
    "TableEntry",
    "describe_table",
    "export_answer",
    "file_as_of",
    "kept_generations",
    "list_tables",
    "numbered_file",
    "render",
    "run_query",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_terminal",
]

"""The data dictionary of the published file: which tables and columns it has and what they mean.

Read from the file itself: from `meta.tables` and `meta.columns` where it has them, else from DuckDB's comments. A file
that an older canvaslake made says what it knew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from pipelines.serve.held_back import held_back
from pipelines.serve.problem import unknown_table
from pipelines.serve.reader import published, table_names

SCHEMAS = {
    "marts": "Ready answers and stars, with names and stable keys. Start here.",
    "history": "Every version of a row that canvaslake has seen, and when it held.",
    "canvas": "The directory of the institution, from the API.",
    "analytics": "What Canvas's analytics endpoints answer.",
    "reports": "The files of account reports, one table per file.",
    "meta": "Tables about the tables: what was loaded, how each question ended, what every column means.",
    "staging": "Inputs of the marts: names made alike, repeated rows taken out.",
}
"""What each schema is for, in the order in which a newcomer should meet them."""

_ORDER = list(SCHEMAS)


@dataclass(frozen=True)
class TableEntry:
    """A table in the dictionary. `columns` and `rows` are counts; what is not known is empty.

    `kind` is loaded, model, history or meta. `extracted_at` is when Canvas last gave rows, in UTC as ISO 8601.
    `held_back` says why the table keeps earlier rows, and what to do, if it does.
    """

    schema: str
    name: str
    rows: int
    columns: int
    description: str
    grain: str = ""
    key: str = ""
    source: str = ""
    kind: str = ""
    owner: str = ""
    extracted_at: str = ""
    held_back: str = ""

    @property
    def qualified(self) -> str:
        """The name to query by: schema, dot, table."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class ColumnEntry:
    """A column in the dictionary. `type` is DuckDB's; what is not known, or makes no sense for a column, is empty.

    `source` is the key or header in Canvas, `endpoint` what it came from there, `derived_from` the columns that a
    model makes it from.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    is_key: bool = False
    source: str = ""
    privacy: str = ""
    endpoint: str = ""
    derived_from: str = ""


@dataclass(frozen=True)
class TableDescription:
    """A table with its columns in their order, both of one generation."""

    table: TableEntry
    columns: tuple[ColumnEntry, ...]


def list_tables(path: Path) -> list[TableEntry]:
    """Return every table of the published file, in the order of `SCHEMAS` and by name.

    Raises QueryError if there is no such file.
    """
    with published(path) as con:
        return _tables(con)


def describe_table(path: Path, name: str) -> TableDescription:
    """Return a table with its columns; the schema may be left out where only one has a table of that name.

    Raises QueryError with close names if there is no such table.
    """
    with published(path) as con:
        entries = _tables(con)
        wanted = name.lower()
        found = [entry for entry in entries if wanted in (entry.qualified.lower(), entry.name.lower())]
        exact = [entry for entry in found if wanted == entry.qualified.lower()]
        if len(exact or found) != 1:
            raise unknown_table(name, table_names(con))
        [entry] = exact or found
        return TableDescription(entry, _columns(con, entry))


def _tables(con: duckdb.DuckDBPyConnection) -> list[TableEntry]:
    texts = ("table_schema", "table_name", "description", "grain", "key", "source", "kind", "owner")
    known = _known(con, "tables", texts, "row_count::bigint", "extracted_at::timestamptz")
    # The count of rows that DuckDB keeps is exact in a checkpointed file from which nothing was deleted since.
    rows = con.execute(
        f"""
        select
            tables.schema_name, tables.table_name,
            coalesce(known.row_count, tables.estimated_size), tables.column_count,
            coalesce(known.description, tables.comment, ''),
            coalesce(known.grain, ''), coalesce(known.key, ''), coalesce(known.source, ''),
            coalesce(known.kind, ''), coalesce(known.owner, ''),
            coalesce(strftime(known.extracted_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ'), '')
        from duckdb_tables() as tables
        left join ({known}) as known
            on tables.schema_name = known.table_schema and tables.table_name = known.table_name
        where tables.database_name = current_database()
        """
    ).fetchall()
    held = held_back(con)
    entries = [TableEntry(*row) for row in rows]
    return sorted((replace(one, held_back=held.get(one.qualified, "")) for one in entries), key=_place)


def _place(entry: TableEntry) -> tuple[int, str]:
    return _ORDER.index(entry.schema) if entry.schema in _ORDER else len(_ORDER), entry.qualified


def _columns(con: duckdb.DuckDBPyConnection, table: TableEntry) -> tuple[ColumnEntry, ...]:
    texts = ("table_schema", "table_name", "column_name", "description", "unit", "source", "privacy", "endpoint")
    known = _known(con, "columns", (*texts, "derived_from"), "is_key::boolean")
    rows = con.execute(
        f"""
        select
            columns.column_name, columns.data_type,
            coalesce(known.description, columns.comment, ''),
            coalesce(known.unit, ''), coalesce(known.is_key, false),
            coalesce(known.source, ''), coalesce(known.privacy, ''),
            coalesce(known.endpoint, ''), coalesce(known.derived_from, '')
        from duckdb_columns() as columns
        left join ({known}) as known
            on
                columns.schema_name = known.table_schema
                and columns.table_name = known.table_name
                and columns.column_name = known.column_name
        where
            columns.database_name = current_database()
            and columns.schema_name = $schema
            and columns.table_name = $table
        order by columns.column_index
        """,
        {"schema": table.schema, "table": table.name},
    ).fetchall()
    return tuple(ColumnEntry(*row) for row in rows)


def _known(con: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str], *typed: str) -> str:
    """Return a SELECT of columns of a table of `meta`: NULL for those that the file lacks, no row without the table."""
    there = con.execute(
        "select column_name from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'meta' and table_name = ?",
        [table],
    ).fetchall()
    names = {row[0] for row in there}
    chosen = []
    for column in (*(f"{text}::varchar" for text in texts), *typed):
        name, kind = column.split("::")
        chosen.append(f"{name if name in names else 'null'}::{kind} as {name}")
    return f"select {', '.join(chosen)} " + (f"from meta.{table}" if names else "limit 0")

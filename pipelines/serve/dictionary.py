"""The data dictionary of the published file: which tables and columns it has and what they mean.

Read from the file itself: from `meta.tables` and `meta.columns` where it has them, else from DuckDB's comments.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.serve.problem import unknown_table
from pipelines.serve.reader import published, table_names


@dataclass(frozen=True)
class TableEntry:
    """A table in the dictionary. `columns` and `rows` are counts; grain, key and source are empty where unknown."""

    schema: str
    name: str
    rows: int
    columns: int
    description: str
    grain: str = ""
    key: str = ""
    source: str = ""

    @property
    def qualified(self) -> str:
        """The name to query by: schema, dot, table."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class ColumnEntry:
    """A column in the dictionary. `type` is DuckDB's; unit, source and privacy are empty where unknown."""

    name: str
    type: str
    description: str
    unit: str = ""
    is_key: bool = False
    source: str = ""
    privacy: str = ""


def list_tables(path: Path) -> list[TableEntry]:
    """Return every table of the published file, by schema and name. Raises QueryError if there is no such file."""
    with published(path) as con:
        has_meta = "meta.tables" in table_names(con)
        known = (
            "select table_schema, table_name, description, grain, key, source, row_count from meta.tables"
            if has_meta
            else "select '' as table_schema, '' as table_name, null as description, null as grain, null as key, "
            "null as source, null as row_count limit 0"
        )
        # The count of rows that DuckDB keeps is exact in a checkpointed file from which nothing was deleted since.
        rows = con.execute(
            f"""
            select
                tables.schema_name, tables.table_name,
                coalesce(known.row_count, tables.estimated_size), tables.column_count,
                coalesce(known.description, tables.comment, ''),
                coalesce(known.grain, ''), coalesce(known.key::varchar, ''), coalesce(known.source, '')
            from duckdb_tables() as tables
            left join ({known}) as known
                on tables.schema_name = known.table_schema and tables.table_name = known.table_name
            where tables.database_name = current_database()
            order by tables.schema_name, tables.table_name
            """
        ).fetchall()
    return [TableEntry(*row) for row in rows]


def describe_table(path: Path, qualified: str) -> list[ColumnEntry]:
    """Return the columns of a table in their order. Raises QueryError with close names if there is no such table."""
    with published(path) as con:
        names = table_names(con)
        by_lower = {name.lower(): name for name in names}
        found = by_lower.get(qualified.lower())
        if found is None:
            raise unknown_table(qualified, names)
        schema, _, table = found.partition(".")
        rows = _described(con, schema, table, has_meta="meta.columns" in names)
    return [ColumnEntry(*row) for row in rows]


def _described(
    con: duckdb.DuckDBPyConnection, schema: str, table: str, *, has_meta: bool
) -> list[tuple[str, str, str, str, bool, str, str]]:
    known = (
        "select column_name, description, unit, is_key, source, privacy from meta.columns "
        "where table_schema = $schema and table_name = $table"
        if has_meta
        else "select '' as column_name, null as description, null as unit, null as is_key, null as source, "
        "null as privacy limit 0"
    )
    return con.execute(
        f"""
        select
            columns.column_name, columns.data_type,
            coalesce(known.description, columns.comment, ''),
            coalesce(known.unit, ''), coalesce(known.is_key::boolean, false),
            coalesce(known.source, ''), coalesce(known.privacy, '')
        from duckdb_columns() as columns
        left join ({known}) as known on columns.column_name = known.column_name
        where
            columns.database_name = current_database()
            and columns.schema_name = $schema
            and columns.table_name = $table
        order by columns.column_index
        """,
        {"schema": schema, "table": table},
    ).fetchall()

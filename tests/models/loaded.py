"""A warehouse in memory with every declared table, into which a test puts the rows that matter to it."""

from datetime import UTC, datetime
from typing import Any

import duckdb

from pipelines.models import Model, load_models, refresh, sql_folder
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Table

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every declared table, empty."""
    for table in TABLES.values():
        columns = ", ".join(f'"{column.name}" {column.type.value}' for column in (*table.columns, *SYSTEM_COLUMNS))
        con.execute(f"create schema if not exists {table.schema}")
        con.execute(f"create table {table.qualified} ({columns})")


class Loaded:
    """The loaded tables and the models over them."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.models: tuple[Model, ...] = load_models(sql_folder(), TABLES)
        create_tables(con)

    def add(self, qualified: str, load: str = "load-1", at: datetime = NOON, **values: Any) -> None:
        """Put one row into a loaded table; columns that are not named are NULL."""
        table: Table = TABLES[qualified]
        for name in values:
            table.column(name)
        names = [*values, "_load_id", "_extracted_at"]
        self.con.execute(
            f"insert into {qualified} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
            [*values.values(), load, at],
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Refresh all models and return what a query finds."""
        refresh(self.con, self.models)
        return self.con.execute(sql).fetchall()

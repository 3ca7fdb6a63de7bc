"""Contracts of the tables about the tables that are loaded like any other: the quarantine."""

from pipelines.normalize.contracts.model import Column, ColumnType, Privacy, Table

QUARANTINE = Table(
    schema="meta",
    name="quarantine",
    description="Rows that Canvas gave and that do not fit their table, with the reason. Nothing is dropped in silence.",
    grain="one row per rejected row",
    key=("table_name", "line_number"),
    key_is_unique=False,
    columns=(
        Column("table_name", ColumnType.VARCHAR, "The table that the row was meant for.", nullable=False),
        Column("line_number", ColumnType.BIGINT, "Line of the file, or position in the answer, from 1."),
        Column("reason", ColumnType.VARCHAR, "What does not fit.", nullable=False),
        Column("raw", ColumnType.VARCHAR, "The row as Canvas gave it.", privacy=Privacy.IDENTITY),
    ),
    source="every load",
    slice="as the table that the row was meant for",
    group="meta",
)

LOADED_TABLES = (QUARANTINE,)

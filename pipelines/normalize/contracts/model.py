"""The words a contract is written in: column, table, report.

The declarations themselves stand in the modules beside this one; what is done with them (parsing, Parquet, DuckDB,
Dagster, the dictionary) stands with whoever does it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa


class ColumnType(StrEnum):
    """The types a column may have, by their DuckDB names. Times are UTC; ids fit 64 bits."""

    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    BOOLEAN = "BOOLEAN"
    VARCHAR = "VARCHAR"
    DATE = "DATE"
    TIMESTAMPTZ = "TIMESTAMPTZ"

    @property
    def arrow(self) -> Any:
        """The Arrow type of a column in Parquet and in memory."""
        return _ARROW[self]


_ARROW: dict[ColumnType, Any] = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
}


class Privacy(StrEnum):
    """How near a column is to a person."""

    NONE = "none"
    """Says nothing about a person."""
    PSEUDONYM = "pseudonym"
    """An id that stands for a person."""
    IDENTITY = "identity"
    """A name, login, e-mail, SIS id or address."""
    RECORD = "record"
    """What a person did or was given: activity, scores, grades."""


@dataclass(frozen=True)
class Column:
    """One column: its name in the tables, its type, what it means.

    `source` is the key or header in Canvas where it differs from the name. A column that is not `nullable` must have
    a value in every row; a row without it goes to quarantine. An `optional` column is there only where the institution
    switched something on, so that its absence is no drift.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    privacy: Privacy = Privacy.NONE
    source: str = ""
    nullable: bool = True
    optional: bool = False

    @property
    def source_name(self) -> str:
        """The key or header under which Canvas gives the value."""
        return self.source or self.name


@dataclass(frozen=True)
class Table:
    """One table: grain, key, columns, where it comes from and which slice one answer replaces.

    `key` orders the stored rows. `key_is_unique` is false where Canvas repeats rows by design (one row per login, one
    per section). `slice_columns` are (name in the scope, column) pairs that tell the slices of one load apart; the
    name "" stands for the whole slice. Empty where a load is one slice of the table.
    """

    schema: str
    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    source: str
    slice: str
    group: str
    key_is_unique: bool = True
    slice_columns: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.qualified}: a column is declared twice")
        unknown = ({*self.key} | {column for _, column in self.slice_columns}) - set(names)
        if unknown:
            raise ValueError(f"{self.qualified}: key or slice name columns that are not declared: {sorted(unknown)}")

    @property
    def qualified(self) -> str:
        """The name to query by: schema, dot, table."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column:
        """Return the declared column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class Report:
    """An account report: its name in Canvas, its files and the tables they become.

    `tables` maps the selector of a member (`users` for `users.csv`) to its table; a report that is always one file
    has the single selector `""`.
    """

    name: str
    title: str
    description: str
    tables: dict[str, Table]
    parameters: tuple[str, ...]


SYSTEM_COLUMNS = (
    Column("_load_id", ColumnType.VARCHAR, "The load that brought this row; see meta.loads.", nullable=False),
    Column(
        "_extracted_at",
        ColumnType.TIMESTAMPTZ,
        "When Canvas gave this row: when the answer came, or when the report ended.",
        nullable=False,
    ),
)
"""What every row of every loaded table also carries."""


_NOT_A_WORD = re.compile(r"[^0-9a-zA-Z]+")


def snake_case(header: str) -> str:
    """Return a header as a column name: lower case, words joined by one underscore, never empty.

    Letters outside ASCII are kept out of names on purpose: BI tools differ in what they quote.
    """
    name = _NOT_A_WORD.sub("_", header.strip()).strip("_").lower()
    if not name:
        return "column"
    return f"_{name}" if name[0].isdigit() else name


def unique_names(names: list[str]) -> list[str]:
    """Return the names with repeats numbered (`name`, `name_2`, ...), without hitting a name in use."""
    taken = set(names)
    seen: set[str] = set()
    result = []
    for name in names:
        chosen, number = name, 1
        while chosen in seen or (number > 1 and chosen in taken):
            number += 1
            chosen = f"{name}_{number}"
        seen.add(chosen)
        result.append(chosen)
    return result

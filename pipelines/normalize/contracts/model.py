"""The words a contract is written in: column, table, report.

The declarations themselves stand in the modules beside this one; what is done with them (parsing, Parquet, DuckDB,
Dagster, the dictionary) stands with whoever does it.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa

from pipelines.normalize.contracts.checks import Check, contract_checks


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
    switched something on, so that its absence is no drift. `nulls` are texts of a file that stand for NULL in this
    column. The numbers of a `localized` column are written as the account's language writes them (`3,5`). `accepted`
    are the texts that Canvas is known to give; `references` names the schema.table.column that holds every value.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    privacy: Privacy = Privacy.NONE
    source: str = ""
    nullable: bool = True
    optional: bool = False
    nulls: tuple[str, ...] = ()
    localized: bool = False
    accepted: tuple[str, ...] = ()
    references: str = ""

    def __post_init__(self) -> None:
        if self.localized and self.type is not ColumnType.DOUBLE:
            raise ValueError(f"{self.name}: only a DOUBLE column is localized, and this is {self.type}")

    @property
    def source_name(self) -> str:
        """The key or header under which Canvas gives the value."""
        return self.source or self.name


class FileForm(StrEnum):
    """How the records of a report's file stand for the rows of a table."""

    ROWS = "rows"
    """A record is a row."""
    TEMPORARY_ENROLLMENTS = "temporary enrollments"
    """A record is a row. Where the institution has temporary enrollments, records may have two cells less than the
    header, which names one column three ways."""
    GRADING_PERIODS = "grading periods"
    """A record has a group of cells for each grading period, and is as many rows; without any period it is one."""
    BEFORE_RATINGS = "before ratings"
    """A record is a row of the cells before the column `ratings`; the cells from there on are not of this table."""
    RATINGS = "ratings"
    """A record has pairs of cells (points, description) from the column `ratings` on, and is as many rows."""


@dataclass(frozen=True)
class Table:
    """One table: grain, key, columns, where it comes from and which slice one answer replaces.

    `key` orders the stored rows. `key_is_unique` is false where Canvas repeats rows by design (one row per login, one
    per section). `slice_columns` are (name in the scope, column) pairs that tell the slices of one load apart; the
    name "" stands for the whole slice. Empty where a load is one slice of the table.

    `form` says how a file's records become rows. Where `lone_cell_is_empty`, Canvas says "nothing found" by a single
    record with a single cell that is filled, in words of any language.

    The last answer for a table that is loaded should not be older than `fresh_within`; None for no such expectation.
    Where rows `come_and_go`, an emptied table is no sign of a bad answer.
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
    form: FileForm = FileForm.ROWS
    lone_cell_is_empty: bool = False
    fresh_within: timedelta | None = timedelta(days=8)
    come_and_go: bool = False

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.qualified}: a column is declared twice")
        if self.form not in (FileForm.BEFORE_RATINGS, FileForm.RATINGS) and any(one.localized for one in self.columns):
            raise ValueError(f"{self.qualified}: in a file of this form no numbers are localized")
        unknown = ({*self.key} | {column for _, column in self.slice_columns}) - set(names)
        if unknown:
            raise ValueError(f"{self.qualified}: key or slice name columns that are not declared: {sorted(unknown)}")

    @property
    def qualified(self) -> str:
        """The name to query by: schema, dot, table."""
        return f"{self.schema}.{self.name}"

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of the table, blocking ones first."""
        return contract_checks(
            key=self.key,
            key_is_unique=self.key_is_unique,
            required=tuple(column.name for column in self.columns if not column.nullable),
            accepted={column.name: column.accepted for column in self.columns if column.accepted},
            references={column.name: column.references for column in self.columns if column.references},
            fresh_within=self.fresh_within,
            counted=not self.come_and_go,
        )

    def column(self, name: str) -> Column:
        """Return the declared column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class ParameterKind(StrEnum):
    """What a report's parameter takes."""

    BOOLEAN = "boolean"
    """true or false, in any of Canvas's spellings."""
    TRUTHY = "truthy"
    """Any text at all counts as true, even `false`: to say no, leave it out."""
    TERM = "term"
    """A term: its Canvas id, or `sis_term_id:` and its id in the student information system."""
    COURSE = "course"
    """A course: its Canvas id, or `sis_course_id:` and its id in the student information system."""
    MOMENT = "moment"
    """A time; without an offset Canvas reads it in the time zone of the root account."""
    DAYS = "days"
    """A whole number of days."""
    CHOICE = "choice"
    """One of the declared choices."""
    LIST = "list"
    """Several texts, as a list or separated by commas; of the declared choices, if there are any."""
    TEXT = "text"
    """Any text."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an account report. `aliases` are other names under which Canvas takes the same.

    `required` is Canvas's advice: it starts the report without it all the same.
    """

    name: str
    kind: ParameterKind
    required: bool = False
    description: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """An account report: its name in Canvas, its files and the tables they become.

    `tables` maps the selector of a member (`users` for `users.csv`) to its table. A report that is always one file,
    or whose members are all alike, has the selector `""`; the other tables of such a report are fed by the same file.

    `selectors` are the parameters that choose members: Canvas fails a report that has some and gets none of them.
    `not_by_term` are members that are the same whatever term is asked for; where no parameter is a term, all are.
    Where the time between `start_at` and `end_at` is longer than `longest_window`, Canvas shortens it and does not say.
    """

    name: str
    title: str
    description: str
    tables: dict[str, Table]
    parameters: tuple[Parameter, ...]
    selectors: tuple[str, ...] = ()
    not_by_term: tuple[str, ...] = ()
    longest_window: timedelta | None = None

    def __post_init__(self) -> None:
        names = [name for one in self.parameters for name in (one.name, *one.aliases)]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a parameter is declared twice")
        if self.selectors and (set(self.selectors) - set(names) or set(self.selectors) != set(self.tables)):
            raise ValueError(f"{self.name}: selectors, parameters and tables do not agree")
        if set(self.not_by_term) - set(self.selectors):
            raise ValueError(f"{self.name}: a member that takes no notice of the term is no selector")

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name or alias, or None if Canvas knows none."""
        return next((one for one in self.parameters if name == one.name or name in one.aliases), None)


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
    numbers: dict[str, int] = {}
    result = []
    for name in names:
        chosen, number = name, numbers.get(name, 1)
        while chosen in seen or (number > 1 and chosen in taken):
            number += 1
            chosen = f"{name}_{number}"
        numbers[name] = number
        seen.add(chosen)
        result.append(chosen)
    return result

"""The checks that a contract or a model declares. How they are run, and what follows, stands in `warehouse`."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class CheckKind(StrEnum):
    """What a check looks at."""

    KEY_UNIQUE = "key_unique"
    """No two rows share a key."""
    NOT_NULL = "not_null"
    """A column has a value in every row."""
    ACCEPTED_VALUES = "accepted_values"
    """A column holds nothing but the declared texts, or NULL."""
    REFERENCES = "references"
    """Each value of a column stands in a column of another table."""
    FRESHNESS = "freshness"
    """The newest time of a column, or the last answer for a loaded table, is not older than a declared age."""
    ROW_COUNT = "row_count"
    """The table was not emptied, and has not lost more than half of its rows if they were 20 or more."""


WARNINGS_ONLY = (CheckKind.REFERENCES, CheckKind.FRESHNESS)
"""Checks that cannot block: a table is not wrong because another one is late or not there."""


@dataclass(frozen=True)
class Check:
    """One check of one table.

    `columns` are the key for KEY_UNIQUE, and one column for the others but ROW_COUNT. `values` are for ACCEPTED_VALUES,
    `refers_to` (schema.table.column) for REFERENCES, `age` for FRESHNESS. A `blocking` check that fails keeps the last
    good rows of its table in the file.
    """

    kind: CheckKind
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    refers_to: str = ""
    age: timedelta | None = None
    blocking: bool = False

    def __post_init__(self) -> None:
        if self.blocking and self.kind in WARNINGS_ONLY:
            raise ValueError(f"a check of {self.kind} cannot block")

    @property
    def name(self) -> str:
        """The name of the check within its table: the kind, and the column where it is about one."""
        alone = self.kind in (CheckKind.KEY_UNIQUE, CheckKind.ROW_COUNT) or not self.columns
        return self.kind.value if alone else f"{self.kind.value}_{self.columns[0]}"

    @property
    def says(self) -> str:
        """What holds when the check passes, in a sentence."""
        column = self.columns[0] if self.columns else "the table"
        days = f"{self.age / timedelta(days=1):g} days" if self.age else ""
        return {
            CheckKind.KEY_UNIQUE: f"No two rows share ({', '.join(self.columns)}).",
            CheckKind.NOT_NULL: f"{column} has a value in every row.",
            CheckKind.ACCEPTED_VALUES: f"{column} is one of: {', '.join(self.values)}.",
            CheckKind.REFERENCES: f"Every {column} stands in {self.refers_to}.",
            CheckKind.FRESHNESS: f"{column[0].upper()}{column[1:]} is not older than {days}.",
            CheckKind.ROW_COUNT: "The table was not emptied, and has not lost more than half of 20 rows or more.",
        }[self.kind]


def contract_checks(
    *,
    key: tuple[str, ...],
    key_is_unique: bool,
    required: tuple[str, ...],
    accepted: dict[str, tuple[str, ...]],
    references: dict[str, str],
    fresh_within: timedelta | None,
    counted: bool,
) -> tuple[Check, ...]:
    """Return the checks that follow from what a contract declares.

    A row that lacks a `required` value never comes through, so such a value missing is a bug and blocks. What Canvas
    repeats, adds to a list of states or leaves dangling is its own business: a warning.
    """
    checks = [Check(CheckKind.ROW_COUNT, blocking=True)] if counted else []
    if key and key_is_unique:
        checks.append(Check(CheckKind.KEY_UNIQUE, key))
    checks += [Check(CheckKind.NOT_NULL, (name,), blocking=True) for name in required]
    checks += [Check(CheckKind.ACCEPTED_VALUES, (name,), values=values) for name, values in accepted.items()]
    checks += [Check(CheckKind.REFERENCES, (name,), refers_to=other) for name, other in references.items()]
    if fresh_within is not None:
        checks.append(Check(CheckKind.FRESHNESS, age=fresh_within))
    return tuple(checks)

"""What a model is, and the one error that a bad model raises. Reading, tracing and running it live beside this."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.lake.versions import HISTORY, VALIDITY
from pipelines.normalize.contracts import Check


class ModelError(Exception):
    """A model cannot be used. Permanent: the same file fails again until somebody changes it.

    The message says what happened, where, and what to do next; the parts are kept as attributes for programs.
    """

    def __init__(self, problem: str, *, path: Path | None, next_step: str, model: str = "") -> None:
        self.problem = problem
        self.path = path
        self.next_step = next_step
        self.model = model
        # DuckDB points at a place in the SELECT with a mark below it: nothing else goes into that line.
        super().__init__(f"{f'{path}: ' if path else ''}{problem}{chr(10) if chr(10) in problem else ' '}{next_step}")


@dataclass(frozen=True)
class Model:
    """One table that a SELECT makes. Its schema is the folder of the file, its name the name of the file.

    `columns` maps every described output column to its description, `units` some to their unit. `key` orders the rows
    and makes them unique; it may hold NULLs. `depends_on` names the tables and models that the SELECT reads, sorted.
    """

    schema: str
    name: str
    path: Path
    sql: str
    description: str
    grain: str
    key: tuple[str, ...]
    owner: str
    columns: dict[str, str] = field(hash=False)
    depends_on: tuple[str, ...]
    units: dict[str, str] = field(default_factory=dict, hash=False)
    checks: tuple[Check, ...] = ()

    @property
    def qualified(self) -> str:
        """The name to query by: schema, dot, table."""
        return f"{self.schema}.{self.name}"

    @property
    def keeps_versions(self) -> bool:
        """Whether the SELECT gives the rows of now, and the table every version of them that there ever was."""
        return self.schema == HISTORY

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that tell the rows of the table apart."""
        return (*self.key, VALIDITY[0].name) if self.keeps_versions else self.key

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the table: the whole file but its owner. Another digest means: build it again."""
        parts = (
            self.sql,
            ",".join(self.key),
            self.description,
            *(f"{k}={v}" for k, v in self.columns.items()),
            *map(repr, self.checks),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

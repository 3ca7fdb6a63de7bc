"""What the warehouse knows of models: how to have them made anew, and what they are. Making them is `models`' work."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.warehouse.checks import CheckOutcome
from pipelines.warehouse.dictionary import TableNote


@dataclass(frozen=True)
class ModelRun:
    """A model that was made anew: its table, its rows, how long it took, and how its checks ended.

    One that is `held_back` failed a blocking check: its table holds the rows of before, or none if it had none.
    """

    qualified: str
    rows: int
    seconds: float
    checks: tuple[CheckOutcome, ...] = ()
    held_back: bool = False


@dataclass(frozen=True)
class Refreshing:
    """One refresh: the moment that models take for now, and the tables whose failing checks are accepted.

    Versions of rows are recorded in the lake, unless `only_recorded`: then the tables of versions show what the lake
    holds up to that moment.
    """

    at: datetime
    accept: Collection[str] = ()
    only_recorded: bool = False


@dataclass(frozen=True)
class Models:
    """What publish needs to know of the models: how to refresh the stale ones, and what they are.

    `refresh` gets the connection to the build file and returns what it made anew.
    """

    refresh: Callable[[duckdb.DuckDBPyConnection, Refreshing], list[ModelRun]]
    notes: Sequence[TableNote] = ()

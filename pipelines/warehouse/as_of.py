"""The warehouse as it was at a moment, made of the lake alone, in a file of its own.

The published file and its build file are not touched. What a person means by a moment stands in `pipelines.as_of`.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines import __version__
from pipelines.lake.garbage import is_whole, whole_since
from pipelines.ledger import Ledger
from pipelines.ledger.database import moment as moment_of
from pipelines.ledger.database import rows_of
from pipelines.ledger.generations import generation_at
from pipelines.ledger.loads import live_chunks
from pipelines.private_files import into_place
from pipelines.warehouse.build import PublishError, ensure_tables, open_build, row_counts, table_names
from pipelines.warehouse.changes import apply_change, changes
from pipelines.warehouse.check_list import Found, update_checks
from pipelines.warehouse.checks import CheckOutcome, unfit_outcomes
from pipelines.warehouse.meta_tables import write_dictionary, write_generation, write_ledger_tables
from pipelines.warehouse.model_runs import Models, Refreshing
from pipelines.warehouse.publish import Warehouse, locked, prove
from pipelines.warehouse.scratch import scratch

_FIRST_SEEN = {"coverage": "answered_at", "report_runs": "wanted_at", "drift": "first_seen_at"}
"""When a row of what the ledger knows was there first. Of coverage only the last answer is known."""


@dataclass(frozen=True)
class AsOfOutcome:
    """A warehouse of the past: where it is, of which moment, which generation readers saw then (0: none), its rows.

    `unfit` are tables that are empty in it, because their rows of then do not fit the types that they have now.
    """

    path: Path
    as_of: datetime
    generation: int
    rows: dict[str, int]
    unfit: tuple[str, ...]


def publish_as_of(warehouse: Warehouse, models: Models, moment: datetime, target: Path | None = None) -> AsOfOutcome:
    """Make the warehouse as it was at a moment, in `target` or in the folder of such files, by one rename.

    Loads are those that were live then, models are made of them with that moment for now, and versions of rows are
    those recorded by then. Checks are run and hold nothing back. What the ledger only remembers the last word of
    (coverage, report runs, drift) is there if it was there then, with words that may be later.

    Raises PublishError for a moment that is not over, that is before the first load, or of which files are removed;
    and whatever a model raises.
    """
    moment = moment.astimezone(UTC)
    path = _place(warehouse, moment, target)
    with locked(warehouse):
        _refuse_unless_whole(warehouse.ledger, moment)
        number = generation_at(warehouse.ledger, moment)
        with scratch(warehouse.paths) as beside:
            with open_build(beside, memory_limit=warehouse.memory_limit, threads=warehouse.threads) as connection:
                ensure_tables(connection)
                unfit = _apply_all(warehouse, connection, moment)
                checks = _refresh(connection, models, moment)
                _write_meta(warehouse.ledger, connection, models, moment, number, [*unfit_outcomes(unfit), *checks])
                rows = row_counts(connection, table_names(connection))
                connection.execute("CHECKPOINT warehouse")
            prove(beside.build, number)
            with beside.build.open("rb") as source, into_place(path) as (copy, _):
                shutil.copyfileobj(source, copy, length=8 << 20)
    return AsOfOutcome(path, moment, number, rows, tuple(sorted(unfit)))


def _place(warehouse: Warehouse, moment: datetime, target: Path | None) -> Path:
    if target is None:
        return warehouse.paths.as_of_file(moment)
    if target.exists():
        raise PublishError(f"{target} is there already and stays as it is. Name another file, or remove that one.")
    return target.absolute()


def _refuse_unless_whole(ledger: Ledger, moment: datetime) -> None:
    if moment > ledger.clock():
        raise PublishError(
            f"{_said(moment)} is not over yet, so nobody knows what the warehouse will be then. For the present: "
            "canvaslake publish"
        )
    (first,) = rows_of(ledger, "SELECT min(live_from) AS at FROM slices")
    began = moment_of(None if first["at"] is None else str(first["at"]))
    if began is None:
        raise PublishError("Nothing has been loaded yet, so there is no warehouse of the past. Run: canvaslake sync")
    if moment < began:
        raise PublishError(
            f"Nothing was loaded by {_said(moment)}: the first load is of {_said(began)}. Name a later moment."
        )
    if not is_whole(ledger, moment):
        since = whole_since(ledger)
        raise PublishError(
            f"The lake has not all rows of {_said(moment)} any more: those that were replaced longer than [lake] "
            "keep_superseded_days ago were removed."
            + (f" The earliest moment of which all are there is {_said(since, precise=True)}." if since else "")
        )


def _said(moment: datetime, *, precise: bool = False) -> str:
    """Return a moment as it can be given to `--as-of`; one to which it must not be before is told `precise`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds" if precise else "seconds").replace("+00:00", "Z")


def _apply_all(warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, moment: datetime) -> dict[str, str]:
    """Bring in what was live at a moment; return the tables whose rows of then do not fit, each with the reason."""
    unfit = {}
    for change in changes(connection, live_chunks(warehouse.ledger, moment)):
        try:
            apply_change(connection, change, warehouse.lake.root)
        except duckdb.IOException as error:
            raise PublishError(
                f"Files of {change.table} that were live at {_said(moment)} cannot be read ({type(error).__name__}); "
                f"they should be below {warehouse.lake.root}. Restore them, or name a later moment."
            ) from None
        except duckdb.Error as error:
            # Its words may quote a value of a row, so only their kind is passed on.
            unfit[change.table] = f"the types were declared later ({type(error).__name__})."
    return unfit


def _refresh(connection: duckdb.DuckDBPyConnection, models: Models, moment: datetime) -> list[CheckOutcome]:
    everything: Collection[str] = {*table_names(connection), *(note.qualified for note in models.notes)}
    runs = models.refresh(connection, Refreshing(moment, everything, only_recorded=True))
    return [outcome for run in runs for outcome in run.checks]


def _write_meta(
    ledger: Ledger,
    connection: duckdb.DuckDBPyConnection,
    models: Models,
    moment: datetime,
    number: int,
    outcomes: list[CheckOutcome],
) -> None:
    found = Found(table_names(connection), outcomes)
    update_checks(connection, ledger, found, {note.qualified: note.checks for note in models.notes}, moment)
    connection.execute("BEGIN")
    write_ledger_tables(connection, ledger)
    for table, first in _FIRST_SEEN.items():
        connection.execute(f"DELETE FROM meta.{table} WHERE {first} > ?", [moment])
    write_generation(connection, number=number, at=ledger.now(), version=__version__)
    connection.execute("UPDATE meta.generation SET as_of = ?", [moment])
    write_dictionary(connection, models.notes)
    connection.execute("COMMIT")

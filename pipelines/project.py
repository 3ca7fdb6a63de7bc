"""One canvaslake at work: its settings, and the ledger, lake, warehouse and Canvas client that follow from them.

The Dagster resources and the command line both stand on this; it imports no Dagster.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

import duckdb

from pipelines.canvas import (
    LIGHT_IN_FLIGHT,
    SHORT_RETRIES,
    SHORT_TIMEOUTS,
    CanvasClient,
    RequestEvent,
    SecretToken,
)
from pipelines.extract.run_lock import load_lock
from pipelines.lake import Lake
from pipelines.lake.sweep import Swept, sweep
from pipelines.ledger import Ledger
from pipelines.ledger.database import utc_now
from pipelines.load.reports import Reading
from pipelines.load.retyping import load_stale
from pipelines.models import Model, load_models, sql_folder
from pipelines.models.dictionary import model_notes
from pipelines.models.incremental import refresh_stale
from pipelines.models.versions import Observations
from pipelines.normalize.contracts import TABLES, ColumnType, undeclared_table
from pipelines.normalize.contracts.registry import report_contract
from pipelines.private_files import private_folder
from pipelines.progress import Progress, Silent
from pipelines.settings import Settings
from pipelines.warehouse import ModelRun, Models, Refreshing, Warehouse, WarehousePaths
from pipelines.warehouse.publish import locked

_LONGEST_DAYS = 365_000.0
"""Days that can be counted back from now: the calendar begins not much earlier."""


@dataclass(frozen=True)
class Project:
    """Everything that one data directory and one Canvas need to be worked on. Cheap to make; opens things on use."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    progress: Progress = field(default_factory=Silent)

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.settings.home

    @cached_property
    def ledger(self) -> Ledger:
        """The pipeline's memory."""
        return Ledger(private_folder(self.home / "state") / "ledger.sqlite", self.clock)

    @cached_property
    def lake(self) -> Lake:
        """The Parquet files."""
        return Lake(self.home / "lake", self.ledger, max_bad_share=self.settings.warehouse.max_bad_share)

    @property
    def paths(self) -> WarehousePaths:
        """Where the warehouse's files are."""
        return WarehousePaths(self.home)

    @property
    def downloads(self) -> Path:
        """Where a report's file is while it is read."""
        return self.home / "state" / "downloads"

    def reading(self, report: str, on_rows: Callable[[int], None] | None = None) -> Reading:
        """Return how the files of a report are read and kept."""
        types = {
            name: ColumnType(kind)
            for one in self.settings.reports
            if one.report == report
            for name, kind in one.columns.items()
        }
        days = self.settings.lake.keep_files_days
        return Reading(self.downloads, types, timedelta(days=days) if days else None, on_rows)

    def read_anew(self) -> dict[str, str]:
        """Load the rows of reports anew whose columns were declared after they were loaded.

        Return the tables that cannot hold the rows that are there, each with the reason.
        """
        lock = partial(load_lock, self.home)
        return load_stale(self.lake, self.settings.instance, self.reading, lock).unfit

    def sweep(self) -> Swept:
        """Remove what holds student data and has had its time."""
        keep = timedelta(days=self.settings.lake.keep_files_days)
        superseded = timedelta(days=min(self.settings.lake.keep_superseded_days, _LONGEST_DAYS))
        return sweep(
            self.lake,
            self.downloads,
            keep=keep,
            keep_superseded=superseded,
            publisher=partial(locked, self.warehouse),
        )

    @cached_property
    def warehouse(self) -> Warehouse:
        """The DuckDB file and its limits."""
        settings = self.settings.warehouse
        return Warehouse(
            self.paths,
            self.lake,
            self.ledger,
            memory_limit=settings.memory_limit,
            keep_generations=settings.keep_generations,
        )

    @cached_property
    def model_files(self) -> tuple[Model, ...]:
        """The models of `sql/`, inputs first."""
        return load_models(sql_folder(), known_tables(self.settings))

    @cached_property
    def models(self) -> Models:
        """The models as the warehouse wants them."""
        files = self.model_files
        observations = Observations(self.lake, self.settings.instance)

        def refresh(connection: duckdb.DuckDBPyConnection, refreshing: Refreshing) -> list[ModelRun]:
            return refresh_stale(connection, files, refreshing, observations)

        return Models(refresh, model_notes(files, TABLES))

    def client(self, *, light: bool = False, on_request: Callable[[RequestEvent], None] | None = None) -> CanvasClient:
        """Return a client for the configured Canvas; `light` for few requests that must not take long.

        Raises SettingsError without an address or a token, and InvalidAddressError for one that cannot be used.
        """
        self.settings.require_canvas()
        canvas = self.settings.canvas
        secret = SecretToken(self.settings.token.get_secret_value())
        state = private_folder(self.home / "state")
        if light:
            return CanvasClient(
                canvas.base_url,
                secret,
                state_dir=state,
                max_in_flight=LIGHT_IN_FLIGHT,
                timeouts=SHORT_TIMEOUTS,
                retries=SHORT_RETRIES,
                on_request=on_request,
            )
        return CanvasClient(
            canvas.base_url, secret, state_dir=state, max_in_flight=canvas.max_in_flight, on_request=on_request
        )


def known_tables(settings: Settings) -> set[str]:
    """Return the tables that models may read: the declared ones, and those of configured reports nobody declared."""
    undeclared = {
        undeclared_table(report.report, "", []).qualified
        for report in settings.reports
        if report_contract(report.report) is None
    }
    return {*TABLES, *undeclared}

"""A warehouse over a lake without any Canvas, and the loads that fill it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.demo import ManualClock
from pipelines.lake import Lake, LoadOutcome, Part
from pipelines.ledger import Ledger
from pipelines.models import load_models
from pipelines.models.incremental import refresh_stale
from pipelines.normalize.contracts import TABLES
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSES, TERMS
from pipelines.normalize.rows import batch_from_records
from pipelines.warehouse import ModelRun, Models, PublishOutcome, Refreshing, Warehouse, WarehousePaths, publish
from tests.load.worlds import HOST, NOON

NO_MODELS = Models(refresh=lambda *_: [])

HEADER = "-- description: {name}.\n-- grain: one row\n-- key: n\n-- owner: team:tests\n-- column n: The number.\n"


def open_warehouse(home: Path, clock: Callable[[], Any] = lambda: NOON, **options: Any) -> Warehouse:
    """Return the warehouse of a data directory, new or not."""
    ledger = Ledger(home / "state" / "ledger.sqlite", clock)
    return Warehouse(
        WarehousePaths(home), Lake(home / "lake", ledger), ledger, memory_limit="500MB", threads=1, **options
    )


@dataclass
class Shop:
    """A warehouse with the means to fill it, publish it and look into it."""

    warehouse: Warehouse
    loads: int = 0

    @property
    def path(self) -> Path:
        return self.warehouse.paths.published

    def load(
        self, ids: list[int], name: str = "x", *, slice_: int = 1, at: datetime = NOON, **fields: object
    ) -> LoadOutcome:
        """Load accounts and terms of one name as one load of one slice, which Canvas gave `at` a moment."""
        self.loads += 1
        records = [{"id": one, "name": name, **fields} for one in ids]
        return self.warehouse.lake.load(
            load_id=f"load-{self.loads:04d}",
            instance=HOST,
            source="accounts",
            scope={"account": slice_},
            extracted_at=at,
            parts=[
                Part(ACCOUNTS, [batch_from_records(ACCOUNTS, records)], sort=True),
                Part(TERMS, [batch_from_records(TERMS, records, given={"root_account_id": slice_})], sort=True),
            ],
        )

    def load_courses(self, courses: list[tuple[int, int]]) -> LoadOutcome:
        """Load courses, each with its id and its account."""
        self.loads += 1
        records = [{"id": course, "account_id": account} for course, account in courses]
        return self.warehouse.lake.load(
            load_id=f"load-{self.loads:04d}",
            instance=HOST,
            source="courses",
            scope={"account": 1},
            extracted_at=NOON,
            parts=[Part(COURSES, [batch_from_records(COURSES, records)], sort=True)],
        )

    def publish(self, models: Models = NO_MODELS, accept: tuple[str, ...] = ()) -> PublishOutcome:
        return publish(self.warehouse, models, accept)

    def rows(self, sql: str, path: Path | None = None) -> list[tuple[Any, ...]]:
        """Return what a reader sees who opens the published file now."""
        with duckdb.connect(str(path or self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def ids(self) -> list[int]:
        return [row[0] for row in self.rows("select account_id from canvas.accounts order by 1")]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(open_warehouse(tmp_path / "home", ManualClock(NOON)))


WriteModel = Callable[[str, str], None]


@pytest.fixture
def models(tmp_path: Path) -> tuple[Callable[[], Models], WriteModel]:
    """Return a way to read the models of a folder of the test's own, and one to write a model into it."""
    folder = tmp_path / "sql"

    def write(name: str, sql: str) -> None:
        path = folder / "marts" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER.format(name=name) + sql)

    def read() -> Models:
        files = load_models(folder, TABLES)

        def refresh(connection: duckdb.DuckDBPyConnection, refreshing: Refreshing) -> list[ModelRun]:
            return refresh_stale(connection, files, refreshing)

        return Models(refresh)

    return read, write

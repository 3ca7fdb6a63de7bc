"""A warehouse that lives through some days: loads, retirements, growing answers, with models over them."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.demo import ManualClock
from pipelines.ledger.loads import retire_scopes
from pipelines.models import load_models
from pipelines.models.dictionary import model_notes
from pipelines.models.incremental import refresh_stale
from pipelines.models.versions import Observations
from pipelines.normalize.contracts import TABLES
from pipelines.warehouse import ModelRun, Models, Refreshing
from tests.load.worlds import HOST, NOON
from tests.warehouse.conftest import Shop, open_warehouse
from tests.warehouse.test_batches_publish import Filler

DAY = 86_400.0

_SELECTS = {
    "marts/n_accounts": ("n", "select count(*) as n from canvas.accounts", ""),
    "marts/names": ("account_id", "select account_id, name from canvas.accounts", "-- check row_count\n"),
    "marts/long_names": ("name", "select distinct name from marts.names where length(name) > 2", ""),
    "marts/views": (
        "course_id",
        "select course_id, sum(views) as views from analytics.course_activity group by all",
        "",
    ),
    "marts/days_since": (
        "course_id, date",
        "select course_id, date, date_diff('day', date, now()::date) as days from analytics.course_activity",
        "",
    ),
    "history/names": ("account_id", "select account_id, name from marts.names", ""),
}

_SAID_LATER = {"meta.generation": ("*",), "meta.models": ("seconds", "refreshed_at"), "meta.checks": ("checked_at",)}
"""Columns that say when a file was made."""


def write_models(folder: Path) -> None:
    for place, (key, sql, more) in _SELECTS.items():
        path = folder / f"{place}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"-- description: {place}.\n-- grain: one row per {key}\n-- key: {key}\n-- owner: team:tests\n{more}{sql}\n"
        )


@dataclass
class Walk:
    """A shop with models, and a clock that the test moves."""

    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    seed: int = 1

    def __post_init__(self) -> None:
        write_models(self.folder / "sql")
        self.shop = Shop(open_warehouse(self.folder / "home", self.clock))
        self.filler = Filler(self.shop)
        self.rng = random.Random(self.seed)  # noqa: S311
        self.steps = 0

    @property
    def models(self) -> Models:
        files = load_models(self.folder / "sql", TABLES)
        observations = Observations(self.shop.warehouse.lake, HOST)

        def refresh(connection: duckdb.DuckDBPyConnection, refreshing: Refreshing) -> list[ModelRun]:
            return refresh_stale(connection, files, refreshing, observations)

        return Models(refresh, model_notes(files, TABLES))

    def step(self) -> None:
        """Load or retire something at random, a while after what was before."""
        self.clock.advance(self.rng.uniform(600, DAY))
        self.steps += 1
        kind = self.rng.randrange(5)
        if kind == 0:
            more: dict[str, object] = {"mood": "x"} if self.steps % 3 == 0 else {}
            chosen = self.rng.sample(range(1, 7), 3)
            self.filler.courses({course: self._days() for course in chosen}, **more)
        elif kind == 1:
            pairs = [(course, user) for course in (1, 2) for user in self.rng.sample(range(9), 4)]
            self.filler.students({pair: self._days(4) for pair in pairs})
        elif kind == 2 and self.steps > 3:
            gone = self.rng.randint(1, 3)
            retire_scopes(
                self.shop.warehouse.ledger, HOST, "accounts", keep=lambda scope: str(scope.get("account")) != str(gone)
            )
        else:
            fields = {"motto": f"m{self.steps}"} if self.rng.random() < 0.3 else {}
            ids = sorted(self.rng.sample(range(60), self.rng.randint(5, 40)))
            slice_ = self.rng.randint(1, 3)
            # Ids of one slice are none of another, so that the key holds.
            self.load([slice_ * 100 + one for one in ids], f"n{self.steps}", slice_, fields)

    def load(self, ids: list[int], name: str, slice_: int = 1, fields: Mapping[str, str] | None = None) -> None:
        self.shop.load(ids, name, slice_=slice_, at=self.clock(), **dict[str, object](fields or {}))

    def _days(self, most: int = 12) -> dict[int, object]:
        chosen = self.rng.sample(range(1, 29), self.rng.randint(0, most))
        return {day: self.rng.choice([0, 1, 2, 2, 3, "x"]) for day in chosen}

    def now(self) -> datetime:
        return self.clock()


def hashes(path: Path, leave: Mapping[str, tuple[str, ...]] = _SAID_LATER) -> dict[str, str]:
    """Return a hash over the sorted rows of each table of a file, without the columns that are to be left out."""
    found = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        names = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        for (name,) in names:
            left = leave.get(name, ())
            if left == ("*",):
                continue
            rows = connection.execute(f"select * from {name}")
            columns = sorted((one[0], place) for place, one in enumerate(rows.description or []) if one[0] not in left)
            said = sorted(repr([(column, row[place]) for column, place in columns]) for row in rows.fetchall())
            found[name] = hashlib.sha256("\n".join(said).encode()).hexdigest()[:12] + f" of {len(said)}"
    return found

"""Which models are stale: those whose file, or anything that went into them, is not what it was when they were made.

A fingerprint per model covers its own text and the loads below it, near or far, so nothing has to be remembered
between runs, and a run that was killed leaves nothing undone behind.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC

import duckdb

from pipelines.models.clock import at_moment
from pipelines.models.model import Model
from pipelines.models.refresh import Refresher
from pipelines.models.versions import Observations
from pipelines.warehouse import ModelRun, Refreshing
from pipelines.warehouse.build import quoted_table, transaction

NEVER_MADE = "held back, with no rows of before"
"""In place of the fingerprint of a model that never was good."""

# A model that looks at the clock is stale on the next day, whatever its inputs did.
_CLOCK = re.compile(r"\b(now|today)\s*\(", re.IGNORECASE)


def refresh_stale(
    con: duckdb.DuckDBPyConnection,
    models: Iterable[Model],
    refreshing: Refreshing,
    observations: Observations | None = None,
) -> list[ModelRun]:
    """Run the stale models, inputs first, all or none, and note in `meta.models` what they were made from.

    `con` is the connection to the file being built, which has `meta.loads` and `meta.models`. What reads from a model
    that was held back is made from the rows that it kept. Raises ModelError.
    """
    at_moment(con, refreshing.at)
    refresher = Refresher(con, refreshing, observations)
    inputs = _Inputs.of(con, f"{refreshing.at.astimezone(UTC):%Y-%m-%d}")
    noted = dict(con.execute("SELECT model, fingerprint FROM meta.models").fetchall())
    runs: list[ModelRun] = []
    made: dict[str, str] = {}
    held: set[str] = set()
    with transaction(con):
        for model in models:
            due = inputs.fingerprint(model, made)
            made[model.qualified] = due
            if noted.get(model.qualified) == due:
                continue
            run = _run(refresher, model, held)
            runs.append(run)
            if run.held_back:
                held.add(model.qualified)
                made[model.qualified] = noted.get(model.qualified, NEVER_MADE)
                continue
            con.execute("DELETE FROM meta.models WHERE model = ?", [model.qualified])
            con.execute(
                "INSERT INTO meta.models (model, fingerprint, rows, seconds, refreshed_at)"
                " VALUES (?, ?, ?, ?, ?::TIMESTAMPTZ)",
                [model.qualified, due, run.rows, round(run.seconds, 3), refreshing.at.isoformat()],
            )
        for name in sorted(noted.keys() - made.keys()):
            con.execute("DELETE FROM meta.models WHERE model = ?", [name])
            con.execute(f"DROP TABLE IF EXISTS {quoted_table(name)}")
    return runs


def _run(refresher: Refresher, model: Model, held: Collection[str]) -> ModelRun:
    """Run a model, unless what it reads is not there: nothing else has to wait for that."""
    absent = [name for name in model.depends_on if not refresher.is_there(name)]
    if absent:
        why = f"it reads {', '.join(absent)}, which is not loaded yet, and is made when it is"
        return refresher.left_as_it_is(model, "inputs_there", "warning", why)
    late = [name for name in model.depends_on if name in held]
    if late and not refresher.fits(model):
        why = (
            f"it reads what {', '.join(late)} does not have yet, which is held back; its rows are those of before"
            " until that one is mended or accepted"
        )
        return refresher.left_as_it_is(model, "inputs_fit", "error", why)
    return refresher.run(model)


@dataclass(frozen=True)
class _Inputs:
    """What the loaded tables hold and look like, and the day: all that a model can be stale by but itself."""

    loaded: Mapping[str, str]
    shaped: Mapping[str, str]
    today: str

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, today: str) -> "_Inputs":
        loads = (
            "SELECT table_name, md5(string_agg(load_id || ':' || sha256, ',' ORDER BY slice))"
            " FROM meta.loads GROUP BY 1"
        )
        # The columns too: a table can be made anew with other columns from the same loads.
        columns = (
            "SELECT schema_name || '.' || table_name,"
            " md5(string_agg(column_name || data_type, ',' ORDER BY column_index))"
            " FROM duckdb_columns() WHERE database_name = current_database() GROUP BY 1"
        )
        return cls(dict(con.execute(loads).fetchall()), dict(con.execute(columns).fetchall()), today)

    def fingerprint(self, model: Model, made: Mapping[str, str]) -> str:
        """Return the fingerprint that a model should have; `made` are those of the models before it."""
        inputs = [
            made.get(name) or f"{self.loaded.get(name, 'never loaded')} {self.shaped.get(name)}"
            for name in model.depends_on
        ]
        clock = [self.today] if _CLOCK.search(model.sql) else []
        return hashlib.sha256("\0".join([model.digest, *inputs, *clock]).encode()).hexdigest()

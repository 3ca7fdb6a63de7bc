"""Making the tables of models in the warehouse file that is being built, and checking them before they are taken.

Which file that is, and when readers see it, is decided by the warehouse package.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines.lake.live_sql import quoted as quoted_name
from pipelines.lake.versions import VALIDITY
from pipelines.models.clock import at_moment
from pipelines.models.header import refuse_absent_columns, refuse_taken_columns
from pipelines.models.model import Model, ModelError
from pipelines.models.names import quoted
from pipelines.models.versions import Observations, catch_up, newest_observation, observe
from pipelines.normalize.contracts import CheckKind
from pipelines.warehouse import ModelRun, Refreshing
from pipelines.warehouse.build import columns_of, literal, transaction
from pipelines.warehouse.checks import CheckOutcome, accepted, held_back, row_count, run_checks

_NEXT = "__next"

_ABOUT_THE_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
"""Errors whose words are about the query. Those of all others may quote a value of a row."""

_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True)
class Refresher:
    """How models are made in one refresh; without `observations`, versions of rows are kept in the file alone."""

    con: duckdb.DuckDBPyConnection
    refreshing: Refreshing
    observations: Observations | None = None

    def run(self, model: Model) -> ModelRun:
        """Make the table of one model anew, in the transaction that is open, and take it if nothing speaks against it.

        A table whose blocking check fails keeps its rows; one that never was is there then, and empty. Raises
        ModelError with DuckDB's own words. Inputs must be there already.
        """
        started = time.monotonic()
        try:
            before = self._count(quoted(model)) if self.is_there(model.qualified) else None
            after = self._make_next(model)
            outcomes = self._check(model, before, after)
            held = any(outcome.holds_back for outcome in outcomes)
            rows = self._take(model, held=held, first=before is None)
            self._describe(model)
            outcomes += self._clock(model)
        except _ABOUT_THE_SQL as error:
            raise _does_not_run(model, str(error)) from error
        except duckdb.Error as error:
            # What is wrong is a value, and the words quote it.
            why = f"{type(error).__name__} in a row. `canvaslake query` with the SELECT shows which."
            raise _does_not_run(model, why) from None
        return ModelRun(model.qualified, rows, time.monotonic() - started, tuple(outcomes), held)

    def _make_next(self, model: Model) -> int:
        """Make the rows of now beside the table; return how many they are."""
        order = ", ".join(quoted_name(name) for name in model.key)
        # The line end keeps a comment at the end of the file from swallowing the parenthesis.
        query = f"select * from (\n{model.sql}\n) order by {order}"
        self.con.execute(f"create schema if not exists {quoted_name(model.schema)}")
        self.con.execute(f"create or replace table {quoted(model, _NEXT)} as {query}")
        names = [str(row[0]) for row in self.con.execute(f"describe {quoted(model, _NEXT)}").fetchall()]
        known = [*names, *(column.name for column in VALIDITY)] if model.keeps_versions else names
        checked = [name for check in model.checks for name in check.columns]
        refuse_absent_columns([*model.columns, *model.units, *checked], model.key, known, model.path)
        if model.keeps_versions:
            refuse_taken_columns(names, model.path)
        return self._count(quoted(model, _NEXT))

    def _check(self, model: Model, before: int | None, after: int) -> list[CheckOutcome]:
        """Run the checks that are about the rows themselves."""
        outcomes = run_checks(self.con, model.qualified, model.checks, relation=quoted(model, _NEXT))
        counting = [check for check in model.checks if check.kind is CheckKind.ROW_COUNT]
        if not model.keeps_versions:
            outcomes += [row_count(model.qualified, check, before or 0, after) for check in counting]

        def judge(outcome: CheckOutcome) -> CheckOutcome:
            if model.qualified in self.refreshing.accept and outcome not in never:
                return accepted(outcome)
            return held_back(outcome, first=before is None) if outcome.holds_back else outcome

        # A row that stands twice has no versions: which of the two is it?
        never = [one for one in outcomes if model.keeps_versions and one.check == CheckKind.KEY_UNIQUE]
        return [judge(outcome) for outcome in outcomes]

    def _take(self, model: Model, *, held: bool, first: bool) -> int:
        """Put the rows of now into the place of the table; return the rows that it has then."""
        following = quoted(model, _NEXT)
        if model.keeps_versions:
            if held:
                self.con.execute(f"delete from {following}")
            self._show_versions(model, following, held=held)
            self.con.execute(f"drop table {following}")
            return self._count(quoted(model))
        if held and not first:
            self.con.execute(f"drop table {following}")
            return self._count(quoted(model))
        if held:
            self.con.execute(f"delete from {following}")
        self.con.execute(f"drop table if exists {quoted(model)}")
        self.con.execute(f"alter table {following} rename to {quoted_name(model.name)}")
        return self._count(quoted(model))

    def _show_versions(self, model: Model, rows: str, *, held: bool) -> None:
        if held or self.refreshing.only_recorded:
            until = self.refreshing.at if self.refreshing.only_recorded else None
            catch_up(self.con, model, rows, self.observations, until)
        else:
            observe(self.con, model, rows, self.refreshing.at, self.observations)

    def _describe(self, model: Model) -> None:
        self.con.execute(f"comment on table {quoted(model)} is {literal(model.description)}")
        # A table that was held back has the columns of before.
        there = {name for name, _ in columns_of(self.con, model.qualified)}
        for column in there.intersection(model.columns):
            said = literal(model.columns[column])
            self.con.execute(f"comment on column {quoted(model)}.{quoted_name(column)} is {said}")

    def _clock(self, model: Model) -> list[CheckOutcome]:
        """Say so if versions were found at a time that is still to come: a clock was wrong then, or is now."""
        last = newest_observation(self.con, model) if model.keeps_versions else None
        if last is None or last - self.refreshing.at < _CLOCKS_DIFFER:
            return []
        detail = (
            f"the newest version is of {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and now it is "
            f"{self.refreshing.at.astimezone(UTC):%Y-%m-%d %H:%M}: new versions begin right after it until the clock "
            "has passed it"
        )
        return [CheckOutcome(model.qualified, "clock_agrees", False, "warning", detail)]

    def fits(self, model: Model) -> bool:
        """Return whether the SELECT can be read over the tables that are there, without running it."""
        try:
            self.con.execute(f"explain select * from (\n{model.sql}\n)").fetchall()
        except _ABOUT_THE_SQL:
            return False
        return True

    def left_as_it_is(self, model: Model, check: str, severity: str, why: str) -> ModelRun:
        """Return the run of a model that cannot be made now, and keeps what rows it has."""
        rows = self._count(quoted(model)) if self.is_there(model.qualified) else 0
        outcome = CheckOutcome(model.qualified, check, False, severity, why)
        return ModelRun(model.qualified, rows, 0.0, (outcome,), held_back=True)

    def is_there(self, qualified: str) -> bool:
        """Return whether the file has a table."""
        return bool(columns_of(self.con, qualified))

    def _count(self, relation: str) -> int:
        found = self.con.execute(f"select count(*) from {relation}").fetchone()
        return int(found[0]) if found else 0


def refresh(con: duckdb.DuckDBPyConnection, models: Iterable[Model], at: datetime | None = None) -> list[ModelRun]:
    """Run models, inputs first, in one transaction, at a moment or now. Nothing is remembered beside the tables.

    `con` must have the file being built as its default catalog, and no transaction open. On an error nothing has
    changed and ModelError names the model and its file.
    """
    moment = at or datetime.now(tz=UTC)
    at_moment(con, moment)
    refresher = Refresher(con, Refreshing(moment))
    with transaction(con):
        return [refresher.run(model) for model in models]


def _does_not_run(model: Model, why: str) -> ModelError:
    return ModelError(
        f"the model {model.qualified} does not run: {why}",
        path=model.path,
        model=model.qualified,
        next_step="Correct the SELECT, or load the tables it reads. The published file is as it was.",
    )

"""How the declared checks are run on the tables of the build file, and what they say of a table.

Words about values never quote them: a cell that is out of place may hold a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines.lake.live_sql import quoted
from pipelines.normalize.contracts import Check, CheckKind
from pipelines.warehouse.build import literal, quoted_table

TYPES_FIT = "types_fit"

_EMPTIED_OR_SHRUNK = 0.5
_FEW_ROWS = 20


@dataclass(frozen=True)
class CheckOutcome:
    """What one check of one table found. `severity` is error or warning: an error keeps the last good rows."""

    table: str
    check: str
    passed: bool
    severity: str
    detail: str

    @property
    def holds_back(self) -> bool:
        """Whether the table keeps its last good rows because of it."""
        return not self.passed and self.severity == "error"


def collapsed(before: int, after: int) -> bool:
    """Return whether a table was emptied, or shrank by half or more: the sign of a bad pull, not of a quiet night."""
    if before == 0:
        return False
    return after == 0 or (before >= _FEW_ROWS and after < _EMPTIED_OR_SHRUNK * before)


def row_count(table: str, check: Check, before: int, after: int) -> CheckOutcome:
    """Compare the rows of a table with those that it had in the file before."""
    passed = not collapsed(before, after)
    if passed:
        return _outcome(table, check, True, f"{before} rows before, {after} now")
    return _outcome(table, check, False, f"fell from {before} rows to {after}")


def run_checks(
    connection: duckdb.DuckDBPyConnection, table: str, checks: Sequence[Check], *, relation: str | None = None
) -> list[CheckOutcome]:
    """Run the checks that look at nothing but the rows of a table: of its key, of NULLs, of accepted values.

    `relation` is the quoted name under which the rows stand now, if it is another. Other checks are left out.
    """
    place = relation or quoted_table(table)
    outcomes = [_key_unique(connection, table, check, place) for check in checks if check.kind is CheckKind.KEY_UNIQUE]
    by_cell = {check: _wrong_cell(check) for check in checks if _wrong_cell(check)}
    if by_cell:
        counts = ", ".join(f"count(*) FILTER ({wrong})" for wrong in by_cell.values())
        found = connection.execute(f"SELECT {counts} FROM {place}").fetchone() or ()
        for check, wrong in zip(by_cell, found, strict=True):
            said = "is NULL" if check.kind is CheckKind.NOT_NULL else f"is none of {', '.join(check.values)}"
            detail = f"{check.columns[0]} {said} in {wrong} rows" if wrong else check.says
            outcomes.append(_outcome(table, check, not wrong, detail))
    return outcomes


def _wrong_cell(check: Check) -> str:
    if check.kind is CheckKind.NOT_NULL:
        return f"{quoted(check.columns[0])} IS NULL"
    if check.kind is CheckKind.ACCEPTED_VALUES:
        texts = ", ".join(map(literal, check.values))
        return f"CAST({quoted(check.columns[0])} AS VARCHAR) NOT IN ({texts})"
    return ""


def _key_unique(connection: duckdb.DuckDBPyConnection, table: str, check: Check, place: str) -> CheckOutcome:
    key = ", ".join(quoted(name) for name in check.columns)
    found = connection.execute(
        f"SELECT count(*), coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {place} GROUP BY {key}"
        " HAVING count(*) > 1)"
    ).fetchone()
    keys, rows = (int(found[0]), int(found[1])) if found else (0, 0)
    detail = f"{keys} values of ({', '.join(check.columns)}) stand in {rows} rows" if keys else "no key repeats"
    return _outcome(table, check, keys == 0, detail)


def check_references(
    connection: duckdb.DuckDBPyConnection, table: str, check: Check, there: Mapping[str, object]
) -> CheckOutcome:
    """Check that each value stands in the column that it refers to; `there` are the tables of the file."""
    other, _, column = check.refers_to.rpartition(".")
    mine = quoted(check.columns[0])
    if other not in there:
        return _outcome(table, check, False, f"there is no table {other}")
    target = quoted_table(other)
    filled = connection.execute(f"SELECT 1 FROM {target} LIMIT 1").fetchone()
    if filled is None:
        return _outcome(table, check, True, f"not compared: {other} is empty")
    found = connection.execute(
        f"SELECT count(*), count(DISTINCT rows.{mine}) FROM {quoted_table(table)} AS rows"
        f" ANTI JOIN {target} AS other ON rows.{mine} = other.{quoted(column)} WHERE rows.{mine} IS NOT NULL"
    ).fetchone()
    rows, values = (int(found[0]), int(found[1])) if found else (0, 0)
    detail = f"{values} values in {rows} rows are not in {check.refers_to}" if rows else check.says
    return _outcome(table, check, rows == 0, detail)


def check_freshness(table: str, check: Check, newest: datetime | None, now: datetime) -> CheckOutcome:
    """Check that the newest time is not older than the declared age. Nothing at all is not old: it is not there yet."""
    if newest is None or check.age is None:
        return _outcome(table, check, True, "not compared: there are no rows")
    late = now - newest > check.age
    limit = f"{check.age / timedelta(days=1):g} days"
    detail = f"the newest is of {newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and {limit} are allowed"
    return _outcome(table, check, not late, detail)


def newest_time(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> datetime | None:
    """Return the newest time in a column of dates or times, in UTC; None where there is none."""
    found = connection.execute(
        f"SELECT epoch_us(max(TRY_CAST({quoted(column)} AS TIMESTAMPTZ))) FROM {quoted_table(table)}"
    ).fetchone()
    return None if found is None or found[0] is None else datetime.fromtimestamp(found[0] / 1e6, tz=UTC)


def not_run(table: str, check: Check, error: Exception) -> CheckOutcome:
    """Return a check that DuckDB could not run; its words may quote a value, so only their kind is told."""
    detail = f"the check cannot be run ({type(error).__name__}): look at the types of the columns that it names"
    return CheckOutcome(table, check.name, False, "warning", detail)


def as_before(table: str, check: Check) -> CheckOutcome:
    """Return the check of the number of rows of a table that nothing speaks against any more."""
    return _outcome(table, check, True, "the rows are those of before")


def unfit_outcomes(unfit: Mapping[str, str]) -> list[CheckOutcome]:
    """Return the checks of tables whose rows in the lake do not fit their contract, each with the reason."""
    return [
        CheckOutcome(
            table,
            TYPES_FIT,
            False,
            "error",
            f"its rows do not fit the types that it has now, so those of before stay in the file: {why} "
            "To get new ones: canvaslake reports start",
        )
        for table, why in unfit.items()
    ]


def held_back(outcome: CheckOutcome, *, first: bool = False) -> CheckOutcome:
    """Return a failed blocking check with what follows from it and what to do; `first`: there are no rows of before."""
    kept = "it is new, and empty until this is mended" if first else "the last good rows stay in the file"
    said = f"{outcome.detail}; {kept}. If this is right: canvaslake publish --accept"
    return replace(outcome, detail=f"{said} {outcome.table}")


def accepted(outcome: CheckOutcome) -> CheckOutcome:
    """Return a check that a person has overruled: a warning, whatever it was."""
    return outcome if outcome.passed else replace(outcome, severity="warning", detail=f"{outcome.detail}; accepted")


def _outcome(table: str, check: Check, passed: bool, detail: str) -> CheckOutcome:
    return CheckOutcome(table, check.name, passed, "error" if check.blocking else "warning", detail)

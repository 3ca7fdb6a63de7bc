"""The checks of the file as a whole: which are run at a publish, and which stand as they were found before.

A check looks at every row of its table, so it is run again when the table, or what it refers to, has changed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from pipelines.ledger import Ledger
from pipelines.ledger.database import rows_of, timestamp
from pipelines.normalize.contracts import TABLES, Check, CheckKind
from pipelines.normalize.contracts.meta import CHECKS
from pipelines.warehouse.build import columns_by_table, insert_rows, transaction
from pipelines.warehouse.checks import (
    CheckOutcome,
    as_before,
    check_freshness,
    check_references,
    newest_time,
    not_run,
    run_checks,
)

ONLY_ROW_COUNT = (Check(CheckKind.ROW_COUNT, blocking=True),)
"""The checks of a table that nobody declared."""


def checks_of(qualified: str) -> tuple[Check, ...]:
    """Return the checks of a loaded table."""
    table = TABLES.get(qualified)
    return table.checks if table else ONLY_ROW_COUNT


def row_count_check(checks: Sequence[Check]) -> Check | None:
    """Return the check of the number of rows, which a table has unless its rows come and go."""
    return next((check for check in checks if check.kind is CheckKind.ROW_COUNT), None)


@dataclass(frozen=True)
class Found:
    """What this publish has found so far: the tables that it changed, and the checks that it ran."""

    changed: Collection[str]
    outcomes: Sequence[CheckOutcome]


def update_checks(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    found: Found,
    model_checks: Mapping[str, Sequence[Check]],
    at: datetime,
) -> list[CheckOutcome]:
    """Run what is due beside what was `found`, bring `meta.checks` up to date, and return all outcomes, by table."""
    there = columns_by_table(connection)
    declared = {name: table.checks for name, table in TABLES.items() if name in there}
    declared |= {name: tuple(checks) for name, checks in model_checks.items() if name in there}
    before = {
        (row[0], row[1]): (CheckOutcome(*row[:5]), row[5])
        for row in connection.execute(
            "SELECT table_name, check_name, passed, severity, detail, epoch_us(checked_at) FROM meta.checks"
        ).fetchall()
    }
    now = int(at.timestamp() * 1_000_000)
    outcomes = {(one.table, one.check): (one, now) for one in found.outcomes}
    answered = _last_answers(connection, ledger, at)
    for table, checks in declared.items():
        columns = {name for name, _ in there[table]}
        for check in checks:
            place = (table, check.name)
            # A table that keeps the columns of before, because its rows do not fit the new ones, may lack some.
            if place in outcomes or not columns.issuperset(check.columns):
                continue
            earlier = before.get(place)
            due = table in found.changed or earlier is None or earlier[0].holds_back
            if check.kind is CheckKind.ROW_COUNT and earlier is None:
                continue
            if check.kind is CheckKind.REFERENCES:
                due = due or check.refers_to.rpartition(".")[0] in found.changed
            if due or check.kind is CheckKind.FRESHNESS:
                one = _run(connection, table, check, there, answered, at)
                if one is not None:
                    outcomes[place] = (one, now)
    names = {(table, check.name) for table, checks in declared.items() for check in checks}
    for place, (one, checked_at) in before.items():
        undeclared = place[0] in there and place[0] not in declared and one.check == CheckKind.ROW_COUNT
        if place not in outcomes and (place in names or undeclared):
            outcomes[place] = (one, checked_at)
    ordered = [outcomes[place] for place in sorted(outcomes)]
    with transaction(connection):
        connection.execute(f"DELETE FROM {CHECKS.qualified}")
        insert_rows(connection, CHECKS, [_row(one, checked_at) for one, checked_at in ordered])
    return [one for one, _ in ordered]


def _run(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    check: Check,
    there: Mapping[str, object],
    answered: Mapping[str, datetime],
    at: datetime,
) -> CheckOutcome | None:
    """Run one check; None where there is nothing to compare with."""
    try:
        if check.kind is CheckKind.REFERENCES:
            return check_references(connection, table, check, there)
        if check.kind is CheckKind.FRESHNESS:
            newest = newest_time(connection, table, check.columns[0]) if check.columns else answered.get(table)
            return check_freshness(table, check, newest, at)
        if check.kind is CheckKind.ROW_COUNT:
            return as_before(table, check)
        [one] = run_checks(connection, table, [check])
    except duckdb.Error as error:
        return not_run(table, check, error)
    return one


def _row(outcome: CheckOutcome, checked_at: int) -> dict[str, object]:
    return {
        "table_name": outcome.table,
        "check_name": outcome.check,
        "passed": outcome.passed,
        "severity": outcome.severity,
        "detail": outcome.detail,
        "checked_at": datetime.fromtimestamp(checked_at / 1e6, tz=UTC).isoformat(),
    }


def _last_answers(connection: duckdb.DuckDBPyConnection, ledger: Ledger, by: datetime) -> dict[str, datetime]:
    """Return when Canvas last answered for each loaded table, also where the answer brought nothing new."""
    rows = rows_of(
        ledger,
        "SELECT source, max(extracted_at) AS at FROM loads WHERE committed_at <= ? GROUP BY source",
        (timestamp(by),),
    )
    by_source = {str(row["source"]): datetime.fromisoformat(str(row["at"])) for row in rows}
    answers: dict[str, datetime] = {}
    for table, source in connection.execute("SELECT DISTINCT table_name, source FROM meta.loads").fetchall():
        if source in by_source:
            answers[table] = max(answers.get(table, by_source[source]), by_source[source])
    return answers

"""What is checked in the build file before it is published: that keys tell rows apart, and that no table collapsed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipelines.lake.live_sql import quoted
from pipelines.normalize.contracts import TABLES
from pipelines.warehouse.build import columns_by_table, quoted_table
from pipelines.warehouse.changes import Change

HOLDS_BACK = ("row_count", "types_fit")
"""The checks that keep a table's last good rows in the file."""


@dataclass(frozen=True)
class CheckOutcome:
    """What one check of one table found. `severity` is error or warning."""

    table: str
    check: str
    passed: bool
    severity: str
    detail: str


@dataclass(frozen=True)
class KeyedTable:
    """A table whose key should tell its rows apart."""

    qualified: str
    key: tuple[str, ...]


def contract_keys() -> list[KeyedTable]:
    """Return the loaded tables whose contract says that the key is unique."""
    return [KeyedTable(table.qualified, table.key) for table in TABLES.values() if table.key and table.key_is_unique]


def check_keys(connection: duckdb.DuckDBPyConnection, tables: Sequence[KeyedTable]) -> list[CheckOutcome]:
    """Check that no two rows of a table have the same key."""
    outcomes = []
    there = columns_by_table(connection)
    for table in tables:
        if table.qualified not in there:
            continue
        key = ", ".join(quoted(name) for name in table.key)
        found = connection.execute(
            f"SELECT count(*), coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {quoted_table(table.qualified)}"
            f" GROUP BY {key} HAVING count(*) > 1)"
        ).fetchone()
        keys, rows = (int(found[0]), int(found[1])) if found else (0, 0)
        detail = f"{keys} values of ({', '.join(table.key)}) stand in {rows} rows" if keys else "no key repeats"
        outcomes.append(CheckOutcome(table.qualified, "key_unique", keys == 0, "warning", detail))
    return outcomes


def unfit_outcomes(unfit: Mapping[str, str]) -> list[CheckOutcome]:
    """Return the checks of tables whose rows in the lake do not fit their contract, each with the reason."""
    return [
        CheckOutcome(
            table,
            "types_fit",
            False,
            "error",
            f"its rows do not fit the types that it has now, so those of before stay in the file: {why} "
            "To get new ones: canvaslake reports start",
        )
        for table, why in unfit.items()
    ]


def row_count_outcomes(applied: Sequence[Change], held_back: Sequence[Change]) -> list[CheckOutcome]:
    """Say which tables changed their number of rows, and which were held back because they shrank."""
    passed = [
        CheckOutcome(
            change.table, "row_count", True, "error", f"{change.rows_before} rows before, {change.rows_after} now"
        )
        for change in applied
    ]
    held = [
        CheckOutcome(
            change.table,
            "row_count",
            False,
            "error",
            f"fell from {change.rows_before} rows to {change.rows_after}; the last good rows stay in the file. "
            f"If this is right: canvaslake publish --accept {change.table}",
        )
        for change in held_back
    ]
    return [*passed, *held]

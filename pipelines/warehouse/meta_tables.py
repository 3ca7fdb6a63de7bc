"""The `meta` schema of the file: what the ledger knows, copied in at each publish, and the data dictionary."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.ledger import Intent, Ledger
from pipelines.ledger.coverage import coverage_chunks
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import all_intents
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Table
from pipelines.normalize.contracts.meta import (
    CHECKS,
    COLUMN_LIST,
    COVERAGE,
    DRIFT,
    GENERATION,
    REPORT_RUNS,
    TABLE_LIST,
    WRITTEN_TABLES,
)
from pipelines.warehouse.build import columns_by_table, insert_columns, insert_rows, row_counts, table_names
from pipelines.warehouse.checks import CheckOutcome


@dataclass(frozen=True)
class TableNote:
    """What the dictionary says of a model: `columns` gives descriptions by name, `privacy` the class of each."""

    qualified: str
    description: str
    grain: str
    key: tuple[str, ...]
    source: str
    columns: Mapping[str, str]
    privacy: Mapping[str, str]


def write_ledger_tables(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Replace `meta.coverage`, `meta.report_runs` and `meta.drift` by what the ledger says now."""
    connection.execute(f"DELETE FROM {COVERAGE.qualified}")
    for columns in coverage_chunks(ledger):
        insert_columns(connection, COVERAGE, columns)
    _replace(connection, REPORT_RUNS, [_story(intent) for intent in all_intents(ledger)])
    _replace(connection, DRIFT, rows_of(ledger, "SELECT * FROM drift"))


def _story(intent: Intent) -> dict[str, object]:
    """Return an intent as a row of `meta.report_runs`."""
    named: dict[str, object] = {
        "state": intent.state.value,
        "parameters": json.dumps(intent.parameters, sort_keys=True),
        "posted_at": intent.posting_at,
        "canvas_created_at": intent.reported_created_at,
        "canvas_started_at": intent.reported_started_at,
        "canvas_ended_at": intent.reported_ended_at,
    }
    values = {
        column.name: named[column.name] if column.name in named else getattr(intent, column.name)
        for column in REPORT_RUNS.columns
    }
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def write_checks(connection: duckdb.DuckDBPyConnection, outcomes: Sequence[CheckOutcome], at: str) -> None:
    """Replace `meta.checks` by the outcomes of this publish."""
    _replace(
        connection,
        CHECKS,
        [
            {
                "table_name": outcome.table,
                "check_name": outcome.check,
                "passed": outcome.passed,
                "severity": outcome.severity,
                "detail": outcome.detail,
                "checked_at": at,
            }
            for outcome in outcomes
        ],
    )


def write_generation(connection: duckdb.DuckDBPyConnection, *, number: int, at: str, version: str) -> None:
    """Replace the one row of `meta.generation`."""
    found = connection.execute(
        "SELECT string_agg(DISTINCT instance, ',' ORDER BY instance)"
        " FROM (SELECT instance FROM meta.report_runs UNION SELECT instance FROM meta.coverage)"
    ).fetchone()
    instance = found[0] if found else None
    _replace(
        connection,
        GENERATION,
        [{"generation": number, "published_at": at, "instance": instance, "canvaslake_version": version}],
    )


def write_dictionary(connection: duckdb.DuckDBPyConnection, notes: Sequence[TableNote]) -> None:
    """Replace `meta.tables` and `meta.columns` by what the file holds now, described by contracts and models."""
    by_name = {note.qualified: note for note in notes}
    contracts = {**TABLES, **{table.qualified: table for table in WRITTEN_TABLES}}
    names = table_names(connection)
    counts = row_counts(connection, names)
    there = columns_by_table(connection)
    tables, columns = [], []
    for qualified in names:
        schema, name = qualified.split(".", 1)
        place = {"table_schema": schema, "table_name": name}
        contract, note = contracts.get(qualified), by_name.get(qualified)
        said = contract or note
        tables.append(
            {
                **place,
                "description": said.description if said else "A report that nobody declared: every column is text.",
                "grain": said.grain if said else None,
                "key": ", ".join(said.key) if said and said.key else None,
                "source": said.source if said else None,
                "row_count": counts[qualified],
            }
        )
        for position, (column, data_type) in enumerate(there[qualified], start=1):
            columns.append(
                {**place, "column_name": column, "position": position, "data_type": data_type}
                | _described(contract, note, column)
            )
    _replace(connection, TABLE_LIST, tables)
    _replace(connection, COLUMN_LIST, columns)
    # The list of tables counts itself, which it could not before it was written.
    for table, rows in ((TABLE_LIST, len(tables)), (COLUMN_LIST, len(columns))):
        connection.execute(
            "UPDATE meta.tables SET row_count = ? WHERE table_schema = 'meta' AND table_name = ?", [rows, table.name]
        )


def _described(contract: Table | None, note: TableNote | None, name: str) -> dict[str, object]:
    for column in (*(contract.columns if contract else ()), *SYSTEM_COLUMNS):
        if column.name == name:
            return {
                "description": column.description,
                "unit": column.unit or None,
                "is_key": bool(contract and name in contract.key),
                "source": column.source_name if contract and contract.schema != "meta" else None,
                "privacy": column.privacy.value,
            }
    if note is not None:
        return {
            "description": note.columns.get(name),
            "is_key": name in note.key,
            "source": note.source,
            "privacy": note.privacy.get(name),
        }
    return {"description": "Not declared; kept as text.", "is_key": False, "privacy": "identity"}


def _replace(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    connection.execute(f"DELETE FROM {table.qualified}")
    insert_rows(connection, table, rows)

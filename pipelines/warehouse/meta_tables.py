"""The `meta` schema of the file: what the ledger knows, copied in at each publish, and the data dictionary."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from pipelines.lake.live_sql import quoted
from pipelines.ledger import Intent, Ledger
from pipelines.ledger.coverage import coverage_chunks
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import all_intents
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.meta import (
    COLUMN_LIST,
    COVERAGE,
    DRIFT,
    GENERATION,
    REPORT_RUNS,
    TABLE_LIST,
)
from pipelines.warehouse.build import columns_by_table, insert_columns, insert_rows, literal, row_counts, table_names
from pipelines.warehouse.dictionary import Dictionary, TableNote


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
    """Replace `meta.tables` and `meta.columns` by what the file holds now, and make DuckDB's comments say the same."""
    loads = connection.execute(
        "SELECT table_name, min(source), strftime(max(extracted_at) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
        " FROM meta.loads GROUP BY ALL"
    )
    loaded = {table: (source, at) for table, source, at in loads.fetchall()}
    dictionary = Dictionary(notes, {table: source for table, (source, _) in loaded.items()})
    names = table_names(connection)
    counts = row_counts(connection, names)
    there = columns_by_table(connection)
    tables: list[dict[str, object]] = []
    columns: list[dict[str, object]] = []
    for qualified in names:
        schema, name = qualified.split(".", 1)
        place = {"table_schema": schema, "table_name": name}
        facts = dictionary.table(qualified)
        answers = [loaded[table][1] for table in dictionary.loaded_inputs(qualified) if table in loaded]
        tables.append(
            place
            | {
                "description": facts.description,
                "grain": facts.grain,
                "key": ", ".join(facts.key) or None,
                "source": facts.source,
                "kind": facts.kind,
                "owner": facts.owner,
                "row_count": counts[qualified],
                "extracted_at": max(answers, default=None),
            }
        )
        for position, (column, data_type) in enumerate(there[qualified], start=1):
            said = dictionary.column(qualified, column, data_type)
            columns.append(
                place
                | {
                    "column_name": column,
                    "position": position,
                    "data_type": data_type,
                    "description": said.description,
                    "unit": said.unit or None,
                    "is_key": said.is_key,
                    "source": said.source or None,
                    "endpoint": "; ".join(said.endpoints) or None,
                    "derived_from": ", ".join(said.derived_from) or None,
                    "privacy": said.privacy,
                }
            )
    _replace(connection, TABLE_LIST, tables)
    _replace(connection, COLUMN_LIST, columns)
    # The list of tables counts itself, which it could not before it was written.
    for table, rows in ((TABLE_LIST, len(tables)), (COLUMN_LIST, len(columns))):
        connection.execute(
            "UPDATE meta.tables SET row_count = ? WHERE table_schema = 'meta' AND table_name = ?", [rows, table.name]
        )
    _comment(connection)


def _comment(connection: duckdb.DuckDBPyConnection) -> None:
    """Give every table and column whose comment is not its description that comment."""
    stale_tables = connection.execute(
        "SELECT schema_name, table_name, description FROM duckdb_tables()"
        " JOIN meta.tables USING (table_name)"
        " WHERE database_name = current_database() AND schema_name = table_schema"
        " AND comment IS DISTINCT FROM description"
    ).fetchall()
    for schema, table, description in stale_tables:
        connection.execute(f"COMMENT ON TABLE {quoted(schema)}.{quoted(table)} IS {literal(description)}")
    stale_columns = connection.execute(
        "SELECT schema_name, there.table_name, there.column_name, known.description FROM duckdb_columns() AS there"
        " JOIN meta.columns AS known ON schema_name = table_schema AND there.table_name = known.table_name"
        " AND there.column_name = known.column_name"
        " WHERE database_name = current_database() AND comment IS DISTINCT FROM known.description"
    ).fetchall()
    for schema, table, column, description in stale_columns:
        place = f"{quoted(schema)}.{quoted(table)}.{quoted(column)}"
        connection.execute(f"COMMENT ON COLUMN {place} IS {literal(description)}")


def _replace(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    connection.execute(f"DELETE FROM {table.qualified}")
    insert_rows(connection, table, rows)

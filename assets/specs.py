"""From a declared table or a model to what Dagster shows of it: key, group, kinds, owners, description, columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg

from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table

QUARANTINE_CHECK = "no_row_in_quarantine"

Results = Iterator[dg.MaterializeResult[None]]


def asset_key(qualified: str) -> dg.AssetKey:
    """Return the asset key of a table: its schema and its name."""
    return dg.AssetKey(qualified.split(".", 1))


def qualified_name(key: dg.AssetKey) -> str:
    """Return the table of an asset key."""
    return ".".join(key.path)


def table_spec(
    table: Table, *, owners: Sequence[str], deps: Iterable[dg.AssetKey] = (), skippable: bool = False
) -> dg.AssetSpec:
    """Return the asset spec of a loaded table."""
    return dg.AssetSpec(
        key=asset_key(table.qualified),
        deps=list(deps),
        description=f"{table.description}\n\nGrain: {table.grain}.\n\nSource: `{table.source}`",
        group_name=table.group,
        kinds={"canvas", "parquet", "duckdb"},
        owners=list(owners),
        skippable=skippable,
        metadata={
            "dagster/table_name": table.qualified,
            "dagster/column_schema": column_schema(table),
            "grain": table.grain,
            "key": ", ".join(table.key) or "none",
            "slice": table.slice,
        },
    )


def column_schema(table: Table) -> dg.TableSchema:
    """Return a table's columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type.value,
                description=column.description + (f" Unit: {column.unit}." if column.unit else ""),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
                tags={"privacy": column.privacy.value},
            )
            for column in (*table.columns, *SYSTEM_COLUMNS)
        ]
    )


def quarantine_check(table: Table) -> dg.AssetCheckSpec:
    """Return the check that every row that Canvas gave fits the table."""
    return dg.AssetCheckSpec(
        QUARANTINE_CHECK, asset=asset_key(table.qualified), description="Every row that Canvas gave fits the table."
    )


def quarantine_result(qualified: str, quarantined: Mapping[str, int]) -> dg.AssetCheckResult:
    """Return how that check ended; a row in quarantine is a warning, for the others are loaded."""
    rows = quarantined.get(qualified, 0)
    return dg.AssetCheckResult(
        asset_key=asset_key(qualified),
        check_name=QUARANTINE_CHECK,
        passed=rows == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows_in_quarantine": rows, "look_at": "meta.quarantine"},
    )

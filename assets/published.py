"""The published file: what analysts and BI tools open."""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.failures import explained
from assets.models import WAREHOUSE_POOL, after_inputs
from pipelines.resources import Projects
from pipelines.warehouse import publish
from pipelines.warehouse.checks import HOLDS_BACK

PUBLISHED = dg.AssetKey(["published", "warehouse"])
HELD_BACK_CHECK = "nothing_held_back"


def published_asset(deps: Sequence[dg.AssetKey], owners: Sequence[str]) -> dg.AssetsDefinition:
    """Return the asset of the published file; `deps` are the tables and models in it."""

    @dg.multi_asset(
        name="published_warehouse",
        specs=[
            dg.AssetSpec(
                key=PUBLISHED,
                deps=list(deps),
                description=(
                    "`warehouse.duckdb`: every loaded table and every model, in one file that is only ever replaced "
                    "by a rename. Readers that hold it keep their generation; readers that open it get the newest."
                ),
                group_name="published",
                kinds={"duckdb"},
                owners=list(owners),
                automation_condition=after_inputs(),
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                HELD_BACK_CHECK,
                asset=PUBLISHED,
                description="No table shrank so sharply that its last good rows were kept in place of the new ones.",
            )
        ],
        pool=WAREHOUSE_POOL,
    )
    def published_warehouse(projects: dg.ResourceParam[Projects]) -> Iterator[dg.MaterializeResult[None]]:
        project = projects.open()
        with explained():
            outcome = publish(project.warehouse, project.models, unfit=project.read_anew())
            project.sweep()
        applied = outcome.applied
        held_back = [
            f"{check.table} {check.detail}"
            for check in applied.checks
            if check.check in HOLDS_BACK and not check.passed
        ]
        yield dg.MaterializeResult(
            asset_key=PUBLISHED,
            metadata={
                "generation": outcome.generation,
                "file": dg.MetadataValue.path(str(outcome.path)),
                "dagster/row_count": sum(applied.rows.values()),
                "tables": len(applied.rows),
                "bytes": outcome.path.stat().st_size,
                "changed": ", ".join(outcome.changed) or "nothing",
                "rows": dg.MetadataValue.md(
                    "| table | rows |\n| --- | ---: |\n"
                    + "\n".join(f"| {name} | {rows:,} |" for name, rows in sorted(applied.rows.items()))
                ),
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=PUBLISHED,
                    check_name=HELD_BACK_CHECK,
                    passed=not held_back,
                    severity=dg.AssetCheckSeverity.ERROR,
                    metadata={"held_back": dg.MetadataValue.json(held_back)},
                )
            ],
        )

    return published_warehouse

"""The published file: what analysts and BI tools open."""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from assets.checks import tell_checks
from assets.failures import explained
from assets.models import WAREHOUSE_POOL, after_inputs
from pipelines.resources import Projects
from pipelines.serve.overview import pictures
from pipelines.warehouse import PublishOutcome, publish

PUBLISHED = dg.AssetKey(["published", "warehouse"])
HELD_BACK_CHECK = "nothing_held_back"


def published_asset(
    deps: Sequence[dg.AssetKey],
    owners: Sequence[str],
    checks: Collection[dg.AssetCheckKey] = (),
) -> dg.AssetsDefinition:
    """Return the asset of the published file; `deps` are the tables and models in it.

    `checks` are those that tables and models have on the Dagster page: how they ended is told from here.
    """

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
                description=(
                    "No table keeps its last good rows because a check speaks against the new ones, and nobody has put "
                    "the file back to an older generation."
                ),
            )
        ],
        pool=WAREHOUSE_POOL,
    )
    def published_warehouse(
        context: dg.AssetExecutionContext, projects: dg.ResourceParam[Projects]
    ) -> Iterator[dg.MaterializeResult[None]]:
        project = projects.open()
        with explained():
            outcome = publish(project.warehouse, project.models, unfit=project.read_anew())
            swept = project.sweep()
            seen = pictures(outcome.path, time_zone=project.settings.canvas.time_zone)
        applied = outcome.applied
        tell_checks(context, applied.checks, checks)
        held_back = what_is_held_back(outcome)
        yield dg.MaterializeResult(
            asset_key=PUBLISHED,
            metadata={
                "generation": outcome.generation,
                "result": result_of(outcome),
                "file": dg.MetadataValue.path(str(outcome.path)),
                "dagster/row_count": sum(applied.rows.values()),
                "tables": len(applied.rows),
                "bytes": outcome.path.stat().st_size,
                "changed": ", ".join(outcome.changed) or "nothing",
                "superseded_files_removed": swept.superseded,
                "rows": dg.MetadataValue.md(
                    "| table | rows |\n| --- | ---: |\n"
                    + "\n".join(f"| {name} | {rows:,} |" for name, rows in sorted(applied.rows.items()))
                ),
                **{title: dg.MetadataValue.md(picture) for title, picture in seen.items()},
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


def what_is_held_back(outcome: PublishOutcome) -> list[str]:
    """Return what keeps new rows from readers, each with the reason and what to do."""
    file = (
        f"the published file: a person put it back to generation {outcome.generation}, and what was loaded since "
        "waits. If it may be published: canvaslake publish"
    )
    tables = [f"{check.table} {check.detail}" for check in outcome.applied.checks if check.holds_back]
    return [file, *tables] if outcome.pinned else tables


def result_of(outcome: PublishOutcome) -> str:
    """Return in a sentence what came of a publish."""
    if outcome.made:
        return f"Published generation {outcome.generation}."
    if outcome.pinned:
        return f"Generation {outcome.generation} stays: a person went back to it."
    return f"Nothing has changed since generation {outcome.generation}."

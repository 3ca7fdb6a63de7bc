"""Models: the SELECT files of `sql/` as assets, made in the build file of the warehouse."""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.checks import keys_of_checks, tell_checks
from assets.failures import explained
from assets.specs import asset_key
from pipelines.models import Model, column_lineage, model_columns
from pipelines.normalize.contracts import TABLES
from pipelines.resources import Projects
from pipelines.warehouse import refresh_build

WAREHOUSE_POOL = "warehouse_writer"
"""Runs that write the build file queue for it. A courtesy: the file itself is held by a lock of the system."""


def after_inputs() -> dg.AutomationCondition[dg.AssetKey]:
    """Return when to make something anew: when an input has changed, once it is not being made already.

    An input that is missing keeps nothing back: a report that was never asked for leaves an empty table, not an empty
    mart. Nor does one that is being loaded: a pull of students goes on for hours, and reports come all the time. A
    failed run is not repeated by this condition; the next change of an input is the next chance.
    """
    eager = dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())
    return eager.without(~dg.AutomationCondition.any_deps_in_progress()).with_label("when inputs change")


def model_assets(models: Sequence[Model]) -> list[dg.AssetsDefinition]:
    """Return the assets of the models, made by one step: it refreshes whatever is stale, in one transaction."""
    if not models:
        return []
    types = model_columns(models, TABLES)
    # A table function has columns too, and is no asset.
    assets = {*TABLES, *types}
    checks = keys_of_checks({model.qualified: model.checks for model in models})

    def traced(name: str) -> dg.TableColumnLineage:
        # When it is first wanted, not when the code is loaded: the first tracing takes the better part of a second.
        return dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(asset_key(table), source) for table, source in sources if table in assets]
                for column, sources in column_lineage(models, TABLES).get(name, {}).items()
                if sources
            }
        )

    @dg.multi_asset(
        name="models",
        specs=[_spec(model, types[model.qualified]) for model in models],
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def make(
        context: dg.AssetExecutionContext, projects: dg.ResourceParam[Projects]
    ) -> Iterator[dg.MaterializeResult[None]]:
        project = projects.open()
        with explained():
            applied = refresh_build(project.warehouse, project.models)
        for run in applied.models:
            kept = ", held back: these are the rows of before" if run.held_back else ""
            context.log.info(f"{run.qualified}: {run.rows} rows in {run.seconds:.2f} s{kept}")
        for name in (model.qualified for model in models):
            if asset_key(name) in context.selected_asset_keys:
                yield dg.MaterializeResult(
                    asset_key=asset_key(name),
                    metadata={"dagster/row_count": applied.rows.get(name, 0), "dagster/column_lineage": traced(name)},
                )
        tell_checks(context, applied.checks, checks)

    return [make]


def _spec(model: Model, columns: Sequence[tuple[str, str]]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(model.qualified),
        deps=[asset_key(name) for name in model.depends_on],
        description=f"{model.description}\n\nGrain: {model.grain}.\n\n```sql\n{_select(model.sql)}\n```",
        group_name=model.schema,
        kinds={"sql", "duckdb"},
        owners=[model.owner],
        automation_condition=after_inputs(),
        metadata={
            "dagster/table_name": model.qualified,
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(name, kind, description=model.columns.get(name)) for name, kind in columns]
            ),
            "grain": model.grain,
            "key": ", ".join(model.row_key),
        },
    )


def _select(sql: str) -> str:
    """Return the query without its header, whose words are shown as description and columns already."""
    lines = sql.splitlines()
    first = next((number for number, line in enumerate(lines) if line and not line.startswith("--")), 0)
    return "\n".join(lines[first:]).strip()

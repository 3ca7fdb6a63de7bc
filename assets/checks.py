"""The checks of tables as Dagster shows them. They are run where the file is built; here they are only told."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import dagster as dg

from assets.failures import explained
from assets.specs import asset_key
from pipelines.normalize.contracts import Check
from pipelines.resources import Projects
from pipelines.serve import run_query
from pipelines.warehouse.checks import CheckOutcome

CHECKS_OP = "table_checks"


def table_checks(tables: Mapping[str, Sequence[Check]]) -> dg.AssetChecksDefinition:
    """Return the checks of tables and models as one step, which tells what the last build found."""

    @dg.multi_asset_check(
        name=CHECKS_OP,
        specs=[_spec(table, check) for table, checks in tables.items() for check in checks],
        can_subset=True,
        description="Tells what was found when the file was built last.",
    )
    def tell(
        context: dg.AssetCheckExecutionContext, projects: dg.ResourceParam[Projects]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        path = projects.open().paths.published
        if context.run.asset_selection or not path.exists():
            context.log.info("What is loaded now is checked when the file is built, and told then.")
            return
        with explained():
            told = run_query(path, "SELECT table_name, check_name, passed, severity, detail FROM meta.checks").rows()
        for outcome in (CheckOutcome(*row) for row in told):
            if (asset_key(outcome.table), outcome.check) in wanted:
                yield dg.AssetCheckResult(
                    asset_key=asset_key(outcome.table),
                    check_name=outcome.check,
                    passed=outcome.passed,
                    severity=_severity(outcome),
                    metadata={"found": outcome.detail},
                )

    return tell


def tell_checks(
    instance: dg.DagsterInstance, outcomes: Iterable[CheckOutcome], tables: Collection[str], known: Collection[str]
) -> None:
    """Put on the Dagster page how the checks of some tables ended, and every check that failed.

    They are checked when the file is built, by whichever run builds it; `known` are the tables with an asset.
    """
    for outcome in outcomes:
        if outcome.table in known and (outcome.table in tables or not outcome.passed):
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=asset_key(outcome.table),
                    check_name=outcome.check,
                    passed=outcome.passed,
                    severity=_severity(outcome),
                    metadata={"found": outcome.detail},
                )
            )


def _spec(table: str, check: Check) -> dg.AssetCheckSpec:
    kept = " A table that fails it keeps its last good rows in the published file." if check.blocking else ""
    return dg.AssetCheckSpec(check.name, asset=asset_key(table), description=f"{check.says}{kept}")


def own_checks(assets: Iterable[dg.AssetsDefinition]) -> set[dg.AssetCheckKey]:
    """Return the checks that some assets run by themselves: a run of them is not to tell old findings beside."""
    return {key for one in assets for key in one.check_keys}


def _severity(outcome: CheckOutcome) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if outcome.severity == "error" else dg.AssetCheckSeverity.WARN

"""The checks of tables as Dagster shows them. They are run where the file is built; here they are only told."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import dagster as dg

from assets.failures import explained
from assets.specs import asset_key
from pipelines.normalize.contracts import Check
from pipelines.resources import Projects
from pipelines.serve import run_query
from pipelines.warehouse.check_list import checks_of
from pipelines.warehouse.checks import CheckOutcome

CHECKS_OP = "table_checks"


def check_specs(qualified: str, checks: Iterable[Check]) -> list[dg.AssetCheckSpec]:
    """Return the specs of the checks of one table."""
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=asset_key(qualified),
            description=check.says
            + (" A table that fails it keeps its last good rows in the published file." if check.blocking else ""),
        )
        for check in checks
    ]


def check_result(outcome: CheckOutcome) -> dg.AssetCheckResult:
    """Return how a check ended, as Dagster shows it."""
    return dg.AssetCheckResult(
        asset_key=asset_key(outcome.table),
        check_name=outcome.check,
        passed=outcome.passed,
        severity=_severity(outcome),
        metadata={"found": outcome.detail},
    )


def table_checks(tables: Sequence[str]) -> dg.AssetChecksDefinition:
    """Return the checks of loaded tables as one step, which tells what the last build found."""

    @dg.multi_asset_check(
        name=CHECKS_OP,
        specs=[spec for table in tables for spec in check_specs(table, checks_of(table))],
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
                yield check_result(outcome)

    return tell


def tell_checks(
    instance: dg.DagsterInstance, outcomes: Iterable[CheckOutcome], tables: Collection[str], known: Collection[str]
) -> None:
    """Put on the Dagster page how the checks of some tables ended, and every check that failed.

    The tables were loaded by other runs, and are checked when the file is built; `known` are those with an asset.
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


def own_checks(assets: Iterable[dg.AssetsDefinition]) -> set[dg.AssetCheckKey]:
    """Return the checks that some assets run by themselves: a run of them is not to tell old findings beside."""
    return {key for one in assets for key in one.check_keys}


def _severity(outcome: CheckOutcome) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if outcome.severity == "error" else dg.AssetCheckSeverity.WARN

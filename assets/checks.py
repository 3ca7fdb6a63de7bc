"""The checks of tables as Dagster shows them. They are run where the file is built; here they are only told."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

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
    context: dg.AssetExecutionContext, outcomes: Iterable[CheckOutcome], known: Collection[dg.AssetCheckKey]
) -> None:
    """Put on the Dagster page how checks ended, as far as it does not say so already.

    They are run when the file is built, whichever run loaded the table; `known` are those that the page has. It shows
    a check as not evaluated when its table was materialized since, so that is told again even if it ended as before.
    Of a table that was never materialized there is nothing to tell.
    """
    by_key = {dg.AssetCheckKey(asset_key(outcome.table), outcome.check): outcome for outcome in outcomes}
    by_key = {key: outcome for key, outcome in by_key.items() if key in known}
    executions = context.instance.event_log_storage.get_latest_asset_check_execution_by_key(list(by_key))
    made = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_record
        for record in context.instance.get_asset_records(list({key.asset_key for key in by_key}))
    }
    for key, outcome in by_key.items():
        last = made.get(key.asset_key)
        if last is None or _is_shown(executions.get(key), last, outcome):
            continue
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=outcome.passed,
                severity=_severity(outcome),
                metadata={"found": outcome.detail},
            )
        )


def _is_shown(execution: Any, last: dg.EventLogRecord, outcome: CheckOutcome) -> bool:
    """Return whether the page shows an outcome as that of the `last` materialization of its table."""
    evaluation = execution.evaluation if execution else None
    # One that was only planned says nothing.
    if not isinstance(evaluation, dg.AssetCheckEvaluation):
        return False
    found = evaluation.metadata.get("found")
    said = (evaluation.passed, evaluation.severity, found.value if found else None)
    # As Dagster decides it: of the same run, or of a whole second that is later.
    is_later = execution.run_id == last.run_id or execution.create_timestamp > last.timestamp
    return is_later and said == (outcome.passed, _severity(outcome), outcome.detail)


def keys_of_checks(tables: Mapping[str, Sequence[Check]]) -> set[dg.AssetCheckKey]:
    """Return the checks that tables have on the Dagster page."""
    return {dg.AssetCheckKey(asset_key(table), check.name) for table, checks in tables.items() for check in checks}


def _spec(table: str, check: Check) -> dg.AssetCheckSpec:
    kept = " A table that fails it keeps its last good rows in the published file." if check.blocking else ""
    return dg.AssetCheckSpec(check.name, asset=asset_key(table), description=f"{check.says}{kept}")


def own_checks(assets: Iterable[dg.AssetsDefinition]) -> set[dg.AssetCheckKey]:
    """Return the checks that some assets run by themselves: a run of them is not to tell old findings beside."""
    return {key for one in assets for key in one.check_keys}


def _severity(outcome: CheckOutcome) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if outcome.severity == "error" else dg.AssetCheckSeverity.WARN

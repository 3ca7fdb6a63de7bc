"""From how questions to Canvas ended to materializations: row counts, coverage, checks."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from assets.specs import asset_key, quarantine_check, quarantine_result
from pipelines.ledger import CoverageStatus, Ledger
from pipelines.ledger.loads import live_files
from pipelines.load.questions import Ended
from pipelines.normalize.contracts import Table

UNREADABLE = "nothing could be read"
"""Marks failures whose causes stand in the coverage, one by one."""

READABLE_CHECK = "every_question_answered"

_REFUSED = (CoverageStatus.FORBIDDEN, CoverageStatus.FAILED)


def endpoint_results(
    ledger: Ledger, tables: Sequence[Table], ended: Sequence[Ended], sources: dict[str, str]
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield one result per table, from the questions of its source.

    `sources` maps a table to the source that feeds it. Rows of before stay where a question could not be read, and a
    check says so. Raises dagster.Failure if nothing could be read and nothing is there from before.
    """
    live = live_files(ledger)
    refused = [one for one in ended if one.coverage.status in _REFUSED]
    names = {table.qualified for table in tables}
    if refused and len(refused) == len(ended) and not any(file.table_name in names for file in live):
        raise dg.Failure(description=unreadable(refused), metadata={"error": UNREADABLE}, allow_retries=False)
    for table in tables:
        mine = [one for one in ended if one.question.source == sources[table.qualified]]
        statuses = Counter(one.coverage.status.value for one in mine)
        quarantined = sum(one.outcome.quarantined.get(table.qualified, 0) for one in mine if one.outcome)
        yield dg.MaterializeResult(
            asset_key=asset_key(table.qualified),
            metadata={
                "dagster/row_count": sum(file.rows for file in live if file.table_name == table.qualified),
                "questions": len(mine),
                **{f"coverage/{status}": count for status, count in sorted(statuses.items())},
                "rows_loaded_now": sum(one.outcome.rows.get(table.qualified, 0) for one in mine if one.outcome),
            },
            check_results=[
                quarantine_result(table.qualified, {table.qualified: quarantined}),
                _readable(table, mine),
            ],
        )


def endpoint_checks(table: Table) -> list[dg.AssetCheckSpec]:
    """Return the checks of a table that is fed by an endpoint."""
    readable = dg.AssetCheckSpec(
        READABLE_CHECK,
        asset=asset_key(table.qualified),
        description="Every question to Canvas was answered; where one was not, the rows of before stay.",
    )
    return [quarantine_check(table), readable]


def _readable(table: Table, ended: Sequence[Ended]) -> dg.AssetCheckResult:
    refused = [one for one in ended if one.coverage.status in _REFUSED]
    return dg.AssetCheckResult(
        asset_key=asset_key(table.qualified),
        check_name=READABLE_CHECK,
        passed=not refused,
        severity=dg.AssetCheckSeverity.ERROR if len(refused) == len(ended) else dg.AssetCheckSeverity.WARN,
        metadata={"could_not_be_read": unreadable(refused) or "nothing", "look_at": "meta.coverage"},
    )


def unreadable(refused: Sequence[Ended]) -> str:
    """Say what could not be read, each cause once, with how often and one example."""
    causes: dict[str, list[Ended]] = {}
    for one in refused:
        causes.setdefault(one.coverage.detail or one.coverage.status.value, []).append(one)
    return " ".join(
        f"{cause} ({len(group)} questions; the first: {group[0].question.scope_kind} {group[0].question.scope_id}, "
        f"{group[0].question.endpoint}.)"
        for cause, group in causes.items()
    )

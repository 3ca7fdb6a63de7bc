"""From how questions to Canvas ended to materializations: row counts, coverage, checks."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from assets.specs import asset_key, quarantine_result
from pipelines.lake.endpoint_loads import Ended
from pipelines.ledger import CoverageStatus, Ledger
from pipelines.ledger.loads import live_files
from pipelines.normalize.contracts import Table

UNREADABLE = "nothing could be read"
"""Marks failures whose causes stand in the coverage, one by one."""

_REFUSED = (CoverageStatus.FORBIDDEN, CoverageStatus.FAILED)


def endpoint_results(
    ledger: Ledger, tables: Sequence[Table], ended: Sequence[Ended], sources: dict[str, str]
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield one result per table, from the questions of its source.

    `sources` maps a table to the source that feeds it. Raises dagster.Failure if questions were asked and none of
    them could be read: then nothing is known, and saying "materialized" would be a lie.
    """
    live = live_files(ledger)
    refused = [one for one in ended if one.coverage.status in _REFUSED]
    if refused and len(refused) == len(ended):
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
            check_results=[quarantine_result(table.qualified, {table.qualified: quarantined})],
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

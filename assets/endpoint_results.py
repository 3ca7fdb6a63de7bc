"""From how questions to Canvas ended to materializations: row counts, coverage, checks, progress."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import dagster as dg

from assets.specs import asset_key, quarantine_check, quarantine_result
from pipelines.ledger import CoverageStatus, Ledger
from pipelines.ledger.loads import live_row_counts
from pipelines.load.questions import REFUSED, Summary
from pipelines.normalize.contracts import Table
from pipelines.progress import Progress

UNREADABLE = "nothing could be read"
"""Marks failures whose causes stand in the coverage, one by one."""

READABLE_CHECK = "every_question_answered"

_LOGGED_STEPS = 20
_MOST_CAUSES = 10


def endpoint_results(
    ledger: Ledger, tables: Sequence[Table], summary: Summary, sources: Mapping[str, str], *, optional: bool = False
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield one result per table, from the questions of its source.

    `sources` maps a table to the source that feeds it. Rows of before stay where a question could not be read, and a
    check says so. Raises dagster.Failure if nothing could be read and nothing is there from before; not for `optional`
    tables, which a token with few rights does without.
    """
    rows = live_row_counts(ledger)
    names = {table.qualified for table in tables}
    if not optional and summary.refused and summary.refused == summary.questions and names.isdisjoint(rows):
        raise dg.Failure(description=unreadable(summary), metadata={"error": UNREADABLE}, allow_retries=False)
    for table in tables:
        counts = summary.of(sources[table.qualified])
        yield dg.MaterializeResult(
            asset_key=asset_key(table.qualified),
            metadata={
                "dagster/row_count": rows.get(table.qualified, 0),
                "questions": sum(counts.values()),
                "coverage": dg.MetadataValue.md(_as_table(counts)),
                **{f"coverage/{status}": count for status, count in sorted(counts.items())},
                "rows_in_answers": summary.rows[table.qualified],
            },
            check_results=[
                quarantine_result(table.qualified, summary.quarantined),
                _readable(table, sources[table.qualified], summary, optional=optional),
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


def _as_table(counts: Counter[CoverageStatus]) -> str:
    if not counts:
        return "Nothing was due: the answers of before still stand. All of them: `meta.coverage`."
    lines = [f"| {status} | {count:,} |" for status, count in sorted(counts.items())]
    return "\n".join(["| answer | questions |", "| --- | ---: |", *lines])


def _readable(table: Table, source: str, summary: Summary, *, optional: bool) -> dg.AssetCheckResult:
    counts = summary.of(source)
    refused = sum(counts[status] for status in REFUSED)
    nothing = refused == sum(counts.values()) and not optional
    return dg.AssetCheckResult(
        asset_key=asset_key(table.qualified),
        check_name=READABLE_CHECK,
        passed=not refused,
        severity=dg.AssetCheckSeverity.ERROR if nothing else dg.AssetCheckSeverity.WARN,
        metadata={"could_not_be_read": unreadable(summary, source) or "nothing", "look_at": "meta.coverage"},
    )


def unreadable(summary: Summary, source: str | None = None) -> str:
    """Say what could not be read, each cause once, with how often and one example."""
    causes = [cause for (of, _), cause in summary.causes.items() if source is None or of == source]
    told = [
        f"{cause.text} ({cause.questions:,} questions; the first: {cause.first.scope_kind} {cause.first.scope_id}, "
        f"{cause.first.endpoint}.)"
        for cause in causes[:_MOST_CAUSES]
    ]
    more = [f"And {len(causes) - _MOST_CAUSES} more causes."] if len(causes) > _MOST_CAUSES else []
    return " ".join([*told, *more])


class LoggedProgress:
    """Passes a work list's progress on to the listener, and now and then to the log of the run."""

    def __init__(self, task: str, progress: Progress, log: Callable[[str], None]) -> None:
        self._task, self._progress, self._log = task, progress, log
        self._total = self._done = self._told = 0

    def waiting(self, holder: str) -> None:
        """Hear who holds the budget of the token meanwhile."""
        self._progress.tell(f"{self._task}: waits for {holder}, which asks Canvas with the same token")
        self._log(f"{self._task}: waits for {holder}")

    def start(self, total: int) -> None:
        """Hear how many questions there are."""
        self._total = total
        self._progress.start(self._task, total)
        self._log(f"{self._task}: {total:,} questions to ask")

    def saved(self, questions: int) -> None:
        """Hear that so many answers are saved."""
        self._done += questions
        self._progress.advance(self._task, questions)
        step = self._done * _LOGGED_STEPS // max(self._total, 1)
        if step > self._told:
            self._told = step
            self._log(f"{self._task}: {self._done:,} of {self._total:,} questions answered and saved")

    def finish(self) -> None:
        """Hear that all questions are asked."""
        self._progress.finish(self._task)

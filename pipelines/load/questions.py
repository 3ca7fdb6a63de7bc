"""From one answer of an endpoint to live slices and a line of coverage: the same road for every endpoint family.

Which scopes are asked stands in `extract`, how an answer becomes rows in `normalize`; here the two are joined and
the failure of one scope is kept from the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.canvas import Answer, CanvasError
from pipelines.canvas.errors import ForbiddenError
from pipelines.extract.work import concerns_all, status_of
from pipelines.lake.store import Lake, LoadOutcome, Part, Scope, TooManyBadRowsError, new_load_id
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.normalize.contracts import Table
from pipelines.normalize.rows import Batch, UnexpectedAnswerShapeError


@dataclass(frozen=True)
class Question:
    """One question to Canvas: whom it is about, what is asked, and the slice that its answer replaces.

    `endpoint` names it in `meta.coverage`; `source` and `scope` identify the slice in `meta.loads`.
    """

    scope_kind: str
    scope_id: str
    endpoint: str
    source: str
    scope: Scope


@dataclass(frozen=True)
class Tables:
    """The rows that an answer holds, by table, and when Canvas gave them."""

    batches: Sequence[tuple[Table, Batch]]
    received_at: datetime
    status: int | None = 200
    request_id: str | None = None
    attempts: int = 1

    @classmethod
    def of(cls, answer: Answer[Any], *batches: tuple[Table, Batch]) -> "Tables":
        """Return the rows of one answer."""
        return cls(batches, answer.received_at, answer.status, answer.request_id, answer.attempts)


@dataclass(frozen=True)
class Ended:
    """How a question ended: its coverage, what was loaded, and the error where there was one."""

    question: Question
    coverage: Coverage
    outcome: LoadOutcome | None = None
    error: Exception | None = None


async def ask_and_load(lake: Lake, instance: str, question: Question, fetch: Callable[[], Awaitable[Tables]]) -> Ended:
    """Ask, load the answer as one load, and write down how it ended.

    An answer that fails never touches what is live. Raises only what concerns every question: no connection, no valid
    token, a host that is not Canvas.
    """
    try:
        tables = await fetch()
        outcome = await asyncio.to_thread(_load, lake, instance, question, tables)
    except CanvasError as error:
        ended = Ended(question, _failed(instance, question, error), error=error)
        await asyncio.to_thread(record_coverage, lake.ledger, [ended.coverage])
        if concerns_all(error):
            raise
        return ended
    except (UnexpectedAnswerShapeError, TooManyBadRowsError) as error:
        coverage = _coverage(instance, question, CoverageStatus.FAILED, detail=str(error))
        await asyncio.to_thread(record_coverage, lake.ledger, [coverage])
        return Ended(question, coverage, error=error)
    status = CoverageStatus.LOADED if sum(outcome.rows.values()) else CoverageStatus.EMPTY
    coverage = _coverage(
        instance,
        question,
        status,
        http_status=tables.status,
        request_id=tables.request_id,
        attempts=tables.attempts,
    )
    await asyncio.to_thread(record_coverage, lake.ledger, [coverage])
    return Ended(question, coverage, outcome)


def _load(lake: Lake, instance: str, question: Question, tables: Tables) -> LoadOutcome:
    return lake.load(
        load_id=new_load_id(tables.received_at),
        instance=instance,
        source=question.source,
        scope=question.scope,
        extracted_at=tables.received_at,
        parts=[Part(table, [batch], sort=True) for table, batch in tables.batches],
    )


def _failed(instance: str, question: Question, error: CanvasError) -> Coverage:
    right = f" Missing right: {error.right}." if isinstance(error, ForbiddenError) and error.right else ""
    return _coverage(
        instance,
        question,
        status_of(error),
        http_status=error.status,
        request_id=error.request_id,
        attempts=error.attempts,
        detail=f"{error.what}{right}",
    )


def _coverage(
    instance: str,
    question: Question,
    status: CoverageStatus,
    *,
    http_status: int | None = None,
    request_id: str | None = None,
    attempts: int = 1,
    detail: str | None = None,
) -> Coverage:
    return Coverage(
        instance,
        question.scope_kind,
        question.scope_id,
        question.endpoint,
        status,
        http_status,
        request_id,
        attempts,
        detail,
    )

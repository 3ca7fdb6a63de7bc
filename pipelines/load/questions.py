"""One question to Canvas and how it ended: the same for every endpoint family.

Which scopes are asked stands in `extract`, how an answer becomes rows in `normalize`; how many questions are worked
off together stands in `work_list`.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.canvas import Answer, CanvasError
from pipelines.canvas.errors import ForbiddenError
from pipelines.extract.work import concerns_all, status_of
from pipelines.lake import Lake, new_load_id
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.lake.store import Scope
from pipelines.ledger import Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

REFUSED = (CoverageStatus.FORBIDDEN, CoverageStatus.FAILED)
"""The ends of a question that a person may have to do something about."""


@dataclass(frozen=True, slots=True)
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
class Reply:
    """What an answer holds, by table, and when Canvas gave it.

    A reply that is not `settled` may come from before the moment that it was asked for: Canvas has a cache.
    """

    tables: Sequence[TableRecords]
    received_at: datetime
    status: int | None = 200
    request_id: str | None = None
    attempts: int = 1
    settled: bool = True

    @classmethod
    def of(cls, answer: Answer[Any], *tables: TableRecords, settled: bool = True) -> "Reply":
        """Return what one answer holds."""
        return cls(tables, answer.received_at, answer.status, answer.request_id, answer.attempts, settled)


@dataclass(frozen=True)
class Ended:
    """How a question ended, with the rows that were loaded and set aside, by table."""

    question: Question
    coverage: Coverage
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Whether there is no answer that can be used."""
        return self.coverage.status in REFUSED


@dataclass
class Cause:
    """Why questions of one source were not answered: how many, and one of them."""

    text: str
    status: CoverageStatus
    questions: int
    first: Question


_NUMBER = re.compile(r"\d+")


def cause_of(detail: str) -> str:
    """Return what a failure has in common with others: its words without the ids and numbers in them."""
    return _NUMBER.sub("#", detail)


@dataclass
class Summary:
    """How many questions ended, by source and status; rows by table; and every cause once, however often it came."""

    statuses: dict[str, Counter[CoverageStatus]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    causes: dict[tuple[str, str], Cause] = field(default_factory=dict)

    def add(self, ended: Ended) -> None:
        """Count one question."""
        status = ended.coverage.status
        self.statuses.setdefault(ended.question.source, Counter())[status] += 1
        self.rows.update(ended.rows)
        self.quarantined.update(ended.quarantined)
        if ended.is_refused:
            text = ended.coverage.detail or status.value
            place = (ended.question.source, cause_of(text))
            cause = self.causes.setdefault(place, Cause(text, status, 0, ended.question))
            cause.questions += 1

    @property
    def questions(self) -> int:
        """How many questions ended."""
        return sum(sum(counts.values()) for counts in self.statuses.values())

    @property
    def refused(self) -> int:
        """How many questions got no answer that can be used."""
        return sum(counts[status] for counts in self.statuses.values() for status in REFUSED)

    def of(self, source: str) -> Counter[CoverageStatus]:
        """Return how the questions of one source ended."""
        return self.statuses.get(source, Counter())

    @classmethod
    def over(cls, ended: Sequence[Ended]) -> "Summary":
        """Return the summary of some questions."""
        summary = cls()
        for one in ended:
            summary.add(one)
        return summary


async def ask_and_load(lake: Lake, instance: str, question: Question, fetch: Callable[[], Awaitable[Reply]]) -> Ended:
    """Ask one question, load the answer, and write down how it ended.

    An answer that fails never touches what is live. Raises only what concerns every question: no connection, no valid
    token, a host that is not Canvas.
    """
    try:
        reply = await fetch()
    except (CanvasError, UnexpectedAnswerShapeError) as error:
        ended = Ended(question, failed(instance, question, error))
        await asyncio.to_thread(record_coverage, lake.ledger, [ended.coverage])
        if concerns_all(error):
            raise
        return ended
    (ended,) = await asyncio.to_thread(load_replies, lake, instance, [(question, reply, None)])
    return ended


def load_replies(lake: Lake, instance: str, replies: Sequence[tuple[Question, Reply, str | None]]) -> list[Ended]:
    """Load replies to questions of one source as one load. The third of each is the fingerprint to remember."""
    notes: list[Coverage] = []

    def note(position: int, result: SliceResult) -> Coverage:
        question, reply, fingerprint = replies[position]
        notes.append(_answered(instance, question, reply, result, fingerprint))
        return notes[-1]

    results = load_batch(
        lake,
        load_id=new_load_id(replies[0][1].received_at),
        instance=instance,
        source=replies[0][0].source,
        answers=[SliceAnswer(question.scope, reply.tables, reply.received_at) for question, reply, _ in replies],
        note=note,
    )
    return [
        Ended(question, coverage, result.rows, result.quarantined)
        for (question, _, _), coverage, result in zip(replies, notes, results, strict=True)
    ]


def _answered(
    instance: str, question: Question, reply: Reply, result: SliceResult, fingerprint: str | None
) -> Coverage:
    status = CoverageStatus.LOADED if sum(result.rows.values()) else CoverageStatus.EMPTY
    return Coverage(
        instance,
        question.scope_kind,
        question.scope_id,
        question.endpoint,
        CoverageStatus.FAILED if result.refused else status,
        reply.status,
        reply.request_id,
        reply.attempts,
        result.refused,
        None if result.refused else fingerprint,
        reply.settled,
    )


def failed(instance: str, question: Question, error: Exception) -> Coverage:
    """Return the coverage of a question that ended in an error."""
    place = (instance, question.scope_kind, question.scope_id, question.endpoint)
    if isinstance(error, UnexpectedAnswerShapeError):
        return Coverage(*place, CoverageStatus.FAILED, 200, detail=str(error))
    if not isinstance(error, CanvasError):
        # Its words may quote a value of the answer, so only their kind is passed on.
        detail = f"The answer could not be read ({type(error).__name__}); please report this as a bug."
        return Coverage(*place, CoverageStatus.FAILED, 200, detail=detail)
    right = f" Missing right: {error.right}." if isinstance(error, ForbiddenError) and error.right else ""
    return Coverage(*place, status_of(error), error.status, error.request_id, error.attempts, f"{error.what}{right}")

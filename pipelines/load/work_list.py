"""A work list: many questions under one quota, saved batch by batch, and taken up again where it broke off.

What is being asked and what an answer means is not known here. A crash loses fewer than two batches of answers: one
that was being saved, and one that was being gathered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from pipelines.canvas import CanvasError, RequestEvent
from pipelines.extract.work import concerns_all
from pipelines.lake import Lake
from pipelines.ledger import Answered, Coverage, CoverageStatus
from pipelines.ledger.coverage import record_coverage
from pipelines.ledger.pulls import Pull, Spent, add_spent, begin_pull, finish_pull, plan_pull
from pipelines.load.questions import Ended, Question, Reply, Summary, failed, load_replies
from pipelines.normalize.rows import UnexpectedAnswerShapeError

T = TypeVar("T")

BATCH = 200
"""Questions per checkpoint: a checkpoint costs a few fsyncs, a question lost to a crash a request."""

_LONGEST_UNSAVED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Work:
    """A question and how to ask it. `fingerprint` is what made it due, to be remembered with a good answer."""

    question: Question
    fetch: Callable[[], Awaitable[Reply]]
    fingerprint: str | None = None


@dataclass
class Meter:
    """Counts what the requests of a client cost; give its `heard` to the client."""

    requests: int = 0
    cost: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def heard(self, event: RequestEvent) -> None:
        """Count one attempt."""
        self.requests += 1
        self.cost += event.cost or 0.0

    def take(self, questions: int) -> Spent:
        """Return what was spent since it was last taken."""
        spent = Spent(questions, self.requests, self.cost, time.monotonic() - self.began)
        self.requests, self.cost, self.began = 0, 0.0, time.monotonic()
        return spent


def is_done(answer: Answered | None, pull: Pull) -> bool:
    """Return whether a question was answered since a pull began. One that failed may be asked again."""
    return answer is not None and answer.answered_at >= pull.since and answer.status is not CoverageStatus.FAILED


@dataclass(frozen=True, slots=True)
class _Answer:
    """A question that has ended and is not saved yet: with a reply, or with the coverage of a failure."""

    work: Work
    reply: Reply | None = None
    coverage: Coverage | None = None


class WorkList:
    """Works off questions for one instance. Use once: make it, and await `work_off`.

    `on_batch` hears after each checkpoint how many questions it saved.
    """

    def __init__(
        self,
        lake: Lake,
        instance: str,
        pull: Pull,
        *,
        width: int,
        meter: Meter,
        batch: int = BATCH,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self.summary = Summary()
        self._lake, self._instance, self._pull, self._meter = lake, instance, pull, meter
        self._width, self._batch, self._on_batch = width, batch, on_batch
        self._waiting: list[_Answer] = []
        self._saved_at = time.monotonic()
        self._saving: asyncio.Task[None] | None = None
        # Asked, waiting and being saved together: fewer than two batches.
        self._room = asyncio.Semaphore(max(2 * batch - 1, 1))

    async def work_off(self, works: Iterable[Work]) -> Summary:
        """Ask every question, `width` at a time; return how they ended.

        Raises what concerns every question, after saving what was answered: no connection, no valid token.
        """
        queue = iter(works)
        workers = [asyncio.create_task(self._worker(queue)) for _ in range(self._width)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            if self._saving is not None:
                await asyncio.gather(self._saving, return_exceptions=True)
            # Not in a thread: whatever ends the list, an interrupt too, what was answered is saved first.
            rest, self._waiting = self._waiting, []
            self._save(rest)
        if self._saving is not None:
            self._saving.result()
        return self.summary

    async def _worker(self, queue: Iterator[Work]) -> None:
        while True:
            await self._room.acquire()
            self._raise_if_unsaved()
            work = next(queue, None)
            if work is None:
                self._room.release()
                return
            # In two steps: while the question is asked, a checkpoint puts another list in this one's place.
            answer = await self._ask(work)
            self._waiting.append(answer)
            self._save_if_due()

    async def _ask(self, work: Work) -> _Answer:
        try:
            return _Answer(work, reply=await work.fetch())
        except (CanvasError, UnexpectedAnswerShapeError) as error:
            answer = _Answer(work, coverage=failed(self._instance, work.question, error))
            if concerns_all(error):
                self._waiting.append(answer)
                raise
            return answer
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # An answer so odd that it trips the code that reads it is one scope's misfortune, never all the others'.
            return _Answer(work, coverage=failed(self._instance, work.question, error))

    def _save_if_due(self) -> None:
        self._raise_if_unsaved()
        if self._saving is not None and not self._saving.done():
            return
        late = time.monotonic() - self._saved_at > _LONGEST_UNSAVED_SECONDS
        if len(self._waiting) >= self._batch or late:
            self._saving = asyncio.create_task(self._save_aside())

    def _raise_if_unsaved(self) -> None:
        """Raise what kept a batch from being saved: before another save takes the place of the one that failed."""
        if self._saving is not None and self._saving.done():
            self._saving.result()

    async def _save_aside(self) -> None:
        while len(self._waiting) >= self._batch or time.monotonic() - self._saved_at > _LONGEST_UNSAVED_SECONDS:
            batch, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            if not batch:
                self._saved_at = time.monotonic()
                return
            try:
                await asyncio.to_thread(self._save, batch)
            finally:
                # Also after a failure: all workers may be waiting for room, and one of them has to hear of it.
                for _ in batch:
                    self._room.release()

    def _save(self, answers: list[_Answer]) -> None:
        """Save answers source by source: each source in one transaction with its coverage."""
        if not answers:
            return
        by_source = sorted(answers, key=lambda one: one.work.question.source)
        for _, group in groupby(by_source, key=lambda one: one.work.question.source):
            self._save_source(list(group))
        add_spent(self._lake.ledger, self._pull, self._meter.take(len(answers)))
        self._saved_at = time.monotonic()
        if self._on_batch is not None:
            self._on_batch(len(answers))

    def _save_source(self, answers: list[_Answer]) -> None:
        replies = [(one.work.question, one.reply, one.work.fingerprint) for one in answers if one.reply is not None]
        ended = load_replies(self._lake, self._instance, replies) if replies else []
        unanswered = [Ended(one.work.question, one.coverage) for one in answers if one.coverage is not None]
        if unanswered:
            record_coverage(self._lake.ledger, [one.coverage for one in unanswered])
        for one in (*ended, *unanswered):
            self.summary.add(one)


async def work_off_pull(
    lake: Lake,
    instance: str,
    family: str,
    due: Callable[[Pull], Sequence[T]],
    work: Callable[[T], Work],
    *,
    width: int,
    meter: Meter,
    batch: int = BATCH,
    on_start: Callable[[int], None] | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> Summary:
    """Work off a pull from its start, or from where it broke off less than 12 hours ago; return how it ended.

    `due` gives the items that are left for a pull, `work` makes a work of each. Hold the budget of the token around
    it: two processes must not take up one pull. Raises what concerns every question; the pull is taken up then.
    """
    pull = await asyncio.to_thread(begin_pull, lake.ledger, instance, family)
    items = await asyncio.to_thread(due, pull)
    await asyncio.to_thread(plan_pull, lake.ledger, pull, len(items))
    if on_start is not None:
        on_start(len(items))
    meter.take(0)
    works = WorkList(lake, instance, pull, width=width, meter=meter, batch=batch, on_batch=on_batch)
    summary = await works.work_off(map(work, items))
    await asyncio.to_thread(finish_pull, lake.ledger, pull)
    return summary

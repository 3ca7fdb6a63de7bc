"""Many questions under one quota: how many are under way, what is saved when, and what an abrupt end costs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.canvas import CanvasError
from pipelines.canvas.errors import (
    ForbiddenError,
    HostUnreachableError,
    InvalidTokenError,
    NotFoundError,
    ServerError,
    ThrottledError,
)
from pipelines.lake import Lake
from pipelines.lake.read import live_rows
from pipelines.ledger import CoverageStatus, Ledger
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.database import rows_of
from pipelines.ledger.pulls import Spent, begin_pull, finish_pull, spent_before
from pipelines.load import work_list
from pipelines.load.questions import Question, Reply, Summary, load_replies
from pipelines.load.work_list import Meter, Work, WorkList, work_off_pull
from pipelines.normalize.contracts.course import COURSE_ACTIVITY
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
Fetch = Callable[[], Awaitable[Reply]]

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite", lambda: NOON))


def question(number: int, source: str = "course_activity") -> Question:
    return Question("course", str(number), "analytics/activity", source, {"course": number})


def reply(number: int, views: object = 1) -> Reply:
    row = {"course_id": number, "date": "2026-11-20", "views": views, "participations": 0}
    return Reply([TableRecords(COURSE_ACTIVITY, [row])], NOON)


def work(number: int, fetch: Fetch | None = None) -> Work:
    async def at_once() -> Reply:
        await asyncio.sleep(0)
        return reply(number)

    return Work(question(number), fetch or at_once, f"basis {number}")


def failing(number: int, error: BaseException) -> Work:
    async def fetch() -> Reply:
        await asyncio.sleep(0)
        raise error

    return work(number, fetch)


def works(lake: Lake, *, width: int = 4, batch: int = 5, on_batch: Callable[[int], None] | None = None) -> WorkList:
    pull = begin_pull(lake.ledger, "x", "course")
    return WorkList(lake, "x", pull, width=width, meter=Meter(), batch=batch, on_batch=on_batch)


def saved(lake: Lake) -> list[int]:
    return [row["course_id"] for row in live_rows(lake, "x", COURSE_ACTIVITY, ["course_id"])]


def covered(lake: Lake) -> dict[int, CoverageStatus]:
    return {int(one.scope_id): one.status for one in coverage_since(lake.ledger, "x", NOON)}


def spent(lake: Lake) -> int:
    (row,) = rows_of(lake.ledger, "SELECT sum(answered) AS n FROM pulls")
    return int(str(row["n"]))


@dataclass
class Gate:
    """Questions that are asked and answered only when the test says so."""

    asked: list[int] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def work(self, number: int) -> Work:
        async def fetch() -> Reply:
            self.asked.append(number)
            await self.open.wait()
            return reply(number)

        return work(number, fetch)


async def settled() -> None:
    """Give every task that can go on the turns to do so."""
    for _ in range(50):
        await asyncio.sleep(0)


async def reached(condition: Callable[[], bool]) -> None:
    """Wait until something holds that another thread brings about; the test's timeout is the bound."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in no event loop
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("width", [1, 3, 7])
def test_never_more_are_under_way_than_allowed_and_all_of_them_are_used(lake: Lake, width: int) -> None:
    now = peak = 0

    def counted(number: int) -> Work:
        async def fetch() -> Reply:
            nonlocal now, peak
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0)
            now -= 1
            return reply(number)

        return work(number, fetch)

    summary = asyncio.run(works(lake, width=width, batch=10).work_off(map(counted, range(60))))
    assert peak == width
    assert summary.questions == 60
    assert saved(lake) == list(range(60))


def test_a_small_batch_bounds_what_is_under_way_too(lake: Lake) -> None:
    async def main() -> None:
        gate = Gate()
        task = asyncio.create_task(works(lake, width=10, batch=3).work_off(map(gate.work, range(40))))
        await settled()
        assert len(gate.asked) == 2 * 3 - 1
        gate.open.set()
        await task

    asyncio.run(main())
    assert saved(lake) == list(range(40))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_fewer_than_two_batches_are_unsaved_at_any_time_even_when_saving_is_slow(
    lake: Lake, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash costs is what was asked and is not in the ledger: also while a save takes its time."""
    save, asked, worst = WorkList._save, 0, 0
    slow = threading.Semaphore(0)

    def saving(self: WorkList, answers: Any) -> None:
        slow.acquire()
        save(self, answers)

    monkeypatch.setattr(WorkList, "_save", saving)

    def counted(number: int) -> Work:
        async def fetch() -> Reply:
            nonlocal asked, worst
            asked += 1
            worst = max(worst, asked - spent(lake))
            await asyncio.sleep(0)
            return reply(number)

        return work(number, fetch)

    async def main() -> None:
        task = asyncio.create_task(works(lake, width=8, batch=batch).work_off(map(counted, range(33))))
        while not task.done():
            await settled()
            assert asked - spent(lake) < 2 * batch
            slow.release()
            await asyncio.sleep(0.001)
        assert (await task).questions == 33

    asyncio.run(main())
    assert worst == 2 * batch - 1
    assert saved(lake) == list(range(33))


def test_every_batch_is_a_checkpoint(lake: Lake) -> None:
    there: list[int] = []

    def heard(questions: int) -> None:
        assert questions <= 5
        # What was told as saved is saved.
        assert len(covered(lake)) == spent(lake) == sum(there) + questions
        there.append(questions)

    asyncio.run(works(lake, on_batch=heard).work_off(map(work, range(23))))
    assert sum(there) == 23
    assert there[:4] == [5, 5, 5, 5]
    loads = rows_of(lake.ledger, "SELECT count(*) AS n FROM loads")
    assert loads == [{"n": len(there)}]


def test_answers_do_not_wait_for_a_full_batch_for_ever(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow Canvas must not keep hours of answers from the disk."""
    monkeypatch.setattr(work_list, "_LONGEST_UNSAVED_SECONDS", 0.0)
    last = asyncio.Event()

    async def slow() -> Reply:
        await last.wait()
        return reply(3)

    async def main() -> None:
        items = [work(1), work(2), work(3, slow)]
        task = asyncio.create_task(works(lake, width=2, batch=100).work_off(items))
        await reached(lambda: set(covered(lake)) == {1, 2})
        last.set()
        await task

    asyncio.run(main())
    assert saved(lake) == [1, 2, 3]


def test_one_bad_question_never_sinks_the_others(lake: Lake) -> None:
    bad: dict[int, tuple[BaseException, CoverageStatus]] = {
        3: (ServerError("Canvas failed.", status=500), CoverageStatus.FAILED),
        7: (ForbiddenError("No.", status=403, right="view_analytics"), CoverageStatus.FORBIDDEN),
        8: (NotFoundError("Nothing.", status=404), CoverageStatus.MISSING),
        11: (UnexpectedAnswerShapeError("activity of course 11: no list"), CoverageStatus.FAILED),
    }
    items = [failing(n, bad[n][0]) if n in bad else work(n) for n in range(20)]
    summary = asyncio.run(works(lake).work_off(items))
    assert saved(lake) == [n for n in range(20) if n not in bad]
    due = {n: bad[n][1] if n in bad else CoverageStatus.LOADED for n in range(20)}
    assert covered(lake) == due
    assert summary.of("course_activity") == {status: list(due.values()).count(status) for status in due.values()}
    assert summary.refused == 3
    assert summary.rows[COURSE_ACTIVITY.qualified] == 16


def test_a_question_without_an_answer_leaves_its_rows_of_before(lake: Lake) -> None:
    asyncio.run(works(lake).work_off([work(1), work(2)]))
    asyncio.run(works(lake).work_off([failing(1, ServerError("Canvas failed.")), work(2)]))
    assert saved(lake) == [1, 2]
    assert covered(lake)[1] is CoverageStatus.FAILED


@pytest.mark.parametrize(
    "error",
    [
        InvalidTokenError("void", status=401),
        HostUnreachableError("no connection"),
        ThrottledError("for minutes", status=403),
    ],
)
def test_what_concerns_every_question_stops_at_once_and_what_was_answered_is_saved(
    lake: Lake, error: CanvasError
) -> None:
    asked = []

    def one(number: int) -> Work:
        async def fetch() -> Reply:
            asked.append(number)
            await asyncio.sleep(0)
            if number == 12:
                raise error
            return reply(number)

        return work(number, fetch)

    with pytest.raises(type(error)):
        asyncio.run(works(lake, width=3).work_off(map(one, range(1000))))
    # Those that were on their way, and nobody after them.
    assert len(asked) <= 12 + 3
    assert covered(lake)[12] is CoverageStatus.FAILED
    assert set(range(12)) - set(saved(lake)) <= set(asked[-3:])
    assert set(saved(lake)) == {n for n, status in covered(lake).items() if status is CoverageStatus.LOADED}
    assert len(saved(lake)) >= 10


def test_a_list_that_is_cancelled_saves_what_was_answered(lake: Lake) -> None:
    async def main() -> None:
        gate = Gate()
        answered = [work(n) for n in range(3)]
        task = asyncio.create_task(works(lake, width=2).work_off([*answered, *map(gate.work, range(50, 60))]))
        await settled()
        assert len(gate.asked) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert saved(lake) == [0, 1, 2]


def test_an_interrupt_saves_what_was_answered_and_ends_the_list(lake: Lake) -> None:
    items = [*(work(n) for n in range(7)), failing(7, KeyboardInterrupt()), *(work(n) for n in range(8, 90))]
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(works(lake, width=1).work_off(items))
    assert saved(lake) == list(range(7))


def test_a_list_that_breaks_off_while_it_is_made_saves_what_was_answered(lake: Lake) -> None:
    def items() -> Iterator[Work]:
        yield from map(work, range(8))
        raise OSError("the list is gone")

    with pytest.raises(OSError, match="the list is gone"):
        asyncio.run(works(lake, width=2).work_off(items()))
    assert saved(lake) == list(range(8))


def _unsaved(monkeypatch: pytest.MonkeyPatch, bad: int, before: Callable[[], object] = lambda: None) -> None:
    """Let the batch with one question not be saved."""
    load = load_replies

    def loading(lake: Lake, instance: str, replies: Sequence[tuple[Question, Reply, str | None]]) -> Any:
        if any(one.scope_id == str(bad) for one, _, _ in replies):
            before()
            raise OSError("no space left on device")
        return load(lake, instance, replies)

    monkeypatch.setattr(work_list, "load_replies", loading)


def test_a_batch_that_cannot_be_saved_raises_and_loses_only_itself(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    _unsaved(monkeypatch, 12)
    with pytest.raises(OSError, match="no space left"):
        asyncio.run(works(lake, width=2).work_off(map(work, range(400))))
    there = saved(lake)
    assert set(range(10)) <= set(there)
    lost = set(range(max(there) + 1)) - set(there)
    assert 12 in lost
    assert len(lost) <= 5
    assert max(there) < 100


def test_a_batch_that_cannot_be_saved_ends_the_list_though_everybody_waits_for_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must end the run and not hang it."""
    gone = threading.Event()
    asked: list[int] = []

    def one(number: int) -> Work:
        async def fetch() -> Reply:
            asked.append(number)
            await asyncio.sleep(0)
            return reply(number)

        return work(number, fetch)

    _unsaved(monkeypatch, 2, before=lambda: gone.wait(20))

    async def main() -> None:
        task = asyncio.create_task(works(lake, width=4).work_off(map(one, range(400))))
        await reached(lambda: len(asked) == 2 * 5 - 1)
        await settled()
        gone.set()
        with pytest.raises(OSError, match="no space left"):
            await asyncio.wait_for(task, 10)

    asyncio.run(main())
    assert set(saved(lake)) == set(asked) - set(asked[:5])


def test_the_last_batch_that_cannot_be_saved_raises_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    _unsaved(monkeypatch, 6)
    with pytest.raises(OSError, match="no space left"):
        asyncio.run(works(lake, width=2).work_off(map(work, range(7))))
    assert saved(lake) == list(range(5))


def run_pull(lake: Lake, numbers: Sequence[int], heard: list[int], **more: Any) -> Summary:
    async def main() -> Summary:
        meter = Meter()
        return await work_off_pull(
            lake, "x", "course", lambda _: numbers, more.pop("make", work), width=2, meter=meter, batch=5,
            on_start=heard.append, **more,
        )  # fmt: skip

    return asyncio.run(main())


def test_a_pull_is_finished_only_when_every_question_was_asked(lake: Lake) -> None:
    heard: list[int] = []
    with pytest.raises(InvalidTokenError):
        run_pull(
            lake, range(9), heard, make=lambda n: failing(n, InvalidTokenError("void")) if n == 6 else work(n)
        )  # fmt: skip
    again = begin_pull(lake.ledger, "x", "course")
    assert again.taken_up
    run_pull(lake, [6, 7, 8], heard)
    assert heard == [9, 3]
    assert not begin_pull(lake.ledger, "x", "course").taken_up
    assert rows_of(lake.ledger, "SELECT pull_id, answered, finished_at IS NULL AS going FROM pulls")[0]["going"] == 0


def test_what_a_pull_cost_is_remembered_for_the_price_of_the_next(lake: Lake) -> None:
    assert spent_before(lake.ledger, "x", "course") is None
    pull = begin_pull(lake.ledger, "x", "course")
    meter = Meter()
    meter.requests, meter.cost = 7, 2.5
    listed = WorkList(lake, "x", pull, width=2, meter=meter, batch=5)
    asyncio.run(listed.work_off(map(work, range(8))))
    finish_pull(lake.ledger, pull)
    found = spent_before(lake.ledger, "x", "course")
    assert found is not None
    assert (found.questions, found.requests, found.cost) == (8, 7, 2.5)
    assert spent_before(lake.ledger, "x", "student") is None
    assert isinstance(found, Spent)


def test_nothing_to_ask_is_nothing_to_save(lake: Lake) -> None:
    heard: list[int] = []
    summary = asyncio.run(works(lake, on_batch=heard.append).work_off([]))
    assert (summary.questions, heard) == (0, [])
    assert rows_of(lake.ledger, "SELECT * FROM loads") == []


def test_the_basis_of_an_answer_is_kept_with_it_and_not_with_a_failure(lake: Lake) -> None:
    asyncio.run(works(lake).work_off([work(1), failing(2, ServerError("Canvas failed."))]))
    found = rows_of(lake.ledger, "SELECT scope_id, fingerprint FROM coverage ORDER BY scope_id")
    assert found == [{"scope_id": "1", "fingerprint": "basis 1"}, {"scope_id": "2", "fingerprint": None}]

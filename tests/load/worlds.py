"""A demo Canvas with a ledger and a lake beside it, on one clock, and what a test does with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pipelines.canvas import CanvasClient, RetryPolicy
from pipelines.demo import DemoCanvas, Institution, ManualClock, QuotaPolicy, seeded_institution
from pipelines.extract.reports import ask
from pipelines.extract.watching import watch
from pipelines.lake import Lake, LoadOutcome
from pipelines.lake.read import live_table
from pipelines.ledger import Coverage, Intent, Ledger
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.intents import get_intent
from pipelines.ledger.wishes import want
from pipelines.load.questions import Summary
from pipelines.load.reports import Reading, load_report
from pipelines.load.work_list import Meter, Work, work_off_pull
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES

AS_OF = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOST = "demo"
NOBODY = cast(CanvasClient, None)
"""For works that are only looked at."""

T = TypeVar("T")
Rows = list[dict[str, Any]]


@lru_cache
def institution(scale: float = 0.2) -> Institution:
    """Return the seeded university; cached, for records are frozen."""
    return seeded_institution(AS_OF, scale=scale)


async def _no_wait(seconds: float) -> None:
    """Stand in for sleep: how long a retry waits is tested with the client."""


@dataclass
class World:
    """Canvas on real sockets, and the pipeline's memory and files."""

    canvas: DemoCanvas
    clock: ManualClock
    home: Path
    ledger: Ledger
    lake: Lake

    def ask(self, work: Callable[[CanvasClient], Awaitable[T]], *, token: str = "") -> T:
        """Do some work with a client of this Canvas."""

        async def main() -> T:
            retries = RetryPolicy(attempts=2, sleep=_no_wait)
            async with CanvasClient(self.canvas.base_url, token or self.canvas.token, retries=retries) as client:
                return await work(client)

        return asyncio.run(main())

    def want(self, report: str = "provisioning_csv", window: str = "today", **parameters: object) -> Intent:
        """Write a wish down."""
        return want(
            self.ledger,
            instance=HOST,
            account_id=1,
            report=report,
            parameters=parameters or {"users": True, "courses": True},
            window=window,
            origin="schedule",
            deadline=timedelta(hours=12),
        )

    def finished(self, report: str = "provisioning_csv", window: str = "today", **parameters: object) -> Intent:
        """Wish, ask, let Canvas finish, and see it."""
        intent = self.want(report, window, **parameters)
        self.ask(lambda client: ask(self.ledger, client, intent))
        self.clock.advance(60)
        self.ask(lambda client: watch(self.ledger, client, HOST))
        return get_intent(self.ledger, intent.intent_id)

    def load(self, intent: Intent) -> LoadOutcome:
        """Load a finished report."""
        return self.ask(lambda client: load_report(self.lake, client, intent, Reading(self.downloads)))

    @property
    def downloads(self) -> Path:
        return self.home / "state" / "downloads"

    def rows(self, table: str, *, system: bool = False) -> Rows:
        """Return the live rows of a table, every slice of it."""
        contract = TABLES[table]
        names = [column.name for column in (*contract.columns, *(SYSTEM_COLUMNS if system else ()))]
        rows: Rows = live_table(self.lake, HOST, contract, names).to_pylist()
        return rows

    def pull(
        self,
        family: str,
        items: Sequence[T],
        works: Callable[[CanvasClient], Callable[[T], Work]],
        *,
        token: str = "",
        width: int = 4,
        batch: int = 50,
    ) -> list[Coverage]:
        """Work off a pull of some items; return how each ended, ordered by scope and endpoint."""
        began = self.clock()

        async def work(client: CanvasClient) -> Summary:
            return await work_off_pull(
                self.lake,
                HOST,
                family,
                lambda _: items,
                works(client),
                width=width,
                meter=Meter(),
                batch=batch,
            )

        summary = self.ask(work, token=token)
        assert summary.questions == len(items)
        places = {(work.question.scope_id, work.question.endpoint) for work in map(works(NOBODY), items)}
        return [
            entry for entry in coverage_since(self.ledger, HOST, began) if (entry.scope_id, entry.endpoint) in places
        ]

    def parquet(self) -> list[Path]:
        """Return every file below the lake, whatever it is called."""
        return sorted(path for path in self.lake.root.rglob("*") if path.is_file())


@contextmanager
def open_world(home: Path, **options: Any) -> Iterator[World]:
    """Start a demo Canvas; give it with an empty ledger and lake below `home`."""
    clock = ManualClock(NOON)
    options.setdefault("quota", QuotaPolicy(hwm=1e9, maximum=1e9))
    with DemoCanvas(options.pop("institution", None) or institution(), clock=clock, **options) as canvas:
        ledger = Ledger(home / "state" / "ledger.sqlite", clock)
        yield World(canvas, clock, home, ledger, Lake(home / "lake", ledger))

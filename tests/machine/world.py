"""A Canvas, a data directory, and the programs that work on it: what the machine moves, step by step.

The programs are the product's own: a round of the sensor, the load of a run, the ask of a schedule, a person's
commands. What Dagster does between them (run keys that are kept for ever, runs that wait, failures that are counted)
is done here as Dagster does it.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from pydantic import SecretStr

from assets.reports import load_intent
from pipelines.asking import ask_reports
from pipelines.canvas import Answer, CanvasClient, CanvasError, Record, RequestEvent, RetryPolicy
from pipelines.canvas import client as client_module
from pipelines.canvas.account_reports import abort_run
from pipelines.extract import report_calls
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import Outcome, all_intents, get_intent, intent_of_report, open_intents
from pipelines.ledger.report_facts import record_failed, record_status, unpark
from pipelines.ledger.wishes import want
from pipelines.load.report_parameters import canonical_parameters
from pipelines.load.reports import REFUSED, ReportGoneError, ReportNotReadyError
from pipelines.looking import delete_report, look, nothing_to_do, ready
from pipelines.private_files import private_folder
from pipelines.project import Project
from pipelines.sensors import ATTEMPT_TAG, INTENT_TAG, _count, run_key
from pipelines.settings import CanvasSettings, ReportSettings, SensorSettings, Settings
from tests.machine.canvas import ORIGIN, TOKEN, Canvas, Echo
from tests.machine.line import ASKING, LINE, Line, Transport
from tests.machine.processes import Death, Order, Process, Turns, WatchedLedger, watched_system

START = datetime(2026, 11, 20, 2, tzinfo=UTC)
DEADLINE = timedelta(hours=6)
ACCOUNTS = (1, 2)

NOT_LOADED = (CanvasError, ReportNotReadyError, ReportGoneError, *REFUSED)
"""How a load may fail; anything else is a mistake in the product."""


@dataclass(frozen=True)
class Wish:
    """A kind of report that is wanted: which, with which parameters, and what is done about it."""

    report: str
    parameters: dict[str, Any]
    adopt: bool = False
    delete: bool = False

    def settings(self) -> ReportSettings:
        """Return the settings that ask for it."""
        return ReportSettings(
            report=self.report,
            parameters=self.parameters,
            accounts=ACCOUNTS,
            adopt=self.adopt,
            delete_after_load=self.delete,
            deadline_hours=DEADLINE / timedelta(hours=1),
        )

    def echo(self) -> Echo:
        """Return the parameters as Canvas has them when a person asks for the same in a browser."""
        return {name: str(value).lower() for name, value in self.parameters.items()}


WISHES = (
    Wish("provisioning_csv", {"accounts": True, "terms": True}),
    Wish("provisioning_csv", {"accounts": True, "terms": True, "include_deleted": True}),
    Wish("campus_rooms_csv", {}, adopt=True),
    Wish("campus_rooms_csv", {"enrollment_term_id": 7}),
    Wish("parking_csv", {}, delete=True),
)

_OFFERED: dict[str, dict[str, object]] = {
    "provisioning_csv": {
        "parameters": {
            name: {"required": False, "description": ""} for name in ("accounts", "terms", "include_deleted")
        }
    },
    "campus_rooms_csv": {"parameters": {"enrollment_term_id": {"required": False, "description": ""}}},
    "parking_csv": {"parameters": None},
}


@dataclass
class Clock:
    """The time on this machine. It goes on when it is told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time


class WatchedProject(Project):
    """The product's own project, on a ledger with boundaries, with a client that waits on a clock of ours."""

    @cached_property
    def ledger(self) -> WatchedLedger:
        """The ledger; the machine sees each of its transactions."""
        return WatchedLedger(private_folder(self.home / "state") / "ledger.sqlite", self.clock)

    def client(self, *, light: bool = False, on_request: Callable[[RequestEvent], None] | None = None) -> CanvasClient:
        """Return a client as the product has it, but for the address and the waiting."""
        clock = self.clock
        assert isinstance(clock, Clock)

        async def wait(seconds: float) -> None:
            clock.advance(timedelta(seconds=seconds))

        retries = RetryPolicy(attempts=2 if light else 3, throttled_attempts=3, sleep=wait, chance=lambda: 0.5)
        return CanvasClient(ORIGIN, TOKEN, retries=retries, on_request=on_request)


@dataclass(frozen=True)
class Run:
    """A run that Dagster has, of one attempt to load a report."""

    report_id: int
    tags: dict[str, str]


@dataclass
class Dagster:
    """What Dagster remembers: every run key that it has seen, runs that wait, and runs whose failure is not counted."""

    keys: set[str] = field(default_factory=set)
    waiting: list[Run] = field(default_factory=list)
    slow: list[tuple[Run, Intent]] = field(default_factory=list)
    """Runs that have read what they are to load, and did not get any further yet."""
    failed: list[Run] = field(default_factory=list)

    def request(self, intents: Sequence[Intent]) -> None:
        """Take the requests of a sensor's tick: a run for each key that is new."""
        for intent in intents:
            key = run_key(intent)
            if key not in self.keys:
                self.keys.add(key)
                tags = {INTENT_TAG: str(intent.intent_id), ATTEMPT_TAG: str(intent.attempts + 1)}
                self.waiting.append(Run(intent.report_id or 0, tags))


class World:
    """Everything that one example of the machine has. `skew` is how far Canvas's clock is ahead of ours."""

    def __init__(self, home: Path, skew: timedelta) -> None:
        self.clock = Clock()
        self.canvas = Canvas(lambda: self.clock() + skew, _OFFERED)
        self.line = Line(self.canvas, self.clock)
        self.dagster = Dagster()
        self.overtaken: set[int] = set()
        """Intents with a POST under way while time passed: it may have been given up in between."""
        self.died = 0
        self._settings = Settings(
            canvas=CanvasSettings(base_url=ORIGIN, accounts=ACCOUNTS),
            reports=tuple(wish.settings() for wish in WISHES),
            sensor=SensorSettings(load_attempts=3, retry_minutes=2),
            home=home,
            token=SecretStr(TOKEN),
        )
        self.project = self.new_project()
        self.instance = self._settings.instance
        LINE.set(self.line)

    def new_project(self) -> WatchedProject:
        """Return the project as a process that starts now opens it."""
        return WatchedProject(self._settings, self.clock)

    def restart(self) -> None:
        """Forget everything that is not on disk."""
        self.project.ledger.close()
        self.project = self.new_project()

    def close(self) -> None:
        """End the example."""
        self.project.ledger.close()

    def pass_time(self, time: timedelta) -> None:
        """Let time pass, and what lay on the line arrive."""
        self.clock.advance(time)
        self.line.deliver()

    def do(self, work: Callable[[Project], object], dies: Death = None) -> Process:
        """Do some work in a process that may die; after its death everything is opened anew from disk."""
        process = Process(dies)
        process.run(lambda: work(self.project))
        if process.dead:
            self.died += 1
            self.restart()
        return process

    def do_two(
        self,
        works: Sequence[Callable[[Project], object]],
        deaths: Sequence[Death],
        order: Order,
        pause: tuple[int, timedelta] = (-1, timedelta(0)),
    ) -> None:
        """Do two pieces of work at once in processes of their own; before turn `pause[0]`, time passes."""

        def meanwhile(turn: int) -> None:
            if turn == pause[0]:
                self.overtaken |= {
                    one.intent_id
                    for one in all_intents(self.project.ledger, self.instance)
                    if one.state is IntentState.POSTING
                }
                self.pass_time(pause[1])

        projects = [self.new_project() for _ in works]
        bound = [partial(work, project) for work, project in zip(works, projects, strict=True)]
        self.died += Turns(order, meanwhile).run(bound, deaths)
        for project in projects:
            project.ledger.close()

    def wish(self, wish: Wish, account: int, window: str, *, reuse_open: bool) -> Callable[[Project], object]:
        """Return the work of a person's command up to the ledger: a wish that the next tick asks for."""

        def work(project: Project) -> None:
            want(
                project.ledger,
                instance=self.instance,
                account_id=account,
                report=wish.report,
                parameters=canonical_parameters(wish.report, wish.parameters),
                window=window,
                origin="command",
                deadline=DEADLINE,
                reuse_open=reuse_open,
            )

        return work

    def schedule(self, wishes: Sequence[Wish], window: str) -> Callable[[Project], object]:
        """Return the work of a schedule: it asks for configured reports of both accounts, once per window."""

        def work(project: Project) -> None:
            reports = [wish.settings() for wish in wishes]
            with suppress(CanvasError):
                asyncio.run(ask_reports(project, reports, window=window, origin="schedule"))

        return work

    def tick(self, project: Project) -> None:
        """Do what a tick of the sensor does: count what failed since, look, and ask for runs."""
        self.count_failures(project)
        try:
            if nothing_to_do(project):
                return
            watched = asyncio.run(look(project, idle=True))
        except CanvasError:
            return
        for problem in watched.problems:
            assert isinstance(problem, CanvasError), problem
        self.dagster.request(ready(project, watched.finished))

    def count_failures(self, project: Project) -> None:
        """Do what the failure sensors do: count each attempt whose run failed or died."""
        while self.dagster.failed:
            run = self.dagster.failed[0]
            _count(dg.DagsterRun("load", tags=run.tags), project, "The run failed")
            if run in self.dagster.failed:
                self.dagster.failed.remove(run)

    def next_run(self, project: Project) -> None:
        """Do the run that has waited longest, if one waits. It counts as failed unless it comes to its end."""
        if not self.dagster.waiting:
            return
        run = self.dagster.waiting.pop(0)
        intent = intent_of_report(project.ledger, self.instance, run.report_id)
        assert intent is not None
        self._load(project, run, intent)

    def slow_down(self) -> None:
        """Let the run that has waited longest read what it is to load, and then stand still."""
        run = self.dagster.waiting.pop(0)
        intent = intent_of_report(self.project.ledger, self.instance, run.report_id)
        assert intent is not None
        self.dagster.slow.append((run, intent))

    def slow_run(self, project: Project) -> None:
        """Let the slow run that has stood still longest go on, if there is one."""
        if self.dagster.slow:
            self._load(project, *self.dagster.slow.pop(0))

    def _load(self, project: Project, run: Run, intent: Intent) -> None:
        try:
            load_intent(project, intent)
        except BaseException as error:
            self.dagster.failed.append(run)
            if not isinstance(error, NOT_LOADED):
                raise

    def sync(self, project: Project) -> None:
        """Load every finished report in one go, as `sync` does; parked ones too."""
        for intent in open_intents(project.ledger, self.instance):
            if intent.state in (IntentState.FINISHED, IntentState.PARKED):
                with suppress(*NOT_LOADED):
                    load_intent(project, intent)

    def retry(self, project: Project) -> None:
        """Free every parked report, as a person does."""
        for intent in open_intents(project.ledger, self.instance):
            unpark(project.ledger, intent.intent_id)

    def abort(self, number: int) -> Callable[[Project], object]:
        """Return the work of a person's command to abort the report of an intent."""

        def work(project: Project) -> None:
            intent = get_intent(project.ledger, number)

            async def main() -> None:
                async with project.client(light=True) as client:
                    await abort_run(client, intent.account_id or 0, intent.report, intent.report_id or 0)

            with suppress(CanvasError):
                asyncio.run(main())
                record_status(project.ledger, number, status="aborted", progress=None, ended_at=None)
                record_failed(project.ledger, number, "Aborted by a person", outcome=Outcome.CANCELLED)

        return work

    def delete(self, number: int) -> Callable[[Project], object]:
        """Return the work of a person's command to delete the report of an intent."""

        def work(project: Project) -> None:
            intent = get_intent(project.ledger, number)

            async def main() -> None:
                async with project.client(light=True) as client:
                    await delete_report(project, client, intent)

            with suppress(CanvasError):
                asyncio.run(main())
                record_failed(project.ledger, number, "Deleted by a person", outcome=Outcome.CANCELLED)

        return work


@contextmanager
def watched_product() -> Iterator[None]:
    """Put the product on the line: its requests go there, and each POST says which intent it is for."""
    start = report_calls.start

    async def watched_start(client: CanvasClient, intent: Intent) -> Answer[Record]:
        token = ASKING.set(intent.intent_id)
        try:
            return await start(client, intent)
        finally:
            ASKING.reset(token)

    def open_line(origin: object, user_agent: str, *_: object) -> httpx.AsyncClient:
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        return httpx.AsyncClient(headers=headers, transport=Transport(LINE.get()), trust_env=False)

    with watched_system(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_calls, "start", watched_start)
        patch.setattr(client_module, "open_http", open_line)
        yield


def temporary_home() -> Path:
    """Return a new folder, in memory where the system has such a place: the machine writes many small files."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))

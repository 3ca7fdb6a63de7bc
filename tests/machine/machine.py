"""The state machine: every step is something that Canvas, a person, the network, the clock or a program does."""

import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import all_intents
from pipelines.project import Project
from tests.machine.canvas import DAMAGED, Job, Report
from tests.machine.checks import Checks
from tests.machine.line import Kind, Trouble
from tests.machine.world import ACCOUNTS, DEADLINE, WISHES, World, temporary_home

Work = Callable[[Project], object]

LOST = st.sampled_from([Trouble.LOST_BEFORE, Trouble.LOST_AFTER, Trouble.LATE, Trouble.LATE, Trouble.EDGE_AFTER])
PICKS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5])
HERE = st.sampled_from([ACCOUNTS[0], ACCOUNTS[0], ACCOUNTS[0], ACCOUNTS[1]])
CONTENTS = st.sampled_from([1, 2, 3, 4, 5, 6, 7, DAMAGED])
BOUNDARIES = st.integers(1, 40)
TIMES = st.sampled_from(
    [timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=11), timedelta(hours=1)]
)
JUMPS = st.sampled_from([timedelta(hours=7), timedelta(hours=20), timedelta(days=3)])
PROGRAMS = st.sampled_from(["tick", "tick", "tick", "run", "run", "slow run", "sync", "schedule", "retry"])
MANY = st.lists(st.sampled_from(WISHES), min_size=1, max_size=2, unique_by=lambda wish: (wish.report, str(wish)))
WINDOWS = st.integers(1, 9).map("day {}".format)

_MAY: dict[str, Callable[[Report], bool]] = {
    "begins": lambda one: one.job is Job.WAITS,
    "goes on": lambda one: one.job is Job.RUNS,
    "completes": lambda one: one.job is Job.RUNS,
    "completes late": lambda one: one.job is Job.RUNS,
    "shows the late file": lambda one: one.link_is_late,
    "fails": lambda one: one.job is Job.RUNS,
    "dies": lambda one: one.job is Job.RUNS,
    "is stuck": lambda one: one.job in (Job.WAITS, Job.RUNS),
    "sees that it was deleted": lambda one: one.deleted and one.job is Job.RUNS,
    "aborts for somebody": lambda one: one.visible and one.status == "running",
    "deletes for somebody": lambda one: one.visible,
    "forgets": lambda one: one.visible,
}
"""What Canvas does, and of which reports it can be."""

CANVAS = [*_MAY, *("begins", "completes") * 3, "completes late", "sees that it was deleted"]


class ReportMachine(RuleBasedStateMachine):
    """Reports from the wish to the rows, with everything that can come between."""

    steps: ClassVar[int] = 0
    deaths: ClassVar[int] = 0
    loads: ClassVar[int] = 0

    @initialize(minutes=st.sampled_from([0, 0, -4, 4]))
    def begin(self, minutes: int) -> None:
        self.home = temporary_home()
        self.world = World(self.home, timedelta(minutes=minutes))
        self.checks = Checks(self.world)
        # The check that follows is of no step.
        type(self).steps -= 1

    def reports(self) -> list[Report]:
        """Return the reports that Canvas has, ours first, the newest first."""
        found = self.world.canvas.reports.values() if hasattr(self, "world") else ()
        ours = sorted(found, key=lambda one: (one.starter is None, -one.number))
        return [one for one in ours if not one.vanished]

    def own(self) -> list[Intent]:
        """Return the intents whose report was started from here, newest first."""
        if not hasattr(self, "world"):
            return []
        found = all_intents(self.world.project.ledger, self.world.instance)
        return [one for one in reversed(found) if one.is_own]

    def program(self, name: str, wishes: Sequence[Any], window: str) -> Work:
        return {
            "tick": self.world.tick,
            "run": self.world.next_run,
            "slow run": self.world.slow_run,
            "sync": self.world.sync,
            "schedule": self.world.schedule(wishes, window),
            "retry": self.world.retry,
        }[name]

    # Programs and persons at our end.

    @rule(wish=st.sampled_from(WISHES), account=HERE, window=WINDOWS, reuse_open=st.booleans())
    def wish(self, wish: Any, account: int, window: str, reuse_open: bool) -> None:
        self.world.do(self.world.wish(wish, account, window, reuse_open=reuse_open))

    @rule(name=PROGRAMS, wishes=MANY, window=WINDOWS)
    def work(self, name: str, wishes: Sequence[Any], window: str) -> None:
        self.world.do(self.program(name, wishes, window))

    @rule()
    def tick(self) -> None:
        self.world.do(self.world.tick)

    @precondition(lambda self: hasattr(self, "world") and self.world.dagster.waiting)
    @rule()
    def load(self) -> None:
        self.world.do(self.world.next_run)

    @precondition(lambda self: hasattr(self, "world") and self.world.dagster.waiting)
    @rule()
    def a_run_begins_and_stands_still(self) -> None:
        self.world.slow_down()

    @rule(wish=st.sampled_from(WISHES), account=HERE, window=WINDOWS, content=CONTENTS)
    def all_goes_well(self, wish: Any, account: int, window: str, content: int) -> None:
        self.world.do(self.world.wish(wish, account, window, reuse_open=False))
        self.world.do(self.world.tick)
        self._finish_all(content)
        self.world.do(self.world.tick)
        while self.world.dagster.waiting:
            self.world.do(self.world.next_run)

    @rule(name=PROGRAMS, wishes=MANY, window=WINDOWS, dies_at=BOUNDARIES)
    def die(self, name: str, wishes: Sequence[Any], window: str, dies_at: int) -> None:
        self.world.do(self.program(name, wishes, window), dies_at)

    @rule(wish=st.sampled_from(WISHES), account=HERE, window=WINDOWS, dies_at=st.integers(1, 3))
    def die_wishing(self, wish: Any, account: int, window: str, dies_at: int) -> None:
        self.world.do(self.world.wish(wish, account, window, reuse_open=False), dies_at)

    @rule(
        names=st.tuples(PROGRAMS, PROGRAMS),
        wishes=st.tuples(MANY, MANY),
        windows=st.tuples(WINDOWS, WINDOWS),
        deaths=st.tuples(*[st.none() | BOUNDARIES] * 2),
        order=st.lists(st.booleans(), max_size=30),
        first=st.none() | st.tuples(st.sampled_from(WISHES), HERE, WINDOWS),
        turn=st.integers(0, 60),
        time=TIMES,
    )
    def two_at_once(
        self,
        names: tuple[str, str],
        wishes: tuple[Sequence[Any], Sequence[Any]],
        windows: tuple[str, str],
        deaths: tuple[int | None, int | None],
        order: list[bool],
        first: tuple[Any, int, str] | None,
        turn: int,
        time: timedelta,
    ) -> None:
        if first is not None:
            self.world.do(self.world.wish(*first, reuse_open=False))
        works = [self.program(*one) for one in zip(names, wishes, windows, strict=True)]
        self.world.do_two(works, deaths, order, (turn, time))

    @rule(wish=st.sampled_from(WISHES), account=HERE, window=WINDOWS, order=st.lists(st.booleans(), max_size=12))
    def two_look_after_one_wish(self, wish: Any, account: int, window: str, order: list[bool]) -> None:
        self.world.do(self.world.wish(wish, account, window, reuse_open=False))
        self.world.do_two([self.world.tick, self.world.tick], [None, None], order)

    @precondition(lambda self: self.own())
    @rule(pick=PICKS, delete=st.booleans())
    def a_person_stops_a_report(self, pick: int, delete: bool) -> None:
        intents = self.own()
        intent = intents[pick % len(intents)]
        if delete:
            self.world.do(self.world.delete(intent.intent_id))
        elif intent.state is IntentState.ASKED:
            self.world.do(self.world.abort(intent.intent_id))

    @rule()
    def restart(self) -> None:
        self.world.restart()

    # The network and the clock.

    @rule(kind=st.sampled_from(Kind), troubles=st.lists(st.sampled_from(Trouble), min_size=1, max_size=4))
    def trouble(self, kind: Kind, troubles: list[Trouble]) -> None:
        self.world.line.troubles[kind] = troubles

    @rule(wish=st.sampled_from(WISHES), account=HERE, window=WINDOWS, trouble=LOST)
    def a_post_gets_lost(self, wish: Any, account: int, window: str, trouble: Trouble) -> None:
        self.world.do(self.world.wish(wish, account, window, reuse_open=False))
        self.world.line.troubles[Kind.ASK] = [trouble]
        self.world.do(self.world.tick)

    @rule()
    def the_network_heals(self) -> None:
        for waiting in self.world.line.troubles.values():
            waiting.clear()

    @rule(time=TIMES)
    def time_passes(self, time: timedelta) -> None:
        self.world.pass_time(time)

    @rule(time=JUMPS)
    def the_clock_jumps(self, time: timedelta) -> None:
        self.world.pass_time(time)

    # Canvas.

    @precondition(lambda self: self.reports())
    @rule(what=st.sampled_from(CANVAS), pick=PICKS, content=CONTENTS)
    def canvas_does(self, what: str, pick: int, content: int) -> None:
        found = [one for one in self.reports() if _MAY[what](one)]
        if found:
            self._canvas(what, found[pick % len(found)], content)

    @precondition(lambda self: any(one.status == "complete" for one in self.reports()))
    @rule(pick=PICKS, content=CONTENTS, at_once=st.booleans())
    def canvas_makes_another_file(self, pick: int, content: int, at_once: bool) -> None:
        found = [one for one in self.reports() if one.status == "complete" and not one.link_is_late]
        if found:
            report = found[pick % len(found)]
            self.world.canvas.again(report)
            if at_once:
                self.world.canvas.complete(report, content)

    @precondition(lambda self: self.reports())
    @rule(content=CONTENTS)
    def canvas_catches_up(self, content: int) -> None:
        self._finish_all(content)

    def _canvas(self, what: str, report: Report, content: int) -> None:
        canvas = self.world.canvas
        if what in ("completes", "completes late"):
            canvas.complete(report, content, late=what == "completes late")
        elif what in ("fails", "dies"):
            canvas.fail(report, whole=what == "fails")
        elif what == "is stuck":
            report.job = Job.STUCK
        else:
            {
                "begins": canvas.run,
                "goes on": canvas.work,
                "shows the late file": canvas.link,
                "sees that it was deleted": canvas.notice,
                "aborts for somebody": canvas.abort,
                "deletes for somebody": canvas.delete,
                "forgets": canvas.vanish,
            }[what](report)

    def _finish_all(self, content: int) -> None:
        for report in self.reports():
            if not report.deleted and report.job in (Job.WAITS, Job.RUNS):
                if report.job is Job.WAITS:
                    self.world.canvas.run(report)
                self.world.canvas.complete(report, content)

    @rule(wish=st.sampled_from(WISHES), account=HERE, course=st.sampled_from([None, "17"]))
    def somebody_starts_a_report(self, wish: Any, account: int, course: str | None) -> None:
        echo = {**wish.echo(), **({"course_id": course} if course else {})}
        self.world.canvas.start(account, wish.report, echo, None)

    @invariant()
    def holds(self) -> None:
        type(self).steps += 1
        self.checks.step()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:
                come_to_rest(self.world, self.checks)
        finally:
            type(self).deaths += self.world.died
            type(self).loads += len(self.checks.known_loads)
            self.checks.close()
            self.world.close()
            shutil.rmtree(self.home, ignore_errors=True)


def come_to_rest(world: World, checks: Checks) -> None:
    """Let Canvas be well and every report finish, and the programs go on until nothing is left to do; then look."""
    for waiting in world.line.troubles.values():
        waiting.clear()
    world.line.deliver(whatever_the_time=True)
    _finish(world)
    calm_since = world.clock()
    step = timedelta(minutes=11)
    for turn in range(60):
        world.do(world.tick)
        while world.dagster.waiting:
            world.do(world.next_run)
        while world.dagster.slow:
            world.do(world.slow_run)
        _finish(world)
        checks.step()
        world.do(world.retry)
        world.pass_time(step)
        busy = [one for one in all_intents(world.project.ledger, world.instance) if one.ended_at is None]
        if turn > 2:
            step = DEADLINE / 4
            if not busy and not world.dagster.failed:
                break
    checks.end(calm_since)


def _has_made(report: Report) -> bool:
    """Return whether a report has a file that somebody may load, and no worker that will make another."""
    return report.ready if report.job is Job.OVER else report.job is Job.STUCK and report.visible


def _finish(world: World) -> None:
    """Let every report that is not stuck end well, and make those anew whose file cannot be read."""
    canvas = world.canvas
    for report in list(canvas.reports.values()):
        if report.link_is_late:
            canvas.link(report)
        if report.job is Job.WAITS:
            canvas.run(report)
        if report.job is Job.RUNS:
            canvas.complete(report, 5)
        elif _has_made(report) and report.file is not None and report.file.content == DAMAGED:
            canvas.again(report)
            canvas.complete(report, 6)

"""Reports that were asked for are watched until they finish, fail or are overdue, and for a day after.

Also for the reports that persons ran, where the settings adopt them. Loading a finished report's rows is the lake's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.canvas import CanvasClient, CanvasError
from pipelines.canvas.errors import NotFoundError
from pipelines.extract import report_calls
from pipelines.extract.report_states import Observation, Verdict, adoptable, observe
from pipelines.extract.reports import NEVER, Group
from pipelines.extract.work import concerns_all
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.intents import (
    ended_since,
    get_intent,
    newest_finished,
    open_intents,
    owned_reports,
    parameters_hash,
)
from pipelines.ledger.report_facts import last_looks, record_failed, record_look, record_status, reopen
from pipelines.ledger.wishes import adopt

AFTERWATCH = timedelta(hours=24)
"""How long a report is still looked at after its story was over: it may complete late, or with another file."""

IDLE_PAUSE = timedelta(minutes=10)
"""Time between two looks at a list in which nothing of ours is under way."""

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Adoption:
    """Reports that are taken up when a person has run them: of one account and kind, with these parameters."""

    account_id: int
    report: str
    parameters: Mapping[str, object]
    deadline: timedelta

    @property
    def group(self) -> Group:
        """The list that shows them."""
        return f"accounts/{self.account_id}", self.report


@dataclass
class Watched:
    """What one look at Canvas showed. `problems` are failures to look, by account and report."""

    finished: list[Intent] = field(default_factory=list)
    failed: list[Intent] = field(default_factory=list)
    pending: list[Intent] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0


async def watch(
    ledger: Ledger,
    client: CanvasClient,
    instance: str,
    *,
    only: Iterable[int] | None = None,
    time_is_up: Callable[[], bool] = lambda: False,
    adoptions: Sequence[Adoption] = (),
    idle: bool = False,
    is_away: bool = False,
    into: Watched | None = None,
) -> Watched:
    """Look at every asked report once, one call per account and report; whose list waited longest comes first.

    `only` narrows it to some intents. With `idle` it also looks, now and then, at lists in which nothing of ours is
    under way: for reports that persons ran (`adoptions`), and for ones that complete after their story was over. When
    `time_is_up`, the rest is left for the next look and counted. When Canvas `is_away`, or turns out to be, it is not
    asked, and only the deadlines are held. What is found is there in `into` even if the look is cancelled.
    """
    look = _Look(ledger, client, instance, adoptions, Watched() if into is None else into)
    return await look.all(None if only is None else set(only), time_is_up, idle=idle, is_away=is_away)


def nothing_to_look_at(ledger: Ledger, instance: str, adoptions: Sequence[Adoption] = ()) -> bool:
    """Return whether no report is under way and no idle list is due: then Canvas need not be asked."""
    if open_intents(ledger, instance):
        return False
    return not _idle_groups(ledger, instance, adoptions)


def _idle_groups(ledger: Ledger, instance: str, adoptions: Sequence[Adoption]) -> dict[Group, Intent | Adoption]:
    """Return the lists that are looked at now and then, and are due: for each, somebody to ask on behalf of."""
    now = ledger.clock()
    looks = last_looks(ledger, instance)
    found: dict[Group, Intent | Adoption] = {one.group: one for one in adoptions}
    for intent in ended_since(ledger, instance, now - AFTERWATCH):
        # A course's newest report is the only one its list shows, so that looking at it tells nothing of others.
        if intent.course_id is None:
            found.setdefault((intent.context, intent.report), intent)
    return {
        group: one
        for group, one in found.items()
        # A look in the future is one of a clock that has been put right since.
        if not timedelta() <= now - looks.get(group, NEVER) < IDLE_PAUSE
    }


class _Look:
    """One look at Canvas: what is asked for, and what it shows."""

    def __init__(
        self, ledger: Ledger, client: CanvasClient, instance: str, adoptions: Sequence[Adoption], result: Watched
    ) -> None:
        self.ledger = ledger
        self.client = client
        self.instance = instance
        self.adoptions = adoptions
        self.result = result
        since = ledger.clock() - AFTERWATCH
        ended = [one for one in ended_since(ledger, instance, since) if one.course_id is None]
        self.ended = {intent.report_id: intent for intent in ended}

    async def all(self, only: set[int] | None, time_is_up: Callable[[], bool], *, idle: bool, is_away: bool) -> Watched:
        groups: dict[Group, list[Intent]] = defaultdict(list)
        for intent in open_intents(self.ledger, self.instance):
            if only is not None and intent.intent_id not in only:
                continue
            if intent.state is IntentState.ASKED:
                groups[intent.context, intent.report].append(intent)
            elif intent.state is IntentState.FINISHED:
                self.result.finished.append(intent)
            elif intent.state in (IntentState.WANTED, IntentState.POSTING):
                self._unless_overdue(intent)
        resting = _idle_groups(self.ledger, self.instance, self.adoptions) if idle else {}
        looks = last_looks(self.ledger, self.instance)
        # Reports under way first; among them, the list that waited longest: one that is slow keeps no other waiting.
        order = sorted({*groups, *resting}, key=lambda group: self._turn(group, groups, looks))
        for group in order:
            intents = groups.get(group, [])
            if is_away:
                for intent in intents:
                    self._unless_overdue(intent)
                continue
            if time_is_up():
                self.result.left_out += max(len(intents), 1)
                continue
            record_look(self.ledger, self.instance, *group)
            try:
                await self._group(group, intents, time_is_up)
            except CanvasError as error:
                self.result.problems.append(error)
                is_away = concerns_all(error)
                for intent in intents:
                    self._unless_overdue(intent)
        return self.result

    @staticmethod
    def _turn(
        group: Group, groups: Mapping[Group, Sequence[Intent]], looks: Mapping[Group, datetime]
    ) -> tuple[bool, datetime, int]:
        intents = groups.get(group)
        return not intents, looks.get(group, NEVER), intents[0].intent_id if intents else 0

    async def _group(self, group: Group, intents: Sequence[Intent], time_is_up: Callable[[], bool]) -> None:
        seen: dict[int, Observation] = {}
        if group[0].startswith("accounts/"):
            wanted = {intent.report_id for intent in intents}
            account = int(group[0].removeprefix("accounts/"))
            pages = report_calls.of_account(self.client, account, group[1])
            runs, _ = await report_calls.observed(pages, time_is_up, wanted=wanted)
            seen = {run.report_id: run for run in runs}
        for intent in intents:
            run = seen.get(intent.report_id or 0)
            if run is None and time_is_up():
                self.result.left_out += 1
                continue
            if run is None:
                # Not among the newest: asked for by its id. 404 means deleted.
                try:
                    run = observe((await report_calls.show(self.client, intent)).data)
                except NotFoundError:
                    record_status(self.ledger, intent.intent_id, status="deleted", progress=None, ended_at=None)
                    self._failed(intent, "The report is gone from Canvas: somebody deleted it")
                    continue
                except CanvasError as error:
                    # Only this one could not be looked at: what the list said of the others stands.
                    self.result.problems.append(error)
            if run is not None:
                self._record(intent, run)
            else:
                self._unless_overdue(intent)
        self._take_up_again(seen)
        self._adopt(group, list(seen.values()))

    def _record(self, intent: Intent, run: Observation) -> None:
        # `complete` without its file yet is recorded as running: `finished` is a fact only when there is a file.
        status = "running" if run.status == "complete" and run.verdict is Verdict.PENDING else run.status
        record_status(
            self.ledger,
            intent.intent_id,
            status=status,
            progress=run.progress,
            started_at=run.started_at,
            ended_at=run.ended_at,
        )
        if run.verdict is Verdict.FINISHED:
            self.result.finished.append(get_intent(self.ledger, intent.intent_id))
        elif run.verdict is Verdict.FAILED:
            self._failed(intent, run.reason or run.status)
        else:
            if run.reason:
                self.result.warnings.append(f"{intent.report} {intent.report_id}: {run.reason}")
            self._unless_overdue(intent)

    def _failed(self, intent: Intent, why: str) -> None:
        record_failed(self.ledger, intent.intent_id, why)
        self.result.failed.append(get_intent(self.ledger, intent.intent_id))

    def _unless_overdue(self, intent: Intent) -> None:
        now = self.ledger.clock()
        if now < intent.deadline_at:
            self.result.pending.append(get_intent(self.ledger, intent.intent_id))
            return
        waited = now - intent.wanted_at
        long = f"{waited / _HOUR:.1f} hours" if waited >= _HOUR else f"{waited / _MINUTE:.0f} minutes"
        self._failed(
            intent,
            f"Overdue: not finished {long} after it was wanted. Look at it in Canvas, or raise deadline_hours of this "
            "report",
        )

    def _take_up_again(self, seen: Mapping[int, Observation]) -> None:
        """Open intents again whose report has completed after all, or has another file than the one loaded."""
        for run in seen.values():
            intent = self.ended.get(run.report_id)
            if intent is None or run.verdict is not Verdict.FINISHED:
                continue
            loaded = intent.state is IntentState.LOADED
            if loaded and (run.file_id is None or intent.file_id is None or run.file_id == intent.file_id):
                continue
            if reopen(self.ledger, intent):
                why = "has another file than the one that was loaded" if loaded else "has completed after all"
                self.result.warnings.append(f"{intent.report} {intent.report_id} {why}; it is loaded.")
                self._record(intent, run)

    def _adopt(self, group: Group, runs: Sequence[Observation]) -> None:
        for adoption in self.adoptions:
            if adoption.group != group:
                continue
            newest = newest_finished(
                self.ledger,
                self.instance,
                adoption.account_id,
                adoption.report,
                parameters_hash(adoption.parameters),
            )
            owned = owned_reports(self.ledger, self.instance)
            run = adoptable(runs, owned, adoption.report, adoption.parameters, newest)
            intent = run and adopt(
                self.ledger,
                instance=self.instance,
                account_id=adoption.account_id,
                report=adoption.report,
                parameters=adoption.parameters,
                report_id=run.report_id,
                created_at=run.created_at,
                deadline=adoption.deadline,
            )
            if run and intent:
                self._record(intent, run)

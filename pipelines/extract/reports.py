"""The life cycle of account reports: asked, watched until they finish, taken up again after a crash.

The ledger holds the facts; what Canvas's answers mean is decided in `report_states`. Loading a finished report's rows
is the lake's.
"""

import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pipelines.canvas import CanvasClient, CanvasError
from pipelines.canvas.account_reports import report_runs, show_run, start_report
from pipelines.canvas.errors import AuthenticationError, BadRequestError, ForbiddenError, NotFoundError
from pipelines.extract.report_states import Observation, Verdict, match_lost, observe
from pipelines.extract.work import concerns_all
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.intents import (
    all_intents,
    claim_post,
    get_intent,
    open_intents,
    record_asked,
    record_failed,
    record_status,
    release_post,
)

GRACE = timedelta(minutes=2)
"""How long a POST without a recorded answer may still lead to a report that the index does not show yet."""

_MOST_PAGES = 5

_REFUSED_FOR_GOOD = (BadRequestError, ForbiddenError, NotFoundError)


class RepeatedReportIdError(Exception):
    """Canvas gave a report an id that another report of ours has: it is not the Canvas that the ledger knows."""


@dataclass
class Watched:
    """What one look at Canvas showed. `problems` are failures to look, by account and report."""

    finished: list[Intent] = field(default_factory=list)
    failed: list[Intent] = field(default_factory=list)
    pending: list[Intent] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0


async def ask(ledger: Ledger, client: CanvasClient, intent: Intent) -> Intent:
    """Start the report of an intent in Canvas, unless somebody has; return the intent as it stands then.

    A POST is sent by one process only and never repeated blindly: when its answer is lost, the intent stays as
    posting, and `reconcile` finds out what became of it. Raises CanvasError; a refusal that Canvas will repeat ends
    the intent.
    """
    if not claim_post(ledger, intent.intent_id, f"{os.getpid()}-{uuid.uuid4().hex[:6]}"):
        return get_intent(ledger, intent.intent_id)
    try:
        answer = await start_report(client, intent.account_id, intent.report, intent.parameters)  # type: ignore[arg-type]
    except CanvasError as error:
        if isinstance(error, _REFUSED_FOR_GOOD):
            record_failed(ledger, intent.intent_id, error.what)
        elif error.had_no_effect or isinstance(error, AuthenticationError):
            release_post(ledger, intent.intent_id)
        # Anything else may have started the report all the same: the intent stays as posting.
        raise
    seen = observe(answer.data)
    if seen is not None and not record_asked(ledger, intent.intent_id, seen.report_id, seen.status):
        why = f"Canvas gave it the id {seen.report_id}, which an earlier report has: Canvas was reset or restored"
        record_failed(ledger, intent.intent_id, why)
        raise RepeatedReportIdError(
            f"{intent.report} was not taken up. {why}. Begin with a new data directory for this Canvas: set "
            "CANVASLAKE_HOME, or move the old one away."
        )
    return get_intent(ledger, intent.intent_id)


async def reconcile(ledger: Ledger, client: CanvasClient, instance: str) -> list[Intent]:
    """Find out what became of POSTs whose answer was never recorded: adopt the report, or free the intent.

    An intent is freed for another POST only after a grace time in which the index shows no report that fits.
    Returns the intents that are free to be asked now: those, and those that were wanted and never posted.
    """
    standing = open_intents(ledger, instance)
    lost: dict[tuple[int, str], list[Intent]] = defaultdict(list)
    for intent in standing:
        if intent.state is IntentState.POSTING:
            lost[intent.account_id, intent.report].append(intent)
    if lost:
        owned = {intent.report_id for intent in all_intents(ledger, instance) if intent.report_id is not None}
        for (account, report), intents in lost.items():
            try:
                runs = await _index(client, account, report, wanted=())
            except CanvasError as error:
                if concerns_all(error):
                    raise
                # These stay as posting, until their deadline at most; the others must not wait for them.
                continue
            for intent_id, report_id in match_lost(intents, runs, owned).items():
                status = next(run.status for run in runs if run.report_id == report_id)
                record_asked(ledger, intent_id, report_id, status)
            for intent in intents:
                now = get_intent(ledger, intent.intent_id)
                posted = now.posting_at
                if now.state is IntentState.POSTING and posted is not None and ledger.clock() - posted > GRACE:
                    release_post(ledger, intent.intent_id)
    return [intent for intent in open_intents(ledger, instance) if intent.state is IntentState.WANTED]


async def watch(
    ledger: Ledger,
    client: CanvasClient,
    instance: str,
    *,
    only: Iterable[int] | None = None,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Watched:
    """Look at every asked report once, one index call per account and report, the oldest wish first.

    `only` narrows it to some intents. When `time_is_up`, the rest is left for the next look and counted.
    """
    chosen = None if only is None else set(only)
    groups: dict[tuple[int, str], list[Intent]] = defaultdict(list)
    result = Watched()
    for intent in open_intents(ledger, instance):
        if chosen is not None and intent.intent_id not in chosen:
            continue
        if intent.state is IntentState.ASKED:
            groups[intent.account_id, intent.report].append(intent)
        elif intent.state is IntentState.FINISHED:
            result.finished.append(intent)
        elif intent.state in (IntentState.WANTED, IntentState.POSTING):
            _unless_overdue(ledger, intent, result)
    for (account, report), intents in groups.items():
        if time_is_up():
            result.left_out += len(intents)
            continue
        try:
            await _look(ledger, client, account, report, intents, result)
        except CanvasError as error:
            result.problems.append(error)
            for intent in intents:
                _unless_overdue(ledger, intent, result)
    return result


async def _look(
    ledger: Ledger, client: CanvasClient, account: int, report: str, intents: Sequence[Intent], result: Watched
) -> None:
    wanted = {intent.report_id for intent in intents}
    seen = {run.report_id: run for run in await _index(client, account, report, wanted=wanted)}
    for intent in intents:
        run = seen.get(intent.report_id or 0)
        if run is None:
            # Not among the newest: asked for by its id. 404 means deleted.
            try:
                run = observe((await show_run(client, account, report, intent.report_id or 0)).data)
            except NotFoundError:
                record_status(ledger, intent.intent_id, status="deleted", progress=None, ended_at=None)
                record_failed(ledger, intent.intent_id, "The report is gone from Canvas: somebody deleted it")
                result.failed.append(get_intent(ledger, intent.intent_id))
                continue
            except CanvasError as error:
                # Only this one could not be looked at: what the index said of the others stands.
                result.problems.append(error)
        if run is not None:
            _record(ledger, intent, run, result)
        else:
            _unless_overdue(ledger, intent, result)


def _record(ledger: Ledger, intent: Intent, run: Observation, result: Watched) -> None:
    # `complete` without its file yet is recorded as running: `finished` is a fact only when there is a file to load.
    status = "running" if run.status == "complete" and run.verdict is Verdict.PENDING else run.status
    record_status(ledger, intent.intent_id, status=status, progress=run.progress, ended_at=run.ended_at)
    if run.verdict is Verdict.FINISHED:
        result.finished.append(get_intent(ledger, intent.intent_id))
    elif run.verdict is Verdict.FAILED:
        record_failed(ledger, intent.intent_id, run.reason or run.status)
        result.failed.append(get_intent(ledger, intent.intent_id))
    else:
        if run.reason:
            result.warnings.append(f"{intent.report} {intent.report_id}: {run.reason}")
        _unless_overdue(ledger, intent, result)


def _unless_overdue(ledger: Ledger, intent: Intent, result: Watched) -> None:
    now = ledger.clock()
    if now < intent.deadline_at:
        result.pending.append(get_intent(ledger, intent.intent_id))
        return
    record_failed(
        ledger,
        intent.intent_id,
        f"Overdue: not finished {_hours(now - intent.wanted_at)} after it was wanted. Look at it in Canvas, or raise "
        "deadline_hours of this report",
    )
    result.failed.append(get_intent(ledger, intent.intent_id))


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f} hours"


async def _index(client: CanvasClient, account: int, report: str, wanted: Iterable[int | None]) -> list[Observation]:
    """Return the newest reports of one kind, reading on while wanted ones are missing, five pages at most."""
    missing = {one for one in wanted if one is not None}
    found: list[Observation] = []
    pages = 0
    async for page in report_runs(client, account, report):
        pages += 1
        for record in page.data:
            run = observe(record)
            if run is not None:
                found.append(run)
                missing.discard(run.report_id)
        if not missing or pages >= _MOST_PAGES:
            break
    return found

"""Reports are asked for once: the right to POST, lost answers found again, and what becomes of them.

The ledger holds the facts; what Canvas's answers mean is decided in `report_states`. How reports are watched until they
finish is in `watching`.
"""

import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta

from pipelines.canvas import CanvasClient, CanvasError
from pipelines.canvas.errors import (
    AuthenticationError,
    BadRequestError,
    EdgeRefusedError,
    ForbiddenError,
    NotFoundError,
)
from pipelines.extract import report_calls
from pipelines.extract.report_states import Observation, Verdict, match_lost, observe
from pipelines.extract.work import concerns_all
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.intents import (
    IdentifiedBy,
    get_intent,
    intent_of_report,
    open_intents,
    owned_reports,
)
from pipelines.ledger.report_facts import (
    claim_post,
    last_looks,
    record_asked,
    record_failed,
    record_look,
    release_post,
)
from pipelines.ledger.wishes import record_lost

GRACE = timedelta(minutes=2)
"""How long a POST without a recorded answer may still lead to a report that the list does not show yet."""

_NO_PAUSE = timedelta(days=7)
NEVER = datetime.min.replace(tzinfo=UTC)
"""When a list was looked at that never was."""

_REFUSED_FOR_GOOD = (BadRequestError, ForbiddenError, NotFoundError)

Group = tuple[str, str]
"""The context and the name of a report: what one list of Canvas speaks of."""


class RepeatedReportIdError(Exception):
    """Canvas gave a report an id that another report of ours has: it is not the Canvas that the ledger knows."""


async def ask(ledger: Ledger, client: CanvasClient, intent: Intent) -> Intent:
    """Start the report of an intent in Canvas, unless somebody has; return the intent as it stands then.

    A POST is sent by one process only and never repeated blindly: when its answer is lost, the intent stays as
    posting, and `reconcile` finds out what became of it. Raises CanvasError; a refusal that Canvas will repeat ends
    the intent.
    """
    if not claim_post(ledger, intent.intent_id, f"{os.getpid()}-{uuid.uuid4().hex[:6]}"):
        return get_intent(ledger, intent.intent_id)
    try:
        answer = await report_calls.start(client, intent)
    except CanvasError as error:
        if isinstance(error, _REFUSED_FOR_GOOD) and not isinstance(error, EdgeRefusedError):
            record_failed(ledger, intent.intent_id, str(error)[:1000])
        elif error.had_no_effect or isinstance(error, AuthenticationError):
            release_post(ledger, intent.intent_id)
        # Anything else may have started the report all the same: the intent stays as posting.
        raise
    seen = observe(answer.data)
    if seen is not None and not record_asked(
        ledger, intent.intent_id, seen.report_id, seen.status, created_at=seen.created_at
    ):
        if _taken_from_the_list(ledger, intent, seen):
            why = f"Its report {seen.report_id} was taken for that of an equal POST; it is asked for again"
            record_lost(ledger, intent.intent_id, why)
            return get_intent(ledger, intent.intent_id)
        why = f"Canvas gave it the id {seen.report_id}, which an earlier report has: Canvas was reset or restored"
        record_failed(ledger, intent.intent_id, why)
        raise RepeatedReportIdError(
            f"{intent.report} was not taken up. {why}. Begin with a new data directory for this Canvas: set "
            "CANVASLAKE_HOME, or move the old one away."
        )
    return get_intent(ledger, intent.intent_id)


def _taken_from_the_list(ledger: Ledger, intent: Intent, seen: Observation) -> bool:
    """Return whether somebody read the list before our answer came, and took our report for that of a lost POST."""
    owner = intent_of_report(ledger, intent.instance, seen.report_id, of_course=intent.course_id is not None)
    posted = get_intent(ledger, intent.intent_id).posting_at
    return (
        owner is not None
        and owner.identified_by is IdentifiedBy.INDEX
        and owner.asked_at is not None
        and posted is not None
        and owner.asked_at >= posted
    )


async def reconcile(
    ledger: Ledger, client: CanvasClient, instance: str, *, time_is_up: Callable[[], bool] = lambda: False
) -> list[Intent]:
    """Find out what became of POSTs whose answer was never recorded: take the report up, or give the intent up.

    An intent is given up after a grace time in which Canvas's list shows no report that fits; another one takes its
    place, so that none is posted twice. The list that waited longest comes first; when `time_is_up`, the others wait
    for the next time. Returns the intents that are free to be asked now, and whose pause is over.
    """
    lost: dict[Group, list[Intent]] = defaultdict(list)
    for intent in open_intents(ledger, instance):
        if intent.state is IntentState.POSTING:
            lost[intent.context, intent.report].append(intent)
    for group in _longest_waiting(ledger, instance, lost):
        if time_is_up():
            break
        intents = lost[group]
        record_look(ledger, instance, *_for_lost(group))
        # Before the list is read: what is started while it is read may not be on it.
        looked_at = ledger.clock()
        try:
            runs, whole = await report_calls.observed(report_calls.newest(client, intents[0]), time_is_up)
        except CanvasError as error:
            if concerns_all(error):
                raise
            # These stay as posting, until their deadline at most; the others must not wait for them.
            continue
        owned = owned_reports(ledger, instance, of_course=intents[0].course_id is not None)
        for intent_id, report_id in match_lost(intents, runs, owned).items():
            run = next(run for run in runs if run.report_id == report_id)
            record_asked(ledger, intent_id, report_id, run.status, by=IdentifiedBy.INDEX, created_at=run.created_at)
        for intent in intents:
            now = get_intent(ledger, intent.intent_id)
            posted = now.posting_at
            # A moment in the future is one of a clock that has been put right since.
            over = posted is not None and abs(looked_at - posted) > GRACE
            if now.state is IntentState.POSTING and over and whole:
                why = "Canvas did not answer the POST, and its list shows no report that fits; it is asked for again"
                record_lost(ledger, intent.intent_id, why)
    return [one for one in open_intents(ledger, instance) if one.state is IntentState.WANTED and is_due(ledger, one)]


def is_due(ledger: Ledger, intent: Intent) -> bool:
    """Return whether an intent waits for no other attempt. A pause that is far too long is one of a wrong clock."""
    after = intent.next_attempt_at
    return after is None or not ledger.clock() < after < ledger.clock() + _NO_PAUSE


def _for_lost(group: Group) -> Group:
    """Return the name under which looks for lost answers are noted: they are no looks at what is under way."""
    return f"lost {group[0]}", group[1]


def _longest_waiting(ledger: Ledger, instance: str, groups: Iterable[Group]) -> list[Group]:
    looks = last_looks(ledger, instance)
    return sorted(groups, key=lambda group: looks.get(_for_lost(group), NEVER))


async def at_work(ledger: Ledger, client: CanvasClient, instance: str, reports: Collection[str]) -> set[int]:
    """Return the intents of some reports that Canvas is at work on, as it says now, and record nothing.

    What a list that cannot be read would show is left out.
    """
    groups: dict[Group, list[Intent]] = defaultdict(list)
    for intent in open_intents(ledger, instance):
        if intent.report in reports and intent.state is IntentState.ASKED:
            groups[intent.context, intent.report].append(intent)
    found: set[int] = set()
    for intents in groups.values():
        try:
            newest, _ = await report_calls.observed(report_calls.newest(client, intents[0]))
        except CanvasError as error:
            if concerns_all(error):
                break
            continue
        runs = {run.report_id: run for run in newest}
        for intent in intents:
            run = runs.get(intent.report_id or 0)
            if run is not None and run.verdict is Verdict.PENDING:
                found.add(intent.intent_id)
    return found

"""Who failed and was parked is told to people once, whoever found it out: a tick, a run, or a sync.

What is told stands in the ledger, so that nothing is told twice and nothing is left out. How it is told is in `alerts`.
"""

from datetime import timedelta

from pipelines.alerts import alert
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import untold
from pipelines.ledger.report_facts import last_looks, record_look, record_told
from pipelines.looking import will_not_come
from pipelines.project import Project

LONGEST = timedelta(days=7)
"""What is older is no news: a command that is named today is not told of everything that ever failed."""

PAUSE = timedelta(minutes=10)
"""A command that does not work is not run at each tick."""

_FAILED_ALERT = ("alert", "failed")
"""Where the ledger has the moment of the last command that failed, among the looks at lists of reports."""


def tell(project: Project) -> str | None:
    """Run the alert command once for every report that failed or is parked and was not told; return what went wrong.

    Nothing without a command. What could not be told is tried again after a pause; until then None is returned.
    """
    command = project.settings.sensor.alert
    if not command:
        return None
    ledger, instance, now = project.ledger, project.settings.instance, project.clock()
    intents = untold(ledger, instance, now - LONGEST)
    if not intents:
        return None
    tried = last_looks(ledger, instance).get(_FAILED_ALERT)
    if tried is not None and now - tried < PAUSE:
        return None
    trouble = alert(command, [_message(intent) for intent in intents])
    if trouble is None:
        record_told(ledger, intents)
    else:
        record_look(ledger, instance, *_FAILED_ALERT)
    return trouble


def _message(intent: Intent) -> str:
    if intent.state is not IntentState.PARKED:
        return will_not_come(intent)
    return (
        f"{intent.report} {intent.report_id} of {intent.place} is parked after {intent.attempts} attempts to load it: "
        f"{intent.failure} Next: canvaslake reports retry {intent.intent_id}"
    )

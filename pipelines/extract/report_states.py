"""What Canvas's answers about a report mean. Pure decisions: no requests, no ledger.

Status decides, never progress: failure sets progress to 100 too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipelines.canvas.account_reports import RAW_TRUTHY, report_file
from pipelines.ledger import Intent

_CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far Canvas's clock may be behind ours when reports are matched by their time of creation."""


class Verdict(StrEnum):
    """What a report's state means for the pipeline."""

    PENDING = "pending"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class Observation:
    """A report as Canvas describes it now. `reason` is set when it failed, and when its state is unknown."""

    report_id: int
    status: str
    verdict: Verdict
    progress: int | None
    created_at: datetime | None
    ended_at: datetime | None
    parameters: Mapping[str, object]
    reason: str | None = None


_PENDING = {"created", "running", "compiling"}
_FAILED = {"error", "aborted", "deleted"}


def observe(run: Mapping[str, object]) -> Observation | None:
    """Read a report object; None if it has no usable id."""
    report_id, status = run.get("id"), str(run.get("status"))
    if isinstance(report_id, str) and report_id.isdecimal():
        report_id = int(report_id)
    if not isinstance(report_id, int) or isinstance(report_id, bool):
        return None
    parameters = run.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    verdict, reason = Verdict.PENDING, None
    if status == "complete":
        # `complete` is saved together with the file; without one there is nothing to load yet.
        verdict = Verdict.FINISHED if report_file(dict(run)) is not None else Verdict.PENDING
    elif status in _FAILED:
        verdict = Verdict.FAILED
        said = parameters.get("extra_text")
        reason = f"Canvas ended the report as {status}" + (f": {str(said)[:300]}" if said else "")
    elif status not in _PENDING:
        reason = f"Canvas calls the report {status!r}, which is not known; it is waited for until its deadline"
    progress = run.get("progress")
    return Observation(
        report_id=report_id,
        status=status,
        verdict=verdict,
        progress=int(progress) if isinstance(progress, int | float) else None,
        created_at=_moment(run.get("created_at")),
        ended_at=_moment(run.get("ended_at")),
        parameters=parameters,
        reason=reason,
    )


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def match_lost(lost: Sequence[Intent], runs: Sequence[Observation], owned: Collection[int]) -> dict[int, int]:
    """Match intents whose POST has no recorded answer with reports that nobody owns: intent id to report id.

    A report fits an intent if it was created after the POST was about to be sent and its parameters agree. Oldest
    intents get the oldest fitting reports; each report goes to one intent.
    """
    free = sorted((run for run in runs if run.report_id not in owned), key=lambda run: run.report_id)
    matched: dict[int, int] = {}
    for intent in sorted(lost, key=lambda one: one.intent_id):
        for run in free:
            late_enough = (
                run.created_at is None
                or intent.posting_at is None
                or run.created_at >= intent.posting_at - _CLOCK_DIFFERENCE
            )
            if late_enough and parameters_agree(intent.parameters, run.parameters):
                matched[intent.intent_id] = run.report_id
                free.remove(run)
                break
    return matched


def parameters_agree(sent: Mapping[str, object], echoed: Mapping[str, object]) -> bool:
    """Return whether the echo of a report's parameters fits what was sent.

    The echo turns values into texts, gains `locale` and `extra_text`, and may move `start_at` and `end_at`; so only
    what was sent is compared, as text, and a selector that the echo has on must have been sent on.
    """
    moved = {"start_at", "end_at"}
    for name, value in sent.items():
        if name in moved or value is None or (value is False and (name in RAW_TRUTHY or name not in echoed)):
            continue
        if name not in echoed or _plain(echoed[name]) != _plain(value):
            return False
    added = {name for name, value in echoed.items() if name not in sent and _plain(value) == "true"}
    return not added


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return sorted(str(_plain(item)) for item in value)
    text = str(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text

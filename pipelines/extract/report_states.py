"""What Canvas's answers about a report mean. Pure decisions: no requests, no ledger.

Status decides, never progress: failure sets progress to 100 too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipelines.canvas.account_reports import DATES_MOVE, FALSE_WORDS, RAW_TRUTHY, TRUE_WORDS, report_file
from pipelines.canvas.moments import moment_of
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
    started_at: datetime | None = None
    file_id: int | None = None


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
    file = report_file(dict(run))
    if status == "complete":
        # `complete` is saved together with the file; without one there is nothing to load yet.
        verdict = Verdict.FINISHED if file is not None else Verdict.PENDING
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
        created_at=moment_of(run.get("created_at")),
        ended_at=moment_of(run.get("ended_at")),
        parameters=parameters,
        reason=reason,
        started_at=moment_of(run.get("started_at")),
        file_id=file.file_id if file else None,
    )


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
            dates_move = intent.report in DATES_MOVE
            if late_enough and parameters_agree(intent.parameters, run.parameters, dates_move=dates_move):
                matched[intent.intent_id] = run.report_id
                free.remove(run)
                break
    return matched


def parameters_agree(sent: Mapping[str, object], echoed: Mapping[str, object], *, dates_move: bool = False) -> bool:
    """Return whether the echo of a report's parameters says what was sent, and nothing else.

    The echo turns values into texts, spells booleans in any of Canvas's ways and lists in any order. What was left out
    is the same as false or empty. `locale` and `extra_text` are Canvas's own words in it, and where `dates_move` so is
    a `start_at` or `end_at` that was left out; what was sent of these is compared as a moment.
    """
    spared = _ADDED | (_WINDOW if dates_move else set())
    for name in {*sent, *echoed}:
        ours, theirs = sent.get(name), echoed.get(name)
        if name in spared and _meaning(name, ours) is None:
            continue
        if isinstance(ours, list | tuple) or isinstance(theirs, list | tuple):
            if _texts(ours) != _texts(theirs):
                return False
        elif _meaning(name, ours) != _meaning(name, theirs):
            return False
    return True


def adoptable(
    runs: Sequence[Observation],
    owned: Collection[int],
    report: str,
    parameters: Mapping[str, object],
    newer_than: int,
) -> Observation | None:
    """Return the newest finished run that nobody owns and whose rows are those that `parameters` ask for, or None.

    `newer_than` is the id of the newest run of the kind that is here already.
    """
    wanted = _about_rows(parameters)
    found = [
        run
        for run in runs
        if run.verdict is Verdict.FINISHED
        and run.report_id > newer_than
        and run.report_id not in owned
        and parameters_agree(wanted, _about_rows(run.parameters), dates_move=report in DATES_MOVE)
    ]
    return max(found, key=lambda run: run.report_id, default=None)


def _about_rows(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters without the one that says whether Canvas writes to the person who asked."""
    return {name: value for name, value in parameters.items() if name != "skip_message"}


_ADDED = frozenset({"locale", "extra_text"})
_WINDOW = frozenset({"start_at", "end_at"})
_NUMBERS = frozenset({"enrollment_term_id", "enrollment_term", "course_id", "course", "limiting_period"})
"""Ids and days: in these, 1 and 0 are no words for true and false."""


def _meaning(name: str, value: object) -> bool | str | datetime | None:
    """Return what Canvas makes of a value that is no list; None for what is the same as left out."""
    text = str(value).strip()
    if value is None or value is False or text == "":
        return None
    if name in RAW_TRUTHY:
        return True
    if name not in _NUMBERS and text.lower() in TRUE_WORDS:
        return True
    if name not in _NUMBERS and text.lower() in FALSE_WORDS:
        return None
    moment = moment_of(text)
    # Canvas may tell a moment without its fraction of a second.
    return text if moment is None else moment.replace(microsecond=0)


def _texts(value: object) -> set[str]:
    if value is None or value is False:
        return set()
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    return {str(part).strip() for part in parts} - {""}

"""One run of a report, its file, and what is going to happen to it once it runs.

Records and a timetable; who moves runs along it is `report_desk`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipelines.demo.builders import BuiltReport
from pipelines.demo.faults import UNKNOWN_STATE, ReportOutcome
from pipelines.demo.preferences import Preferences

_COMPILING_FROM: Final = 0.9

STATES_ENTERED: Final = {
    "die": "error",
    "compile": "compiling",
    "abort": "aborted",
    "delete": "deleted",
    "unknown": UNKNOWN_STATE,
}
"""Event -> the state that a run goes into by it, its file and times untouched."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A finished report's file; `key` names it on the files host."""

    id: int
    name: str
    content_type: str
    content: bytes
    created_at: datetime

    @property
    def key(self) -> str:
        """The path of the file on the files host."""
        return f"/attachments/{self.id}/{self.name}"


@dataclass(slots=True, eq=False)
class ReportRun:
    """One run of a report. `progress` and `current_line` are as of the desk's last look at the clock.

    `course_id` is None for account reports. `user_id` is who started it, None for the user of the API.
    `preferences` are the starter's own, None for those of the institution when the run starts.
    """

    id: int
    account_id: int
    report: str
    parameters: dict[str, Any]
    created_at: datetime
    course_id: int | None = None
    user_id: int | None = None
    preferences: Preferences | None = None
    outcome: ReportOutcome | None = None
    status: str = "created"
    progress: int = 0
    current_line: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    file: ReportFile | None = None
    vanished: bool = False
    built: BuiltReport | None = None
    failure: str | None = None
    events: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def visible(self) -> bool:
        """Whether the API still shows the run."""
        return self.status != "deleted" and not self.vanished


def events_of(run: ReportRun, at: datetime, duration: timedelta, *, parallel: bool) -> list[tuple[datetime, str]]:
    """Return what happens to a run that starts at `at`, in order."""
    end, half = at + duration, at + duration / 2
    if run.failure is not None:
        return [(end, "fail")]
    unusual: dict[ReportOutcome, list[tuple[datetime, str]]] = {
        "error": [(end, "fail")],
        "dies": [(half, "die")],
        "stuck_running": [],
        "vanishes": [(half, "vanish")],
        "completes_twice": [(end, "finish"), (end + duration, "restart"), (end + duration * 2, "finish")],
        "complete_before_ended": [(end, "finish_early")],
        "aborted_with_file": [(half, "abort"), (end, "finish_aborted")],
        "deleted_then_aborted": [(half, "delete"), (end, "notice")],
        "deleted_then_complete": [(half, "delete"), (end, "finish")],
        "unknown_state": [(half, "unknown"), (end + duration, "finish")],
        "stuck_unknown": [(half, "unknown")],
    }
    if run.outcome in unusual:
        return unusual[run.outcome]
    # Where several workers share a job, their parts are put together in a state of its own.
    compiling = [(at + duration * _COMPILING_FROM, "compile")] if parallel else []
    return [*compiling, (end, "finish")]

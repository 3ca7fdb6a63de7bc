"""The life of report runs: created, running, then complete, error, aborted or deleted.

Moves runs along the clock and keeps their files; one run at a time for the root account, the others
wait in `created`. What a run looks like as JSON is in `reports_api`, what is in its file in `builders`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipelines.demo.builders import REPORT_TYPES, BuiltReport, ReportFailedError, ReportScope
from pipelines.demo.clock import Clock
from pipelines.demo.faults import Faults, ReportEnds, ReportOutcome
from pipelines.demo.institution import Institution

_LOG: Final = logging.getLogger(__name__)
_STEP: Final = 1000
_FIRST_FILE_ID: Final = 50001


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
    """One run of a report. `progress` and `current_line` are as of the desk's last look at the clock."""

    id: int
    account_id: int
    report: str
    parameters: dict[str, Any]
    created_at: datetime
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


class ReportDesk:
    """All report runs of the institution. Times are seconds; every method is safe to call from any thread."""

    def __init__(
        self,
        institution: Callable[[], Institution],
        clock: Clock,
        faults: Faults,
        *,
        report_seconds: float,
        ended_at_lag: float = 0.0,
        first_report_id: int = 1001,
    ) -> None:
        self._first_report_id = first_report_id
        self.report_seconds = report_seconds
        self.ended_at_lag = ended_at_lag
        self._institution = institution
        self._clock = clock
        self._faults = faults
        self._runs: list[ReportRun] = []
        self._files: dict[int, ReportFile] = {}
        self._busy_until: datetime | None = None
        self._lock = threading.RLock()

    def create(self, account_id: int, report: str, parameters: Mapping[str, Any]) -> ReportRun:
        """Ask for a report; never refused and never merged with an equal one."""
        with self._lock:
            self._advance()
            ends = self._faults.take(ReportEnds, "POST", report)
            run = ReportRun(
                id=self._first_report_id + len(self._runs),
                account_id=account_id,
                report=report,
                parameters=dict(parameters),
                created_at=self._clock(),
                outcome=None if ends is None else ends.outcome,
            )
            self._runs.append(run)
            return run

    def find(self, account_id: int, report: str, report_id: int) -> ReportRun | None:
        """Return a visible run of the account and type; None is the API's 404."""
        with self._lock:
            self._advance()
            return next(
                (
                    run
                    for run in self._runs
                    if run.id == report_id and run.account_id == account_id and run.report == report and run.visible
                ),
                None,
            )

    def index(self, account_id: int, report: str) -> list[ReportRun]:
        """Return the visible runs of an account and type, newest first."""
        with self._lock:
            self._advance()
            found = [each for each in self._runs if each.account_id == account_id and each.report == report]
            return sorted((run for run in found if run.visible), key=lambda run: (run.created_at, run.id), reverse=True)

    def all(self) -> list[ReportRun]:
        """Return every run ever asked for, deleted ones too, oldest first."""
        with self._lock:
            self._advance()
            return list(self._runs)

    def file(self, file_id: int) -> ReportFile | None:
        """Return a file by the id of its attachment; deleting a report does not remove its file."""
        with self._lock:
            return self._files.get(file_id)

    def delete(self, run: ReportRun) -> None:
        """Mark a run deleted. A running job only notices at its next 1,000th row, or not at all."""
        with self._lock:
            self._advance()
            self._interrupt(run, "deleted")

    def abort(self, run: ReportRun) -> bool:
        """Abort a running run; False (the API's 404) from any other state."""
        with self._lock:
            self._advance()
            if run.status != "running":
                return False
            self._interrupt(run, "aborted")
            return True

    def _interrupt(self, run: ReportRun, status: str) -> None:
        was_running = run.status == "running"
        run.status = status
        if not was_running or run.built is None or run.started_at is None:
            return
        total = sum(run.built.lines.values())
        mark = (self._lines_done(run) // _STEP + 1) * _STEP
        if mark < total:
            at = run.started_at + timedelta(seconds=self.report_seconds * mark / total)
            run.events = [(at, "notice")]
            self._busy_until = at
        elif status == "aborted":
            run.events = [(at, "finish_aborted") for at, _ in run.events[:1]]

    def _advance(self) -> None:
        """Let everything happen that is due by now, in the order in which it was due."""
        now = self._clock()
        while True:
            due: list[tuple[datetime, int, ReportRun]] = [
                (run.events[0][0], run.id, run) for run in self._runs if run.events
            ]
            waiting = next((r for r in self._runs if r.status == "created" and r.outcome != "stuck_created"), None)
            if waiting is not None:
                starts = max(waiting.created_at, self._busy_until or waiting.created_at)
                due.append((starts, waiting.id, waiting))
            due = [each for each in due if each[0] <= now]
            if not due:
                break
            at, _, run = min(due, key=lambda each: each[:2])
            if run.events:
                _, event = run.events.pop(0)
                self._happen(run, event, at)
            else:
                self._start(run, at)
        for run in self._runs:
            if run.status == "running":
                self._note_progress(run)

    def _start(self, run: ReportRun, at: datetime) -> None:
        institution = self._institution()
        scope = ReportScope(institution, institution.account_by_id[run.account_id], run.parameters, at)
        duration = timedelta(seconds=self.report_seconds)
        run.status, run.started_at, run.progress, run.current_line = "running", at, 0, 0
        try:
            run.built = REPORT_TYPES[run.report].build(scope)
        except ReportFailedError as failure:
            run.failure = str(failure)
        except Exception:  # noqa: BLE001 - a bad parameter ends the run in Canvas, and must not end the desk here
            _LOG.exception("the builder of %s failed", run.report)
            run.failure = "the report could not be generated"
        term = "All Terms" if scope.term is None else scope.term.name
        run.parameters = {**run.parameters, "locale": "en", "extra_text": f"Term: {term};"}
        end = at + duration
        half = at + duration / 2
        if run.failure is not None or run.outcome == "error":
            run.events = [(end, "fail")]
        elif run.outcome == "dies":
            end, run.events = half, [(half, "die")]
        elif run.outcome == "vanishes":
            end, run.events = half, [(half, "vanish")]
        elif run.outcome == "completes_twice":
            run.events = [(end, "finish"), (end + duration, "restart"), (end + duration * 2, "finish")]
        else:
            run.events = [(end, "finish")]
        self._busy_until = end

    def _happen(self, run: ReportRun, event: str, at: datetime) -> None:
        if event == "die":
            self._note_progress(run, at)
            run.status = "error"
        elif event == "vanish":
            run.vanished = True
        elif event == "restart":
            run.status, run.started_at, run.ended_at, run.progress = "running", at, None, 0
        elif event == "fail":
            self._end(run, "error", at, f"Failed, {run.failure or 'the report could not be generated'}")
        elif event == "notice":
            self._end(run, "aborted", at, "Report has been aborted")
        else:
            # A job that was deleted too late to notice brings its report back as complete.
            self._attach(run, at)
            aborted = event == "finish_aborted"
            said = "Report has been aborted" if aborted else None
            self._end(run, "aborted" if aborted else "complete", at, said)

    def _end(self, run: ReportRun, status: str, at: datetime, said: str | None) -> None:
        run.status, run.progress = status, 100
        run.ended_at = at + timedelta(seconds=self.ended_at_lag)
        if said is not None:
            run.parameters = {**run.parameters, "extra_text": said}

    def _attach(self, run: ReportRun, at: datetime) -> None:
        built = run.built
        if built is None:
            return
        stamp = at.strftime("%d_%b_%Y")
        # A plain CSV carries the suffix of the temporary file it was written to.
        suffix = ".zip" if built.zipped else f"{run.id:08x}-{len(self._files):x}.csv"
        file_id = _FIRST_FILE_ID + len(self._files)
        name = f"{run.report}_{stamp}_{run.id}{suffix}"
        run.file = ReportFile(file_id, name, built.content_type, built.content, at)
        self._files[file_id] = run.file
        run.current_line = list(built.lines.values())[-1]

    def _share_done(self, run: ReportRun, at: datetime | None = None) -> float:
        if run.started_at is None or self.report_seconds <= 0:
            return 1.0
        elapsed = ((at or self._clock()) - run.started_at).total_seconds()
        return min(max(elapsed / self.report_seconds, 0.0), 1.0)

    def _lines_done(self, run: ReportRun, at: datetime | None = None) -> int:
        total = sum(run.built.lines.values()) if run.built else 0
        return int(total * self._share_done(run, at))

    def _note_progress(self, run: ReportRun, at: datetime | None = None) -> None:
        """Write progress as Canvas does: by batches for parallel reports, 0 to the end for the others."""
        if run.built is None:
            return
        done = self._lines_done(run, at)
        for lines in run.built.lines.values():
            # Lines restart with each file of a ZIP and are noted every 1,000.
            if done < lines:
                break
            done -= lines
        run.current_line = done // _STEP * _STEP
        if REPORT_TYPES[run.report].parallel:
            batches = -(-sum(run.built.lines.values()) // _STEP)
            run.progress = min(int(self._share_done(run, at) * batches) * 100 // batches, 99)

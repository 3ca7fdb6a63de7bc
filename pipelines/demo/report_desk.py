"""The life of report runs: created, running, then complete, error, aborted or deleted.

Moves runs along the clock and keeps their files; one run at a time for the root account, the others
wait in `created`. Course reports live the same life in a queue of their own. What a run looks like as JSON is in
`reports_api` and `course_reports_api`, what is in its file in `builders`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pipelines.demo.builders import ReportFailedError, ReportScope, ReportType
from pipelines.demo.clock import Clock
from pipelines.demo.faults import Faults, ReportEnds, ReportFileIs
from pipelines.demo.institution import Institution
from pipelines.demo.preferences import Preferences
from pipelines.demo.report_catalog import Buildable, ReportCatalog
from pipelines.demo.report_runs import STATES_ENTERED, ReportFile, ReportRun, events_of

_LOG: Final = logging.getLogger(__name__)
_STEP: Final = 1000
_FIRST_FILE_ID: Final = 50001


class ReportDesk:
    """All report runs of the institution. Times are seconds; every method is safe to call from any thread."""

    def __init__(
        self,
        institution: Callable[[], Institution],
        clock: Clock,
        faults: Faults,
        *,
        catalog: ReportCatalog[ReportType],
        course_catalog: ReportCatalog[Buildable],
        preferences: Callable[[], Preferences],
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
        self._catalog = catalog
        self._course_catalog = course_catalog
        self._preferences = preferences
        self._runs: list[ReportRun] = []
        self._files: dict[int, ReportFile] = {}
        # One queue for account reports and one for course reports.
        self._busy_until: dict[bool, datetime] = {}
        self._lock = threading.RLock()

    def create(
        self,
        account_id: int,
        report: str,
        parameters: Mapping[str, Any],
        *,
        user_id: int | None = None,
        preferences: Preferences | None = None,
    ) -> ReportRun:
        """Ask for a report; never refused and never merged with an equal one.

        `user_id` is the person who asks, the user of the API unless named: everybody's runs are in the index.
        `preferences` are that person's own. Raises ValueError for a report that is not known at all.
        """
        if self._catalog.find(report) is None:
            raise ValueError(f"the demo Canvas knows no report {report}")
        return self._ask(account_id, report, parameters, user_id=user_id, preferences=preferences)

    def create_for_course(
        self, course_id: int, report: str, parameters: Mapping[str, Any], *, user_id: int | None = None
    ) -> ReportRun:
        """Ask for a course report; raises ValueError for one that is not known at all."""
        if self._course_catalog.find(report) is None:
            raise ValueError(f"the demo Canvas knows no course report {report}")
        account_id = self._institution().course_by_id[course_id].account_id
        return self._ask(account_id, report, parameters, course_id=course_id, user_id=user_id)

    def _ask(
        self,
        account_id: int,
        report: str,
        parameters: Mapping[str, Any],
        *,
        course_id: int | None = None,
        user_id: int | None = None,
        preferences: Preferences | None = None,
    ) -> ReportRun:
        with self._lock:
            self._advance()
            ends = self._faults.take(ReportEnds, "POST", report)
            run = ReportRun(
                id=self._first_report_id + len(self._runs),
                account_id=account_id,
                report=report,
                parameters=dict(parameters),
                created_at=self._clock(),
                course_id=course_id,
                user_id=user_id,
                preferences=preferences,
                outcome=None if ends is None else ends.outcome,
            )
            self._runs.append(run)
            return run

    def find(self, account_id: int, report: str, report_id: int) -> ReportRun | None:
        """Return a visible run of the account and type; None is the API's 404."""
        return next((run for run in self.index(account_id, report) if run.id == report_id), None)

    def index(self, account_id: int, report: str) -> list[ReportRun]:
        """Return the visible runs of an account and type, newest first."""
        return self._newest_first(lambda run: run.course_id is None and run.account_id == account_id, report)

    def course_index(self, course_id: int, report: str) -> list[ReportRun]:
        """Return the visible runs of a course and type, newest first."""
        return self._newest_first(lambda run: run.course_id == course_id, report)

    def _newest_first(self, wanted: Callable[[ReportRun], bool], report: str) -> list[ReportRun]:
        with self._lock:
            self._advance()
            found = [run for run in self._runs if wanted(run) and run.report == report and run.visible]
            return sorted(found, key=lambda run: (run.created_at, run.id), reverse=True)

    def all(self) -> list[ReportRun]:
        """Return every run of an account report ever asked for, deleted ones too, oldest first."""
        with self._lock:
            self._advance()
            return [run for run in self._runs if run.course_id is None]

    def all_of_courses(self) -> list[ReportRun]:
        """Return every run of a course report ever asked for, oldest first."""
        with self._lock:
            self._advance()
            return [run for run in self._runs if run.course_id is not None]

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
            self._busy_until[run.course_id is not None] = at
        elif status == "aborted":
            run.events = [(at, "finish_aborted") for at, event in run.events if event.startswith("finish")][:1]
        else:
            run.events = [(at, event) for at, event in run.events if event != "compile"]

    def _advance(self) -> None:
        """Let everything happen that is due by now, in the order in which it was due."""
        now = self._clock()
        while True:
            due: list[tuple[datetime, int, ReportRun]] = [
                (run.events[0][0], run.id, run) for run in self._runs if run.events
            ]
            waiting = [run for run in self._runs if run.status == "created" and run.outcome != "stuck_created"]
            for of_courses in (False, True):
                first = next((run for run in waiting if (run.course_id is not None) == of_courses), None)
                if first is not None:
                    starts = max(first.created_at, self._busy_until.get(of_courses, first.created_at))
                    due.append((starts, first.id, first))
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

    def _kind(self, run: ReportRun) -> Buildable:
        catalog = self._catalog if run.course_id is None else self._course_catalog
        kind: Buildable | None = catalog.find(run.report)
        if kind is None:
            raise LookupError(f"report {run.report} has left the catalog for good")
        return kind

    def _start(self, run: ReportRun, at: datetime) -> None:
        institution = self._institution()
        scope = ReportScope(
            institution,
            institution.account_by_id[run.account_id],
            run.parameters,
            at,
            run.preferences or self._preferences(),
            run.course_id,
        )
        run.status, run.started_at, run.progress, run.current_line = "running", at, 0, 0
        try:
            run.built = self._kind(run).build(scope)
        except ReportFailedError as failure:
            run.failure = str(failure)
        except Exception:  # noqa: BLE001 - a bad parameter ends the run in Canvas, and must not end the desk here
            _LOG.exception("the builder of %s failed", run.report)
            run.failure = "the report could not be generated"
        if run.course_id is None:
            back = {} if run.built is None else run.built.parameters
            term = "All Terms" if scope.term is None else scope.term.name
            run.parameters = {**run.parameters, **back, "locale": "en", "extra_text": f"Term: {term};"}
        duration = timedelta(seconds=self.report_seconds)
        run.events = events_of(run, at, duration, parallel=self._kind(run).parallel)
        gone_early = run.failure is None and run.outcome in {"dies", "vanishes"}
        self._busy_until[run.course_id is not None] = run.events[0][0] if gone_early else at + duration

    def _happen(self, run: ReportRun, event: str, at: datetime) -> None:
        entered = STATES_ENTERED.get(event)
        if entered is not None:
            if event in {"die", "compile"}:
                self._note_progress(run, at)
            run.status = entered
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
            if event == "finish_early":
                run.ended_at = at + timedelta(seconds=self.report_seconds)

    def _end(self, run: ReportRun, status: str, at: datetime, said: str | None) -> None:
        run.status, run.progress = status, 100
        run.ended_at = at + timedelta(seconds=self.ended_at_lag)
        if said is not None:
            run.parameters = {**run.parameters, "extra_text": said}

    def _attach(self, run: ReportRun, at: datetime) -> None:
        built = run.built
        if built is None:
            return
        made = self._faults.take(ReportFileIs, "POST", run.report)
        content, content_type, extension = (
            (built.content, built.content_type, built.extension)
            if made is None
            else (made.content, made.content_type, made.extension)
        )
        stamp = at.strftime("%d_%b_%Y")
        # A plain CSV carries the suffix of the temporary file it was written to.
        suffix = f"{run.id:08x}-{len(self._files):x}.csv" if extension == ".csv" else extension
        file_id = _FIRST_FILE_ID + len(self._files)
        name = f"{run.report}_{stamp}_{run.id}{suffix}"
        run.file = ReportFile(file_id, name, content_type, content, at)
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
        if self._kind(run).parallel:
            batches = -(-sum(run.built.lines.values()) // _STEP)
            run.progress = min(int(self._share_done(run, at) * batches) * 100 // batches, 99)

"""`canvaslake sync`: everything once, in this process, through the same Dagster assets that the daemon runs.

Ask for the reports, pull the endpoints meanwhile, wait for the reports, load them, refresh the models, publish. What
each of these does is the assets' business.
"""

import asyncio
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import dagster as dg

from assets.checks import own_checks
from assets.endpoint_results import UNREADABLE
from assets.published import HELD_BACK_CHECK, PUBLISHED
from assets.reports import keys_of, load_config, report_tables
from assets.specs import qualified_name
from pipelines.canvas import CanvasError
from pipelines.cli.console import TerminalProgress, say
from pipelines.cli.dagster_home import prepare
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.interrupts import Interrupts
from pipelines.cli.plan import look_at_quota, price_line
from pipelines.cli.pricing import Narrowed
from pipelines.cli.unknown_names import UnknownTableError, meant
from pipelines.code_location import build_definitions
from pipelines.extract.plan import Seen
from pipelines.extract.work import concerns_all
from pipelines.ledger import CoverageStatus, Intent, IntentState
from pipelines.ledger.coverage import coverage_since
from pipelines.ledger.intents import get_intent, open_intents, successor_of, to_delete
from pipelines.load.directory import OPTIONAL_ENDPOINTS
from pipelines.load.questions import cause_of
from pipelines.looking import Bounds, delete_loaded, look
from pipelines.normalize.contracts import REPORTS
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.resources import Projects
from pipelines.run_claims import clear_dead_runs
from pipelines.schedules import ASK_JOB, ASK_OP
from pipelines.sensors import load_tags
from pipelines.telling import tell

ENDPOINT_GROUPS = ("directory", "department", "course", "student")
"""The groups of assets that are pulled from endpoints, in the order of their dependence and of what they cost."""

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LONGEST_PAUSE = 15.0
_MOST_NAMES = 8
_NO_TABLE = "nothing"
"""What the page says of a publish in place of the names of tables that changed."""


@dataclass
class SyncOutcome:
    """What a sync did, and everything that went wrong, worst first by exit code."""

    problems: list[tuple[ExitCode, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    published: str = ""
    changed: str = ""

    def note_published(self, metadata: Mapping[str, dg.MetadataValue]) -> None:
        """Note what the publish says of itself: `result` in a sentence, and what has `changed` if a file was made."""
        self.published = str(metadata["result"].value).removesuffix(".")
        changed = str(metadata["changed"].value)
        self.changed = "" if changed == _NO_TABLE else changed

    def add(self, code: ExitCode, message: str) -> None:
        """Note a problem once, and that there is no connection once, whoever met it."""
        codes = {noted for noted, _ in self.problems}
        if (code, message) not in self.problems and not (code is ExitCode.CONNECTION and code in codes):
            self.problems.append((code, message))

    @property
    def exit_code(self) -> ExitCode:
        """The class of the first problem; a missing right, which may stay so for good, hides no other."""
        codes = [code for code, _ in self.problems]
        return next((code for code in codes if code is not ExitCode.RIGHT), codes[0] if codes else ExitCode.OK)


@dataclass(frozen=True)
class Selection:
    """What a sync covers: keys of endpoint assets, and names of reports to ask for, of accounts and of courses."""

    endpoints: tuple[dg.AssetKey, ...]
    reports: tuple[str, ...]
    course_reports: tuple[str, ...] = ()


def select(project: Project, definitions: dg.Definitions, names: Sequence[str]) -> Selection:
    """Return what names on the command line mean: tables (`canvas.terms`), schemas (`analytics`), or reports.

    Without names it is everything that is configured. Raises UnknownTableError with close names.
    """
    endpoints: dict[str, tuple[dg.AssetKey, ...]] = {}
    for assets in definitions.assets or ():
        if isinstance(assets, dg.AssetsDefinition) and assets.keys:
            group = next(iter(assets.specs)).group_name
            if group in ENDPOINT_GROUPS:
                endpoints |= {qualified_name(key): tuple(assets.keys) for key in assets.keys}
    reports = {
        table.qualified: report.report for report in project.settings.reports for table in report_tables(report.report)
    }
    of_courses = tuple(dict.fromkeys(report.report for report in project.settings.course_reports))
    if not names:
        return Selection(_flat(endpoints.values()), tuple(dict.fromkeys(reports.values())), of_courses)
    chosen_endpoints, chosen_reports, chosen_of_courses = [], [], []
    known = {*endpoints, *reports, *reports.values(), *(name.split(".")[0] for name in (*endpoints, *reports))}
    if of_courses:
        known |= {*of_courses, COURSE_DOCUMENTS.qualified, COURSE_DOCUMENTS.schema}
    for name in names:
        if name not in known:
            hint = meant(name, known, f"There are: {', '.join(sorted(known))}.")
            raise UnknownTableError(f"{name} is no table that a sync brings, and no configured report. {hint}")
        chosen_endpoints += [keys for table, keys in endpoints.items() if _means(name, table)]
        chosen_reports += [report for table, report in reports.items() if _means(name, table) or name == report]
        chosen_of_courses += [one for one in of_courses if _means(name, COURSE_DOCUMENTS.qualified) or name == one]
    return Selection(
        _flat(chosen_endpoints), tuple(dict.fromkeys(chosen_reports)), tuple(dict.fromkeys(chosen_of_courses))
    )


def _flat(groups: Iterable[tuple[dg.AssetKey, ...]]) -> tuple[dg.AssetKey, ...]:
    return tuple(dict.fromkeys(key for keys in groups for key in keys))


def _means(name: str, table: str) -> bool:
    return name == table or table.startswith(f"{name}.")


def sync(project: Project, names: Sequence[str] = (), *, full: bool = False) -> SyncOutcome:
    """Bring everything, or what `names` say, up to date and publish it; return what was done and what went wrong.

    Raises SettingsError and CanvasError when Canvas cannot be talked to at all; then nothing was changed.
    """
    seen = asyncio.run(look_at_quota(project))
    prepare(project.settings)
    with TerminalProgress() as progress, Interrupts() as interrupts, dg.DagsterInstance.get() as instance:
        listening = Project(project.settings, project.clock, progress)
        return _Sync(listening, progress, interrupts, instance, full=full, seen=seen).run(names)


class _Sync:
    def __init__(
        self,
        project: Project,
        progress: TerminalProgress,
        interrupts: Interrupts,
        instance: dg.DagsterInstance,
        *,
        full: bool,
        seen: Seen,
    ) -> None:
        self.project = project
        self.progress = progress
        self.interrupts = interrupts
        self.instance = instance
        self.full = full
        self.seen = seen
        self.outcome = SyncOutcome()
        self.last_trouble = ""
        self.loadable = {*REPORTS, *(report.report for report in project.settings.reports)}
        self.loadable_of_courses = {report.report for report in project.settings.course_reports}
        self.definitions = build_definitions(project.settings, Projects(lambda: project))
        self.job = self.definitions.resolve_implicit_global_asset_job_def()

    def run(self, names: Sequence[str]) -> SyncOutcome:
        selection = select(self.project, self.definitions, names)
        started = self.project.clock()
        self._say_price(selection)
        clear_dead_runs(self.instance, self.project.home)
        waiting = self._ask(selection.reports)
        if not names:
            self._look_around()
        waiting |= self._open(selection.reports, selection.course_reports, narrowed=bool(names))
        self._pull(selection.endpoints, waiting, selection.course_reports)
        if selection.endpoints:
            self._note_unreadable(started)
        self._load_reports(waiting)
        self._delete_loaded()
        self._publish()
        trouble = tell(self.project)
        if trouble:
            self.outcome.notes.append(trouble)
        return self.outcome

    def _say_price(self, selection: Selection) -> None:
        narrowed = Narrowed(frozenset(map(qualified_name, selection.endpoints)), selection.reports)
        try:
            say(price_line(self.project, self.seen, narrowed=narrowed, full=self.full))
        except Exception as error:  # noqa: BLE001 (a price that cannot be told is no reason not to sync)
            say(f"What this sync asks could not be counted: {type(error).__name__}: {error}")

    def _ask(self, reports: Sequence[str], course_reports: Sequence[str] = ()) -> set[int]:
        """Ask for reports, and return the intents of theirs that are under way, those of earlier calls too."""
        if not reports and not course_reports:
            return set()
        task = "ask for reports" if reports else "ask for course reports"
        self.progress.start(task, len(reports) + len(course_reports))
        config = {
            "reports": list(reports),
            "course_reports": list(course_reports),
            "window": f"sync {uuid.uuid4().hex[:12]}",
            "origin": "sync",
            "reuse_open": True,
        }
        job = self.definitions.resolve_job_def(ASK_JOB)
        result = job.execute_in_process(
            instance=self.instance,
            run_config={"ops": {ASK_OP: {"config": config}}, **_QUIET},
            raise_on_error=False,
        )
        self._note_failures(result)
        self.progress.finish(task)
        return self._open(reports, course_reports, narrowed=True)

    def _look_around(self) -> None:
        """Take up what persons have run in Canvas and the settings adopt, and reports that completed late."""
        watched = asyncio.run(look(self.project, idle=True))
        self.outcome.notes += watched.warnings
        for problem in watched.problems:
            self.outcome.add(exit_code_of(problem), str(problem))
        for intent in watched.failed:
            self.outcome.add(ExitCode.REPORT, _failed(intent))

    def _open(self, reports: Sequence[str], course_reports: Sequence[str], *, narrowed: bool) -> set[int]:
        """Return the intents that are under way and can be loaded; `narrowed` to some reports."""
        loadable = (reports, course_reports) if narrowed else (self.loadable, self.loadable_of_courses)
        return {
            intent.intent_id
            for intent in open_intents(self.project.ledger, self.project.settings.instance)
            if intent.report in loadable[intent.course_id is not None] and intent.state is not IntentState.PARKED
        }

    def _pull(self, keys: Sequence[dg.AssetKey], waiting: set[int], course_reports: Sequence[str]) -> None:
        """Pull group after group, and load between them the reports that have finished meanwhile.

        What is made of assets that failed is left out: it would only fail again. Reports about courses are asked for
        when the directory has said which courses there are.
        """
        failed: set[dg.AssetKey] = set()
        for group in ENDPOINT_GROUPS:
            chosen = [one for one in self._endpoint_assets(group) if not set(keys).isdisjoint(one.keys)]
            config: dict[str, object] = {}
            if self.full and group != "directory":
                config = {"ops": {one.op.name: {"config": {"full": True}} for one in chosen}}
            due: list[dg.AssetKey] = []
            for assets in chosen:
                if failed.isdisjoint(assets.dependency_keys):
                    due += assets.keys
                else:
                    failed.update(assets.keys)
            if due:
                result = self._materialize(due, config)
                steps = {event.step_key for event in result.filter_events(lambda one: one.is_step_failure)}
                failed.update(key for one in chosen if one.op.name in steps for key in one.keys)
            if group == "directory":
                waiting |= self._ask((), course_reports)
            if waiting:
                self._load_finished(waiting)

    def _assets(self) -> list[dg.AssetsDefinition]:
        return [assets for assets in self.definitions.assets or () if isinstance(assets, dg.AssetsDefinition)]

    def _endpoint_assets(self, group: str) -> list[dg.AssetsDefinition]:
        return [assets for assets in self._assets() if {spec.group_name for spec in assets.specs} == {group}]

    def _load_reports(self, waiting: set[int]) -> None:
        """Wait until each report has finished, and load each as it does."""
        task = "wait for reports"
        if not waiting:
            return
        total = len(waiting)
        self.progress.start(task, total)
        began = time.monotonic()
        while waiting:
            before = len(waiting)
            self._load_finished(waiting)
            self.progress.advance(task, before - len(waiting))
            if waiting:
                self.progress.note(task, self._state_of(waiting), total - len(waiting))
                time.sleep(min(_LONGEST_PAUSE, 0.3 + (time.monotonic() - began) / 20))
        self.progress.finish(task)

    def _delete_loaded(self) -> None:
        """Delete in Canvas what is loaded and to be deleted then; what cannot be now is deleted another time."""
        if not to_delete(self.project.ledger, self.project.settings.instance):
            return

        async def delete() -> list[Exception]:
            async with self.project.client(light=True) as client:
                return await delete_loaded(self.project, client, Bounds())

        for problem in asyncio.run(delete()):
            self.outcome.notes.append(f"A report could not be deleted in Canvas; it is tried again. {problem}")

    def _load_finished(self, waiting: set[int]) -> None:
        """Load the reports that have finished, and take those out of `waiting` for which nothing is left to do."""
        for intent in asyncio.run(self._look(waiting)):
            waiting.discard(intent.intent_id)
            self._load(intent)
        for intent_id in sorted(waiting):
            intent = get_intent(self.project.ledger, intent_id)
            if intent.state in (IntentState.FAILED, IntentState.PARKED, IntentState.CANCELLED):
                waiting.discard(intent_id)
                self.outcome.add(ExitCode.REPORT, _failed(intent))
            elif intent.state is IntentState.LOADED:
                waiting.discard(intent_id)
            elif intent.state is IntentState.LOST:
                # Another intent has taken its place; the next look asks for it.
                waiting.discard(intent_id)
                waiting.add(successor_of(self.project.ledger, intent).intent_id)

    async def _look(self, waiting: set[int]) -> list[Intent]:
        """Return the reports that have finished. A connection that is away for a moment is no problem yet."""
        watched = await look(self.project, waiting, idle=False)
        for problem in watched.problems:
            self._note_problem(problem, waiting, self._held_up(problem, waiting))
        return watched.finished

    def _held_up(self, problem: Exception, waiting: set[int]) -> set[int]:
        """Return the reports that a problem keeps from being looked at: all, unless it names one report's index."""
        path = problem.path if isinstance(problem, CanvasError) and not concerns_all(problem) else None
        if path is None:
            return set(waiting)
        held_up = set()
        for intent_id in waiting:
            intent = get_intent(self.project.ledger, intent_id)
            index = f"/{intent.context}/reports/{intent.report}"
            if path.endswith((index, f"{index}/{intent.report_id}")):
                held_up.add(intent_id)
        return held_up

    def _note_problem(self, problem: Exception, waiting: set[int], held_up: set[int]) -> None:
        code = exit_code_of(problem)
        if code is ExitCode.CONNECTION:
            # It may be back at the next look; but who waits should know why.
            if str(problem) != self.last_trouble:
                self.last_trouble = str(problem)
                say(f"Still waiting for reports: {problem}")
            return
        # It will be the same at the next look: what was loaded is published, and these reports stay open.
        self.outcome.add(code, str(problem))
        waiting -= held_up

    def _state_of(self, waiting: set[int]) -> str:
        intents = [get_intent(self.project.ledger, intent_id) for intent_id in sorted(waiting)]
        return ", ".join(f"{intent.report} {intent.status or 'asked'}" for intent in intents)

    def _load(self, intent: Intent) -> None:
        self._materialize(
            keys_of(intent),
            load_config([intent]),
            load_tags([intent]),
        )

    def _publish(self) -> None:
        task = "refresh models and publish"
        self.progress.start(task, None)
        models = [
            key
            for assets in self.definitions.assets or ()
            if isinstance(assets, dg.AssetsDefinition) and assets.op.name == "models"
            for key in assets.keys
        ]
        result = self._materialize([*models, PUBLISHED], {})
        for event in result.get_asset_materialization_events():
            if event.asset_key == PUBLISHED:
                self.outcome.note_published(event.materialization.metadata)
        self.progress.finish(task, self.outcome.published or "not published")

    def _materialize(
        self, keys: Sequence[dg.AssetKey], config: dict[str, object], tags: dict[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        own = own_checks(one for one in self._assets() if not one.keys.isdisjoint(keys))
        result = self.job.get_subset(asset_selection=set(keys), asset_check_selection=own).execute_in_process(
            instance=self.instance,
            run_config={**config, **_QUIET},
            tags=tags,
            raise_on_error=False,
        )
        self._note_failures(result)
        for evaluation in result.get_asset_check_evaluations():
            if not evaluation.passed and evaluation.check_name == HELD_BACK_CHECK:
                for table in cast(Sequence[str], evaluation.metadata["held_back"].value):
                    self.outcome.add(ExitCode.WAREHOUSE, f"Held back: {table}")
        return result

    def _note_failures(self, result: dg.ExecuteInProcessResult) -> None:
        # Dagster ends the step and returns; a person who pressed Ctrl-C meant all of it.
        self.interrupts.raise_if_heard()
        failures = result.filter_events(lambda one: one.is_step_failure)
        if not result.success and not failures:
            self.outcome.add(
                ExitCode.UNEXPECTED,
                f"Run {result.run_id} failed before its first step; its log is on the Dagster page (canvaslake up).",
            )
        for event in failures:
            data = event.step_failure_data
            explained = data.user_failure_data
            if explained is None:
                error = data.error.cause or data.error if data.error else None
                self.outcome.add(ExitCode.UNEXPECTED, f"{event.step_key}: {error.message if error else 'failed'}")
                continue
            named = explained.metadata.get("error")
            if named is not None and named.value == UNREADABLE:
                continue  # the coverage says more, and names each cause once
            code = _code_of_name(str(named.value)) if named else ExitCode.ANSWER
            self.outcome.add(code, str(explained.description))

    def _note_unreadable(self, since: datetime) -> None:
        """Name every missing right once, and count what failed otherwise.

        A right that the analytics do without is a note, and no reason to end with an error.
        """
        codes = {CoverageStatus.FORBIDDEN: ExitCode.RIGHT, CoverageStatus.FAILED: ExitCode.ANSWER}
        entries = coverage_since(self.project.ledger, self.project.settings.instance, since, tuple(codes))
        for status, code in codes.items():
            causes: dict[str, list[str]] = {}
            optional: dict[str, set[str]] = {}
            told: dict[str, str] = {}
            for entry in entries:
                if entry.status is not status:
                    continue
                detail = entry.detail or status.value
                cause = told.setdefault(cause_of(detail), detail)
                if status is CoverageStatus.FORBIDDEN and entry.endpoint in OPTIONAL_ENDPOINTS:
                    optional.setdefault(cause, set()).add(entry.endpoint)
                else:
                    causes.setdefault(cause, []).append(f"{entry.scope_kind} {entry.scope_id}")
            self.outcome.notes += [
                f"{cause} Done without it: {', '.join(sorted(endpoints))}." for cause, endpoints in optional.items()
            ]
            for cause, scopes in causes.items():
                self.outcome.add(
                    code,
                    f"{cause} Concerns {_questions(scopes)}; what was loaded before stays. See meta.coverage.",
                )


def _questions(scopes: Sequence[str]) -> str:
    if len(scopes) == 1:
        return f"one question, about {scopes[0]}"
    return f"{len(scopes):,} questions, the first about {scopes[0]}"


def _code_of_name(name: str) -> ExitCode:
    """Return the exit code of an error by the name of its class: a run's record holds no more of it."""
    pending = [Exception]
    while pending:
        kind = pending.pop()
        if kind.__name__ == name:
            code = exit_code_of(kind.__new__(kind))
            if code is not ExitCode.UNEXPECTED:
                return code
        pending += kind.__subclasses__()
    return ExitCode.UNEXPECTED


def _failed(intent: Intent) -> str:
    return (
        f"{intent.report} {intent.report_id or ''} of {intent.place} will not come: {intent.failure}. "
        f"Its tables keep their last good rows. To ask again: canvaslake reports start {intent.report}"
    )


def report_outcome(project: Project, outcome: SyncOutcome) -> None:
    """Tell the person what a sync did and what went wrong."""
    for _, message in outcome.problems:
        say(f"! {message}")
    for note in outcome.notes:
        say(f"- {note}")
    if outcome.changed:
        # What people ask for first stands first; the whole list is on the Dagster page.
        names = sorted(outcome.changed.split(", "), key=lambda name: (not name.startswith("marts."), name))
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        say(f"Changed: {', '.join(names[:_MOST_NAMES])}{more}")
    if outcome.published:
        say(f"{outcome.published}: {project.paths.published}")

"""`canvaslake plan`: what the next sync would ask, and what that costs, before it is spent.

The questions are those that the assets would ask, by the very functions that they use; the quota is read from the
headers of one or two cheap requests.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assets.course import courses_due
from assets.department import due_departments
from assets.directory import setup_due
from assets.reports import report_tables
from assets.specs import qualified_name
from assets.student import students_due
from pipelines.asking import active_courses, known_terms
from pipelines.canvas import CanvasError
from pipelines.canvas.accounts import show_account
from pipelines.canvas.errors import NotFoundError
from pipelines.cli.console import put_json, put_table, say
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.unknown_ids import unknown_id_warnings
from pipelines.extract.courses import CourseFacts
from pipelines.extract.plan import (
    Asked,
    Choice,
    Part,
    Plan,
    Seen,
    about,
    cheapest,
    choose,
    course_requests,
    pages,
    price,
    report_requests,
)
from pipelines.extract.students import ENDPOINTS as STUDENT_ENDPOINTS
from pipelines.lake.read import AccountPlace, account_places, course_facts, term_dates, with_those_below
from pipelines.ledger.coverage import CoverageStatus, answers, coverage_counts
from pipelines.ledger.database import rows_of
from pipelines.ledger.pulls import spent_before
from pipelines.load.courses import SOURCES, CourseQuestion
from pipelines.load.directory import FLAG_LISTS
from pipelines.load.students import SUMMARIES_WITHIN
from pipelines.normalize.contracts import ENDPOINTS
from pipelines.normalize.contracts.course import STUDENT_SUMMARIES
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.project import Project
from pipelines.settings import SettingsError

FAMILIES = ("directory", "account set-up", "department", "course", "student", "reports")
"""The families in the order in which a sync asks them; the names of pulls are those of the ledger."""

_MOST_NAMES = 2
_FEW_STUDENTS = 20_000
"""Up to so many summaries, what is due of students is worked out before a sync too, where nobody waits for a price."""

_AFTER_DIRECTORY = "known when the directory is loaded"
_FIRST_SUMMARIES = "from the number of students of courses whose summaries are not known, or not of these days"
_MORE_MAY_MOVE = "students whose summary moves until then come on top"

_LIVE = (
    "SELECT slices.table_name, count(*) AS slices, sum(slices.rows) AS rows FROM slices JOIN loads USING (load_id)"
    " WHERE slices.live_to IS NULL AND loads.instance = ? GROUP BY slices.table_name"
)
_LIVE_ROWS = (
    "SELECT sum(slices.rows) AS rows FROM slices JOIN loads USING (load_id)"
    " WHERE slices.live_to IS NULL AND loads.instance = ? AND slices.table_name = ?"
)


@dataclass(frozen=True)
class Narrowed:
    """What a sync is narrowed to: tables that endpoints feed, by qualified name, and reports."""

    tables: frozenset[str]
    reports: tuple[str, ...]


@dataclass(frozen=True)
class Priced:
    """A plan with what else could be set. `seen` None: Canvas could not be asked."""

    plan: Plan
    seen: Seen | None
    choices: tuple[Choice, ...] = ()
    best: Choice | None = None


async def look_at_quota(project: Project, times: int = 1) -> Seen:
    """Ask for the configured account, and return what that showed of the way to Canvas and of the quota.

    The account and not the token's owner: it is needed anyway, and a token with scopes may have no other. Raises
    SettingsError for an account that is not there, and CanvasError.
    """
    account = project.settings.canvas.accounts[0]
    seconds = []
    async with project.client(light=True) as client:
        for _ in range(times):
            began = time.monotonic()
            try:
                answer = await show_account(client, account)
            except NotFoundError as error:
                raise SettingsError(
                    f"This Canvas has no account {account}, or hides it from the token's owner. Correct the accounts "
                    f"of [canvas] in {project.settings.config_path or 'canvaslake.toml'}. "
                    f"[request id {error.request_id}]"
                ) from error
            seconds.append(time.monotonic() - began)
    # The first also opens the connection, which a pull does once.
    return Seen(min(seconds), answer.cost, answer.remaining)


def run_plan(project: Project, names: Sequence[str], *, full: bool, as_json: bool) -> ExitCode:
    """Price a sync and print it; return the exit code. Without Canvas the counts are printed, and the reason said."""
    project.settings.require_canvas()
    narrowed = _narrowed(project, names) if names else None
    seen, problem = None, None
    try:
        seen = asyncio.run(look_at_quota(project, times=2))
    except CanvasError as error:
        problem = error
    priced = price_sync(project, seen, narrowed=narrowed, full=full)
    if as_json:
        put_json(_as_json(project, priced))
    else:
        _show(project, priced)
    for warning in unknown_id_warnings(project):
        say(f"! {warning}")
    if problem is not None:
        say(f"! Without Canvas there is no quota to read, so times are those of earlier pulls, or missing. {problem}")
    return exit_code_of(problem) if problem is not None else ExitCode.OK


def price_sync(project: Project, seen: Seen | None, *, narrowed: Narrowed | None, full: bool) -> Priced:
    """Return what a sync would cost, and what other settings would."""
    source = _Questions(project, narrowed, full=full)
    families = source.all()
    per_answer = _rows_per_answer(project)

    def priced(changed: Sequence[Asked]) -> Plan:
        return price(changed, seen, project.settings.canvas.max_in_flight, per_answer)

    now = priced(families)

    def instead(setting: str, asked: Asked) -> Choice:
        changed = [asked if one.family == asked.family else one for one in families]
        return choose(setting, asked.family, now, priced(changed))

    steps, others = [], []
    if source.asks("student") and source.places:
        mode = project.settings.sync.student_analytics
        modes = {
            other: instead(f'student_analytics = "{other}"', source.students(mode=other))
            for other in ("all", "changed", "off")
            if other != mode
        }
        # The next cheaper step that saves anything; the rest is told for comparison.
        cheaper = [modes[other] for other in {"all": ("changed", "off"), "changed": ("off",)}.get(mode, ())]
        steps += [one for one in cheaper if one.saves][:1]
        others += [one for one in modes.values() if one not in steps]
        others += [instead(f"student_accounts = [{one}]", asked) for one, asked in source.one_account_only()]
    if source.asks("department") and source.places and project.settings.sync.departments != "roots":
        steps.append(instead('departments = "roots"', source.departments(roots=True)))
    best = cheapest(steps)
    others += [one for one in steps if one is not best]
    choices = ([best] if best else []) + others
    return Priced(now, seen, tuple(choices), best)


def price_line(project: Project, seen: Seen, *, narrowed: Narrowed, full: bool) -> str:
    """Return the price of a sync that is about to begin, in one line."""
    source = _Questions(project, narrowed, full=full, quick=True)
    plan = price(source.all(), seen, project.settings.canvas.max_in_flight)
    left = f" at the present quota ({seen.remaining:,.0f} left)" if seen.remaining is not None else ""
    began, after = "To ask", ""
    if not plan.is_whole:
        began = "To begin with"
        after = " What follows from the directory, mostly the larger part, is known when that is loaded."
    after += source.left_out
    return (
        f"{began}: {_many(plan.questions, 'question')}, about {_many(plan.requests, 'request')}, "
        f"{about(plan.seconds or 0.0)}{left}.{after} canvaslake plan shows more."
    )


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _narrowed(project: Project, names: Sequence[str]) -> Narrowed:
    from pipelines.cli.sync import select
    from pipelines.definitions import build_definitions
    from pipelines.resources import Projects

    selection = select(project, build_definitions(project.settings, Projects(lambda: project)), names)
    return Narrowed(frozenset(map(qualified_name, selection.endpoints)), selection.reports)


class _Questions:
    """What each family would be asked now. `quick` leaves out what would take long to work out."""

    def __init__(self, project: Project, narrowed: Narrowed | None, *, full: bool, quick: bool = False) -> None:
        self._project, self._narrowed, self._full, self._quick = project, narrowed, full, quick
        self._instance = project.settings.instance
        self.places = account_places(project.lake, self._instance)
        self.left_out = ""

    @cached_property
    def _due_courses(self) -> list[CourseQuestion]:
        return courses_due(self._project, full=self._full).questions

    def asks(self, family: str) -> bool:
        """Whether the sync asks this family at all."""
        return any(self._wants(tables) for tables in _TABLES_OF[family])

    def _wants(self, tables: Sequence[str]) -> bool:
        return self._narrowed is None or not self._narrowed.tables.isdisjoint(tables)

    def all(self) -> list[Asked]:
        """Return the families that are asked, in the order of a sync."""
        made = {
            "directory": self.directory,
            "account set-up": self.setup,
            "department": self.departments,
            "course": self.courses,
            "student": self.students,
        }
        found = [make() for family, make in made.items() if self.asks(family)]
        return [*found, *self._reports()]

    def _asked(self, family: str, parts: Sequence[Part], *, estimated: bool = False, note: str = "") -> Asked:
        before = spent_before(self._project.ledger, self._instance, family)
        return Asked(family, tuple(parts), estimated, before, note)

    def _unknown(self, family: str) -> Asked:
        return Asked(family, None, note=_AFTER_DIRECTORY)

    def directory(self) -> Asked:
        """Price the lists by how long they were when they were last loaded."""
        lake, configured = self._project.lake, len(self._project.settings.canvas.accounts)
        tops = sum(place.is_top for place in self.places) or configured
        roots = len({place.root_account_id for place in self.places}) or 1
        courses = course_facts(lake, self._instance, with_deleted=True)
        in_accounts = pages(len(self.places))
        parts = []
        if self._wants(_tables("accounts")):
            # The account with its subtree brings the rows; the lists and the count of calendars say more of them.
            flags = len(FLAG_LISTS)
            parts = [
                Part(_tables("accounts"), configured, configured * (1 + in_accounts)),
                Part((), flags + configured, flags * in_accounts + configured, "the flags of canvas.accounts"),
            ]
        if self._wants(_tables("terms")):
            parts.append(Part(_tables("terms"), roots, pages(len(term_dates(lake, self._instance))) + roots - 1))
        if self._wants(_tables("courses")):
            parts.append(Part(_tables("courses"), tops, pages(len(courses)) + tops - 1))
        return self._asked("directory", parts, estimated=True)

    def setup(self) -> Asked:
        """Price what is set up in accounts; calendars are asked for parent by parent."""
        if not self.places:
            return self._unknown("account set-up")
        asked = Counter(item.name for item in setup_due(self._project))
        parents = sum(place.is_parent or place.is_top for place in self.places)
        more = {"account_calendars": asked["account_calendars"] * parents, "account_domains": 2}
        parts = [Part(_tables(name), count, more.get(name, count)) for name, count in asked.items()]
        return self._asked("account set-up", parts)

    def departments(self, *, roots: bool = False) -> Asked:
        """Price the accounts and terms that are due; with `roots` as if only tops were asked."""
        project = _with(self._project, departments="roots") if roots else self._project
        if not self.places:
            return self._unknown("department")
        due = Counter(item.question().source for item in due_departments(project, full=self._full))
        return self._asked("department", [Part(_tables(name), count, count) for name, count in due.items()])

    def courses(self) -> Asked:
        """Price the courses that are due."""
        if not self.places:
            return self._unknown("course")
        questions, requests = Counter[str](), Counter[str]()
        for item in self._due_courses:
            questions[item.endpoint] += 1
            requests[item.endpoint] += course_requests(item.course, item.endpoint)
        parts = [Part(_tables(SOURCES[one]), count, requests[one]) for one, count in questions.items()]
        return self._asked("course", parts)

    def students(self, *, mode: str | None = None) -> Asked:
        """Price the students that are due, by `[sync] student_analytics` or another mode."""
        chosen = mode or self._project.settings.sync.student_analytics
        if chosen == "off":
            return self._asked("student", ())
        if not self.places:
            return self._unknown("student")
        if self._quick and self._summaries() > _FEW_STUDENTS:
            self.left_out = " Students whose summary has moved come on top."
            return self._asked("student", ())
        return self._of_students(self._students_by_course(chosen))

    def _of_students(self, by_course: tuple[Counter[tuple[int, str]], dict[int, int]]) -> Asked:
        due, unseen = by_course
        questions = Counter[str]()
        for (_, endpoint), count in due.items():
            questions[endpoint] += count
        for endpoint in STUDENT_ENDPOINTS:
            questions[endpoint] += sum(unseen.values())
        parts = [Part(_tables(f"student_{one}"), n, n) for one, n in questions.items() if n]
        note = _FIRST_SUMMARIES if any(unseen.values()) else _MORE_MAY_MOVE
        return self._asked("student", parts, estimated=any(unseen.values()), note=note)

    def _students_by_course(self, mode: str) -> tuple[Counter[tuple[int, str]], dict[int, int]]:
        """Return the questions that are due by course, and the students of courses whose summaries are not known."""
        unseen = {course.course_id: course.total_students or 0 for course in self._unseen_courses()}
        due = Counter(
            (item.course_id, item.endpoint) for item in students_due(self._project, mode=mode, full=self._full)
        )
        return Counter({key: count for key, count in due.items() if key[0] not in unseen}), unseen

    def _unseen_courses(self) -> list[CourseFacts]:
        """Return the courses whose summaries the sync brings for the first time, or after days.

        Nobody can say which of their students will be due: all of them are counted.
        """
        if not self.asks("course"):
            return []
        project, chosen = self._project, self._project.settings.sync.student_accounts
        inside = None if chosen == "all" else with_those_below(self.places, chosen)
        known = answers(project.ledger, self._instance, "course")
        found = []
        for item in self._due_courses:
            last = known.get((str(item.course.course_id), "analytics/student_summaries"))
            fresh = last is not None and last.is_good and project.clock() - last.answered_at <= SUMMARIES_WITHIN
            # What was forbidden or is not there will be so again.
            readable = last is None or last.is_good or last.status in (CoverageStatus.FAILED, CoverageStatus.SKIPPED)
            if item.endpoint == "student_summaries" and readable and not fresh:
                found.append(item.course)
        return [course for course in found if inside is None or course.account_id in inside]

    def one_account_only(self) -> list[tuple[int, Asked]]:
        """Return the account below a top in which most students are due, and what asking about those alone takes."""
        sync = self._project.settings.sync
        if sync.student_accounts != "all" or sync.student_analytics == "off":
            return []
        due, unseen = self._students_by_course(sync.student_analytics)
        account_of = {c.course_id: c.account_id for c in course_facts(self._project.lake, self._instance)}
        found: list[tuple[int, Asked]] = []
        for place in _below_tops(self.places):
            inside = with_those_below(self.places, [place.account_id])
            here = {course for course, account in account_of.items() if account in inside}
            asked = self._of_students(
                (
                    Counter({key: count for key, count in due.items() if key[0] in here}),
                    {course: count for course, count in unseen.items() if course in here},
                )
            )
            found.append((place.account_id, asked))
        return sorted(found, key=lambda one: (-one[1].questions, one[0]))[:1]

    def _summaries(self) -> int:
        [row] = rows_of(self._project.ledger, _LIVE_ROWS, (self._instance, STUDENT_SUMMARIES.qualified))
        return int(str(row["rows"] or 0))

    def _reports(self) -> list[Asked]:
        """Price the configured reports; how long Canvas takes for a file is not among it."""
        settings = self._project.settings
        parts = []
        for report in settings.reports:
            if self._narrowed is None or report.report in self._narrowed.reports:
                accounts = len(dict.fromkeys(report.accounts or settings.canvas.accounts))
                reports = accounts * max(len(known_terms(self._project, report)), 1)
                tables = tuple(table.qualified for table in report_tables(report.report))
                parts.append(Part(tables, reports, report_requests(reports)))
        if self._narrowed is None:
            for about in settings.course_reports:
                courses = active_courses(self._project) if about.courses == "active" else about.courses
                parts.append(Part((COURSE_DOCUMENTS.qualified,), len(courses), report_requests(len(courses))))
        note = "the time that Canvas takes for the files is not in it"
        return [Asked("reports", tuple(parts), estimated=True, note=note)] if parts else []


def _below_tops(places: Sequence[AccountPlace]) -> list[AccountPlace]:
    tops = {place.account_id for place in places if place.is_top}
    below = [place for place in places if place.parent_account_id in tops]
    return below if len(below) > 1 else []


def _with(project: Project, **changes: Any) -> Project:
    """Return the project as it would be with other values in `[sync]`."""
    settings = project.settings
    sync = settings.sync.model_copy(update=changes)
    return Project(settings.model_copy(update={"sync": sync}), project.clock)


def _tables(source: str) -> tuple[str, ...]:
    """Return the tables that a source feeds, by qualified name."""
    return tuple(dict.fromkeys(t for each in ENDPOINTS if each.source == source for t in each.tables))


_SETUP = sorted(
    {each.source for each in ENDPOINTS if each.group == "directory" and each.source} - {"accounts", "terms", "courses"}
)
_TABLES_OF = {
    "directory": [_tables(name) for name in ("accounts", "terms", "courses")],
    "account set-up": [_tables(name) for name in _SETUP],
    **{
        family: [each.tables for each in ENDPOINTS if each.group == family and each.source]
        for family in ("department", "course", "student")
    },
}


def _source_of(scope_kind: str, endpoint: str) -> str:
    """Return the source whose question an entry of the coverage is."""
    last = endpoint.rsplit("/", 1)[-1]
    if scope_kind == "course":
        return SOURCES.get(last, "")
    if scope_kind == "student":
        return f"student_{last}"
    return f"department_{last}" if endpoint.startswith("analytics/") else endpoint


def _rows_per_answer(project: Project) -> dict[str, float]:
    """Return the rows of each table that one good answer brought; tables that never were loaded are left out.

    By the answers and not by the slices: an answer without rows is none, and there are many of them.
    """
    instance = project.settings.instance
    good: Counter[str] = Counter()
    for entry in coverage_counts(project.ledger, instance):
        if entry.status in (CoverageStatus.LOADED, CoverageStatus.EMPTY):
            good[_source_of(entry.scope_kind, entry.endpoint)] += entry.questions
    answered: Counter[str] = Counter()
    for source in good:
        for table in _tables(source):
            answered[table] += good[source]
    return {
        str(row["table_name"]): int(str(row["rows"])) / max(answered[str(row["table_name"])], int(str(row["slices"])))
        for row in rows_of(project.ledger, _LIVE, (instance,))
    }


def _show(project: Project, priced: Priced) -> None:
    plan = priced.plan
    rows = []
    for line in plan.lines:
        asked = line.asked
        known = asked.parts is not None
        sign = "~" if asked.estimated else ""
        rows.append(
            [
                asked.family,
                f"{sign}{asked.questions:,}" if known else "-",
                f"{sign}{asked.requests:,}" if known else "-",
                _counted([line.total_rows]),
                "-" if line.seconds is None or not known else about(line.seconds),
            ]
        )
        rows += [
            [
                f"  {_named(part.tables) or part.about}",
                f"{sign}{part.questions:,}",
                f"{sign}{part.requests:,}",
                _counted([line.rows.get(table) for table in part.tables]),
                "",
            ]
            for part in asked.parts or ()
        ]
    total = "-" if plan.seconds is None else about(plan.seconds)
    rows.append(["together", f"{plan.questions:,}", f"{plan.requests:,}", "", total])
    right = ["questions", "requests", "rows"]
    put_table(["tables", "questions", "requests", "rows", "time"], rows, right=right)
    for line in plan.lines:
        if line.asked.estimated or line.asked.note:
            said = [*(["estimated"] if line.asked.estimated else []), *([line.asked.note] if line.asked.note else [])]
            say(f"{line.asked.family}: {', '.join(said)}.")
    if not plan.is_whole:
        say("The directory comes first: nothing is loaded of it yet. Next: canvaslake sync canvas, then plan again.")
    if priced.seen is not None:
        say(_quota(priced.seen, project.settings.canvas.max_in_flight))
    if priced.best is not None:
        say(f"Cheaper: {priced.best}.")
    elif plan.is_whole:
        say("No change of one setting would make this sync cheaper.")
    for choice in priced.choices:
        if choice is not priced.best and choice.requests_saved:
            say(f"In comparison: {choice}.")


def _named(tables: Sequence[str]) -> str:
    """Return the tables that one answer feeds, as far as they fit."""
    more = f" and {len(tables) - _MOST_NAMES} more" if len(tables) > _MOST_NAMES else ""
    return ", ".join(tables[:_MOST_NAMES]) + more


def _counted(rows: Sequence[int | None]) -> str:
    known = [count for count in rows if count is not None]
    return f"{sum(known):,}" if known else "-"


def _quota(seen: Seen, cap: int) -> str:
    way = f"{seen.round_trip * 1000:,.0f} ms to Canvas and back, {seen.in_flight(cap)} requests in flight at most"
    if seen.remaining is None:
        return f"Canvas sends no quota headers here: times are by the way there and back ({way})."
    return f"Quota: {seen.remaining:,.0f} left; {way}."


def _as_json(project: Project, priced: Priced) -> dict[str, object]:
    plan, seen, cap = priced.plan, priced.seen, project.settings.canvas.max_in_flight
    quota = None
    if seen is not None:
        quota = {
            "remaining": seen.remaining,
            "request_cost": seen.cost,
            "round_trip_seconds": seen.round_trip,
            "in_flight": seen.in_flight(cap),
        }
    return {
        "canvas": project.settings.instance,
        "quota": quota,
        "lines": [
            {
                "family": line.asked.family,
                "questions": line.asked.questions if line.asked.parts is not None else None,
                "requests": line.asked.requests if line.asked.parts is not None else None,
                "estimated": line.asked.estimated,
                "rows": line.rows,
                "tables": [
                    {"tables": part.tables, "questions": part.questions, "requests": part.requests}
                    for part in line.asked.parts or ()
                ],
                "cost": line.cost if line.asked.parts is not None else None,
                "seconds": line.seconds if line.asked.parts is not None else None,
                "note": line.asked.note,
            }
            for line in plan.lines
        ],
        "questions": plan.questions,
        "requests": plan.requests,
        "seconds": plan.seconds,
        "best": None if priced.best is None else priced.best.setting,
        "choices": [
            {
                "setting": f"[sync] {choice.setting}",
                "questions": choice.questions,
                "instead_of": choice.instead_of,
                "requests_saved": choice.requests_saved,
                "seconds_saved": choice.seconds_saved,
                "says": str(choice),
            }
            for choice in priced.choices
        ],
    }

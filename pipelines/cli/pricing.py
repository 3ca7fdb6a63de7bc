"""What the next sync would ask, and what that costs: the questions are those of the assets, by their own functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assets.course import courses_due
from assets.department import due_departments
from assets.directory import setup_due
from assets.reports import report_tables
from assets.student import students_due
from pipelines.asking import active_courses, known_terms
from pipelines.extract.courses import CourseFacts
from pipelines.extract.plan import (
    Asked,
    Choice,
    Part,
    Plan,
    Seen,
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


def price_sync(project: Project, seen: Seen | None, *, narrowed: Narrowed | None, full: bool) -> Priced:
    """Return what a sync would cost, and what other settings would."""
    source = Questions(project, narrowed, full=full)
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


class Questions:
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

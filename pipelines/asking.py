"""Reports are asked for: which ones, about what, with which parameters. Each wish is looked at before it is sent.

The life cycle that follows is in `extract.reports` and `extract.watching`, one round of it in `looking`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipelines.canvas import CanvasClient, CanvasError, Record, TransientCanvasError
from pipelines.canvas.accounts import show_account
from pipelines.canvas.errors import EdgeRefusedError, ForbiddenError, UnexpectedAnswerError, WrongHostError
from pipelines.canvas.moments import moment_of
from pipelines.extract.directory import account_terms
from pipelines.extract.reports import RepeatedReportIdError, ask, at_work, reconcile
from pipelines.extract.terms import TermDates, is_active
from pipelines.extract.watching import Adoption
from pipelines.extract.work import concerns_all
from pipelines.lake.read import course_facts, term_dates
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.account_numbers import remember_account, remembered_account
from pipelines.ledger.catalog import OfferedReport, known_catalog
from pipelines.ledger.intents import get_intent, successor_of
from pipelines.ledger.wishes import want
from pipelines.load.catalog import read_catalog
from pipelines.load.report_parameters import ReportParametersError, canonical_parameters, check_parameters
from pipelines.project import Project
from pipelines.settings import CourseReportSettings, ReportSettings

TERM_PARAMETER = "enrollment_term_id"

_AWAY = (TransientCanvasError, EdgeRefusedError, UnexpectedAnswerError, WrongHostError)
"""What is no word of Canvas's own: it is away, or somebody else answers for it, such as a page about maintenance."""

NOT_ASKED = (CanvasError, RepeatedReportIdError, ReportParametersError)
"""What keeps one report from being asked for, and not the others."""


@dataclass(frozen=True)
class Wished:
    """One report that is to be asked for: about an account or a course, with the parameters that are sent."""

    report: str
    parameters: dict[str, object]
    deadline: timedelta
    account_id: int | None = None
    course_id: int | None = None


async def ask_reports(
    project: Project,
    reports: Sequence[ReportSettings],
    *,
    window: str,
    origin: str,
    reuse_open: bool = False,
    course_reports: Sequence[CourseReportSettings] = (),
    on_unanswered: Callable[[Intent, Exception], None] | None = None,
) -> list[Intent]:
    """Want and ask for reports, each for each of its accounts, terms and courses; return the intents.

    A wish is written down even if Canvas is away: the sensor asks for it when Canvas is back. Raises the first problem
    after every report was tried: one that is refused does not keep the others. A POST whose answer was lost is no
    problem where `on_unanswered` hears of it: the next look finds out whether the report was started.
    """
    ledger, instance = project.ledger, project.settings.instance
    intents: dict[int, Intent] = {}
    problems: list[Exception] = []
    async with project.client(light=True) as client:
        try:
            await reconcile(ledger, client, instance)
        except CanvasError as error:
            problems.append(error)
        names = {*(one.report for one in reports), *(one.report for one in course_reports)}
        under_way = await at_work(ledger, client, instance, names)
        async for wished in _Asking(project, client).all(reports, course_reports, problems):
            intent = want(
                ledger,
                instance=instance,
                account_id=wished.account_id,
                course_id=wished.course_id,
                report=wished.report,
                parameters=wished.parameters,
                window=window,
                origin=origin,
                deadline=wished.deadline,
                reuse_open=reuse_open,
                under_way=under_way,
            )
            intents[intent.intent_id] = intent
            try:
                if intent.state is IntentState.WANTED and not any(map(concerns_all, problems)):
                    intents[intent.intent_id] = await ask(ledger, client, intent)
            except NOT_ASKED as error:
                now = intents[intent.intent_id] = get_intent(ledger, intent.intent_id)
                if on_unanswered is not None and now.state is IntentState.POSTING:
                    on_unanswered(now, error)
                else:
                    problems.append(error)
    if problems:
        raise _foremost(problems)
    # One whose answer was lost meanwhile has another in its place.
    return [successor_of(ledger, intent) for intent in intents.values()]


def _foremost(problems: Sequence[Exception]) -> Exception:
    """Return the first problem; of parameters that are wrong, all: who corrects the settings does it in one go."""
    wrong = [str(one) for one in problems if isinstance(one, ReportParametersError)]
    return ReportParametersError("\n".join(wrong)) if isinstance(problems[0], ReportParametersError) else problems[0]


def of_term(report: ReportSettings, term: int) -> dict[str, object]:
    """Return the parameters of a configured report as it is asked for one of its terms."""
    return canonical_parameters(report.report, {**report.parameters, TERM_PARAMETER: term})


class _Asking:
    """What is to be asked, found out with few requests: a catalog and a list of terms are read once per account."""

    def __init__(self, project: Project, client: CanvasClient) -> None:
        self.project = project
        self.client = client
        self.catalogs: dict[int, dict[str, OfferedReport] | None] = {}
        self.terms: dict[int, list[TermDates]] = {}

    async def all(
        self,
        reports: Sequence[ReportSettings],
        course_reports: Sequence[CourseReportSettings],
        problems: list[Exception],
    ) -> AsyncIterator[Wished]:
        """Yield what is to be asked; what keeps a report from being asked for is added to `problems`."""
        for report in reports:
            for name in dict.fromkeys(report.accounts or self.project.settings.canvas.accounts):
                try:
                    async for wished in self.about_account(report, name):
                        yield wished
                except NOT_ASKED as error:
                    problems.append(error)
        for course_report in course_reports:
            for wished in self.about_courses(course_report):
                yield wished

    async def about_account(self, report: ReportSettings, name: str | int) -> AsyncIterator[Wished]:
        """Yield what a configured report asks of one account: one report, or one for each of its terms."""
        account = await account_number(self.project, self.client, name)
        by_term = report.terms is not None
        check_parameters(report.report, report.parameters, await self._catalog(account), by_term=by_term)
        deadline = timedelta(hours=report.deadline_hours)
        base = canonical_parameters(report.report, report.parameters)
        if report.terms is None:
            yield Wished(report.report, base, deadline, account_id=account)
            return
        for term in await self._term_ids(account, report.terms):
            yield Wished(report.report, of_term(report, term), deadline, account_id=account)

    def about_courses(self, report: CourseReportSettings) -> list[Wished]:
        """Return what a configured course report asks: one report for each of its courses."""
        courses = active_courses(self.project) if report.courses == "active" else sorted(set(report.courses))
        deadline = timedelta(hours=report.deadline_hours)
        parameters: dict[str, object] = dict(report.parameters)
        return [Wished(report.report, parameters, deadline, course_id=course) for course in courses]

    async def _catalog(self, account: int) -> dict[str, OfferedReport] | None:
        if account not in self.catalogs:
            ledger, instance = self.project.ledger, self.project.settings.instance
            try:
                self.catalogs[account], _ = await read_catalog(ledger, self.client, instance, account)
            except CanvasError as error:
                if concerns_all(error) and not isinstance(error, _AWAY):
                    raise
                # The wish is worth writing down all the same; what was last known will do to look at it.
                self.catalogs[account] = known_catalog(ledger, instance, account) or None
        return self.catalogs[account]

    async def _term_ids(self, account: int, chosen: str | tuple[int, ...]) -> list[int]:
        if isinstance(chosen, tuple):
            return sorted(set(chosen))
        if account not in self.terms:
            self.terms[account] = await self._terms_of(account)
        now = self.project.clock()
        return sorted(term.term_id for term in self.terms[account] if chosen == "all" or is_active(term, now))

    async def _terms_of(self, account: int) -> list[TermDates]:
        try:
            found = await show_account(self.client, account)
            root = found.data.get("root_account_id") or account
            records = await account_terms(self.client, int(root))
        except (*_AWAY, ForbiddenError):
            known = term_dates(self.project.lake, self.project.settings.instance)
            if not known:
                raise
            return known
        terms = (_term(record) for record in records if record.get("workflow_state") != "deleted")
        return [term for term in terms if term is not None]


def _term(record: Record) -> TermDates | None:
    number = record.get("id")
    if not isinstance(number, int | str) or not str(number).isdecimal():
        return None
    return TermDates(int(number), moment_of(record.get("start_at")), moment_of(record.get("end_at")))


def active_courses(project: Project) -> list[int]:
    """Return the ids of the published courses of active terms, as the directory has them."""
    instance, now = project.settings.instance, project.clock()
    active = {term.term_id for term in term_dates(project.lake, instance) if is_active(term, now)}
    return [
        course.course_id
        for course in course_facts(project.lake, instance)
        if course.workflow_state == "available" and not course.concluded and course.term_id in active
    ]


def adoptions(project: Project) -> list[Adoption]:
    """Return which reports that persons run are taken up, by the settings: for each account, each set of parameters.

    Canvas is not asked: an account that was never asked for, and terms that were never loaded, are not known yet.
    """
    found: list[Adoption] = []
    ledger, instance = project.ledger, project.settings.instance
    for report in project.settings.reports:
        if not report.adopt:
            continue
        base = canonical_parameters(report.report, report.parameters)
        deadline = timedelta(hours=report.deadline_hours)
        sets = [base] if report.terms is None else [of_term(report, term) for term in known_terms(project, report)]
        for name in dict.fromkeys(report.accounts or project.settings.canvas.accounts):
            known = int(name) if str(name).isdecimal() else remembered_account(ledger, instance, str(name))
            if known is not None:
                found += [Adoption(known, report.report, parameters, deadline) for parameters in sets]
    return found


def known_terms(project: Project, report: ReportSettings) -> list[int]:
    """Return the terms that a report is asked for, as far as the directory knows them; none if it is not by term."""
    if report.terms is None:
        return []
    if isinstance(report.terms, tuple):
        return sorted(set(report.terms))
    now = project.clock()
    terms = term_dates(project.lake, project.settings.instance)
    return [term.term_id for term in terms if report.terms == "all" or is_active(term, now)]


async def account_number(project: Project, client: CanvasClient, name: str | int) -> int:
    """Return the Canvas id of an account that is named by id, `self` or `sis_account_id:X`.

    When Canvas is away, the id that it gave before. Raises CanvasError if it never gave one, or refuses.
    """
    if isinstance(name, int) or name.isdecimal():
        return int(name)
    ledger, instance = project.ledger, project.settings.instance
    try:
        number = int((await show_account(client, name)).data["id"])
    except _AWAY:
        known = remembered_account(ledger, instance, name)
        if known is None:
            raise
        return known
    remember_account(ledger, instance, name, number)
    return number

"""Department analytics into the lake: four questions for each account and term filter that is due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.canvas import CanvasClient
from pipelines.canvas.analytics import (
    TermFilter,
    department_activity,
    department_grades,
    department_statistics,
    department_statistics_by_subaccount,
)
from pipelines.extract.terms import TermDates, is_due
from pipelines.extract.work import run_all
from pipelines.lake.store import Lake
from pipelines.ledger import Ledger
from pipelines.ledger.loads import last_load_at
from pipelines.load.questions import Ended, Question, Tables, ask_and_load
from pipelines.normalize import department as rows
from pipelines.normalize.contracts import department as contracts
from pipelines.normalize.department import DepartmentScope

ENDPOINTS = ("activity", "grades", "statistics", "statistics_by_subaccount")


@dataclass(frozen=True)
class DepartmentQuestion:
    """One of the four department endpoints for one account and term filter."""

    scope: DepartmentScope
    endpoint: str

    def question(self) -> Question:
        """Return the question as the lake and `meta.coverage` know it."""
        filter_ = self.scope.term_filter if self.scope.term_id is None else f"terms/{self.scope.term_id}"
        return Question(
            "account",
            str(self.scope.account_id),
            f"analytics/{filter_}/{self.endpoint}",
            f"department_{self.endpoint}",
            {
                "account": self.scope.account_id,
                "term_filter": self.scope.term_filter,
                "term": self.scope.term_id,
            },
        )


def due_questions(
    ledger: Ledger,
    instance: str,
    accounts: Sequence[int],
    terms: Sequence[TermDates],
    *,
    now: datetime,
    full: bool = False,
) -> list[DepartmentQuestion]:
    """Return what to ask: current, completed, and each term that is active or was not loaded since it settled.

    `full` asks about every term again.
    """
    questions = []
    for account in accounts:
        for filter_ in ("current", "completed"):
            questions += [DepartmentQuestion(DepartmentScope(account, filter_), name) for name in ENDPOINTS]
        for term in terms:
            scope = DepartmentScope(account, "term", term.term_id)
            for name in ENDPOINTS:
                question = DepartmentQuestion(scope, name)
                known = question.question()
                if full or is_due(term, now, last_load_at(ledger, instance, known.source, known.scope)):
                    questions.append(question)
    return questions


async def load_departments(
    lake: Lake,
    client: CanvasClient,
    instance: str,
    questions: Sequence[DepartmentQuestion],
    *,
    width: int,
    on_done: Callable[[Ended], None] | None = None,
) -> list[Ended]:
    """Ask every question, `width` at a time, and load each answer by itself; return how each ended."""
    ended: list[Ended] = []

    async def one(item: DepartmentQuestion) -> None:
        result = await ask_and_load(lake, instance, item.question(), lambda: _fetch(client, item))
        ended.append(result)
        if on_done is not None:
            on_done(result)

    await run_all(questions, one, width=width)
    return ended


async def _fetch(client: CanvasClient, item: DepartmentQuestion) -> Tables:
    scope = item.scope
    which = TermFilter(scope.term_filter) if scope.term_id is None else TermFilter.term(scope.term_id)
    if item.endpoint == "activity":
        answer = await department_activity(client, scope.account_id, which)
        return Tables.of(
            answer,
            (contracts.ACTIVITY_BY_DATE, rows.activity_by_date(answer.data, scope)),
            (contracts.ACTIVITY_BY_CATEGORY, rows.activity_by_category(answer.data, scope)),
        )
    if item.endpoint == "grades":
        answer = await department_grades(client, scope.account_id, which)
        return Tables.of(answer, (contracts.GRADES, rows.grades(answer.data, scope)))
    if item.endpoint == "statistics":
        answer = await department_statistics(client, scope.account_id, which)
        return Tables.of(answer, (contracts.STATISTICS, rows.statistics(answer.data, scope)))
    answer = await department_statistics_by_subaccount(client, scope.account_id, which)
    return Tables.of(answer, (contracts.STATISTICS_BY_SUBACCOUNT, rows.statistics_by_subaccount(answer.data, scope)))

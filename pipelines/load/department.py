"""Department analytics into the lake: four questions for each account and term filter that is due."""

from collections.abc import Sequence
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
from pipelines.ledger import Ledger
from pipelines.ledger.coverage import answers
from pipelines.ledger.pulls import Pull
from pipelines.load.questions import Question, Reply
from pipelines.load.work_list import Work, is_done
from pipelines.normalize import department as rows
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
    pull: Pull | None = None,
) -> list[DepartmentQuestion]:
    """Return what to ask: current, completed, and each term that is active or was not loaded since it settled.

    `full` asks about every term again. What was answered since `pull` began is left out.
    """
    known = answers(ledger, instance, "account")
    questions = []
    for account in accounts:
        scopes = [DepartmentScope(account, filter_) for filter_ in ("current", "completed")]
        scopes += [DepartmentScope(account, "term", term.term_id) for term in terms]
        due = {term.term_id: term for term in terms}
        for scope in scopes:
            for name in ENDPOINTS:
                item = DepartmentQuestion(scope, name)
                question = item.question()
                last = known.get((question.scope_id, question.endpoint))
                if pull is not None and is_done(last, pull):
                    continue
                loaded_at = last.answered_at if last is not None and last.is_good else None
                if full or scope.term_id is None or is_due(due[scope.term_id], now, loaded_at):
                    questions.append(item)
    return questions


def department_work(client: CanvasClient, item: DepartmentQuestion) -> Work:
    """Return a department question with how to ask it."""
    return Work(item.question(), lambda: _fetch(client, item))


async def _fetch(client: CanvasClient, item: DepartmentQuestion) -> Reply:
    scope = item.scope
    which = TermFilter(scope.term_filter) if scope.term_id is None else TermFilter.term(scope.term_id)
    if item.endpoint == "activity":
        answer = await department_activity(client, scope.account_id, which)
        return Reply.of(
            answer, rows.activity_by_date(answer.data, scope), rows.activity_by_category(answer.data, scope)
        )
    if item.endpoint == "grades":
        answer = await department_grades(client, scope.account_id, which)
        return Reply.of(answer, rows.grades(answer.data, scope))
    if item.endpoint == "statistics":
        answer = await department_statistics(client, scope.account_id, which)
        return Reply.of(answer, rows.statistics(answer.data, scope))
    answer = await department_statistics_by_subaccount(client, scope.account_id, which)
    return Reply.of(answer, rows.statistics_by_subaccount(answer.data, scope))

"""Department analytics: from Canvas's answers to records of their tables, in the documented and the real shapes.

The documentation shows activity as maps from date or category to a number; Canvas sends lists of objects. Both are
taken. An extra `"id": null` is dropped, wherever Rails adds it.
"""

from dataclasses import dataclass
from typing import Any

from pipelines.normalize.contracts import Table, department
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

_COUNTS = {column.name for column in department.STATISTICS.columns if column.name not in department.STATISTICS.key}


@dataclass(frozen=True)
class DepartmentScope:
    """What a department answer speaks for. `term_filter` is current, completed or term; `term_id` only with term."""

    account_id: int
    term_filter: str
    term_id: int | None = None

    def columns(self) -> dict[str, object]:
        """Return the scope as the columns that every department table begins with."""
        return {"account_id": self.account_id, "term_filter": self.term_filter, "term_id": self.term_id}

    def __str__(self) -> str:
        term = f"term {self.term_id}" if self.term_id is not None else self.term_filter
        return f"account {self.account_id}, {term}"


def activity_by_date(answer: object, scope: DepartmentScope) -> TableRecords:
    """Return `analytics.department_activity_by_date` from an activity answer."""
    return _records(department.ACTIVITY_BY_DATE, _entries(_member(answer, "by_date", scope), "date"), scope)


def activity_by_category(answer: object, scope: DepartmentScope) -> TableRecords:
    """Return `analytics.department_activity_by_category` from an activity answer."""
    return _records(department.ACTIVITY_BY_CATEGORY, _entries(_member(answer, "by_category", scope), "category"), scope)


def grades(answer: object, scope: DepartmentScope) -> TableRecords:
    """Return `analytics.department_grades` from a map of whole scores to counts (all null: no distribution cached)."""
    # An error that comes as an object must not become a table without rows: that would replace good ones.
    if not isinstance(answer, dict) or not any(str(score).isdecimal() for score in answer):
        raise UnexpectedAnswerShapeError(f"department grades of {scope}: Canvas gave no map of scores to counts")
    rows = [{"score": score, "students": students} for score, students in answer.items() if score != "id"]
    return _records(department.GRADES, rows, scope)


def statistics(answer: object, scope: DepartmentScope) -> TableRecords:
    """Return `analytics.department_statistics` from an object of counts."""
    if not isinstance(answer, dict) or answer.keys().isdisjoint(_COUNTS):
        raise UnexpectedAnswerShapeError(f"department statistics of {scope}: Canvas gave no object of counts")
    return _records(department.STATISTICS, [answer], scope)


def statistics_by_subaccount(answer: object, scope: DepartmentScope) -> TableRecords:
    """Return `analytics.department_statistics_by_subaccount` from the `accounts` of an answer."""
    return _records(department.STATISTICS_BY_SUBACCOUNT, _member(answer, "accounts", scope), scope)


def _records(table: Table, records: object, scope: DepartmentScope) -> TableRecords:
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnexpectedAnswerShapeError(f"{table.qualified} of {scope}: Canvas gave no list of objects")
    own_id = any(column.source_name == "id" for column in table.columns)
    return TableRecords(
        table, [{**record, **scope.columns()} for record in records], frozenset() if own_id else frozenset({"id"})
    )


def _member(answer: object, name: str, scope: DepartmentScope) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise UnexpectedAnswerShapeError(f"department analytics of {scope}: the answer has no {name}")
    return answer[name]


def _entries(member: object, key: str) -> object:
    """Return the documented map (day or category to views) as the list of objects that Canvas really sends."""
    if isinstance(member, dict):
        return [
            {**value, key: name} if isinstance(value, dict) else {key: name, "views": value}
            for name, value in member.items()
            if name != "id"
        ]
    return member

"""Analytics of one student in one course: from Canvas's answers to records of their tables.

Page views come by hour from Canvas's page view service and by day from its database; both are taken. An answer of
another outer shape is refused with the ids of course and student; a value that does not fit is left for typing.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.normalize.contracts import student as contracts
from pipelines.normalize.course import dated, flattened, kind, list_of_objects, whole_number
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATISTICS = frozenset({"min_score", "first_quartile", "median", "third_quartile", "max_score"})
_COUNTS = {"instructorMessages": 0, "studentMessages": 0}


def activity(answer: object, course_id: int, user_id: int) -> list[TableRecords]:
    """Return `analytics.student_page_views` and `analytics.student_participations` from one answer."""
    what = f"activity of {_whose(course_id, user_id)}"
    if not isinstance(answer, dict) or not {"page_views", "participations"} <= answer.keys():
        raise UnexpectedAnswerShapeError(f"{what}: the answer has no page_views or no participations")
    who = {"course_id": course_id, "user_id": user_id}
    participations = list_of_objects(answer["participations"], f"{what}, participations")
    return [
        TableRecords(
            contracts.STUDENT_PAGE_VIEWS,
            _once([{**row, **who} for row in _page_views(answer["page_views"], f"{what}, page views")]),
            frozenset({"date"}),
        ),
        TableRecords(
            contracts.STUDENT_PARTICIPATIONS,
            [{**record, **who, "position": position} for position, record in enumerate(participations, start=1)],
        ),
    ]


def assignments(answer: object, course_id: int, user_id: int) -> TableRecords:
    """Return `analytics.student_assignments` from a list of assignments; the class's statistics are left out."""
    records = list_of_objects(answer, f"assignments of {_whose(course_id, user_id)}")
    rows = [
        {
            **record,
            **flattened(record, "submission", "submission", "score"),
            "statistics": not _STATISTICS.isdisjoint(record),
            "course_id": course_id,
            "user_id": user_id,
        }
        for record in records
    ]
    return TableRecords(
        contracts.STUDENT_ASSIGNMENTS, rows, _STATISTICS | {"submission", "module_ids", "multiple_due_dates"}
    )


def communication(answer: object, course_id: int, user_id: int) -> TableRecords:
    """Return `analytics.student_messages` from a map of days to counts; a count that a day leaves out is none."""
    what = f"communication of {_whose(course_id, user_id)}"
    if answer == []:
        answer = {}
    if not isinstance(answer, dict):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave {kind(answer)} where a map of days is due")
    rows = []
    for day, counts in dated(answer, what):
        # Something else than an object goes on inside of a list, which fits no column: typing sets the row aside.
        found = {**_COUNTS, **counts} if isinstance(counts, dict) else {"instructorMessages": [counts]}
        rows.append({**found, "date": day, "course_id": course_id, "user_id": user_id})
    return TableRecords(contracts.STUDENT_MESSAGES, rows)


def _whose(course_id: int, user_id: int) -> str:
    return f"student {user_id} in course {course_id}"


def _page_views(answer: object, what: str) -> list[dict[str, Any]]:
    if isinstance(answer, dict):
        return [{**_bucket(key), "views": views} for key, views in dated(answer, what)]
    return [{**record, **_bucket(record.get("date"))} for record in list_of_objects(answer, what)]


def _bucket(key: object) -> dict[str, object]:
    if isinstance(key, str) and _DAY.fullmatch(key):
        return {"bucket_at": f"{key}T00:00:00Z", "bucket": "day"}
    return {"bucket_at": key, "bucket": "hour"}


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with those of the same instant added up.

    When clocks go back, Canvas writes the same hour twice with two offsets: those are two instants and stay two rows.
    A row that cannot be read stays by itself, for typing to set aside.
    """
    kept: list[dict[str, Any]] = []
    first: dict[tuple[timedelta, object], dict[str, Any]] = {}
    for row in rows:
        instant, views = _instant(row["bucket_at"]), whole_number(row.get("views"))
        if instant is None or views is None:
            kept.append(row)
        elif same := first.get((instant, row["bucket"])):
            same["views"] = (whole_number(same["views"]) or 0) + views
        else:
            first[instant, row["bucket"]] = row
            kept.append(row)
    return kept


def _instant(value: object) -> timedelta | None:
    """Return a moment as the time since 1970, whatever way it is spelled in; None if it is none."""
    if not isinstance(value, str):
        return None
    spelled = re.sub(r" ?UTC$", "Z", value.strip())
    try:
        moment = datetime.fromisoformat(re.sub(r" (?=Z$|[+-][0-9:]+$)", "", spelled))
    except ValueError:
        return None
    return moment - _EPOCH if moment.tzinfo else None

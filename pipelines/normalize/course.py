"""Course analytics: from Canvas's answers to records of their tables, in the documented and the real shapes.

An answer of another outer shape is refused with the course's id. A single value that does not fit is left for typing,
which sets its row aside. What a list of objects and a map by date are is told here for student analytics too.
"""

import re
from typing import Any

from pipelines.normalize.contracts import course as contracts
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

_BEGINS_WITH_A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,40}\s*")


def activity(answer: object, course_id: int) -> TableRecords:
    """Return `analytics.course_activity` from a list of days, or from a map of days to views or to both counts."""
    what = f"activity of course {course_id}"
    if isinstance(answer, dict):
        days = [
            {**counts, "date": day} if isinstance(counts, dict) else {"date": day, "views": counts}
            for day, counts in dated(answer, what)
        ]
    else:
        days = list_of_objects(answer, what)
    return TableRecords(contracts.COURSE_ACTIVITY, [{**day, "course_id": course_id} for day in days])


def assignments(answer: object, course_id: int) -> list[TableRecords]:
    """Return `analytics.course_assignments` and `analytics.course_assignment_modules` from a list of assignments.

    The object that Canvas gives while it still computes (`progress_url`) is refused like any other.
    """
    records = list_of_objects(answer, f"assignments of course {course_id}")
    modules: list[dict[str, Any]] = []
    told: set[tuple[int | None, int | None]] = set()
    for record in records:
        found = record.get("module_ids")
        # Something else than a list goes on inside of one, which fits no column: it is set aside and not guessed at.
        members = found if isinstance(found, list) else [] if found is None else [[found]]
        assignment_id = record.get("assignment_id")
        for module_id in members:
            place = whole_number(assignment_id), whole_number(module_id)
            # An assignment that stands in a module twice is in it once.
            if None not in place and place in told:
                continue
            told.add(place)
            modules.append({"course_id": course_id, "assignment_id": assignment_id, "module_id": module_id})
    return [
        TableRecords(
            contracts.COURSE_ASSIGNMENTS,
            [{**record, **_tardiness(record), "course_id": course_id} for record in records],
            frozenset({"tardiness_breakdown", "module_ids"}),
        ),
        TableRecords(contracts.COURSE_ASSIGNMENT_MODULES, modules),
    ]


def student_summaries(records: object, course_id: int) -> TableRecords:
    """Return `analytics.student_summaries` from the students of all pages, each student once.

    Canvas repeats a student whose enrollments hold different scores. It orders the repeats as it likes, and what it
    counts is counted by student and equal in each: the first one is kept.
    """
    rows: list[dict[str, Any]] = []
    known: set[int] = set()
    for record in list_of_objects(records, f"student summaries of course {course_id}"):
        student = whole_number(record.get("id"))
        if student is not None and student in known:
            continue
        if student is not None:
            known.add(student)
        row = {**record, **_tardiness(record), "course_id": course_id}
        # The documentation spells it without the s.
        if row.get("max_page_views") is None:
            row["max_page_views"] = record.get("max_page_view")
        rows.append(row)
    return TableRecords(contracts.STUDENT_SUMMARIES, rows, frozenset({"tardiness_breakdown", "max_page_view"}))


def _tardiness(record: dict[str, Any]) -> dict[str, Any]:
    return flattened(record, "tardiness_breakdown", "tardiness", "total")


def flattened(record: dict[str, Any], key: str, prefix: str, scapegoat: str) -> dict[str, Any]:
    """Return the members of a nested object under prefixed names; nothing if it is absent or null.

    Where something else than an object stands, the member `scapegoat` gets it inside of a list. That fits no column,
    so that the row is set aside with the reason.
    """
    nested = record.get(key)
    if nested is None:
        return {}
    if isinstance(nested, dict):
        return {f"{prefix}_{name}": value for name, value in nested.items()}
    return {f"{prefix}_{scapegoat}": [nested]}


def list_of_objects(answer: object, what: str) -> list[dict[str, Any]]:
    """Return the answer if it is a list of objects; raise UnexpectedAnswerShapeError, with `what` it is, if not."""
    if not isinstance(answer, list) or not all(isinstance(record, dict) for record in answer):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave {kind(answer)} where a list of objects is due")
    return answer


def dated(answer: dict[str, Any], what: str) -> list[tuple[str, Any]]:
    """Return the entries of a map by day or moment, without the `"id": null` that Rails adds.

    Raises UnexpectedAnswerShapeError if there are entries and none begins with a day: an error that comes as an
    object must not become a table of bad rows.
    """
    entries = [(name, value) for name, value in answer.items() if name != "id" or value is not None]
    if entries and not any(_BEGINS_WITH_A_DAY.match(name) for name, _ in entries):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave an object without any day")
    return entries


def whole_number(value: object) -> int | None:
    """Return the number that a value is certain to be read as in a column of whole numbers; None if there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    number = int(value)
    return number if -(2**63) <= number < 2**63 else None


def kind(value: object) -> str:
    """Return what an answer is, in words and without its content, which may be a student's."""
    if isinstance(value, list):
        return "a list of something else"
    return {dict: "an object", str: "text", type(None): "null"}.get(type(value), "a plain value")

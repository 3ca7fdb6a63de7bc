"""`canvaslake coverage`: how the last question about each scope ended, from the ledger.

The published file has the same in `meta.coverage`; this tells of what happened since, and before the first publish.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from pipelines.cli.console import put_json, put_table, say
from pipelines.lake.read import live_rows, live_table
from pipelines.ledger.coverage import (
    CoverageCause,
    CoverageCount,
    CoverageRow,
    CoverageStatus,
    coverage_causes,
    coverage_counts,
    coverage_rows,
)
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.course import STUDENT_SUMMARIES
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSES
from pipelines.project import Project

_TERM = re.compile(r"/terms/\d+/")
_KINDS = ("account", "course", "student")
_MOST_CAUSES = 20
_MOST_ENDPOINTS = 4


def show_summary(project: Project, *, as_json: bool) -> None:
    """Print how many questions ended how, and each reason for which some were not answered once."""
    ledger, instance = project.ledger, project.settings.instance
    counts = by_endpoint(coverage_counts(ledger, instance))
    forbidden = coverage_causes(ledger, instance, [CoverageStatus.FORBIDDEN], _MOST_CAUSES)
    failed = coverage_causes(ledger, instance, [CoverageStatus.FAILED], _MOST_CAUSES)
    if as_json:
        rows = [{"scope_kind": kind, "endpoint": name, **statuses} for (kind, name), statuses in counts.items()]
        put_json(
            {
                "canvas": instance,
                "counts": rows,
                "forbidden": [_cause_json(cause) for cause in forbidden],
                "failed": [_cause_json(cause) for cause in failed],
            }
        )
        return
    if not counts:
        say("Nothing was asked yet. Next: canvaslake sync")
        return
    statuses = [status for status in CoverageStatus if any(each[status] for each in counts.values())]
    rows_ = [[kind, name, *(each[status] or None for status in statuses)] for (kind, name), each in counts.items()]
    put_table(["scope", "endpoint", *statuses], rows_, right=statuses)
    for cause in (*forbidden, *failed):
        say(f"! {cause.status}: {_told(cause)}")
    if not forbidden and not failed:
        say("Every question that was asked was answered.")


def show_rows(
    project: Project,
    *,
    scope: tuple[str, str] | None,
    status: CoverageStatus | None,
    endpoint: str,
    limit: int,
    as_json: bool,
) -> None:
    """Print single questions, the newest first, and say so if there are more than are shown."""
    found = coverage_rows(
        project.ledger, project.settings.instance, scope=scope, status=status, endpoint=endpoint, limit=limit + 1
    )
    shown, more = found[:limit], len(found) > limit
    if as_json:
        put_json([asdict(row) for row in shown])
    elif shown:
        columns = ["scope", "endpoint", "status", "http", "request id", "attempts", "when", "detail"]
        put_table(columns, [_cells(row) for row in shown], right=["attempts"])
    else:
        say(_nothing(project, scope=scope, status=status, endpoint=endpoint))
    if more:
        say(f"There are more than these {limit:,}: --limit shows more of them.")


def _nothing(project: Project, *, scope: tuple[str, str] | None, status: CoverageStatus | None, endpoint: str) -> str:
    """Say which filter found nothing, and why that is so if it can be known."""
    if not coverage_counts(project.ledger, project.settings.instance):
        return "Nothing was asked yet. Next: canvaslake sync"
    wanted = [
        f" about {' '.join(scope)}" if scope else "",
        f" at an endpoint with {endpoint!r} in its name" if endpoint else "",
        f" ended as {status}" if status else "",
    ]
    absent = f" {_absent(project, *scope)}" if scope else ""
    return f"No question{''.join(wanted)}.{absent.rstrip()} canvaslake coverage shows what was asked."


def _absent(project: Project, kind: str, scope_id: str) -> str:
    """Return that a scope is not in the loaded directory; nothing if it is, or if no directory is loaded."""
    if kind == "account":
        return _not_among(project, ACCOUNTS, kind, scope_id, "accounts")
    course, _, student = scope_id.partition("/")
    missing = _not_among(project, COURSES, "course", course, "courses")
    if missing or not student:
        return missing
    rows = live_table(project.lake, project.settings.instance, STUDENT_SUMMARIES, ["course_id", "user_id"])
    students = zip(rows["course_id"].to_pylist(), rows["user_id"].to_pylist(), strict=True)
    if not rows.num_rows or (int(course), int(student)) in students:
        return ""
    return (
        f"There is no student {student} of course {course} among the loaded summaries ({STUDENT_SUMMARIES.qualified})."
    )


def _not_among(project: Project, table: Table, kind: str, scope_id: str, many: str) -> str:
    # `self` and SIS ids are names, and stand in no column.
    key = table.key[0]
    ids = {str(row[key]) for row in live_rows(project.lake, project.settings.instance, table, [key])}
    if not ids or not scope_id.isdecimal() or scope_id in ids:
        return ""
    return f"There is no {kind} {scope_id} among the loaded {many} ({table.qualified})."


def by_endpoint(counts: Iterable[CoverageCount]) -> dict[tuple[str, str], Counter[CoverageStatus]]:
    """Return the numbers by kind of scope and endpoint; all terms of an endpoint count as one."""
    found: dict[tuple[str, str], Counter[CoverageStatus]] = {}
    for entry in counts:
        key = (entry.scope_kind, _without_term(entry.endpoint))
        found.setdefault(key, Counter())[entry.status] += entry.questions
    return dict(sorted(found.items(), key=lambda one: (_place(one[0][0]), one[0][1])))


def _place(kind: str) -> int:
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def _without_term(endpoint: str) -> str:
    return _TERM.sub("/terms/:term_id/", endpoint)


def _endpoints(cause: CoverageCause) -> list[str]:
    return list(dict.fromkeys(map(_without_term, cause.endpoints)))


def _told(cause: CoverageCause) -> str:
    newest, names = cause.newest, _endpoints(cause)
    more = f" and {len(names) - _MOST_ENDPOINTS} more" if len(names) > _MOST_ENDPOINTS else ""
    facts = [
        f"request id {newest.request_id}" if newest.request_id else "",
        f"attempts {newest.attempts}",
        f"{_time(newest.answered_at)} UTC",
    ]
    questions = "1 question" if cause.questions == 1 else f"{cause.questions:,} questions"
    about = f"about {newest.scope_kind} {newest.scope_id} [{', '.join(filter(None, facts))}]"
    said = f"Concerns {questions} ({', '.join(names[:_MOST_ENDPOINTS])}{more}), the newest {about}."
    return f"{cause.detail or 'No reason was given.'} {said}"


def _cause_json(cause: CoverageCause) -> dict[str, object]:
    return {
        "detail": cause.detail,
        "questions": cause.questions,
        "endpoints": _endpoints(cause),
        "newest": asdict(cause.newest),
    }


def _cells(row: CoverageRow) -> Sequence[object]:
    return [
        f"{row.scope_kind} {row.scope_id}",
        row.endpoint,
        row.status,
        None if row.http_status is None else str(row.http_status),
        row.request_id,
        row.attempts,
        _time(row.answered_at),
        row.detail,
    ]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"

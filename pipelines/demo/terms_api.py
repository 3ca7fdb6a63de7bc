"""Enrollment terms: a wrapped object that is paginated all the same, on the root account only."""

from typing import Any, Final

from pipelines.demo.records import Term
from pipelines.demo.wire import Answer, ApiError, utc_text
from pipelines.demo.world import Call, Endpoint


def term_json(call: Call, term: Term) -> dict[str, Any]:
    """Write a term; SIS fields by permission."""
    written: dict[str, Any] = {
        "id": term.id,
        "name": term.name,
        "start_at": utc_text(term.start_at),
        "end_at": utc_text(term.end_at),
        "created_at": utc_text(term.created_at),
        "workflow_state": term.state,
        "grading_period_group_id": None,
    }
    if call.may("read_sis"):
        written |= {"sis_term_id": term.sis_id, "sis_import_id": 1 if term.created_by_sis else None}
    if "overrides" in call.query.many("include"):
        written["overrides"] = {}
    return written


def list_terms(call: Call) -> Answer:
    """Answer a page of terms, active ones unless `workflow_state[]` says more, latest start first."""
    account = call.account()
    if account.parent_id is not None:
        raise ApiError(400, {"message": "Terms only belong to root_accounts."})
    call.require("read_terms")
    states = set(call.query.many("workflow_state")) or {"active"}
    shown = [term for term in call.institution.terms if "all" in states or term.state in states]
    answer = call.numbered(sorted(shown, key=_place), lambda term: term_json(call, term))
    answer.payload = {"enrollment_terms": answer.payload}
    return answer


def _place(term: Term) -> tuple[float, float, int]:
    # Start and end descend with nulls before dates, as the database orders them; ids ascend.
    latest = float("-inf")
    start = latest if term.start_at is None else -term.start_at.timestamp()
    end = latest if term.end_at is None else -term.end_at.timestamp()
    return start, end, term.id


ENDPOINTS: Final = (Endpoint("GET", "/api/v1/accounts/{account_id}/terms", list_terms, "list"),)

"""The account report endpoints: catalog, create, index, show, delete, abort, and a run as JSON.

How runs move on is in `report_desk`, downloads are in `downloads`.
"""

from datetime import datetime
from typing import Any, Final

from pipelines.demo.builders.course_reports import DOCX
from pipelines.demo.builders.scope import term_key
from pipelines.demo.faults import AttachmentIs, AttachmentOddity
from pipelines.demo.report_runs import ReportFile, ReportRun
from pipelines.demo.wire import Answer, ApiError, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_MIME_CLASSES: Final = {"application/zip": "zip", DOCX: "doc"}


def times_json(call: Call, run: ReportRun) -> dict[str, str | None]:
    """Write the three times of a run, which carry the account's offset. An end that is still to come is not told."""
    zone = call.institution.time_zone

    def local(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")

    ended_at = run.ended_at if run.ended_at is None or run.ended_at <= call.world.clock() else None
    return {"created_at": local(run.created_at), "started_at": local(run.started_at), "ended_at": local(ended_at)}


def file_json(call: Call, run: ReportRun) -> dict[str, Any]:
    """Write the addresses of a run's file. `attachment` is absent until there is one."""
    if run.file is None:
        return {"file_url": None}
    place = f"accounts/{run.account_id}" if run.course_id is None else f"courses/{run.course_id}"
    # A web address, not an API one: it asks a token for a login.
    written: dict[str, Any] = {"file_url": f"{call.world.base_url}/{place}/files/{run.file.id}/download"}
    odd = call.world.faults.take(AttachmentIs, call.method, call.path)
    if odd is None or odd.oddity != "absent":
        written["attachment"] = attachment_json(call, run.file, None if odd is None else odd.oddity)
    return written


def report_json(call: Call, run: ReportRun) -> dict[str, Any]:
    """Write a run of an account report."""
    return {
        "id": run.id,
        "progress": run.progress,
        "parameters": run.parameters,
        "current_line": run.current_line,
        "status": run.status,
        "report": run.report,
        **times_json(call, run),
        **file_json(call, run),
    }


def attachment_json(call: Call, file: ReportFile, oddity: AttachmentOddity | None = None) -> dict[str, Any]:
    """Write a file; its address carries no verifier, so the token has to be sent. A locked one has no address."""
    made = utc_text(file.created_at)
    locked = oddity == "locked"
    return {
        "id": file.id,
        "folder_id": None,
        "display_name": file.name,
        "filename": file.name,
        "upload_status": "success",
        "content-type": file.content_type,
        "url": "" if locked else f"{call.world.base_url}/files/{file.id}/download?download_frd=1",
        "size": len(file.content) + (1 if oddity == "wrong_size" else 0),
        "created_at": made,
        "updated_at": made,
        "unlock_at": None,
        "locked": locked,
        "hidden": False,
        "lock_at": None,
        "hidden_for_user": False,
        "thumbnail_url": None,
        "modified_at": made,
        "mime_class": _MIME_CLASSES.get(file.content_type, "file"),
        "media_entry_id": None,
        "category": "uncategorized",
        "locked_for_user": locked,
        "visibility_level": "inherit",
    }


def list_catalog(call: Call) -> Answer:
    """Answer every report on offer, sorted by title, on one page whatever the documentation says."""
    account = call.account()
    call.require("read_reports")
    includes = set(call.query.many("include"))
    catalog = []
    for kind in sorted(call.world.catalog.offered(), key=lambda each: each.title):
        runs = call.world.reports.index(account.id, kind.name)
        item: dict[str, Any] = {
            "title": kind.title,
            "parameters": kind.parameters,
            "report": kind.name,
            "last_run": report_json(call, runs[0]) if runs else None,
        }
        for extra in ("description_html", "parameters_html"):
            if extra in includes:
                item[extra] = f"<div>{kind.title}</div>"
        catalog.append(item)
    return Answer(catalog)


def create_report(call: Call) -> Answer:
    """Start a report; only the term is checked. Answers 200 with a run that is `created`."""
    account = call.account()
    call.require("read_reports")
    name = call.path_params["report"]
    if not call.world.catalog.is_offered(name):
        raise not_found()
    given = call.body.get("parameters")
    parameters: dict[str, Any] = given if isinstance(given, dict) else _from_query(call)
    key = term_key(parameters)
    if key is not None and call.institution.find_term(key) is None:
        raise ApiError(400, {"error": f"invalid enrollment_term_id '{key}'"})
    run = call.world.reports.create(account.id, name, parameters, user_id=call.grant.user_id)
    return Answer(report_json(call, run))


def _from_query(call: Call) -> dict[str, Any]:
    inside = [(name, value) for name, value in call.query.pairs if name.startswith("parameters[")]
    return {name.removeprefix("parameters[").removesuffix("]"): value for name, value in inside}


def list_runs(call: Call) -> Answer:
    """Answer a page of the account's runs of a report, newest first, deleted ones left out.

    Everybody's runs are in it, also those of a report that was switched off since.
    """
    account = call.account()
    call.require("read_reports")
    name = call.path_params["report"]
    if call.world.catalog.find(name) is None:
        raise not_found()
    return call.numbered(call.world.reports.index(account.id, name), lambda run: report_json(call, run))


def _run(call: Call) -> ReportRun:
    account = call.account()
    call.require("read_reports")
    key = call.path_params["id"]
    run = call.world.reports.find(account.id, call.path_params["report"], int(key)) if key.isdecimal() else None
    if run is None:
        raise not_found()
    return run


def show_report(call: Call) -> Answer:
    """Answer one run; deleted ones and ones of another type are a 404."""
    return Answer(report_json(call, _run(call)))


def delete_report(call: Call) -> Answer:
    """Delete a run and answer it with the status deleted; its file stays."""
    run = _run(call)
    call.world.reports.delete(run)
    return Answer(report_json(call, run))


def abort_report(call: Call) -> Answer:
    """Abort a running run; from any other state it is a 404."""
    run = _run(call)
    if not call.world.reports.abort(run):
        raise not_found()
    return Answer(report_json(call, run))


_ONE: Final = "/api/v1/accounts/{account_id}/reports/{report}/{id}"
ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/accounts/{account_id}/reports", list_catalog, "list"),
    Endpoint("POST", "/api/v1/accounts/{account_id}/reports/{report}", create_report, "report_start"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/reports/{report}", list_runs, "report_poll"),
    Endpoint("GET", _ONE, show_report, "report_poll"),
    Endpoint("DELETE", _ONE, delete_report),
    Endpoint("PUT", f"{_ONE}/abort", abort_report),
)

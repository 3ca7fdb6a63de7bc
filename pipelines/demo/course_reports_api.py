"""The course report endpoints: create, show, and the last one that the asker started.

There is no catalog, index, abort or delete. Runs live as account reports do, in `report_desk`.
"""

from typing import Any, Final

from pipelines.demo.institution import local_id
from pipelines.demo.records import Course
from pipelines.demo.report_runs import ReportRun
from pipelines.demo.reports_api import file_json, times_json
from pipelines.demo.wire import Answer, ApiError, forbidden, not_found
from pipelines.demo.world import Call, Endpoint

_PERMITTED: Final = ("section_ids", "enrollment_ids")


def course_report_json(call: Call, run: ReportRun) -> dict[str, Any]:
    """Write a run of a course report: it says neither how far it is nor `report`."""
    return {
        "id": run.id,
        "parameters": run.parameters,
        "status": run.status,
        "report_type": run.report,
        "course_id": run.course_id,
        **times_json(call, run),
        **file_json(call, run),
    }


def _course(call: Call) -> Course:
    course = call.institution.find_course(call.path_params["course_id"])
    if course is None or course.state == "deleted":
        raise not_found()
    return course


def _report_type(call: Call) -> str:
    name = call.path_params["report_type"]
    if not call.world.course_catalog.is_offered(name):
        raise ApiError(400, {"error": f"invalid report type {name}"})
    return name


def _broken() -> ApiError:
    message = {"message": "An error occurred.", "error_code": "internal_server_error"}
    return ApiError(500, {"errors": [message], "error_report_id": 1})


def create_course_report(call: Call) -> Answer:
    """Start a report; answers 200 with a run that is `created`. Without `parameters` Canvas breaks."""
    course = _course(call)
    call.require("read_reports")
    name = _report_type(call)
    given = call.body.get("parameters")
    if not isinstance(given, dict):
        raise _broken()
    parameters = {key: given[key] for key in _PERMITTED if key in given}
    run = call.world.reports.create_for_course(course.id, name, parameters, user_id=call.grant.user_id)
    return Answer(course_report_json(call, run))


def show_course_report(call: Call) -> Answer:
    """Answer one run to whoever started it, and the 403 to others."""
    course = _course(call)
    number = local_id(call.path_params["id"])
    runs = call.world.reports.course_index(course.id, _report_type(call))
    run = next((each for each in runs if each.id == number), None)
    if run is None:
        raise not_found()
    if run.user_id != call.grant.user_id:
        raise forbidden()
    return Answer(course_report_json(call, run))


def show_last_course_report(call: Call) -> Answer:
    """Answer the asker's latest run of a type; where there is none, Canvas breaks."""
    course = _course(call)
    call.require("read_reports")
    runs = call.world.reports.course_index(course.id, _report_type(call))
    run = next((each for each in runs if each.user_id == call.grant.user_id), None)
    if run is None:
        raise _broken()
    return Answer(course_report_json(call, run))


_TYPE: Final = "/api/v1/courses/{course_id}/reports/{report_type}"
ENDPOINTS: Final = (
    Endpoint("POST", _TYPE, create_course_report, "report_start"),
    Endpoint("GET", _TYPE, show_last_course_report, "report_poll"),
    Endpoint("GET", f"{_TYPE}/{{id}}", show_course_report, "report_poll"),
)

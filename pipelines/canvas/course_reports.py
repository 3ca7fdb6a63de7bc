"""Course reports: start, status, last (``/api/v1/courses/:id/reports/:report_type``).

Lives here: the calls. Does not live here: what their states mean (``extract``), nor what is made of their file
(``load``).

The one type in Canvas's source is ``course_pace_docx``, a Word document. A run has id, report_type, course_id, status,
parameters, created_at, started_at, ended_at and, with a file, file_url and attachment; it has no progress. There is no
list of runs, and none can be aborted or deleted.
"""

from collections.abc import Mapping

from pipelines.canvas.account_reports import ParameterValue, report_form
from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.errors import BadRequestError, ServerError
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object


async def start_course_report(
    client: CanvasClient, course: CanvasId, report_type: str, parameters: Mapping[str, ParameterValue] | None = None
) -> Answer[Record]:
    """POST /courses/:id/reports/:report_type: start a run and return it, with its new ``id``.

    Needs ``read_reports`` on the course. Not idempotent. Raises ``BadRequestError`` for a type that Canvas has not.
    """
    # Without any parameter Canvas fails; it takes no notice of the course's own id among them.
    form = list(report_form({**(parameters or {}), "course_id": course}))
    try:
        return expect_object(await client.post_form(api_path("courses", course, "reports", report_type), form), "id")
    except BadRequestError as error:
        error.what = f"This Canvas does not offer the course report {report_type}."
        error.next_step = "Canvas's own source has one, course_pace_docx. Correct [[course_reports]] in canvaslake.toml"
        raise


async def last_course_report(client: CanvasClient, course: CanvasId, report_type: str) -> Record | None:
    """GET /courses/:id/reports/:report_type: the token's own newest run of a type; None if it never ran one."""
    try:
        return expect_object(await client.get_json(api_path("courses", course, "reports", report_type)), "id").data
    except ServerError as error:
        # Canvas fails when there is none to show; its gateways fail with other numbers.
        if error.status == 500:
            return None
        raise


async def show_course_report(client: CanvasClient, course: CanvasId, report_type: str, run_id: int) -> Answer[Record]:
    """GET /courses/:id/reports/:report_type/:id: one run, with a fresh download link once it has a file.

    Only who started it may see it.
    """
    path = api_path("courses", course, "reports", report_type, run_id)
    return expect_object(await client.get_json(path), "id", "status")

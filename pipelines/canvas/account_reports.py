"""Account reports: catalog, start, status, abort, delete, and the file (``/api/v1/accounts/:id/reports``).

Lives here: the calls. Does not live here: when to start one, and what its states mean for the pipeline
(``extract``), nor the reading of its file (``normalize``).

All need ``read_reports`` on the account. A run is an object with id, report, status (created, running, compiling,
complete, error, aborted, deleted), progress, parameters, created_at, started_at, ended_at and, with a file,
file_url and attachment. Status decides, never progress.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient, Scalar, as_text
from pipelines.canvas.errors import NotFoundError
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, expect_records

ParameterValue = Scalar | Sequence[Scalar] | None

#: Canvas takes any text for true in these, "false" too, so a false one is not sent.
RAW_TRUTHY = frozenset({"created_by_sis", "skip_message", "include_enrollment_state"})

#: What Canvas takes for true, and for false, in the parameters that it reads as booleans; in any case of letters.
TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "off", "0"})

#: Reports whose echo gains ``start_at`` and ``end_at``: Canvas writes down the window that it chose.
DATES_MOVE = frozenset({"students_with_no_submissions_csv"})


@dataclass(frozen=True)
class ReportFile:
    """Where a finished run's file is. ``url`` may be signed: it is a secret, lives for minutes, and is never stored."""

    url: str = field(repr=False)
    size: int | None
    content_type: str | None
    name: str | None
    #: False for ``file_url``, a page for browsers that often ends at the log-in page.
    from_attachment: bool
    #: The attachment's id: another one means that Canvas has made another file of the same run.
    file_id: int | None = None


async def report_catalog(client: CanvasClient, account: CanvasId) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/reports: what this Canvas offers: ``report``, ``title``, ``parameters`` or null, ``last_run``.

    Titles are in the caller's language, so key on ``report``. One page in practice, though documented as many.
    """
    async for page in client.pages(api_path("accounts", account, "reports")):
        yield expect_records(page)


async def start_report(
    client: CanvasClient, account: CanvasId, report: str, parameters: Mapping[str, ParameterValue] | None = None
) -> Answer[Record]:
    """POST /accounts/:id/reports/:report: start a run and return it, with its new ``id``.

    Not idempotent: after a ``TransientCanvasError`` that has no ``had_no_effect``, look in the index before asking
    again. Raises ``NotFoundError`` for a report this Canvas does not offer, ``BadRequestError`` for a bad term.
    """
    path = api_path("accounts", account, "reports", report)
    try:
        return expect_object(await client.post_form(path, list(report_form(parameters or {}))), "id")
    except NotFoundError as error:
        error.what = f"This Canvas does not offer the report {report} on account {account}."
        error.next_step = "See what it offers: canvaslake reports catalog"
        raise


def report_form(parameters: Mapping[str, ParameterValue]) -> Iterable[tuple[str, str]]:
    """Yield ``parameters`` as form fields: ``parameters[name]``, and ``parameters[name][]`` for each of a list.

    Booleans go as ``true`` and ``false``; None, and a false value of ``RAW_TRUTHY``, is left out.
    """
    for name, value in parameters.items():
        if value is None or (name in RAW_TRUTHY and value is False):
            continue
        if isinstance(value, str | int | float):
            yield f"parameters[{name}]", as_text(value)
        else:
            for one in value:
                yield f"parameters[{name}][]", as_text(one)


async def report_runs(client: CanvasClient, account: CanvasId, report: str) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/reports/:report: pages of this account's runs of one report, newest first, everybody's.

    Deleted runs are left out. Stop reading early when only new ones matter.
    """
    async for page in client.pages(api_path("accounts", account, "reports", report)):
        yield expect_records(page)


async def show_run(client: CanvasClient, account: CanvasId, report: str, run_id: int) -> Answer[Record]:
    """GET /accounts/:id/reports/:report/:id: one run, with a fresh download link once it has a file.

    Raises ``NotFoundError`` when it was deleted, or belongs to another report.
    """
    path = api_path("accounts", account, "reports", report, run_id)
    return expect_object(await client.get_json(path), "id", "status")


async def abort_run(client: CanvasClient, account: CanvasId, report: str, run_id: int) -> Answer[Record]:
    """PUT /accounts/:id/reports/:report/:id/abort: stop a running run.

    Raises ``NotFoundError`` in every state but ``running``. The job may still attach a file afterwards.
    """
    return expect_object(await client.put(api_path("accounts", account, "reports", report, run_id, "abort")), "id")


async def delete_run(client: CanvasClient, account: CanvasId, report: str, run_id: int) -> Answer[Record]:
    """DELETE /accounts/:id/reports/:report/:id: hide a run; its file stays in Canvas.

    A running one may come back as aborted or complete. ``NotFoundError`` means that it is gone already.
    """
    return expect_object(await client.delete(api_path("accounts", account, "reports", report, run_id)), "id")


def report_file(run: Record) -> ReportFile | None:
    """Return where a run's file is: ``attachment.url``, else ``file_url``, else None while there is no file."""
    attachment = run.get("attachment")
    if isinstance(attachment, dict):
        url = attachment.get("url")
        # A locked attachment has an empty url; file_url would only lead to the same lock.
        if not isinstance(url, str) or not url:
            return None
        size, kind = attachment.get("size"), attachment.get("content-type")
        name = attachment.get("display_name") or attachment.get("filename")
        number = attachment.get("id")
        if isinstance(number, str) and number.isdecimal():
            number = int(number)
        return ReportFile(
            url=url,
            size=size if isinstance(size, int) and not isinstance(size, bool) else None,
            content_type=kind if isinstance(kind, str) else None,
            name=name if isinstance(name, str) else None,
            from_attachment=True,
            file_id=number if isinstance(number, int) and not isinstance(number, bool) else None,
        )
    url = run.get("file_url")
    if isinstance(url, str) and url:
        return ReportFile(url=url, size=None, content_type=None, name=None, from_attachment=False)
    return None

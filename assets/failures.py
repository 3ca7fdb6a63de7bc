"""Failures as Dagster should see them: what happened and what to do, with no traceback to read first."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.canvas import CanvasError, TransientCanvasError
from pipelines.extract.reports import RepeatedReportIdError
from pipelines.load.report_parameters import ReportParametersError
from pipelines.load.reports import REFUSED, OlderFileError, ReportGoneError, ReportNotReadyError
from pipelines.models import ModelError
from pipelines.settings import SettingsError
from pipelines.warehouse import PublishError

_KNOWN = (
    CanvasError,
    ModelError,
    PublishError,
    RepeatedReportIdError,
    OlderFileError,
    ReportGoneError,
    ReportNotReadyError,
    ReportParametersError,
    SettingsError,
    *REFUSED,
)


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors that the product explains into Dagster failures; only passing ones may be retried."""
    try:
        yield
    except _KNOWN as error:
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__},
            allow_retries=isinstance(error, TransientCanvasError),
        ) from error

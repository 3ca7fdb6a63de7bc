"""Exit codes by class of failure, and the class of each error. What errors say is theirs."""

from enum import IntEnum

from pipelines.canvas import CanvasError, TransientCanvasError
from pipelines.canvas.errors import (
    AuthenticationError,
    EdgeRefusedError,
    ForbiddenError,
    ForeignOriginError,
    InsecureAddressError,
    InsufficientScopesError,
    InvalidAddressError,
    UserAgentRefusedError,
    WrongHostError,
)
from pipelines.extract.reports import RepeatedReportIdError
from pipelines.load.report_parameters import ReportParametersError
from pipelines.load.reports import REFUSED, OlderFileError, ReportGoneError, ReportNotReadyError
from pipelines.models import ModelError
from pipelines.serve import QueryError
from pipelines.settings import SettingsError
from pipelines.warehouse import PublishError


class ExitCode(IntEnum):
    """What the exit code of a command says."""

    OK = 0
    UNEXPECTED = 1
    """Something that nobody foresaw; run again with --debug and report it."""
    USAGE = 2
    """The command line or the query is not right."""
    SETTINGS = 3
    """canvaslake.toml, the environment or the address is not right."""
    TOKEN = 4
    """Canvas does not accept the token."""
    RIGHT = 5
    """The token's owner lacks a right."""
    CONNECTION = 6
    """Canvas cannot be reached, is not Canvas, or does not answer now; trying later may help."""
    REPORT = 7
    """A report ended without a file, is overdue, or its file was refused."""
    WAREHOUSE = 8
    """A model or the published file could not be made, or a table was held back."""
    ANSWER = 9
    """Canvas answered with something unexpected."""


_CLASSES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (SettingsError, ExitCode.SETTINGS),
    (ReportParametersError, ExitCode.SETTINGS),
    (InvalidAddressError, ExitCode.SETTINGS),
    (InsecureAddressError, ExitCode.SETTINGS),
    (InsufficientScopesError, ExitCode.RIGHT),
    (AuthenticationError, ExitCode.TOKEN),
    (EdgeRefusedError, ExitCode.CONNECTION),
    (ForbiddenError, ExitCode.RIGHT),
    (UserAgentRefusedError, ExitCode.CONNECTION),
    (WrongHostError, ExitCode.CONNECTION),
    (ForeignOriginError, ExitCode.CONNECTION),
    (TransientCanvasError, ExitCode.CONNECTION),
    (CanvasError, ExitCode.ANSWER),
    (OlderFileError, ExitCode.REPORT),
    (ReportGoneError, ExitCode.REPORT),
    (ReportNotReadyError, ExitCode.REPORT),
    (RepeatedReportIdError, ExitCode.REPORT),
    *((error, ExitCode.REPORT) for error in REFUSED),
    (ModelError, ExitCode.WAREHOUSE),
    (PublishError, ExitCode.WAREHOUSE),
    (QueryError, ExitCode.USAGE),
)


def exit_code_of(error: BaseException | None) -> ExitCode:
    """Return the class of an error; UNEXPECTED for one that nobody foresaw."""
    for kind, code in _CLASSES:
        if isinstance(error, kind):
            return code
    return ExitCode.UNEXPECTED

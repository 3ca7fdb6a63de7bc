"""Talking to Canvas: the one package that knows its HTTP API, and the one that imports an HTTP library.

Lives here: the client, its pace, its retries, its errors, and thin calls per endpoint family. Does not live here:
what is asked when (``extract``), what answers mean as tables (``normalize``), and anything of Dagster.

The endpoint families are modules of their own: ``accounts``, ``calendars``, ``notifications``, ``terms``, ``courses``,
``analytics``, ``course_analytics``, ``student_analytics``, ``account_reports``, ``progress``, ``users``, ``tokens``.
"""

from pipelines.canvas.answers import Answer
from pipelines.canvas.budget import LIGHT_IN_FLIGHT
from pipelines.canvas.client import USER_AGENT, CanvasClient
from pipelines.canvas.downloads import Download
from pipelines.canvas.errors import CanvasError, PermanentCanvasError, TransientCanvasError
from pipelines.canvas.retries import SHORT_RETRIES, RetryPolicy
from pipelines.canvas.secret import SecretToken
from pipelines.canvas.shapes import Record, collect
from pipelines.canvas.transport import SHORT_TIMEOUTS, Timeouts
from pipelines.canvas.wire import RequestEvent

__all__ = [
    "LIGHT_IN_FLIGHT",
    "SHORT_RETRIES",
    "SHORT_TIMEOUTS",
    "USER_AGENT",
    "Answer",
    "CanvasClient",
    "CanvasError",
    "Download",
    "PermanentCanvasError",
    "Record",
    "RequestEvent",
    "RetryPolicy",
    "SecretToken",
    "Timeouts",
    "TransientCanvasError",
    "collect",
]

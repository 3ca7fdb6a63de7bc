"""Faults that a test puts into the running server: what goes wrong, where, and how many times.

Describes and counts faults; carrying them out is the business of the ASGI apps and of the report desk.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from pipelines.demo.login_page import HTML, LOGIN_PAGE

ReportOutcome = Literal[
    "error",
    "dies",
    "stuck_created",
    "stuck_running",
    "vanishes",
    "completes_twice",
    "complete_before_ended",
    "aborted_with_file",
    "deleted_then_aborted",
    "deleted_then_complete",
    "unknown_state",
    "stuck_unknown",
]
"""How a report goes wrong. What happens on the way happens after half of its time.

`error` fails in order (progress 100, ended_at set); `dies` is a lost worker (progress below 100, no
ended_at); `stuck_created` never starts and `stuck_running` never ends, while others go on; `vanishes` is a 404 once
it ran; `completes_twice` goes back to running after its completion and completes again with another file;
`complete_before_ended` has its file, but no ended_at for as long again. `aborted_with_file` is aborted on the way and
owns a file later; `deleted_then_aborted` and `deleted_then_complete` are deleted on the way and come back.
`unknown_state` passes through a state that nobody has heard of and completes late, `stuck_unknown` stays in it.
"""

UNKNOWN_STATE: Final = "verifying"
"""A state that Canvas might learn one day."""

AttachmentOddity = Literal["absent", "locked", "wrong_size"]
"""`absent` leaves the attachment out, `locked` gives it an empty url, `wrong_size` names one byte too many."""

HTML_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Something is up</title></head><body><h1>Page under repair</h1></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class AnswerWith:
    """Answer in place of the endpoint, without its effect."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without an answer, before or after the endpoint has done its work."""

    after_effect: bool


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait `seconds` of real time, then answer as usual."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncate:
    """Send a part of the body. Not `honest`: the full length is announced and the connection breaks."""

    keep: float
    honest: bool


@dataclass(frozen=True, slots=True)
class ExpireLink:
    """Make the signed link given by this download stale already."""


@dataclass(frozen=True, slots=True)
class NextLink:
    """Replace the `next` link: by one on a foreign origin, or by the page just given (a loop)."""

    kind: Literal["foreign", "loop"]
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """Refuse as the quota does, whatever the bucket holds."""


@dataclass(frozen=True, slots=True)
class ReportEnds:
    """Let a report that is asked for end in an unusual way."""

    outcome: ReportOutcome


@dataclass(frozen=True, slots=True)
class ReportFileIs:
    """Attach these bytes to a report that completes, in place of what was built for it."""

    content: bytes
    content_type: str
    extension: str


@dataclass(frozen=True, slots=True)
class AttachmentIs:
    """Write the attachment of a finished report in an unusual way."""

    oddity: AttachmentOddity


Action = (
    AnswerWith | Drop | Delay | Truncate | ExpireLink | NextLink | Throttle | ReportEnds | ReportFileIs | AttachmentIs
)
_Action = TypeVar(
    "_Action",
    AnswerWith,
    Drop,
    Delay,
    Truncate,
    ExpireLink,
    NextLink,
    Throttle,
    ReportEnds,
    ReportFileIs,
    AttachmentIs,
)


@dataclass(slots=True, eq=False)
class Fault:
    """One fault: an action for the next `times` requests (None: all) that match, after `after` of them passed."""

    action: Action
    path: re.Pattern[str]
    method: str
    times: int | None
    after: int
    hits: int = field(default=0)

    @property
    def spent(self) -> bool:
        """Whether the fault has happened as often as it should."""
        return self.times is not None and self.hits >= self.times


class Faults:
    """The faults in force. Paths are regular expressions searched in the request's path."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, action: Action, path: str, *, method: str = "*", times: int | None = 1, after: int = 0) -> Fault:
        """Put any action into force and return the fault, whose `hits` a test can read."""
        fault = Fault(action, re.compile(path), method.upper(), times, after)
        with self._lock:
            self._faults.append(fault)
        return fault

    def answer(
        self,
        path: str,
        *,
        status: int = 500,
        body: str | bytes = "",
        headers: Mapping[str, str] | None = None,
        method: str = "*",
        times: int | None = 1,
        after: int = 0,
    ) -> Fault:
        """Answer with a status, body and headers in place of the endpoint."""
        content = body.encode("utf-8") if isinstance(body, str) else body
        return self.add(AnswerWith(status, content, dict(headers or {})), path, method=method, times=times, after=after)

    def html(self, path: str, *, status: int = 200, times: int | None = 1, method: str = "*", after: int = 0) -> Fault:
        """Answer an HTML page, with status 200 unless told otherwise."""
        headers = {"content-type": HTML}
        return self.answer(
            path, status=status, body=HTML_PAGE, headers=headers, method=method, times=times, after=after
        )

    def drop(
        self, path: str, *, after_effect: bool = False, method: str = "*", times: int | None = 1, after: int = 0
    ) -> Fault:
        """Close the connection instead of answering; `after_effect` loses only the answer."""
        return self.add(Drop(after_effect), path, method=method, times=times, after=after)

    def delay(self, path: str, seconds: float, *, method: str = "*", times: int | None = 1, after: int = 0) -> Fault:
        """Answer late, by `seconds` of real time."""
        return self.add(Delay(seconds), path, method=method, times=times, after=after)

    def truncate(
        self, path: str = r"^/attachments/", *, keep: float = 0.5, honest: bool = False, times: int | None = 1
    ) -> Fault:
        """Cut downloads from the files host short; `honest` announces the short length."""
        return self.add(Truncate(keep, honest), path, times=times)

    def expire_links(self, *, times: int | None = 1) -> Fault:
        """Hand out download links that have expired already."""
        return self.add(ExpireLink(), r"^/files/\d+/download$", times=times)

    def report(self, outcome: ReportOutcome, report: str = ".*", *, times: int | None = 1, after: int = 0) -> Fault:
        """Let the next reports whose name matches end in an unusual way."""
        return self.add(ReportEnds(outcome), report, times=times, after=after)

    def login_instead_of_file(self, path: str = r"^/files/\d+/download$", *, times: int | None = 1) -> Fault:
        """Answer downloads with the login page and status 200, as to a client that followed the redirect to it."""
        return self.answer(path, status=200, body=LOGIN_PAGE, headers={"content-type": HTML}, times=times)

    def report_file(
        self, content: bytes, content_type: str = "text/csv", report: str = ".*", *, times: int | None = 1
    ) -> Fault:
        """Let the next reports that complete own a file of hand-made bytes; a ZIP by its content type."""
        extension = ".zip" if content_type == "application/zip" else ".csv"
        return self.add(ReportFileIs(content, content_type, extension), report, times=times)

    def attachment(
        self, oddity: AttachmentOddity, path: str = r"/reports/", *, times: int | None = 1, after: int = 0
    ) -> Fault:
        """Write the attachment of finished reports oddly, in the next answers to `path` that hold one.

        A path that ends with the id of a run leaves the index alone. An answer with several runs counts once for each.
        """
        return self.add(AttachmentIs(oddity), path, times=times, after=after)

    def foreign_next(self, path: str, *, origin: str | None = None, times: int | None = 1) -> Fault:
        """Point the `next` link at another origin, the files host unless named."""
        return self.add(NextLink("foreign", origin), path, times=times)

    def loop_next(self, path: str, *, times: int | None = None) -> Fault:
        """Point the `next` link at the page just given, for ever unless `times` is given."""
        return self.add(NextLink("loop"), path, times=times)

    def throttle(self, path: str = "", *, times: int | None = 1, method: str = "*", after: int = 0) -> Fault:
        """Refuse the next requests with the text 403 of the quota."""
        return self.add(Throttle(), path, method=method, times=times, after=after)

    def take(self, kind: type[_Action], method: str, path: str) -> _Action | None:
        """Return the first unspent action of a kind that matches, and count the hit. Called by the server."""
        with self._lock:
            for fault in self._faults:
                action = fault.action
                if not isinstance(action, kind) or fault.spent:
                    continue
                if fault.method not in {"*", method} or not fault.path.search(path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.hits += 1
                return action
        return None

    def pending(self) -> list[Fault]:
        """Return the faults that have not happened as often as they should."""
        with self._lock:
            return [fault for fault in self._faults if not fault.spent]

    def clear(self) -> None:
        """Take every fault out of force."""
        with self._lock:
            self._faults.clear()

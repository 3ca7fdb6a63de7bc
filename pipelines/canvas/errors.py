"""The tree of everything that can go wrong between this product and Canvas.

Lives here: the exception classes, what each one means, and what a person does next. Does not live here: the
reading of answers that picks one of them (``answers``), or the decision to try again (``retries``).

Two branches matter to callers. ``TransientCanvasError`` may be different a minute later; ``PermanentCanvasError``
stays the same until a person changes something. No message holds a token, a query string or a person's name.
"""

from typing import Any, ClassVar


class CanvasError(Exception):
    """Any failure of a conversation with Canvas.

    ``what`` says what happened, ``why`` the likely reason, ``next_step`` what to do; ``str()`` joins them with the
    ids Canvas support asks for. ``path`` never carries a query string.
    """

    default_why: ClassVar[str] = ""
    default_next_step: ClassVar[str] = ""
    #: Whether sending the very same request again could help. Retry policy, not meaning: see ``LinkExpiredError``.
    retry_same_request: ClassVar[bool] = False

    def __init__(
        self,
        what: str,
        *,
        why: str | None = None,
        next_step: str | None = None,
        status: int | None = None,
        method: str | None = None,
        path: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        had_no_effect: bool = False,
        right: str | None = None,
    ) -> None:
        self.what = what
        self.why = self.default_why if why is None else why
        self.next_step = self.default_next_step if next_step is None else next_step
        self.status = status
        self.method = method
        self.path = path
        self.request_id = request_id
        #: Seconds the server asked us to wait, when it said so.
        self.retry_after = retry_after
        #: True only where the request provably never reached Canvas's application, so even a POST may be repeated.
        self.had_no_effect = had_no_effect
        #: The Canvas permission that is missing, when the endpoint tells.
        self.right = right
        #: How many times the request was sent before this was raised.
        self.attempts = 1
        super().__init__(what)

    @property
    def message(self) -> str:
        """What happened, why, what to do next, and the ids to quote."""
        text = " ".join(part for part in (self.what, self.why, self.next_step) if part)
        request = " ".join(part for part in (self.method, self.path) if part)
        ids = [
            request,
            f"status {self.status}" if self.status is not None else "",
            f"request id {self.request_id}" if self.request_id else "",
            f"{self.attempts} attempts" if self.attempts > 1 else "",
        ]
        told = ", ".join(part for part in ids if part)
        return f"{text} [{told}]" if told else text

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments defeat the default, and errors cross process borders in Dagster's executors.
        return (_rebuild, (type(self), self.what, dict(self.__dict__)))


def _rebuild(kind: type[CanvasError], what: str, state: dict[str, Any]) -> CanvasError:
    error = kind(what)
    error.__dict__.update(state)
    return error


class TransientCanvasError(CanvasError):
    """May succeed later without anybody changing anything."""

    retry_same_request = True


class NetworkError(TransientCanvasError):
    """The connection broke before an answer began."""

    default_why = "The connection to Canvas broke."
    default_next_step = "Try again; if it stays, check the network or the proxy between here and Canvas."


class HostUnreachableError(NetworkError):
    """No connection at all: the name does not resolve, the port refuses, or TLS fails.

    ``reason`` is ``dns``, ``refused``, ``tls``, ``proxy`` or ``unreachable``.
    """

    default_why = ""
    default_next_step = "Check CANVAS_BASE_URL, then the network, proxy or firewall."
    reason: str = "unreachable"


class RequestTimeoutError(NetworkError):
    """Canvas did not answer in time. A request that changes something may still have had its effect."""

    default_why = "Canvas was slow, or the answer is large."
    default_next_step = "Try again later; if it stays, tell Canvas support the address and the time."


class ServerError(TransientCanvasError):
    """A 5xx answer: Canvas, or the edge before it, failed."""

    default_why = "Canvas itself failed."
    default_next_step = "Try again later; quote the request id to Canvas support if it stays."


class ThrottledError(TransientCanvasError):
    """Canvas refused because this token's quota is used up (a 403 with a text body, or a 429)."""

    default_why = "This token's request quota is used up, perhaps by another program with the same token."
    default_next_step = "Wait a minute, lower [canvas] max_in_flight, or give this product a token of its own."


class TruncatedAnswerError(TransientCanvasError):
    """An answer began and broke off before its end."""

    default_why = "The connection closed before the whole answer had arrived."
    default_next_step = "Try again."


class TruncatedDownloadError(TruncatedAnswerError):
    """A file ended before its announced size."""


class LinkExpiredError(TransientCanvasError):
    """A signed download link is no longer good. Ask Canvas for the report again: the answer has a fresh link."""

    retry_same_request = False
    default_why = "Signed download links live for minutes only."
    default_next_step = "Ask for the report's status again and download from the link in that answer."


class BackgroundJobFailedError(TransientCanvasError):
    """Canvas was to work something out in the background, and that job failed or is gone. Asking starts a new one."""

    retry_same_request = False
    default_why = "Canvas ended the job without a result."
    default_next_step = "Try again later; quote the request id to Canvas support if it stays."


class BackgroundJobOverdueError(TransientCanvasError):
    """Canvas works something out in the background, and has not finished within the time that we wait."""

    retry_same_request = False
    default_why = "Canvas's background jobs are slow now, or this one is large."
    default_next_step = "Try again later: the job goes on in Canvas, and its result is kept there for a while."


class PermanentCanvasError(CanvasError):
    """Stays the same until a person changes something."""


class AuthenticationError(PermanentCanvasError):
    """Canvas does not accept who we say we are (401)."""

    default_next_step = "Make a new token in Canvas (Account > Settings > New Access Token) and set CANVAS_API_TOKEN."


class MissingTokenError(AuthenticationError):
    """No token is configured, or none reached Canvas (a proxy may strip the Authorization header)."""


class InvalidTokenError(AuthenticationError):
    """Canvas does not know the token, or it is not one that can stand in a header."""


class RevokedTokenError(AuthenticationError):
    """Somebody deleted the token in Canvas."""


class ExpiredTokenError(AuthenticationError):
    """The token has passed its expiry date."""


class InsufficientScopesError(AuthenticationError):
    """The token belongs to a developer key whose scopes leave this endpoint out."""

    default_next_step = "Ask the Canvas administrator to add this endpoint's scope to the developer key."


class RegenerationLostError(AuthenticationError):
    """A new value was asked for a token, and the answer that holds it did not arrive whole.

    The old value may be void, and nobody knows the new one.
    """

    default_why = "Canvas may have made a new token all the same; if so, the old one is void and the new one is lost."
    default_next_step = (
        "Run `canvaslake doctor`. If it refuses the token, make a new one in Canvas "
        "(Account > Settings > New Access Token) and set CANVAS_API_TOKEN."
    )


class ForbiddenError(PermanentCanvasError):
    """The token is good, its owner may not do this. ``right`` names the missing permission when it is known."""

    default_next_step = "Ask a Canvas administrator to grant it to the token's owner on this account."


class EdgeRefusedError(ForbiddenError):
    """A firewall or proxy before Canvas refused the request; Canvas has not heard of it. It may do so for a while."""

    default_next_step = "Ask whoever runs the firewall or proxy to let this machine through to Canvas's API."


class UserAgentRefusedError(PermanentCanvasError):
    """The edge before Canvas refused the request for its User-Agent."""

    default_why = "Hosted Canvas refuses requests whose User-Agent it does not accept."
    default_next_step = "Check proxies that rewrite the User-Agent; if none does, report it with the request id."


class NotFoundError(PermanentCanvasError):
    """404: no such thing, or Canvas hides it (an unpublished course, a deleted report)."""

    default_why = "It does not exist, was deleted, or Canvas hides it from this token."


class BadRequestError(PermanentCanvasError):
    """400, 422 and their like: Canvas understood the address and refuses what was sent."""

    default_why = "Canvas refuses a parameter."
    default_next_step = "Correct what was asked for: a setting, or a value on the command line."


class UnexpectedAnswerError(PermanentCanvasError):
    """An answer that is not what the endpoint gives: HTML, no JSON, the wrong shape."""

    default_next_step = "Run `canvaslake doctor`; if Canvas changed its answer, report it with the request id."


class LoginPageError(UnexpectedAnswerError):
    """A log-in page for browsers came where data should be, usually with status 200."""

    default_why = "Canvas took this for a browser without a session, so the token did not count here."
    default_next_step = "Check the token; for a report, download attachment.url and not file_url."


class OversizedAnswerError(UnexpectedAnswerError):
    """A JSON answer larger than the configured bound."""


class WrongHostError(PermanentCanvasError):
    """The host answers, but it is not Canvas."""

    default_why = "The answer carries none of Canvas's own headers."
    default_next_step = "Set CANVAS_BASE_URL to the address at which you open Canvas in a browser."


class ForeignOriginError(PermanentCanvasError):
    """Canvas pointed to another scheme, host or port, where the token must not go."""

    default_why = "The token belongs to the configured address only."
    default_next_step = "Set CANVAS_BASE_URL to the address Canvas itself uses in its links."


class InsecureAddressError(PermanentCanvasError):
    """An address without https: the token, or a student's data, would travel in the open."""

    default_why = "Without https, others on the network could read the token and the data."
    default_next_step = "Use an https:// address."


class InvalidAddressError(PermanentCanvasError):
    """The configured base URL, or an address Canvas gave, cannot be used as one."""

    default_next_step = "Set CANVAS_BASE_URL to something like https://canvas.example.edu."


class PagingLoopError(PermanentCanvasError):
    """A list whose next page leads back to a page already read, or never ends."""

    default_why = "The list's links run in a circle, or it has more pages than the bound allows."
    default_next_step = "Report it with the request id; the pages already read are not loaded."


class DownloadSizeError(PermanentCanvasError):
    """A file larger than announced, or than the configured bound."""

    default_next_step = "Ask for a smaller report (one term, fewer kinds of record), or one account at a time."


class ClientClosedError(PermanentCanvasError):
    """The client was used outside its ``async with`` block."""

    default_next_step = "Use the client inside `async with CanvasClient(...) as client:`."

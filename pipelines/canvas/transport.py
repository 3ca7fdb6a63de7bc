"""The HTTP library's failures, told in this product's words.

Lives here: the settings of the HTTP client and the translation of its exceptions. Does not live here: anything
about Canvas's answers (``answers``). With ``origin``, ``wire`` and ``downloads`` this is all that knows httpx.
"""

import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from pipelines.canvas import errors
from pipelines.canvas.origin import Origin


@dataclass(frozen=True)
class Timeouts:
    """Seconds. ``read`` bounds one silence, ``request`` a whole answer, ``download`` a whole file."""

    connect: float = 10.0
    read: float = 120.0
    request: float = 300.0
    download: float = 3600.0


#: For callers with little time, such as a sensor's tick.
SHORT_TIMEOUTS = Timeouts(connect=5.0, read=10.0, request=15.0, download=60.0)


def open_http(origin: Origin, user_agent: str, timeouts: Timeouts, connections: int) -> httpx.AsyncClient:
    """Return an HTTP client that follows no redirect, keeps no cookie, and logs no address."""
    # Its INFO line prints whole URLs, signed links with their signatures among them.
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() < logging.WARNING:
            logger.setLevel(logging.WARNING)
    return httpx.AsyncClient(
        headers={"User-Agent": user_agent, "Accept": "application/json"},
        timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=None),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
        # A session cookie would turn us into a session client, to which Canvas shows no quota.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # A proxy is what many campuses need, but never on the way to this very machine.
        trust_env=not origin.is_loopback,
    )


@asynccontextmanager
async def translated(method: str, path: str, host: str) -> AsyncIterator[None]:
    """Turn the HTTP library's exceptions into ours. Nothing of the original stays: it holds URL and headers."""
    error: errors.CanvasError | None = None
    try:
        yield
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        error = errors.RequestTimeoutError(
            f"No connection to {host} came about in time.",
            why="The host, the network or a firewall is silent.",
            had_no_effect=True,
        )
    except (httpx.ConnectError, httpx.ProxyError) as cause:
        error = _unreachable(cause, host)
    except (httpx.TimeoutException, TimeoutError):
        error = errors.RequestTimeoutError(f"{host} did not answer in time.")
    except httpx.DecodingError:
        error = errors.TruncatedAnswerError(f"An answer of {host} could not be unpacked.")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as cause:
        error = errors.NetworkError(f"The connection to {host} broke ({type(cause).__name__}).")
    if error is not None:
        error.method, error.path = method, path
        raise error from None


@asynccontextmanager
async def reading(host: str) -> AsyncIterator[None]:
    """Mark the part in which an answer has begun: what breaks now is truncated, not unreachable."""
    error: errors.CanvasError | None = None
    try:
        yield
    except (httpx.RemoteProtocolError, httpx.NetworkError, httpx.DecodingError):
        error = errors.TruncatedAnswerError(f"An answer of {host} broke off.")
    if error is not None:
        raise error from None


def _unreachable(cause: Exception, host: str) -> errors.HostUnreachableError:
    chain = list(_causes(cause))
    if isinstance(cause, httpx.ProxyError):
        reason, why = "proxy", "The configured proxy refuses or fails."
    elif any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        reason, why = (
            "tls",
            "Its certificate is not trusted here: expired, for another name, or from a private authority.",
        )
    elif any(isinstance(one, ssl.SSLError) for one in chain):
        reason, why = "tls", "The two sides found no common encryption; perhaps the port does not speak https."
    elif any(isinstance(one, socket.gaierror) for one in chain):
        reason, why = "dns", "The name does not resolve: a typing error, or no network."
    elif any(isinstance(one, OSError) and one.errno == errno.ECONNREFUSED for one in chain):
        reason, why = "refused", "Nothing listens there: the port refuses connections."
    else:
        reason, why = "unreachable", "The network gives no way there."
    error = errors.HostUnreachableError(f"No connection to {host}.", why=why, had_no_effect=True)
    error.reason = reason
    return error


def _causes(error: BaseException | None, depth: int = 0) -> Iterator[BaseException]:
    if error is None or depth > 10:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner, depth + 1)
    yield from _causes(error.__cause__ or error.__context__, depth + 1)

"""Which address is Canvas, and where the token may go.

Lives here: the one comparison of scheme, host and port, and the one place that writes the Authorization header.
Does not live here: following links (``paging``) and redirects (``downloads``), which ask this module first.
"""

import ipaddress
from dataclasses import dataclass

import httpx

from pipelines.canvas.errors import ForeignOriginError, InsecureAddressError, InvalidAddressError
from pipelines.canvas.secret import SecretToken

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: what a token belongs to. ``str()`` gives the usual form without path or query."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Return the origin of an absolute URL, read by the very parser that will connect to it.

        Raises ``InvalidAddressError`` for anything but plain http(s) without a user name in it.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            parsed = None
        if parsed is None or parsed.scheme not in _DEFAULT_PORTS or not parsed.host:
            raise InvalidAddressError("An address is not an absolute http or https URL.")
        if parsed.userinfo:
            raise InvalidAddressError("An address carries a user name or password.", why="Canvas never needs one.")
        host = parsed.raw_host.decode("ascii").lower().rstrip(".")
        return cls(parsed.scheme, host, parsed.port or _DEFAULT_PORTS[parsed.scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine: the demo Canvas, a test, a tunnel."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def is_private(self) -> bool:
        """Whether what travels there stays unread by others: https, or this very machine."""
        return self.scheme == "https" or self.is_loopback

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return f"{self.scheme}://{host}{port}"


class OriginGuard:
    """Keeps the token to one origin.

    ``base_url`` may end in ``/`` or ``/api/v1``; any other path is refused, for it is a sign of a wrong paste.
    """

    def __init__(self, base_url: str, token: SecretToken) -> None:
        self.origin = Origin.of(base_url.strip())
        path = httpx.URL(base_url.strip()).path.rstrip("/")
        if path not in {"", "/api", "/api/v1"}:
            raise InvalidAddressError(
                "The Canvas address has a path.", why=f"{self.origin} alone is expected, without {path[:60]!r}."
            )
        if not self.origin.is_private:
            raise InsecureAddressError(f"The Canvas address {self.origin} does not use https.")
        self._token = token

    def owns(self, url: str) -> bool:
        """Whether ``url`` is on the configured scheme, host and port."""
        try:
            return Origin.of(url) == self.origin
        except InvalidAddressError:
            return False

    def absolute(self, path: str) -> str:
        """Return the URL of an API path such as ``/api/v1/accounts/self``; whole URLs are refused."""
        if not path.startswith("/") or path.startswith("//") or "\\" in path:
            raise InvalidAddressError(
                "A request was given something else than a path.",
                next_step="Pass a path such as /api/v1/accounts/self.",
            )
        return f"{self.origin}{path}"

    def resolve(self, link: str, *, seen_at: str) -> str:
        """Return ``link`` (absolute, or relative to ``seen_at``) if it stays on the origin.

        Raises ``ForeignOriginError`` otherwise. Only the other origin is named, never the rest of the link.
        """
        try:
            url = str(httpx.URL(seen_at).join(link))
            there = Origin.of(url)
        except (httpx.InvalidURL, InvalidAddressError, ValueError):
            raise ForeignOriginError("Canvas gave a link that is not a usable address.") from None
        if there != self.origin:
            raise ForeignOriginError(f"Canvas at {self.origin} gave a link to {there}.")
        return url

    def credentials_for(self, url: str) -> dict[str, str]:
        """Return the Authorization header for our origin, and nothing for any other."""
        if not self.owns(url):
            return {}
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    def redact(self, body: bytes) -> bytes:
        """Return an error body without the token, should the server have echoed it."""
        return body.replace(self._token.reveal().encode("ascii"), b"[token]")

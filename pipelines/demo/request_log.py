"""What the server was asked: a log that tests read while the server's threads write it.

Keeps names of headers and never their values, so a log that is printed shows no token.
"""

import re
import threading
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request. `status` is None while it runs and after a dropped connection.

    `host` is `api` (the Canvas host) or `files`; `in_flight` counts requests on that host when this one
    arrived, itself included; `token` is None or the last four characters of the bearer token.
    """

    number: int
    host: str
    method: str
    path: str
    query: str
    at: datetime
    header_names: tuple[str, ...]
    in_flight: int
    request_id: str
    token: str | None = None
    status: int | None = None

    @property
    def has_authorization(self) -> bool:
        """Whether an Authorization header came with the request."""
        return "authorization" in self.header_names


class RequestLog:
    """All requests in order of arrival."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []
        self._in_flight: dict[str, int] = {"api": 0, "files": 0}
        self._lock = threading.Lock()
        self._base = 0

    def arrived(self, record: RequestRecord) -> int:
        """Add a request and return its number."""
        with self._lock:
            self._in_flight[record.host] += 1
            number = self._base + len(self._records)
            self._records.append(replace(record, number=number, in_flight=self._in_flight[record.host]))
            return number

    def answered(self, host: str, number: int, status: int | None) -> None:
        """Note the status of a request that is done; None when its connection was dropped."""
        with self._lock:
            self._in_flight[host] -= 1
            at = number - self._base
            if at >= 0:
                self._records[at] = replace(self._records[at], status=status)

    def all(self) -> list[RequestRecord]:
        """Return every request so far."""
        with self._lock:
            return list(self._records)

    def matching(self, path: str = "", method: str | None = None, *, host: str | None = None) -> list[RequestRecord]:
        """Return the requests whose path holds the regular expression, of a method and a host if given."""
        wanted = re.compile(path)
        return [
            record
            for record in self.all()
            if wanted.search(record.path)
            and (method is None or record.method == method)
            and (host is None or record.host == host)
        ]

    def count(self, path: str = "", method: str | None = None, *, host: str | None = None) -> int:
        """Return how many requests match."""
        return len(self.matching(path, method, host=host))

    def peak_in_flight(self, path: str = "") -> int:
        """Return the largest number of requests that were open at once."""
        return max((record.in_flight for record in self.matching(path)), default=0)

    def clear(self) -> None:
        """Forget what was logged; requests still open are no longer followed."""
        with self._lock:
            self._base += len(self._records)
            self._records.clear()

    def __len__(self) -> int:
        return len(self.all())

"""A file from Canvas to disk: whole, private, and through redirects without carrying the token along.

Lives here: following redirects by hand, streaming, and the checks that a file is the one that was meant. Does not
live here: which link of a report to take (``account_reports``), or what is in the file.

No message here holds a link: a signed one is a password to a file of student data.
"""

import asyncio
import contextlib
import hashlib
import os
import secrets
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pipelines.canvas import errors
from pipelines.canvas.answers import RawAnswer, failure
from pipelines.canvas.origin import Origin, OriginGuard
from pipelines.canvas.wire import ELSEWHERE, Opened, Wire

MAX_REDIRECTS = 5
FIRST_BYTES = 512
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML = (b"<!doctype html", b"<html")
# Packed transfer would make the announced size and the size on disk two different numbers.
_PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Download:
    """A file that arrived whole. ``size`` is in bytes, ``sha256`` in hex, ``first_bytes`` tell its kind (ZIP: PK)."""

    path: Path
    size: int
    sha256: str
    content_type: str
    first_bytes: bytes
    request_id: str | None


class PartFile:
    """A private file beside the destination, which becomes it only when whole; else it leaves nothing behind."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._part = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
        self._digest = hashlib.sha256()
        self.size = 0
        self.first = b""

    def __enter__(self) -> Self:
        # 0600 from the first byte on; O_EXCL so that no file or link of somebody else is written through.
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        return self

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)
        if len(self.first) < FIRST_BYTES:
            self.first += chunk[: FIRST_BYTES - len(self.first)]

    def publish(self) -> str:
        """Make the file durable under its own name and return its SHA-256."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._destination)
        folder = os.open(self._destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._digest.hexdigest()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)


async def fetch_file(
    wire: Wire,
    guard: OriginGuard,
    url: str,
    destination: Path,
    *,
    attempt: int,
    seconds: float,
    expected_size: int | None,
    max_bytes: int,
) -> Download:
    """Stream one file to ``destination``. One attempt; raises as ``CanvasClient.download`` tells."""
    for _ in range(MAX_REDIRECTS + 1):
        own = guard.owns(url)
        async with wire.exchange("GET", url, attempt=attempt, seconds=seconds, headers=_PLAIN) as opened:
            if opened.raw.status not in _REDIRECTS:
                if opened.raw.status >= 300:
                    raise failure(opened.raw) if own else _storage_failure(opened.raw)
                return await _store(opened, destination, expected_size, max_bytes)
            url = _next_hop(guard, url, opened.raw)
    raise errors.UnexpectedAnswerError(f"A download was redirected more than {MAX_REDIRECTS} times.")


def _next_hop(guard: OriginGuard, url: str, raw: RawAnswer) -> str:
    """Return where a redirect leads. Raises when that is a log-in page, or a place where data would travel open."""
    try:
        target = httpx.URL(url).join(raw.headers.get("location", ""))
        there = Origin.of(str(target))
    except (httpx.InvalidURL, errors.InvalidAddressError):
        raise errors.UnexpectedAnswerError("A download was redirected to something that is no address.") from None
    if not there.is_private or (there.is_loopback and not guard.origin.is_loopback):
        raise errors.InsecureAddressError("A download was redirected to an address without https, or to this machine.")
    if there == guard.origin and target.path.rstrip("/").split("/")[-1] in {"login", "saml", "cas", "ldap"}:
        raise errors.LoginPageError("A download was redirected to the log-in page.", request_id=raw.request_id)
    return str(target)


def _storage_failure(raw: RawAnswer) -> errors.CanvasError:
    """Return the error for a refusal by the file storage, whose bodies can hold parts of the signature."""
    if raw.status in {400, 401, 403, 410}:
        return errors.LinkExpiredError("The file storage refused a download link.", status=raw.status, path=ELSEWHERE)
    if raw.status == 404:
        return errors.NotFoundError("The file storage has no such file.", status=404, path=ELSEWHERE)
    if raw.status >= 500 or raw.status in {408, 429}:
        return errors.ServerError("The file storage failed.", why="", status=raw.status, path=ELSEWHERE)
    return errors.UnexpectedAnswerError("The file storage refused.", status=raw.status, path=ELSEWHERE)


async def _store(opened: Opened, destination: Path, expected_size: int | None, max_bytes: int) -> Download:
    bound = max_bytes if expected_size is None else min(max_bytes, expected_size)
    raw = opened.raw
    with PartFile(destination) as part:
        # aclosing: a refused file must stop its stream here and now, not when the collector comes by.
        async with aclosing(opened.chunks()) as chunks:  # type: ignore[type-var]
            try:
                async for chunk in chunks:
                    if part.size == 0:
                        _refuse_page(raw, chunk)
                    part.write(chunk)
                    if part.size > bound:
                        raise errors.DownloadSizeError(
                            f"A file is larger than {bound} bytes.",
                            why="It was announced smaller." if bound == expected_size else "The bound is lower.",
                        )
            except errors.TruncatedAnswerError:
                raise _truncated(part.size, expected_size) from None
        if raw.content_type in {"text/html", "application/xhtml+xml"}:
            _refuse_page(raw, _HTML[0])
        if expected_size is not None and part.size < expected_size:
            raise _truncated(part.size, expected_size)
        digest = await asyncio.to_thread(part.publish)
        return Download(destination, part.size, digest, raw.content_type, part.first, raw.request_id)


def _refuse_page(raw: RawAnswer, beginning: bytes) -> None:
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    if start.startswith(_HTML):
        raise errors.LoginPageError(
            "A web page came instead of a file, most likely the log-in page.", status=raw.status
        )


def _truncated(size: int, expected: int | None) -> errors.TruncatedDownloadError:
    of = f" of {expected}" if expected is not None else ""
    return errors.TruncatedDownloadError(f"A file ended after {size}{of} bytes.")

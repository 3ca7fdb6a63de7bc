"""One budget per token across processes: who does bulk work with a token holds its lock.

Lives here: the operating system's lock and its name. Does not live here: the pace within one process (``quota``).

Light callers, such as a sensor's tick, do not take the lock; they keep to ``LIGHT_IN_FLIGHT`` requests under way,
which the holder's governor sees in Canvas's headers and makes room for.
"""

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.canvas.origin import Origin
from pipelines.canvas.secret import SecretToken

LIGHT_IN_FLIGHT = 2
_LOOK_AGAIN = 0.2


class TokenBudget:
    """The lock of one origin and token under ``state_dir``. The token itself is never written.

    The lock's name is a keyed hash, with a random key kept beside it, so it cannot be tried against stolen tokens
    elsewhere. The folder is 0700, its files 0600. The lock ends with its process, however that ends.
    """

    def __init__(self, state_dir: Path, base_url: str, token: SecretToken) -> None:
        self._folder = state_dir / "canvas-budget"
        self._identity = f"{Origin.of(base_url)}\n{token.reveal()}".encode()

    @asynccontextmanager
    async def exclusive(
        self, purpose: str, *, on_wait: Callable[[str], None] | None = None, give_up_after: float | None = None
    ) -> AsyncIterator[None]:
        """Hold the budget for bulk work such as ``"sync"``; wait while another process holds it.

        ``on_wait`` is called once, with who holds it and for what. Raises ``TimeoutError`` after ``give_up_after``
        seconds; None waits without end.
        """
        lock, holder = await asyncio.to_thread(self._open)
        loop = asyncio.get_running_loop()
        started = loop.time()
        told = False
        while not self._try(lock):
            if not told:
                told = True
                if on_wait is not None:
                    on_wait(await asyncio.to_thread(_read, holder))
            if give_up_after is not None and loop.time() - started >= give_up_after:
                raise TimeoutError(
                    f"{await asyncio.to_thread(_read, holder)} has held this token's budget for {give_up_after:.0f} s. "
                    "Wait for it, or give this product a token of its own."
                )
            await asyncio.sleep(_LOOK_AGAIN)
        try:
            _write_private(holder, f"{purpose} (process {os.getpid()})")
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
            lock.release()

    def _open(self) -> tuple[FileLock, Path]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        name = hmac.new(self._key(), self._identity, hashlib.sha256).hexdigest()[:32]
        # thread_local=False: the lock is taken and given back by one task, whatever thread it is resumed on.
        lock = FileLock(self._folder / f"{name}.lock", mode=0o600, thread_local=False, timeout=0)
        return lock, self._folder / f"{name}.holder"

    def _key(self) -> bytes:
        path = self._folder / "key"
        if not path.exists():
            mine = self._folder / f".key.{secrets.token_hex(8)}"
            _write_private(mine, secrets.token_hex(32))
            # A link, not a rename: of two first processes exactly one key stays, and both read that one.
            with contextlib.suppress(FileExistsError):
                os.link(mine, path)
            mine.unlink()
        return path.read_bytes()

    @staticmethod
    def _try(lock: FileLock) -> bool:
        try:
            lock.acquire(timeout=0, blocking=False)
        except Timeout:
            return False
        return True


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _read(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"

"""A lock around the load of one report: the operating system frees it when its process dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from pipelines.private_files import private_folder

_LOCKS = 256
"""Files of locks stay, for one that is removed may be held by somebody who opened it before."""


@contextmanager
def load_lock(home: Path, intent_id: int) -> Iterator[None]:
    """Hold the load of an intent; a second load of it waits and then finds the first one's rows.

    Whoever holds one load must not wait for another: two may share a lock.
    """
    folder = private_folder(home / "state" / "loads")
    with FileLock(folder / f"{intent_id % _LOCKS}.lock", mode=0o600):
        yield

"""A lock that says whether a load is at work: the operating system frees it when its process dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.private_files import private_folder


def _lock(home: Path, intent_id: int) -> FileLock:
    folder = private_folder(home / "state" / "loads")
    return FileLock(folder / f"intent-{intent_id}.lock", mode=0o600)


@contextmanager
def load_lock(home: Path, intent_id: int) -> Iterator[None]:
    """Hold the load of an intent; a second load of it waits and then finds the first one's rows."""
    with _lock(home, intent_id):
        yield


def is_at_work(home: Path, intent_id: int) -> bool:
    """Return whether some process is loading an intent now."""
    lock = _lock(home, intent_id)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False

"""A lock around the load of one report: the operating system frees it when its process dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from pipelines.private_files import private_folder


@contextmanager
def load_lock(home: Path, intent_id: int) -> Iterator[None]:
    """Hold the load of an intent; a second load of it waits and then finds the first one's rows."""
    folder = private_folder(home / "state" / "loads")
    with FileLock(folder / f"intent-{intent_id}.lock", mode=0o600):
        yield

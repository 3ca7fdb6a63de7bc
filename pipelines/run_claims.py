"""Which runs are at work: a lock per run that the operating system frees when its process dies, however it dies.

Dagster's default launcher leaves a run whose process was killed as started for ever, and it keeps its place in its
pool. Such runs are found by their free locks and marked as failed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from pipelines.private_files import private_folder


def _path(home: Path, run_id: str) -> Path:
    return home / "state" / "runs" / f"{run_id}.lock"


@contextmanager
def claimed(home: Path, run_id: str) -> Iterator[None]:
    """Show for as long as the block lasts that a run's process lives."""
    path = _path(home, run_id)
    private_folder(path.parent)
    with FileLock(path, mode=0o600):
        yield
    path.unlink(missing_ok=True)


def clear_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark as failed every run that is started and whose process is gone; return their ids."""
    cleared = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        path = _path(home, run.run_id)
        # Without a lock the run has not come to its first step yet; Dagster's own monitoring bounds that.
        if path.exists() and _is_free(path):
            instance.report_run_failed(run, "The process of this run is gone; what it had loaded stays loaded.")
            path.unlink(missing_ok=True)
            cleared.append(run.run_id)
    return cleared


def _is_free(path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True

"""Which runs are at work: a lock per run that the operating system frees when its process dies, however it dies.

Dagster's default launcher leaves a run whose process was killed as started for ever, and it keeps its place in its
pool. Such runs are found by their free locks and marked as failed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from pipelines.private_files import private_folder

_TO_LOCK_SECONDS = 60.0
_ENDING_SECONDS = 2.0


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
    suspects = _without_process(instance, home)
    if not suspects:
        return []
    # A run gives its lock back a moment before it says that it has ended: only one that stays so is dead.
    time.sleep(_ENDING_SECONDS)
    dead = suspects & _without_process(instance, home)
    for run_id in dead:
        run = instance.get_run_by_id(run_id)
        if run is not None:
            instance.report_run_failed(run, "The process of this run is gone; what it had loaded stays loaded.")
        _path(home, run_id).unlink(missing_ok=True)
    return sorted(dead)


def _without_process(instance: dg.DagsterInstance, home: Path) -> set[str]:
    found = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        path = _path(home, record.dagster_run.run_id)
        # A run takes its lock seconds after it has started; one that never did was killed before it could.
        if _is_free(path) if path.exists() else time.time() - (record.start_time or 0) > _TO_LOCK_SECONDS:
            found.add(record.dagster_run.run_id)
    return found


def _is_free(path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True

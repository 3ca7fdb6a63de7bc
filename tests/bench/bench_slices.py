"""What a checkpoint costs: ``python -m tests.bench.bench_slices [students]``.

Saves the same answers about students twice: many slices to a file, as a pull does, and a file and a transaction for
each, the reference. Prints answers per second and their ratio, then what a publish of those slices takes, once from
nothing and once after two in a hundred have changed.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipelines.lake import Lake, new_load_id
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.normalize import student
from pipelines.warehouse import Models, Warehouse, WarehousePaths, publish

_STUDENTS = 5_000
_BATCH = 200
_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _answer(number: int, more: int = 0) -> SliceAnswer:
    course, user = 100 + number // 100, 10_000 + number
    views = {
        f"2026-{9 + day // 28:02}-{1 + day % 28:02}T{8 + day % 10:02}:00:00-07:00": day + more for day in range(40)
    }
    took_part = [{"created_at": f"2026-10-{1 + day:02}T10:00:00Z", "url": f"/courses/{course}"} for day in range(5)]
    tables = student.activity({"page_views": views, "participations": took_part}, course, user)
    return SliceAnswer({"course": course, "user": user}, tables, _NOW)


def _note(answers: Sequence[SliceAnswer]) -> Callable[[int, SliceResult], Coverage]:
    def note(position: int, _: SliceResult) -> Coverage:
        scope = answers[position].scope
        place = f"{scope['course']}/{scope['user']}"
        return Coverage("bench", "student", place, "analytics/users/activity", CoverageStatus.LOADED)

    return note


def _save(lake: Lake, answers: Sequence[SliceAnswer], batch: int) -> float:
    """Return the seconds that saving takes."""
    began = time.perf_counter()
    for start in range(0, len(answers), batch):
        part = answers[start : start + batch]
        load_id = new_load_id(_NOW)
        load_batch(lake, load_id=load_id, instance="bench", source="student_activity", answers=part, note=_note(part))
    return time.perf_counter() - began


def _publish(lake: Lake, home: Path) -> float:
    began = time.perf_counter()
    publish(Warehouse(WarehousePaths(home), lake, lake.ledger), Models(lambda *_: []))
    return time.perf_counter() - began


def _lake(home: Path) -> Lake:
    return Lake(home / "lake", Ledger(home / "state" / "ledger.sqlite"))


def main(students: int) -> None:
    """Print the comparison."""
    answers = [_answer(number) for number in range(students)]
    few = answers[: max(students // 10, 1)]
    with tempfile.TemporaryDirectory() as folder:
        singly = _save(_lake(Path(folder) / "singly"), few, 1) / len(few)
        home = Path(folder) / "batches"
        lake = _lake(home)
        together = _save(lake, answers, _BATCH) / len(answers)
        sys.stdout.write(f"one file per student  {1 / singly:10,.0f} answers/s   1.0 x (reference)\n")
        sys.stdout.write(f"{_BATCH} students per file {1 / together:10,.0f} answers/s {singly / together:5.1f} x\n")
        whole = _publish(lake, home)
        changed = [_answer(number, more=1) for number in range(0, students, 50)]
        _save(lake, changed, _BATCH)
        part = _publish(lake, home)
    sys.stdout.write(f"publish of all slices: {whole:.2f} s; after 2 % of them changed: {part:.2f} s,")
    sys.stdout.write(f" {part / whole:.2f} x\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _STUDENTS)

"""What a publish costs: ``python -m tests.bench.bench_publish [courses] [students]``.

Loads the activity of courses by day and the summaries of their students, and publishes with every model: from nothing,
after one course in a hundred has changed, when nothing has changed, and all anew from the lake. The reference is what
DuckDB takes to read the same Parquet files into one file of the same tables, without models, checks or a copy.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.demo import ManualClock
from pipelines.lake import Lake, new_load_id
from pipelines.lake.batches import SliceAnswer, SliceResult, load_batch
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.models import load_models, sql_folder
from pipelines.models.dictionary import model_notes
from pipelines.models.incremental import refresh_stale
from pipelines.models.versions import Observations
from pipelines.normalize import course
from pipelines.normalize.contracts import TABLES
from pipelines.warehouse import ModelRun, Models, Refreshing, Warehouse, WarehousePaths, publish
from pipelines.warehouse.full import publish_full

_COURSES, _STUDENTS, _DAYS, _BATCH = 400, 60, 100, 200
_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _activity(number: int, more: int) -> SliceAnswer:
    days = [
        {"date": str((_NOW - timedelta(days=day)).date()), "views": 100 + day + more, "participations": day}
        for day in range(_DAYS)
    ]
    return SliceAnswer({"course": number}, [course.activity(days, number)], _NOW)


def _summaries(number: int, students: int, more: int) -> SliceAnswer:
    rows = [
        {
            "id": 10_000 + student,
            "page_views": 50 + student + more,
            "participations": student,
            "tardiness_breakdown": {"total": 10, "on_time": 7, "late": 2, "missing": 1, "floating": 0},
        }
        for student in range(students)
    ]
    return SliceAnswer({"course": number}, [course.student_summaries(rows, number)], _NOW)


def _note(answers: Sequence[SliceAnswer]) -> Callable[[int, SliceResult], Coverage]:
    def note(position: int, _: SliceResult) -> Coverage:
        return Coverage("bench", "course", str(answers[position].scope["course"]), "analytics", CoverageStatus.LOADED)

    return note


def _load(lake: Lake, source: str, answers: Sequence[SliceAnswer]) -> None:
    for start in range(0, len(answers), _BATCH):
        part = answers[start : start + _BATCH]
        load_batch(lake, load_id=new_load_id(_NOW), instance="bench", source=source, answers=part, note=_note(part))


def _reference(lake: Lake, target: Path) -> float:
    """Return the seconds in which DuckDB reads the files of the lake into tables of one file."""
    began = time.perf_counter()
    with duckdb.connect(str(target)) as connection:
        for table in ("course_activity", "student_summaries"):
            files = str(lake.root / "analytics" / table / "**" / "*.parquet")
            connection.execute(f"CREATE TABLE {table} AS FROM read_parquet('{files}', union_by_name = true)")
        connection.execute("CHECKPOINT")
    return time.perf_counter() - began


def main(courses: int, students: int) -> None:
    """Print the comparison."""
    with tempfile.TemporaryDirectory() as folder:
        home, clock = Path(folder) / "data", ManualClock(_NOW)
        ledger = Ledger(home / "state" / "ledger.sqlite", clock)
        lake = Lake(home / "lake", ledger)
        files = load_models(sql_folder(), TABLES)
        observations = Observations(lake, "bench")

        def refresh(connection: duckdb.DuckDBPyConnection, refreshing: Refreshing) -> list[ModelRun]:
            return refresh_stale(connection, files, refreshing, observations)

        models = Models(refresh, model_notes(files, TABLES))
        warehouse = Warehouse(WarehousePaths(home), lake, ledger)
        numbers = range(100, 100 + courses)
        _load(lake, "course_activity", [_activity(number, 0) for number in numbers])
        _load(lake, "student_summaries", [_summaries(number, students, 0) for number in numbers])
        reference = _reference(lake, Path(folder) / "reference.duckdb")

        def timed(what: str, work: Callable[[], object]) -> None:
            clock.advance(3600)
            began = time.perf_counter()
            work()
            took = time.perf_counter() - began
            sys.stdout.write(f"{what:32} {took:7.2f} s {took / reference:7.1f} x\n")

        sys.stdout.write(f"{'DuckDB reads the files':32} {reference:7.2f} s     1.0 x (reference)\n")
        timed("publish from nothing", lambda: publish(warehouse, models))
        few = numbers[:: max(courses // max(courses // 100, 1), 1)]
        _load(lake, "course_activity", [_activity(number, 1) for number in few])
        _load(lake, "student_summaries", [_summaries(number, students, 1) for number in few])
        timed("publish, 1 course in 100 changed", lambda: publish(warehouse, models))
        timed("publish, nothing changed", lambda: publish(warehouse, models))
        timed("publish --full", lambda: publish_full(warehouse, models))


if __name__ == "__main__":
    chosen = [int(one) for one in sys.argv[1:]]
    main(*[*chosen, *(_COURSES, _STUDENTS)[len(chosen) :]])

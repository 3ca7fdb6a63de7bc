"""How fast a report becomes Parquet: ``python -m tests.bench.bench_csv [rows]``.

Prints wall and CPU seconds, peak memory and ratios for our road (read_batches, write_table) against DuckDB's read_csv
with declared types and pandas.read_csv, on the same generated enrollments.csv. Each runs in a process of its own.
"""

import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipelines.lake.parquet_files import write_table
from pipelines.normalize.contracts.provisioning import ENROLLMENTS
from pipelines.normalize.csv_files import read_batches, read_header

_ROWS = 1_000_000
_COLUMNS = [column for column in ENROLLMENTS.columns if not column.optional]


def _generate(path: Path, rows: int) -> None:
    rng = random.Random(7)  # noqa: S311 - seeded data
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(column.name for column in _COLUMNS) + "\n")
        for number in range(rows):
            course, user = rng.randrange(1, 20_000), rng.randrange(1, 60_000)
            cells = {
                "canvas_enrollment_id": str(10_000_000 + number),
                "canvas_course_id": str(course),
                "course_id": f"2026-{course:06d}",
                "canvas_user_id": str(user),
                "user_id": f"{user:08d}",
                "role": "student",
                "role_id": "3",
                "canvas_section_id": str(course * 2),
                "section_id": f"2026-{course:06d}-001",
                "status": rng.choice(("active", "active", "concluded", "invited")),
                "created_by_sis": "true",
                "base_role_type": "StudentEnrollment",
                "limit_section_privileges": "false",
            }
            file.write(",".join(cells.get(column.name, "") for column in _COLUMNS) + "\n")


def _ours(source: Path, target: Path) -> None:
    batches = read_batches(source, read_header(source), ENROLLMENTS)
    write_table(target, ENROLLMENTS, batches, load_id="bench", extracted_at=datetime.now(UTC), sort=False)


def _duckdb(source: Path, target: Path) -> None:
    types = ", ".join(f"'{column.name}': '{column.type.value}'" for column in _COLUMNS)
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{source}', header = true, columns = {{{types}}}))"
            f" TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )


def _pandas(source: Path, target: Path) -> None:
    pd.read_csv(source).to_parquet(target, compression="zstd")


def _measured(work: Callable[[Path, Path], None], source: Path, target: Path, results: Any) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work(source, target)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    results.put((wall, cpu, after.ru_maxrss / 1024, target.stat().st_size / 2**20))


def main() -> None:
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else _ROWS
    context = multiprocessing.get_context("spawn")
    out = sys.stdout
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "enrollments.csv"
        _generate(source, rows)
        out.write(f"{rows} rows, {source.stat().st_size / 2**20:.0f} MB of CSV\n")
        out.write(f"{'road':<12}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}{'file MB':>9}{'wall x':>8}{'cpu x':>7}\n")
        base: tuple[float, float] | None = None
        for name, work in (("duckdb", _duckdb), ("canvaslake", _ours), ("pandas", _pandas)):
            results = context.Queue()
            target = Path(folder) / f"{name}.parquet"
            process = context.Process(target=_measured, args=(work, source, target, results))
            process.start()
            wall, cpu, peak, size = results.get()
            process.join()
            base = base or (wall, cpu)
            ratios = f"{wall / base[0]:>8.2f}{cpu / base[1]:>7.2f}"
            out.write(f"{name:<12}{wall:>8.2f}{cpu:>8.2f}{peak:>9.0f}{size:>9.1f}{ratios}\n")
        out.write("x: times DuckDB's. Peak MB is of the whole process, imports included.\n")


if __name__ == "__main__":
    main()

"""How fast a pull of courses goes: ``python -m tests.bench.bench_pull [scale]``.

Asks the demo Canvas, in a process of its own and without a quota, about every course of a seeded university: with bare
requests of the same client, the reference; and as a pull, with parsing, Parquet and checkpoints. Prints requests per
second and the ratio: what is left of the client's pace when every answer is saved.
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from pipelines.canvas import CanvasClient
from pipelines.demo import DemoCanvas, QuotaPolicy, seeded_institution
from pipelines.extract.courses import ENDPOINTS, CourseFacts
from pipelines.extract.work import run_all
from pipelines.lake import Lake
from pipelines.ledger import Ledger
from pipelines.load.courses import CourseQuestion, course_work
from pipelines.load.work_list import Meter, work_off_pull

_AS_OF = datetime(2026, 11, 20, tzinfo=UTC).date()
_WIDTH = 10


def _serve(scale: float, pipe: Connection) -> None:
    free = QuotaPolicy(hwm=1e9, maximum=1e9)
    with DemoCanvas(seeded_institution(_AS_OF, scale=scale), quota=free) as canvas:
        taught = canvas.institution.students_by_course
        open_ = [each.id for each in canvas.institution.courses if each.state == "available" and taught.get(each.id)]
        pipe.send((canvas.base_url, canvas.token, open_))
        pipe.recv()


async def _bare(client: CanvasClient, items: Sequence[CourseQuestion]) -> float:
    began = time.perf_counter()

    async def ask(item: CourseQuestion) -> None:
        await client.get_json(f"/api/v1/courses/{item.course.course_id}/analytics/{item.endpoint}")

    await run_all(items, ask, width=_WIDTH)
    return time.perf_counter() - began


async def _pull(client: CanvasClient, items: Sequence[CourseQuestion], home: Path) -> float:
    lake = Lake(home / "lake", Ledger(home / "state" / "ledger.sqlite"))
    began = time.perf_counter()
    await work_off_pull(
        lake, "bench", "course", lambda _: items, lambda item: course_work(client, item), width=_WIDTH, meter=Meter()
    )
    return time.perf_counter() - began


async def _compare(base_url: str, token: str, course_ids: Sequence[int]) -> None:
    items = [
        CourseQuestion(CourseFacts(course_id, None, None, "available", concluded=False, total_students=None), endpoint)
        for course_id in course_ids
        for endpoint in ENDPOINTS
    ]
    async with CanvasClient(base_url, token, max_in_flight=_WIDTH) as client:
        with tempfile.TemporaryDirectory() as folder:
            await _bare(client, items[:30])
            bare = len(items) / await _bare(client, items)
            pulled = len(items) / await _pull(client, items, Path(folder))
    sys.stdout.write(f"bare requests       {bare:8,.0f} questions/s   1.00 x (reference)\n")
    sys.stdout.write(f"pull, saved         {pulled:8,.0f} questions/s   {pulled / bare:.2f} x\n")


def main(scale: float) -> None:
    """Print the comparison."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(scale, there))
    server.start()
    try:
        asyncio.run(_compare(*here.recv()))
    finally:
        here.send("done")
        server.join()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)

"""Work done by many processes or threads that begin at one moment: what several daemons and people really do."""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.ledger import Ledger
from pipelines.ledger.report_facts import claim_post
from pipelines.ledger.wishes import want
from tests.ledger.stories import wish

_CONTEXT = multiprocessing.get_context("spawn")


def in_processes(work: Callable[[Path], object], path: Path, count: int) -> list[Any]:
    """Run `work(path)` in `count` new processes that begin together; return what each returned."""
    barrier, results = _CONTEXT.Barrier(count), _CONTEXT.Queue()
    processes = [_CONTEXT.Process(target=_one, args=(work, path, barrier, results)) for _ in range(count)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    return found


def _one(work: Callable[[Path], object], path: Path, barrier: Any, results: Any) -> None:
    barrier.wait(60)
    try:
        results.put(work(path))
    except BaseException as error:  # noqa: BLE001 - whatever went wrong is the finding
        results.put(f"{type(error).__name__}: {error}")


def in_threads(work: Callable[[], object], count: int) -> Sequence[object]:
    """Run `work` in `count` threads that begin together; return what each returned."""
    barrier, results = threading.Barrier(count), list[object]()

    def one() -> None:
        barrier.wait(30)
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the finding
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def open_and_claim(path: Path) -> tuple[int, bool]:
    """Open the ledger at `path`, new or not, wish for one report, and try to get the right to post it."""
    ledger = Ledger(path)
    intent = want(ledger, **wish())
    return intent.intent_id, claim_post(ledger, intent.intent_id, "somebody")

"""The real daemon: a schedule asks, the sensor sees the report finish, and the file follows without a hand stirred."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.cli.up import _taken
from pipelines.demo import DemoCanvas
from pipelines.ledger.intents import all_intents
from tests.stories.conftest import Office, free_port

pytestmark = pytest.mark.slow

AFTER_COMPLETION = 90.0
SETTINGS = """\
[canvas]
base_url = "{base_url}"

[sync]
cron = "0 5 1 1 *"

[[reports]]
report = "grade_export_csv"
cron = "* * * * *"
parameters = {{ include_deleted = true }}
"""


def _wait(condition: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        assert process.poll() is None, "canvaslake up ended by itself"
        if condition():
            return True
        pause.wait(0.5)
    return False


def _rows(published: Path) -> int:
    if not published.exists():
        return 0
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute("select count(*) from marts.grade_distribution").fetchone()
    return int(found[0]) if found else 0


def _finished(canvas: DemoCanvas) -> bool:
    return any(run.status == "complete" for run in canvas.reports.all())


@contextmanager
def _up(office: Office, log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `canvaslake up` and stop it in the end as a service manager does."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "up", "--port", str(port)],
            env=office.environment(),
            cwd=office.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def test_a_report_that_the_schedule_asked_for_is_in_the_file_soon_after_it_finished(office: Office) -> None:
    office.write_settings(SETTINGS.format(base_url=office.canvas.base_url))
    log = office.folder / "up.log"
    with _up(office, log, free_port()) as process:
        assert _wait(lambda: _finished(office.canvas), 150, process), log.read_text()[-3000:]
        # From here nobody does anything: sensor, run, automation and publish follow by themselves.
        assert _wait(lambda: _rows(office.published) > 0, AFTER_COMPLETION, process), log.read_text()[-3000:]
    assert process.returncode == 0, log.read_text()[-3000:]
    loaded = [intent for intent in all_intents(office.project.ledger) if intent.loaded_at is not None]
    assert loaded
    assert all(intent.origin == "schedule" and intent.attempts == 0 for intent in loaded)
    windows = [datetime.fromisoformat(intent.window) for intent in all_intents(office.project.ledger)]
    assert len(set(windows)) == len(windows)
    assert office.canvas.requests.count(r"/reports/", method="POST") == len(windows)
    assert not _left_behind(office.folder), "a process outlived canvaslake up"
    assert office.canvas.token not in log.read_text()


def test_an_up_that_was_killed_leaves_nothing_that_hinders_the_next_one(office: Office) -> None:
    port, canvas_port = free_port(), free_port()
    office.write_settings(SETTINGS.format(base_url=f"http://127.0.0.1:{canvas_port}"))
    (office.folder / ".canvaslake-demo").touch()
    first, second = office.folder / "first.log", office.folder / "second.log"
    with _up(office, first, port) as process:
        assert _wait(lambda: "The Dagster page is at" in first.read_text(), 150, process), first.read_text()[-3000:]
        assert _taken("127.0.0.1", canvas_port)
        process.kill()
        process.wait(timeout=60)
    with _up(office, second, port) as process:
        assert _wait(lambda: "The Dagster page is at" in second.read_text(), 150, process), second.read_text()[-3000:]
    assert process.returncode == 0, second.read_text()[-3000:]
    assert "An earlier canvaslake up was killed" in second.read_text()
    assert not _taken("127.0.0.1", canvas_port), "the demo Canvas outlived canvaslake up"
    assert not _left_behind(office.folder), "a process outlived canvaslake up"


def _left_behind(folder: Path) -> list[str]:
    """Return the processes that still work on this office's data directory."""
    left = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in environment and path.parent.name != str(os.getpid()):
            left.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return left

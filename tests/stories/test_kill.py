"""The plug is pulled while students are asked about: the next sync goes on, and ends as if nothing had been."""

import contextlib
import signal
import sqlite3
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.cli.init import settings_text
from pipelines.demo import DemoCanvas, ManualClock, QuotaPolicy, seeded_institution
from pipelines.demo.quota import CostModel
from pipelines.lake import Lake
from pipelines.lake.read import live_rows
from pipelines.ledger import Ledger
from pipelines.ledger.database import rows_of, utc_now
from pipelines.normalize.contracts import TABLES
from tests.load.families import COURSE_TABLES, OF_STUDENTS, STUDENT_TABLES, pull_all
from tests.load.worlds import World
from tests.stories.conftest import Office, make_office

pytestmark = pytest.mark.slow

CHECKPOINT = 20
NAMES = ("canvas.accounts", "canvas.terms", "canvas.courses", "analytics.course_activity", "analytics.student_messages")
"""One table of each step: a step brings all of its tables, and departments have none here."""


def saved(office: Office) -> int:
    """Return how many answers about students the ledger holds, read beside the process that writes it."""
    path = office.folder / "data" / "state" / "ledger.sqlite"
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute("SELECT sum(answered) FROM pulls WHERE family = 'student'").fetchone()
        except sqlite3.OperationalError:
            return 0  # its tables are being made
    return int(found[0] or 0)


def killed_while_it_asks(office: Office) -> None:
    """Start a sync and kill it as soon as some answers about students are saved."""
    with office.started("sync", *NAMES) as sync:
        while saved(office) < 2 * CHECKPOINT:
            assert sync.poll() is None, "the sync had ended before it could be killed"
            time.sleep(0.005)
    assert sync.wait(10) == -signal.SIGKILL


def plain(rows: list[dict[str, object]], base_url: str) -> list[dict[str, object]]:
    """Return rows with addresses that do not name the port of their Canvas."""
    return [{**row, "url": str(row["url"]).replace(base_url, "")} if row.get("url") else row for row in rows]


def test_a_sync_that_is_killed_and_started_again_ends_with_the_tables_of_one_that_was_not(tmp_path: Path) -> None:
    now = utc_now()
    school = seeded_institution(now.date(), scale=0.1)
    generous = QuotaPolicy(hwm=1e9, maximum=1e9)
    slow = CostModel(latency={"analytics": 0.03})
    with DemoCanvas(school, quota=generous, costs=slow) as canvas:
        office = make_office(tmp_path, canvas)
        text = settings_text(base_url=canvas.base_url, student_analytics="all").partition("[[reports]]")[0]
        office.write_settings(text.replace("[sync]\n", f"[sync]\ncheckpoint = {CHECKPOINT}\n"))
        killed_while_it_asks(office)
        first = Counter(record.path for record in canvas.requests.matching(OF_STUDENTS))
        before = saved(office)
        canvas.requests.clear()
        result = office.run("sync", *NAMES)
        assert result.returncode == 0, result.stderr
        again = Counter(record.path for record in canvas.requests.matching(OF_STUDENTS))
        assert 2 * CHECKPOINT <= before <= first.total()
        # What was on its way or being saved, and not a question that was answered and saved.
        assert sum((first & again).values()) < 2 * CHECKPOINT
        assert again.total() < (first | again).total()
        pulls = rows_of(office.project.ledger, "SELECT finished_at FROM pulls WHERE family = 'student'")
        assert [row["finished_at"] is not None for row in pulls] == [True]

    home = tmp_path / "undisturbed"
    clock = ManualClock(now + timedelta(seconds=1))
    with DemoCanvas(school, quota=generous, clock=clock) as calm:
        ledger = Ledger(home / "state" / "ledger.sqlite", clock)
        world = World(calm, clock, home, ledger, Lake(home / "lake", ledger))
        pull_all(world)
        for name in (*COURSE_TABLES, *STUDENT_TABLES):
            columns = [column.name for column in TABLES[name].columns]
            found = live_rows(office.project.lake, office.settings.instance, TABLES[name], columns)
            due = world.rows(name)
            assert plain(found, canvas.base_url) == plain(due, calm.base_url), name
            assert office.rows(f"select count(*) from {name}") == [(len(due),)]
        assert len(world.rows("analytics.student_assignments")) > 300

"""Ctrl-C ends a sync, and not only the step that it is in; what had been answered is saved."""

import os
import signal
import subprocess
import time
from pathlib import Path

from pipelines.demo import DemoCanvas, Institution
from pipelines.demo.quota import CostModel
from pipelines.ledger.database import rows_of
from tests.stories.conftest import Office, make_office

_OF_DEPARTMENTS = r"^/api/v1/accounts/\d+/analytics/"
_OF_COURSES = r"^/api/v1/courses/"


def interrupted_while_it_asks(office: Office) -> subprocess.CompletedProcess[str]:
    """Start a sync and press Ctrl-C, which reaches every process of the terminal, when it asks about departments."""
    with office.started("sync", "canvas", "analytics", output=subprocess.PIPE) as sync:
        until = time.monotonic() + 60
        while office.canvas.requests.count(_OF_DEPARTMENTS) < 20:
            assert sync.poll() is None, "the sync had ended before it could be interrupted"
            assert time.monotonic() < until, "no department was asked about"
            time.sleep(0.005)
        os.killpg(sync.pid, signal.SIGINT)
        stdout, stderr = sync.communicate(timeout=60)
    return subprocess.CompletedProcess(sync.args, sync.returncode, stdout, stderr)


def test_ctrl_c_ends_the_whole_sync_and_says_so_in_a_line(tmp_path: Path, institution: Institution) -> None:
    with DemoCanvas(institution, costs=CostModel(latency={"analytics": 0.05})) as canvas:
        office = make_office(tmp_path, canvas)
        result = interrupted_while_it_asks(office)
        assert result.returncode == 130, result.stderr
        assert "Traceback" not in result.stderr
        assert result.stderr.rstrip().splitlines()[-1].startswith("Stopped. What was loaded stays loaded")
        assert canvas.requests.count(_OF_COURSES) == 0
        assert not office.published.exists()
        [answered] = rows_of(
            office.project.ledger, "SELECT count(*) AS n FROM coverage WHERE endpoint LIKE 'analytics/%'"
        )
        assert int(str(answered["n"])) > 0

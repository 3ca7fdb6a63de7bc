"""A sync tells people of what failed, whoever found it out; nobody needs the daemon for it."""

import json
from pathlib import Path

import pytest

from pipelines.cli.init import settings_text
from tests.stories.conftest import Office
from tests.test_alerts import command, told

pytestmark = pytest.mark.slow


def test_a_sync_tells_what_failed_once_and_says_if_it_could_not(office: Office, tmp_path: Path) -> None:
    base = settings_text(base_url=office.canvas.base_url, student_analytics="off").partition("[[reports]]")[0]
    notes = tmp_path / "notes"
    report = '\n[[reports]]\nreport = "public_courses_csv"\n'

    def configure(*words: str) -> None:
        office.write_settings(f"{base}{report}\n[sensor]\nalert = {json.dumps(words)}\n")

    office.canvas.faults.report("error", "public_courses_csv")
    configure(*command(notes))
    office.run("sync", "public_courses_csv")
    [note] = told(notes)
    assert "public_courses_csv" in str(note["said"])
    assert "will not come" in str(note["said"])
    office.canvas.faults.report("error", "public_courses_csv")
    configure("no-such-command")
    again = office.run("sync", "public_courses_csv")
    assert "The alert command no-such-command could not be run" in again.stderr
    assert len(told(notes)) == 1

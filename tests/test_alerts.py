"""The word to the people: they get the message, the command gets no token, and a failed alert fails nothing."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assets.reports import count_failed
from pipelines.alerts import alert
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import get_intent
from pipelines.ledger.report_facts import claim_post, record_asked, record_status
from pipelines.ledger.wishes import want
from pipelines.project import Project
from pipelines.settings import SensorSettings
from tests.load.worlds import World, open_world
from tests.projects import project_of

TOKEN = "7~NobodyMaySeeThis"
NOTE = """
import json, os, sys
note = {"said": sys.stdin.read(), "arguments": sys.argv[2:], "environment": dict(os.environ)}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(note) + "\\n")
print("a word on stdout"); sys.exit(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
"""


def command(notes: Path, *more: str) -> tuple[str, ...]:
    """Return a command that writes down what it is told."""
    return (sys.executable, "-c", NOTE, str(notes), *more)


def told(notes: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def test_the_command_gets_the_message_and_not_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANVAS_API_TOKEN", TOKEN)
    monkeypatch.setenv("PAGER_KEY", "ours")
    notes = tmp_path / "notes"
    assert alert(command(notes, "--to", "0"), ["Zoë's report is parked; $(touch x) `y`", "Another."]) is None
    (note,) = told(notes)
    assert note["said"] == "canvaslake: Zoë's report is parked; $(touch x) `y`\ncanvaslake: Another.\n"
    assert note["arguments"] == ["--to", "0"]
    environment = note["environment"]
    assert isinstance(environment, dict)
    assert environment["PAGER_KEY"] == "ours"
    assert TOKEN not in json.dumps(environment)
    assert os.environ["CANVAS_API_TOKEN"] == TOKEN, "this process needs it still"


def test_without_a_command_nothing_happens() -> None:
    assert alert((), ["a message"]) is None
    assert alert(("no-such-command",), []) is None


def test_a_command_that_fails_is_told_by_its_name_alone(tmp_path: Path) -> None:
    trouble = alert(command(tmp_path / "notes", "--key=secret", "3"), ["a message"])
    assert trouble == f"The alert command {sys.executable} ended with 3."


def test_a_command_that_is_not_there_fails_nothing(tmp_path: Path) -> None:
    missing = str(tmp_path / "no-such-command")
    assert alert((missing,), ["a message"]) == f"The alert command {missing} could not be run (FileNotFoundError)."
    assert "PermissionError" in (alert((str(tmp_path),), ["a message"]) or "")


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.alerts._SECONDS", 0.5)
    waiting = (sys.executable, "-c", "import threading; threading.Event().wait(60)")
    assert "could not be run (TimeoutExpired)" in (alert(waiting, ["a message"]) or "")


def test_a_command_that_does_not_listen_fails_nothing() -> None:
    assert alert((sys.executable, "-c", ""), ["a long message " * 100_000]) is None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as opened:
        yield opened


def finished(project: Project) -> Intent:
    intent = want(
        project.ledger,
        instance=project.settings.instance,
        account_id=1,
        report="provisioning_csv",
        parameters={"users": True},
        window="today",
        origin="schedule",
        deadline=timedelta(hours=12),
    )
    claim_post(project.ledger, intent.intent_id, "me")
    record_asked(project.ledger, intent.intent_id, 1001, "created")
    record_status(project.ledger, intent.intent_id, status="complete", progress=100, ended_at=None)
    return get_intent(project.ledger, intent.intent_id)


def test_people_are_told_once_when_a_report_is_parked(world: World, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    project = project_of(world, sensor=SensorSettings(alert=command(notes), load_attempts=2))
    intent = finished(project)
    count_failed(project, intent, "Cut off.", attempt=1, most=2)
    assert told(notes) == []
    intent = get_intent(project.ledger, intent.intent_id)
    for _ in range(2):
        # The run reports its own failure, and so does the sensor that watches runs.
        count_failed(project, intent, "Cut off again.", attempt=2, most=2)
        intent = get_intent(project.ledger, intent.intent_id)
    assert intent.state is IntentState.PARKED
    (note,) = told(notes)
    assert note["said"] == (
        "canvaslake: provisioning_csv 1001 of account 1 is parked after 2 attempts to load it: Cut off again. "
        f"Next: canvaslake reports retry {intent.intent_id}\n"
    )

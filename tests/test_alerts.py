"""The word to the people: they get the message, the command gets no token, and a failed alert fails nothing."""

import json
import os
import sys
from pathlib import Path

import pytest

from pipelines.alerts import alert

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


def test_a_command_that_writes_no_text_fails_nothing() -> None:
    loud = "import sys; sys.stdout.buffer.write(bytes([255, 254])); sys.stderr.buffer.write(bytes([255]))"
    assert alert((sys.executable, "-c", loud), ["a message"]) is None


def test_a_message_with_a_character_that_cannot_be_written_is_told_without_it(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert alert(command(notes), ["half of a pair: \ud83d."]) is None
    assert [note["said"] for note in told(notes)] == ["canvaslake: half of a pair: ?.\n"]


def test_a_command_that_no_system_can_run_fails_nothing() -> None:
    assert "could not be run (ValueError)" in (alert((sys.executable, "a\0b"), ["a message"]) or "")

"""What a person reads at the end of a sync about the published file."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines.cli.sync import SyncOutcome, report_outcome
from pipelines.project import Project
from pipelines.settings import Settings


@pytest.mark.parametrize(
    ("result", "changed", "words"),
    [
        (
            "Published generation 4.",
            "canvas.terms, marts.a",
            ["Changed: marts.a, canvas.terms", "Published generation 4"],
        ),
        ("Published generation 4.", "nothing", ["Published generation 4"]),
        ("Nothing has changed since generation 3.", "nothing", ["Nothing has changed since generation 3"]),
        ("Generation 1 stays: a person went back to it.", "nothing", ["Generation 1 stays: a person went back to it"]),
    ],
)
def test_the_words_are_those_of_the_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str, changed: str, words: list[str]
) -> None:
    lines: list[str] = []
    monkeypatch.setattr("pipelines.cli.sync.say", lines.append)
    project = Project(Settings(home=tmp_path))
    outcome = SyncOutcome()
    outcome.note_published({"result": dg.TextMetadataValue(result), "changed": dg.TextMetadataValue(changed)})
    report_outcome(project, outcome)
    assert lines == [*words[:-1], f"{words[-1]}: {project.paths.published}"]


def test_of_a_publish_that_failed_no_generation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr("pipelines.cli.sync.say", lines.append)
    report_outcome(Project(Settings(home=tmp_path)), SyncOutcome())
    assert lines == []

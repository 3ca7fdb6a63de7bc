"""What failed or is parked is told once, whoever found it out, and again only if it was taken up in between."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import Outcome, get_intent
from pipelines.ledger.report_facts import (
    claim_post,
    record_asked,
    record_attempt_failed,
    record_failed,
    record_refused_file,
    record_status,
    reopen,
    unpark,
)
from pipelines.ledger.wishes import record_lost, want, want_file
from pipelines.project import Project
from pipelines.settings import CanvasSettings, SensorSettings, Settings
from pipelines.telling import LONGEST, PAUSE, tell
from tests.ledger.stories import NOON, wish
from tests.test_alerts import command, told


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def project(tmp_path: Path, clock: ManualClock, notes: Path) -> Project:
    return _project(tmp_path, clock, *command(notes))


def _project(home: Path, clock: ManualClock, *alert: str) -> Project:
    canvas = CanvasSettings(base_url="https://canvas.example.edu")
    return Project(Settings(canvas=canvas, home=home, sensor=SensorSettings(alert=alert)), clock=clock)


def said(notes: Path) -> list[str]:
    return [str(note["said"]) for note in told(notes)]


def asked(project: Project, report_id: int) -> Intent:
    intent = want(project.ledger, **wish(window=str(report_id)))
    claim_post(project.ledger, intent.intent_id, "me")
    record_asked(project.ledger, intent.intent_id, report_id, "created")
    return get_intent(project.ledger, intent.intent_id)


def failed(project: Project, report_id: int = 1001, *, outcome: Outcome = Outcome.FAILED) -> Intent:
    intent = asked(project, report_id)
    record_failed(project.ledger, intent.intent_id, "Overdue.", outcome=outcome)
    return get_intent(project.ledger, intent.intent_id)


def parked(project: Project, report_id: int = 1002) -> Intent:
    intent = asked(project, report_id)
    record_status(project.ledger, intent.intent_id, status="complete", progress=100, ended_at=None)
    return park(project, intent)


def park(project: Project, intent: Intent) -> Intent:
    number = get_intent(project.ledger, intent.intent_id).attempts + 1
    return record_attempt_failed(
        project.ledger, intent.intent_id, "Cut off.", attempt=number, most=1, pause=timedelta(minutes=2)
    )


def test_everything_that_nobody_was_told_is_told_in_one_message(project: Project, notes: Path) -> None:
    failed(project)
    intent = parked(project)
    assert intent.state is IntentState.PARKED
    assert tell(project) is None
    (text,) = said(notes)
    assert text.splitlines() == [
        "canvaslake: provisioning_csv 1001 of account 1 will not come: Overdue.",
        (
            "canvaslake: provisioning_csv 1002 of account 1 is parked after 1 attempts to load it: Cut off. "
            f"Next: canvaslake reports retry {intent.intent_id}"
        ),
    ]
    assert tell(project) is None
    assert len(said(notes)) == 1


def test_what_is_no_failure_or_was_met_by_a_person_is_not_told(
    project: Project, clock: ManualClock, notes: Path
) -> None:
    failed(project, outcome=Outcome.CANCELLED)
    posted = want(project.ledger, **wish(window="lost"))
    claim_post(project.ledger, posted.intent_id, "me")
    assert record_lost(project.ledger, posted.intent_id, "no answer") is not None
    by_hand = want_file(
        project.ledger,
        instance=project.settings.instance,
        account_id=1,
        report="grade_export_csv",
        parameters={},
        window="abc",
    )
    record_refused_file(project.ledger, by_hand.intent_id, "not a CSV")
    record_attempt_failed(
        project.ledger, asked(project, 1003).intent_id, "no", attempt=1, most=5, pause=timedelta(minutes=2)
    )
    assert tell(project) is None
    assert said(notes) == []
    failed(project, 1004)
    clock.advance(LONGEST.total_seconds() + 1)
    assert tell(project) is None
    assert said(notes) == [], "what is a week old is no news"


def test_a_command_that_fails_is_tried_again_after_a_pause_and_loses_nothing(
    tmp_path: Path, clock: ManualClock, notes: Path
) -> None:
    broken = _project(tmp_path, clock, *command(notes, "--to", "3"))
    failed(broken)
    assert "ended with 3" in (tell(broken) or "")
    clock.advance(PAUSE.total_seconds() - 1)
    assert tell(broken) is None
    assert len(said(notes)) == 1, "a tick comes every twenty seconds"
    clock.advance(1)
    assert "ended with 3" in (tell(broken) or "")
    clock.advance(PAUSE.total_seconds())
    mended = _project(tmp_path, clock, *command(notes))
    assert tell(mended) is None
    assert len(said(notes)) == 3
    assert "1001" in said(notes)[-1]
    failed(mended, 1005)
    assert tell(mended) is None
    assert "1005" in said(notes)[-1]
    assert "1001" not in said(notes)[-1]


def test_without_a_command_nothing_counts_as_told(tmp_path: Path, clock: ManualClock, notes: Path) -> None:
    silent = _project(tmp_path, clock)
    failed(silent)
    assert tell(silent) is None
    assert tell(_project(tmp_path, clock, *command(notes))) is None
    assert len(said(notes)) == 1


def test_what_was_taken_up_again_and_fails_again_is_told_again(project: Project, notes: Path) -> None:
    one, two = failed(project), parked(project)
    tell(project)
    assert reopen(project.ledger, one)
    assert unpark(project.ledger, two.intent_id)
    assert tell(project) is None
    assert len(said(notes)) == 1
    record_failed(project.ledger, one.intent_id, "Gone.")
    park(project, two)
    tell(project)
    assert "1001 of account 1 will not come: Gone." in said(notes)[1]
    assert "1002 of account 1 is parked after 2 attempts" in said(notes)[1]


def test_what_is_taken_up_while_it_is_told_is_not_told_as_it_stands_then(
    project: Project, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = parked(project)

    def slow(*_: object) -> None:
        unpark(project.ledger, intent.intent_id)

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.telling.alert", slow)
        tell(project)
    park(project, intent)
    tell(project)
    assert len(said(notes)) == 1

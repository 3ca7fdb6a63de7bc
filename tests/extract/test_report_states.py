"""What Canvas says of a report and what it means: status decides, and a lost report is found by what was asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.extract.report_states import Observation, Verdict, match_lost, observe, parameters_agree
from pipelines.ledger import Intent, Ledger
from pipelines.ledger.intents import claim_post, get_intent, want
from tests.ledger.stories import wish

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILE = {"attachment": {"url": "https://canvas/files/1/download", "size": 5}}


def seen(**run: Any) -> Observation:
    observation = observe({"id": 1001, "progress": 0, "parameters": {}, **run})
    assert observation is not None
    return observation


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        ({"status": "created"}, Verdict.PENDING),
        ({"status": "running", "progress": 100}, Verdict.PENDING),
        ({"status": "compiling"}, Verdict.PENDING),
        ({"status": "complete", **FILE}, Verdict.FINISHED),
        ({"status": "complete", "progress": 3, **FILE}, Verdict.FINISHED),
        ({"status": "complete", "file_url": "https://canvas/accounts/1/files/1/download"}, Verdict.FINISHED),
        ({"status": "complete"}, Verdict.PENDING),
        ({"status": "complete", "attachment": {"url": ""}}, Verdict.PENDING),
        ({"status": "error", "progress": 100, **FILE}, Verdict.FAILED),
        ({"status": "error", "progress": 42, "ended_at": None}, Verdict.FAILED),
        ({"status": "aborted", **FILE}, Verdict.FAILED),
        ({"status": "deleted"}, Verdict.FAILED),
    ],
)
def test_status_decides_and_never_progress(run: dict[str, Any], verdict: Verdict) -> None:
    assert seen(**run).verdict is verdict


def test_a_state_of_a_newer_canvas_is_waited_for_and_told() -> None:
    observation = seen(status="queued_remotely")
    assert observation.verdict is Verdict.PENDING
    assert "'queued_remotely', which is not known" in (observation.reason or "")
    assert seen(status="running").reason is None


def test_what_canvas_says_of_a_failure_is_passed_on_and_bounded() -> None:
    assert seen(status="error", parameters={"extra_text": "Failed, no term"}).reason == (
        "Canvas ended the report as error: Failed, no term"
    )
    assert len(seen(status="error", parameters={"extra_text": "x" * 9999}).reason or "") < 400


def test_odd_ids_and_times_do_not_break_the_look() -> None:
    odd: list[object] = [None, "x", True, 1.5, []]
    assert [observe({"id": bad, "status": "running"}) for bad in odd] == [None] * 5
    assert seen(id="10000000000123").report_id == 10_000_000_000_123
    observation = seen(created_at="2026-11-21T05:00:00-07:00", ended_at="yesterday", parameters=None, progress=None)
    assert (observation.created_at, observation.ended_at, observation.parameters) == (NOON, None, {})
    assert seen(created_at="2026-11-21T05:00:00").created_at is None


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"users": True}, {"users": "true", "locale": "en", "extra_text": "Term: All Terms;"}),
        ({"users": True}, {"users": True}),
        ({"users": True, "courses": False}, {"users": "true", "courses": "false"}),
        ({"users": True, "courses": False}, {"users": "true"}),
        ({"users": True, "skip_message": False}, {"users": "true"}),
        ({"enrollment_term_id": 5}, {"enrollment_term_id": "5"}),
        ({"start_at": "2026-01-01", "end_at": None}, {"start_at": "2025-12-18T00:00:00Z"}),
        ({"enrollment_states": ["b", "a"]}, {"enrollment_states": ["a", "b"]}),
        ({}, {"locale": "en"}),
    ],
)
def test_an_echo_of_what_was_sent_is_known_again(sent: dict[str, object], echoed: dict[str, object]) -> None:
    assert parameters_agree(sent, echoed)


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"users": True}, {"users": "false"}),
        ({"users": True}, {}),
        ({"users": True}, {"users": "true", "courses": "true"}),
        ({}, {"include_deleted": "true"}),
        ({"enrollment_term_id": 5}, {"enrollment_term_id": "6"}),
        ({"enrollment_states": ["a"]}, {"enrollment_states": ["a", "b"]}),
    ],
)
def test_somebody_elses_report_is_not_taken_for_ours(sent: dict[str, object], echoed: dict[str, object]) -> None:
    assert not parameters_agree(sent, echoed)


@pytest.fixture
def lost(tmp_path: Any) -> list[Intent]:
    """Two equal intents whose POST was about to be sent at noon and at one."""
    ledger = Ledger(tmp_path / "ledger.sqlite", lambda: NOON)
    found = []
    for hour in (0, 1):
        intent = want(ledger, **wish(window=str(hour)))
        claim_post(ledger, intent.intent_id, "me")
        found.append(replace(get_intent(ledger, intent.intent_id), posting_at=NOON + timedelta(hours=hour)))
    return found


def run(report_id: int, minutes: float = 0, **parameters: str) -> Observation:
    created = (NOON + timedelta(minutes=minutes)).isoformat()
    return seen(id=report_id, status="created", created_at=created, parameters=parameters or {"users": "true"})


def test_each_lost_intent_gets_one_report_the_oldest_first(lost: list[Intent]) -> None:
    first, second = lost
    runs = [run(12, 61), run(11, 1)]
    assert match_lost(reversed_(lost), runs, owned=()) == {first.intent_id: 11, second.intent_id: 12}
    assert match_lost(lost, [run(11, 61)], owned=()) == {first.intent_id: 11}


def reversed_(intents: list[Intent]) -> list[Intent]:
    return intents[::-1]


def test_reports_of_others_of_yesterday_or_with_other_parameters_are_left_alone(lost: list[Intent]) -> None:
    first, _ = lost
    assert match_lost([first], [run(11, 1)], owned={11}) == {}
    assert match_lost([first], [run(11, -6)], owned=()) == {}
    assert match_lost([first], [run(11, 1, courses="true")], owned=()) == {}


def test_a_clock_of_canvas_that_is_a_little_behind_does_not_hide_a_report(lost: list[Intent]) -> None:
    assert match_lost(lost[:1], [run(11, -4)], owned=()) == {lost[0].intent_id: 11}


def test_a_report_whose_time_canvas_does_not_tell_is_still_found(lost: list[Intent]) -> None:
    assert match_lost(lost[:1], [replace(run(11), created_at=None)], owned=()) == {lost[0].intent_id: 11}

"""Wishes for reports: one POST each, one owner per report, and every fact written when it has happened."""

from datetime import timedelta

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.intents import all_intents, get_intent, intent_of_report, open_intents, parameters_hash
from pipelines.ledger.loads import commit_load
from pipelines.ledger.report_facts import (
    claim_post,
    record_asked,
    record_attempt_failed,
    record_failed,
    record_status,
    release_post,
)
from pipelines.ledger.wishes import want
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST, a_file, a_load, wish

PAUSE = timedelta(minutes=2)


def finished(ledger: Ledger, report_id: int = 1001, **changes: object) -> Intent:
    intent = want(ledger, **wish(**changes))
    claim_post(ledger, intent.intent_id, "me")
    record_asked(ledger, intent.intent_id, report_id, "created")
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=ledger.clock())
    return get_intent(ledger, intent.intent_id)


def test_a_wish_is_written_once_however_often_a_schedule_fires(ledger: Ledger) -> None:
    first = want(ledger, **wish(parameters={"users": True, "courses": True}))
    again = want(ledger, **wish(parameters={"courses": True, "users": True}, origin="command"))
    assert again == first
    others = [
        want(ledger, **wish(**change))
        for change in (
            {"window": "2026-11-22"},
            {"account_id": 2},
            {"report": "grade_export_csv"},
            {"parameters": {"users": False}},
            {"instance": "other.example.edu"},
        )
    ]
    assert len({intent.intent_id for intent in [first, *others]}) == 6


def test_many_that_wish_at_once_share_one_wish(ledger: Ledger) -> None:
    found = in_threads(lambda: want(ledger, **wish()).intent_id, 8)
    assert found == [1] * 8


def test_one_of_many_gets_the_right_to_post(ledger: Ledger) -> None:
    intent = want(ledger, **wish())
    found = in_threads(lambda: claim_post(ledger, intent.intent_id, "one"), 8)
    assert sorted(map(str, found)) == ["False"] * 7 + ["True"]
    release_post(ledger, intent.intent_id)
    assert claim_post(ledger, intent.intent_id, "two")


def test_a_report_that_is_asked_or_over_is_not_posted_again(ledger: Ledger) -> None:
    asked, failed = want(ledger, **wish()), want(ledger, **wish(parameters={"courses": True}))
    record_asked(ledger, asked.intent_id, 1001, "created")
    record_failed(ledger, failed.intent_id, "refused")
    assert not claim_post(ledger, asked.intent_id, "me")
    assert not claim_post(ledger, failed.intent_id, "me")
    release_post(ledger, asked.intent_id)
    assert get_intent(ledger, asked.intent_id).report_id == 1001


def test_a_restart_takes_up_what_is_open_and_not_what_is_over(ledger: Ledger) -> None:
    first = want(ledger, **wish(window="sync-1"))
    assert want(ledger, **wish(window="sync-2", reuse_open=True)) == first
    assert want(ledger, **wish(window="sync-2", reuse_open=True, account_id=2)).intent_id != first.intent_id
    record_failed(ledger, first.intent_id, "Canvas ended the report as error")
    second = want(ledger, **wish(window="sync-3", reuse_open=True))
    assert second.intent_id != first.intent_id
    parked = record_parked(ledger, second)
    assert want(ledger, **wish(window="sync-4", reuse_open=True)).intent_id != parked.intent_id


def record_parked(ledger: Ledger, intent: Intent) -> Intent:
    return record_attempt_failed(ledger, intent.intent_id, "bad file", attempt=1, most=1, pause=PAUSE)


def test_a_report_in_canvas_belongs_to_one_wish(ledger: Ledger) -> None:
    one, two = want(ledger, **wish()), want(ledger, **wish(parameters={"courses": True}))
    elsewhere = want(ledger, **wish(instance="other.example.edu"))
    assert record_asked(ledger, one.intent_id, 1001, "created")
    assert not record_asked(ledger, two.intent_id, 1001, "created")
    assert record_asked(ledger, elsewhere.intent_id, 1001, "created")
    assert get_intent(ledger, two.intent_id).state is IntentState.WANTED
    owner = intent_of_report(ledger, HOST, 1001)
    assert owner is not None
    assert owner.intent_id == one.intent_id
    assert intent_of_report(ledger, HOST, 4711) is None


def test_a_failed_attempt_is_counted_once_whoever_reports_it(ledger: Ledger, clock: ManualClock) -> None:
    intent = finished(ledger)
    found = in_threads(
        lambda: record_attempt_failed(ledger, intent.intent_id, "no", attempt=1, most=3, pause=PAUSE).attempts, 6
    )
    assert found == [1] * 6
    counted = get_intent(ledger, intent.intent_id)
    assert counted.next_attempt_at == clock() + PAUSE
    # A report of an attempt that was never begun, or of one long counted, changes nothing.
    for attempt in (1, 3):
        record_attempt_failed(ledger, intent.intent_id, "late", attempt=attempt, most=3, pause=PAUSE)
    assert get_intent(ledger, intent.intent_id) == counted


def test_the_pause_doubles_and_then_a_person_has_to_look(ledger: Ledger, clock: ManualClock) -> None:
    intent = finished(ledger)
    for attempt, pause in ((1, PAUSE), (2, PAUSE * 2), (3, PAUSE * 4)):
        intent = record_attempt_failed(ledger, intent.intent_id, f"no {attempt}", attempt=attempt, most=3, pause=PAUSE)
        assert intent.next_attempt_at == clock() + pause
        assert (intent.parked_at is not None) is (attempt == 3)
    assert (intent.state, intent.failure) == (IntentState.PARKED, "no 3")
    assert intent in open_intents(ledger, HOST)


def test_a_parked_report_that_loads_after_all_is_loaded(ledger: Ledger) -> None:
    intent = record_parked(ledger, finished(ledger))
    commit_load(ledger, a_load("report-1001"), [a_file("a")], intent_id=intent.intent_id)
    loaded = get_intent(ledger, intent.intent_id)
    assert (loaded.state, loaded.parked_at, loaded.load_id) == (IntentState.LOADED, None, "report-1001")
    assert open_intents(ledger, HOST) == []


def test_states_follow_from_the_facts(ledger: Ledger, clock: ManualClock) -> None:
    intent = want(ledger, **wish())
    seen = [intent.state]

    def look() -> None:
        seen.append(get_intent(ledger, intent.intent_id).state)

    claim_post(ledger, intent.intent_id, "me")
    look()
    record_asked(ledger, intent.intent_id, 1001, "created")
    look()
    record_status(ledger, intent.intent_id, status="running", progress=100, ended_at=None)
    look()
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=clock())
    look()
    commit_load(ledger, a_load("report-1001"), [a_file("a")], intent_id=intent.intent_id)
    look()
    record_failed(ledger, intent.intent_id, "too late to fail")
    record_status(ledger, intent.intent_id, status="deleted", progress=0, ended_at=None)
    look()
    assert [state.value for state in seen] == ["wanted", "posting", "asked", "asked", "finished", "loaded", "loaded"]
    assert get_intent(ledger, intent.intent_id).status == "complete"


def test_finished_is_a_fact_that_is_not_taken_back(ledger: Ledger, clock: ManualClock) -> None:
    intent = finished(ledger)
    clock.advance(60)
    for status in ("running", "complete"):
        record_status(ledger, intent.intent_id, status=status, progress=0, ended_at=None)
    assert get_intent(ledger, intent.intent_id).finished_at == intent.finished_at


def test_an_unknown_wish_is_told_apart_from_an_open_one(ledger: Ledger) -> None:
    with pytest.raises(KeyError):
        get_intent(ledger, 4711)
    assert all_intents(ledger) == []


def test_the_hash_of_parameters_holds_across_processes_and_versions() -> None:
    # Written down: slices and unique wishes hang on it, so it may never change.
    assert parameters_hash({"users": True, "courses": False}) == parameters_hash({"courses": False, "users": True})
    assert parameters_hash({}) == "44136fa355b3"
    assert parameters_hash({"users": True}) != parameters_hash({"users": "true"})

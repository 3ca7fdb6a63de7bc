"""From a wish to an intent: equal wishes share one, no intent is posted twice, and a lost one has one successor."""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo import ManualClock
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import IdentifiedBy, all_intents, get_intent, intent_of_report, open_intents
from pipelines.ledger.loads import commit_load
from pipelines.ledger.report_facts import (
    claim_post,
    record_asked,
    record_attempt_failed,
    record_failed,
    record_refused_file,
    record_status,
    release_post,
    reopen,
)
from pipelines.ledger.wishes import adopt, record_lost, want, want_file
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST, NOON, a_file, a_load, wish


def adoption(**changes: Any) -> dict[str, Any]:
    """Return the arguments of `adopt` for a provisioning report that a person ran."""
    return {
        "instance": HOST,
        "account_id": 1,
        "report": "provisioning_csv",
        "parameters": {"users": True},
        "report_id": 4001,
        "created_at": NOON - timedelta(hours=1),
        "deadline": timedelta(hours=12),
        **changes,
    }


def a_given_file(**changes: Any) -> dict[str, Any]:
    """Return the arguments of `want_file` for a provisioning file."""
    return {
        "instance": HOST,
        "account_id": 1,
        "report": "provisioning_csv",
        "parameters": {"users": True},
        "window": "0123456789abcdef",
        **changes,
    }


def posted(ledger: Ledger, **changes: Any) -> Intent:
    """Return an intent whose POST has no recorded answer."""
    intent = want(ledger, **wish(**changes))
    assert claim_post(ledger, intent.intent_id, "me")
    return get_intent(ledger, intent.intent_id)


def test_a_wish_for_what_is_under_way_joins_that_intent(ledger: Ledger) -> None:
    first = want(ledger, **wish(window="monday"))
    assert want(ledger, **wish(window="tuesday", origin="command")) == first
    claim_post(ledger, first.intent_id, "me")
    assert want(ledger, **wish(window="wednesday")).intent_id == first.intent_id
    wishes = rows_of(ledger, "SELECT window, origin, intent_id FROM wishes ORDER BY window")
    assert [tuple(row.values()) for row in wishes] == [
        ("monday", "schedule", first.intent_id),
        ("tuesday", "command", first.intent_id),
        ("wednesday", "schedule", first.intent_id),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": 2},
        {"account_id": None, "course_id": 1},
        {"report": "grade_export_csv"},
        {"parameters": {"users": False}},
        {"instance": "other.example.edu"},
    ],
    ids=["account", "course", "report", "parameters", "instance"],
)
def test_a_wish_for_something_else_does_not_join(ledger: Ledger, change: dict[str, Any]) -> None:
    first = want(ledger, **wish())
    assert want(ledger, **wish(**change)).intent_id != first.intent_id


def test_what_canvas_has_is_joined_if_it_was_just_seen_to_be_running(ledger: Ledger) -> None:
    """What was asked for some time ago may be finished by now, with rows of then."""
    first, other = posted(ledger, window="monday"), posted(ledger, parameters={"courses": True})
    for report_id, intent in enumerate((first, other), start=1001):
        record_asked(ledger, intent.intent_id, report_id, "running")
    assert want(ledger, **wish(window="tuesday", under_way={first.intent_id})).intent_id == first.intent_id
    assert want(ledger, **wish(window="wednesday", reuse_open=True)).intent_id == first.intent_id
    fresh = want(ledger, **wish(window="thursday", under_way={other.intent_id}))
    assert fresh.intent_id not in (first.intent_id, other.intent_id)
    assert want(ledger, **wish(window="friday", under_way=[first.intent_id])) == fresh, "the newest that fits"


def test_what_is_over_is_not_joined_though_it_was_seen_running(ledger: Ledger) -> None:
    first = posted(ledger, window="monday")
    record_asked(ledger, first.intent_id, 1001, "running")
    record_failed(ledger, first.intent_id, "Canvas ended the report as error")
    assert want(ledger, **wish(window="tuesday", under_way={first.intent_id})).intent_id != first.intent_id


def test_a_report_about_a_course_is_wanted_once_like_one_about_an_account(ledger: Ledger) -> None:
    about: dict[str, Any] = {"account_id": None, "course_id": 17, "report": "course_pace_docx", "parameters": {}}
    intent = want(ledger, **wish(**about))
    assert want(ledger, **wish(**about)) == intent
    assert want(ledger, **wish(**{**about, "course_id": 18})).intent_id != intent.intent_id
    assert (intent.context, intent.place, intent.account_id) == ("courses/17", "course 17", None)


def test_an_intent_is_not_joined_past_its_deadline(ledger: Ledger, clock: ManualClock) -> None:
    first = want(ledger, **wish(window="monday"))
    clock.advance(12 * 3600)
    second = want(ledger, **wish(window="tuesday"))
    assert second.intent_id != first.intent_id
    assert want(ledger, **wish(window="monday")) == first, "a window has the intent that it has"


def test_one_that_is_finished_is_joined_by_a_restart_only(ledger: Ledger, clock: ManualClock) -> None:
    first = posted(ledger, window="sync-1")
    record_asked(ledger, first.intent_id, 1001, "created")
    record_status(ledger, first.intent_id, status="complete", progress=100, ended_at=clock())
    assert want(ledger, **wish(window="sync-2", reuse_open=True)).intent_id == first.intent_id
    assert want(ledger, **wish(window="monday")).intent_id != first.intent_id, "tomorrow's rows are tomorrow's report"


def test_many_that_wish_for_the_same_in_many_windows_share_one_intent(ledger: Ledger) -> None:
    windows = iter(range(8))
    found = in_threads(lambda: want(ledger, **wish(window=str(next(windows)))).intent_id, 8)
    assert set(found) == {1}
    assert len(rows_of(ledger, "SELECT * FROM wishes")) == 8


def test_a_lost_post_has_one_successor_that_takes_over_the_wish(ledger: Ledger, clock: ManualClock) -> None:
    first = posted(ledger, window="monday")
    assert want(ledger, **wish(window="tuesday")).intent_id == first.intent_id
    clock.advance(180)
    successors = [one for one in in_threads(lambda: record_lost(ledger, first.intent_id, "no answer"), 6) if one]
    assert len(successors) == 1
    (after,) = successors
    assert isinstance(after, Intent)
    given_up = get_intent(ledger, first.intent_id)
    assert (given_up.state, given_up.failure, given_up.ended_at) == (IntentState.LOST, "no answer", clock())
    assert (after.state, after.replaces) == (IntentState.WANTED, first.intent_id)
    for name in ("account_id", "report", "parameters", "parameters_hash", "window", "wanted_at", "deadline_at"):
        assert getattr(after, name) == getattr(first, name), name
    for window in ("monday", "tuesday"):
        assert want(ledger, **wish(window=window)) == after
    assert not claim_post(ledger, first.intent_id, "me"), "no intent is posted twice"
    assert claim_post(ledger, after.intent_id, "me")


def test_only_a_post_without_an_answer_is_lost(ledger: Ledger) -> None:
    wanted = want(ledger, **wish())
    asked = posted(ledger, parameters={"courses": True})
    record_asked(ledger, asked.intent_id, 1001, "created")
    refused = posted(ledger, parameters={"terms": True})
    record_failed(ledger, refused.intent_id, "refused")
    before = all_intents(ledger)
    assert [record_lost(ledger, intent.intent_id, "no") for intent in (wanted, asked, refused)] == [None] * 3
    assert record_lost(ledger, 4711, "no") is None
    assert all_intents(ledger) == before


def test_an_answer_that_comes_late_goes_to_the_successor(ledger: Ledger) -> None:
    first = posted(ledger)
    after = record_lost(ledger, first.intent_id, "no answer")
    assert after is not None
    assert record_asked(ledger, first.intent_id, 1001, "running")
    owner = intent_of_report(ledger, HOST, 1001)
    assert owner is not None
    assert (owner.intent_id, owner.state, owner.identified_by) == (
        after.intent_id,
        IntentState.ASKED,
        IdentifiedBy.ANSWER,
    )
    assert get_intent(ledger, first.intent_id).state is IntentState.LOST
    assert not claim_post(ledger, after.intent_id, "me"), "it has its report, so that nothing is asked for again"


def test_an_answer_that_comes_when_the_successor_is_posted_belongs_to_nobody(ledger: Ledger) -> None:
    """The successor waits for the answer to its own POST, which would have no intent otherwise."""
    first = posted(ledger)
    after = record_lost(ledger, first.intent_id, "no answer")
    assert after is not None
    assert claim_post(ledger, after.intent_id, "me")
    record_asked(ledger, first.intent_id, 1001, "created")
    assert intent_of_report(ledger, HOST, 1001) is None
    assert record_asked(ledger, after.intent_id, 1002, "created")
    assert get_intent(ledger, after.intent_id).report_id == 1002


def test_a_report_that_a_person_ran_is_taken_up_once(ledger: Ledger) -> None:
    taken = [one for one in in_threads(lambda: adopt(ledger, **adoption()), 6) if one is not None]
    assert len(taken) == 1
    (intent,) = taken
    assert isinstance(intent, Intent)
    assert (intent.state, intent.report_id, intent.origin) == (IntentState.ASKED, 4001, "adoption")
    assert (intent.asked_at, intent.deadline_at) == (NOON - timedelta(hours=1), NOON + timedelta(hours=12))
    assert (intent.identified_by, intent.is_own) == (IdentifiedBy.ADOPTION, False)
    assert not claim_post(ledger, intent.intent_id, "me")


def test_a_report_of_ours_is_not_adopted(ledger: Ledger) -> None:
    own = posted(ledger)
    record_asked(ledger, own.intent_id, 4001, "created")
    record_failed(ledger, own.intent_id, "Overdue")
    assert adopt(ledger, **adoption()) is None
    assert adopt(ledger, **adoption(instance="other.example.edu")) is not None


def test_nothing_is_adopted_while_a_post_for_the_same_report_is_unanswered(ledger: Ledger) -> None:
    waiting = posted(ledger, parameters={"courses": True})
    assert adopt(ledger, **adoption()) is None
    assert adopt(ledger, **adoption(account_id=2)) is not None
    assert adopt(ledger, **adoption(report="grade_export_csv", report_id=4002)) is not None
    record_lost(ledger, waiting.intent_id, "no answer")
    assert adopt(ledger, **adoption(report_id=4003)) is not None


def test_a_report_of_a_course_with_the_same_number_does_not_stand_in_the_way(ledger: Ledger) -> None:
    course = posted(ledger, account_id=None, course_id=17, report="course_pace_docx")
    assert record_asked(ledger, course.intent_id, 4001, "created")
    adopted = adopt(ledger, **adoption())
    assert adopted is not None
    assert intent_of_report(ledger, HOST, 4001) == adopted
    of_course = intent_of_report(ledger, HOST, 4001, of_course=True)
    assert of_course is not None
    assert of_course.intent_id == course.intent_id


def test_a_file_that_a_person_gives_is_one_intent_however_often_it_is_given(ledger: Ledger) -> None:
    found = in_threads(lambda: want_file(ledger, **a_given_file()), 6)
    (intent,) = all_intents(ledger)
    assert list(found) == [intent] * 6
    assert (intent.identified_by, intent.report_id, intent.is_own) == (IdentifiedBy.FILE, None, False)
    changes: list[dict[str, Any]] = [
        {"window": "f" * 16},
        {"account_id": 2},
        {"parameters": {}},
        {"report": "grade_export_csv"},
    ]
    for change in changes:
        assert want_file(ledger, **a_given_file(**change)).intent_id != intent.intent_id


def test_a_file_keeps_nobody_waiting_and_nobody_joins_it(ledger: Ledger) -> None:
    intent = want_file(ledger, **a_given_file())
    assert open_intents(ledger, HOST) == []
    wished = want(ledger, **wish(window=intent.window, reuse_open=True))
    assert wished.intent_id != intent.intent_id
    assert want_file(ledger, **a_given_file(window="2026-11-21")).intent_id != wished.intent_id


def test_a_file_is_over_when_it_is_refused_and_loaded_when_it_is_loaded_after_all(ledger: Ledger) -> None:
    intent = want_file(ledger, **a_given_file())
    record_refused_file(ledger, intent.intent_id, "the ZIP is empty")
    refused = get_intent(ledger, intent.intent_id)
    assert (refused.state, refused.failure) == (IntentState.FAILED, "the ZIP is empty")
    commit_load(ledger, a_load("file-1"), [a_file("a")], intent_id=intent.intent_id)
    record_refused_file(ledger, intent.intent_id, "too late to refuse")
    loaded = get_intent(ledger, intent.intent_id)
    assert (loaded.state, loaded.load_id, loaded.outcome) == (IntentState.LOADED, "file-1", None)
    assert loaded.failure != "too late to refuse"


_STEP = st.tuples(
    st.sampled_from(
        [
            "want",
            "want",
            "claim",
            "claim",
            "release",
            "asked",
            "lost",
            "complete",
            "failed",
            "load",
            "reopen",
            "attempt",
        ]
    ),
    st.integers(0, 5),
    st.integers(0, 2),
)


@settings(max_examples=25)
@given(st.lists(_STEP, min_size=4, max_size=24))
def test_whatever_happens_each_intent_is_posted_once_and_each_wish_has_one_that_is_not_lost(
    steps: list[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite", lambda: NOON)
        rights: Counter[int] = Counter()
        owners: dict[int, int] = {}
        windows = set()
        for kind, number, choice in steps:
            if kind == "want":
                windows.add((number, choice))
                want(ledger, **wish(parameters={"users": choice}, window=str(number)))
            elif intents := all_intents(ledger):
                rights += _happen(ledger, intents[number % len(intents)], kind, 1000 + choice)
            _nothing_is_broken(ledger, owners, rights)
        wishes = rows_of(ledger, "SELECT intent_id FROM wishes")
        assert len(wishes) == len(windows)
        for row in wishes:
            assert get_intent(ledger, int(str(row["intent_id"]))).state is not IntentState.LOST


def _happen(ledger: Ledger, intent: Intent, kind: str, report_id: int) -> Counter[int]:
    """Let something happen to an intent; return the rights to POST that were given or given back for good."""
    if kind == "claim":
        return Counter({intent.intent_id: int(claim_post(ledger, intent.intent_id, "me"))})
    if kind == "release":
        release_post(ledger, intent.intent_id)
        # Canvas started nothing: the right that was given does not count.
        freed = get_intent(ledger, intent.intent_id).posting_at is None and intent.posting_at is not None
        return Counter({-intent.intent_id: int(freed)})
    if kind == "asked":
        record_asked(ledger, intent.intent_id, report_id, "created")
    elif kind == "lost":
        record_lost(ledger, intent.intent_id, "no answer")
    elif kind == "complete" and intent.state is IntentState.ASKED:
        record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=NOON)
    elif kind == "failed":
        record_failed(ledger, intent.intent_id, "refused")
    elif kind == "load" and intent.state is IntentState.FINISHED:
        load_id = f"{intent.intent_id}-{intent.version}"
        commit_load(ledger, a_load(load_id), [a_file(load_id)], intent_id=intent.intent_id)
    elif kind == "reopen" and intent.report_id is not None:
        reopen(ledger, intent)
    elif kind == "attempt" and intent.state is IntentState.FINISHED:
        pause = timedelta(minutes=2)
        record_attempt_failed(ledger, intent.intent_id, "no", attempt=intent.attempts + 1, most=2, pause=pause)
    return Counter()


def _nothing_is_broken(ledger: Ledger, owners: dict[int, int], rights: Counter[int]) -> None:
    intents = all_intents(ledger)
    for intent in intents:
        # Negative keys count the rights that were given back.
        assert rights[intent.intent_id] - rights[-intent.intent_id] <= 1
        if intent.report_id is not None:
            assert owners.setdefault(intent.report_id, intent.intent_id) == intent.intent_id
        if intent.state is IntentState.LOST:
            assert len([one for one in intents if one.replaces == intent.intent_id]) == 1
        if intent.posting_at is not None and intent.ended_at is None and intent.report_id is None:
            assert intent.state is IntentState.POSTING
    unanswered = [one for one in intents if one.state in (IntentState.WANTED, IntentState.POSTING)]
    assert len({one.parameters_hash for one in unanswered}) == len(unanswered), "equal wishes share one intent"

"""What becomes of an intent: taken up again with a fresh budget, freed by a person, deleted, and looked at in turn."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines.demo import ManualClock
from pipelines.ledger import Intent, IntentState, Ledger
from pipelines.ledger.intents import (
    IdentifiedBy,
    Outcome,
    ended_since,
    get_intent,
    known_parameters,
    open_intents,
    owned_reports,
    parameters_hash,
    to_delete,
)
from pipelines.ledger.loads import commit_load
from pipelines.ledger.report_facts import (
    claim_post,
    last_looks,
    record_asked,
    record_attempt_failed,
    record_deleted,
    record_failed,
    record_file,
    record_look,
    record_status,
    reopen,
    unpark,
    want_deleted,
)
from pipelines.ledger.wishes import adopt, record_lost, want, want_file
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST, a_file, a_load, wish

PAUSE = timedelta(minutes=2)


def asked(ledger: Ledger, report_id: int = 1001, **changes: object) -> Intent:
    intent = want(ledger, **wish(**changes))
    claim_post(ledger, intent.intent_id, "me")
    record_asked(ledger, intent.intent_id, report_id, "created", created_at=ledger.clock())
    return get_intent(ledger, intent.intent_id)


def loaded(ledger: Ledger, report_id: int = 1001, **changes: object) -> Intent:
    intent = asked(ledger, report_id, **changes)
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=ledger.clock())
    record_file(ledger, intent.intent_id, 50001)
    load_id = f"report-{report_id}"
    commit_load(ledger, a_load(load_id), [a_file(load_id)], intent_id=intent.intent_id)
    return get_intent(ledger, intent.intent_id)


def fail_attempt(ledger: Ledger, intent: Intent, most: int = 2) -> Intent:
    number = get_intent(ledger, intent.intent_id).attempts + 1
    return record_attempt_failed(ledger, intent.intent_id, f"no {number}", attempt=number, most=most, pause=PAUSE)


def test_canvass_own_times_are_kept_apart_from_when_we_saw_them(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    created = clock()
    clock.advance(60)
    record_status(ledger, intent.intent_id, status="running", progress=5, ended_at=None, started_at=clock())
    clock.advance(60)
    ended = clock() - timedelta(seconds=30)
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=ended)
    seen = get_intent(ledger, intent.intent_id)
    assert seen.reported_created_at == created
    assert seen.reported_started_at == created + timedelta(seconds=60)
    assert (seen.reported_ended_at, seen.finished_at) == (ended, clock())


def test_a_report_that_completes_late_is_taken_up_again_by_one_of_many(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    record_failed(ledger, intent.intent_id, "Overdue")
    overdue = get_intent(ledger, intent.intent_id)
    clock.advance(3600)
    assert sorted(map(str, in_threads(lambda: reopen(ledger, overdue), 6))) == ["False"] * 5 + ["True"]
    again = get_intent(ledger, intent.intent_id)
    assert (again.state, again.failure, again.outcome, again.finished_at) == (
        IntentState.FINISHED,
        None,
        None,
        clock(),
    )
    assert again.version == 1, "it never had another file"
    assert again in open_intents(ledger, HOST)


def test_another_file_of_a_loaded_report_is_another_version_and_another_load(ledger: Ledger) -> None:
    first = loaded(ledger)
    assert reopen(ledger, first)
    assert not reopen(ledger, first), "what was seen before the first one is no more"
    again = get_intent(ledger, first.intent_id)
    assert (again.state, again.version, again.load_id, again.loaded_at) == (IntentState.FINISHED, 2, None, None)
    commit_load(ledger, a_load("report-1001-v2"), [a_file("b")], intent_id=again.intent_id)
    second = get_intent(ledger, first.intent_id)
    assert (second.state, second.load_id) == (IntentState.LOADED, "report-1001-v2")
    assert not reopen(ledger, first)
    assert reopen(ledger, second)


@pytest.mark.parametrize("why", ["open", "cancelled", "deleted"])
def test_what_is_open_cancelled_or_deleted_is_not_taken_up_again(ledger: Ledger, why: str) -> None:
    intent = loaded(ledger) if why == "deleted" else asked(ledger)
    if why == "cancelled":
        # A person cancels what another process has just seen fail.
        record_failed(ledger, intent.intent_id, "Aborted by canvaslake reports abort", outcome=Outcome.CANCELLED)
    if why == "deleted":
        record_deleted(ledger, intent.intent_id)
    before = get_intent(ledger, intent.intent_id)
    assert not reopen(ledger, intent)
    assert get_intent(ledger, intent.intent_id) == before


def test_what_is_taken_up_again_has_its_attempts_before_it(ledger: Ledger, clock: ManualClock) -> None:
    """Dagster has seen the run keys of the attempts before, so that their numbers are not used again."""
    intent = asked(ledger)
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=None)
    fail_attempt(ledger, intent)
    record_failed(ledger, intent.intent_id, "The report was complete, but it is gone from Canvas")
    assert reopen(ledger, get_intent(ledger, intent.intent_id))
    again = get_intent(ledger, intent.intent_id)
    assert (again.attempts, again.attempts_before, again.next_attempt_at) == (2, 2, None)
    one = fail_attempt(ledger, again)
    assert (one.attempts, one.parked_at, one.next_attempt_at) == (3, None, clock() + PAUSE)
    two = fail_attempt(ledger, again)
    assert (two.attempts, two.state) == (4, IntentState.PARKED)


def test_a_person_frees_a_parked_report_for_as_many_attempts_as_at_first(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=None)
    assert not unpark(ledger, intent.intent_id)
    for _ in range(2):
        parked = fail_attempt(ledger, intent)
    assert parked.state is IntentState.PARKED
    assert sorted(map(str, in_threads(lambda: unpark(ledger, intent.intent_id), 6))) == ["False"] * 5 + ["True"]
    free = get_intent(ledger, intent.intent_id)
    assert (free.state, free.attempts, free.next_attempt_at) == (IntentState.FINISHED, 2, None)
    # The pause begins anew too, and does not double from where it was.
    third = fail_attempt(ledger, intent)
    assert (third.state, third.next_attempt_at) == (IntentState.FINISHED, clock() + PAUSE)
    fourth = fail_attempt(ledger, intent)
    assert (fourth.state, fourth.attempts, fourth.next_attempt_at) == (IntentState.PARKED, 4, clock() + PAUSE * 2)


def test_a_pause_does_not_grow_beyond_all_bounds(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    record_status(ledger, intent.intent_id, status="complete", progress=100, ended_at=None)
    for _ in range(40):
        last = fail_attempt(ledger, intent, most=1000)
    assert last.attempts == 40
    assert last.next_attempt_at == clock() + timedelta(days=1)


def test_an_ending_is_written_once(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    record_failed(ledger, intent.intent_id, "Aborted by a person", outcome=Outcome.CANCELLED)
    ended = get_intent(ledger, intent.intent_id)
    clock.advance(60)
    record_failed(ledger, intent.intent_id, "Overdue")
    assert get_intent(ledger, intent.intent_id) == ended
    assert ended.state is IntentState.CANCELLED


def test_what_is_loaded_and_to_be_deleted_waits_for_its_deletion(ledger: Ledger) -> None:
    unloaded, kept, due = asked(ledger, 1001), loaded(ledger, 1002, account_id=2), loaded(ledger, 1003, account_id=3)
    for intent in (unloaded, due):
        want_deleted(ledger, intent.intent_id)
    assert [one.intent_id for one in to_delete(ledger, HOST)] == [due.intent_id]
    assert to_delete(ledger, "other.example.edu") == []
    record_deleted(ledger, due.intent_id)
    assert to_delete(ledger, HOST) == []
    assert get_intent(ledger, due.intent_id).deleted_at is not None
    assert not get_intent(ledger, kept.intent_id).delete_wanted


def test_what_ended_lately_can_still_change_unless_a_person_cancelled_it(ledger: Ledger, clock: ManualClock) -> None:
    old = asked(ledger, 1001, account_id=1)
    record_failed(ledger, old.intent_id, "Overdue")
    clock.advance(3600)
    since = clock()
    late, cancelled, open_one = (asked(ledger, 1000 + n, account_id=n) for n in (2, 3, 4))
    record_failed(ledger, late.intent_id, "Overdue")
    record_failed(ledger, cancelled.intent_id, "Aborted", outcome=Outcome.CANCELLED)
    done = loaded(ledger, 1005, account_id=5)
    never_asked = want(ledger, **wish(account_id=6))
    record_failed(ledger, never_asked.intent_id, "Overdue")
    assert [one.intent_id for one in ended_since(ledger, HOST, since)] == [late.intent_id, done.intent_id]
    assert len(ended_since(ledger, HOST, since - timedelta(hours=1))) == 3
    assert ended_since(ledger, HOST, since + timedelta(seconds=1)) == []
    assert open_intents(ledger, HOST) == [open_one]


def test_a_moment_of_another_time_zone_is_compared_as_a_moment(ledger: Ledger, clock: ManualClock) -> None:
    intent = asked(ledger)
    record_failed(ledger, intent.intent_id, "Overdue")
    tokyo, denver = (clock().astimezone(ZoneInfo(zone)) for zone in ("Asia/Tokyo", "America/Denver"))
    assert len(ended_since(ledger, HOST, tokyo)) == 1
    assert ended_since(ledger, HOST, denver + timedelta(seconds=1)) == []


def test_reports_of_accounts_and_of_courses_are_owned_apart(ledger: Ledger) -> None:
    account = asked(ledger, 7)
    course = asked(ledger, 7, account_id=None, course_id=17, report="course_pace_docx")
    asked(ledger, 8, instance="other.example.edu")
    assert owned_reports(ledger, HOST) == {7}
    assert owned_reports(ledger, HOST, of_course=True) == {7}
    assert (account.report_id, course.report_id) == (7, 7)
    assert owned_reports(ledger, "third.example.edu") == set()


def test_only_what_was_certainly_started_here_is_own(ledger: Ledger) -> None:
    wanted, by_answer = want(ledger, **wish(account_id=9)), asked(ledger, 1001)
    by_index = want(ledger, **wish(parameters={"courses": True}))
    record_asked(ledger, by_index.intent_id, 1002, "created", by=IdentifiedBy.INDEX)
    adopted = adopt(
        ledger, instance=HOST, account_id=1, report="provisioning_csv", parameters={}, report_id=4001,
        created_at=None, deadline=PAUSE,
    )  # fmt: skip
    given = want_file(
        ledger, instance=HOST, account_id=1, report="provisioning_csv", parameters={}, window="0123456789abcdef"
    )
    assert adopted is not None
    found = [get_intent(ledger, one.intent_id).is_own for one in (wanted, by_answer, by_index, adopted, given)]
    assert found == [False, True, False, False, False]


def test_the_parameters_that_a_report_was_ever_wanted_with_are_known_by_their_hash(ledger: Ledger) -> None:
    sets = [{"users": True}, {"users": True, "courses": True}, {}]
    for number, parameters in enumerate([*sets, *sets]):
        want(ledger, **wish(parameters=parameters, window=str(number)))
    want(ledger, **wish(report="grade_export_csv", parameters={"include_deleted": True}))
    assert known_parameters(ledger, HOST, "provisioning_csv") == {parameters_hash(one): one for one in sets}
    assert known_parameters(ledger, HOST, "zero_activity_csv") == {}


def test_the_last_look_at_each_list_is_remembered(ledger: Ledger, clock: ManualClock) -> None:
    first = clock()
    record_look(ledger, HOST, "accounts/1", "provisioning_csv")
    record_look(ledger, HOST, "accounts/2", "provisioning_csv")
    record_look(ledger, "other.example.edu", "accounts/1", "provisioning_csv")
    clock.advance(20)
    record_look(ledger, HOST, "accounts/1", "provisioning_csv")
    assert last_looks(ledger, HOST) == {
        ("accounts/1", "provisioning_csv"): first + timedelta(seconds=20),
        ("accounts/2", "provisioning_csv"): first,
    }


def test_a_successor_of_a_successor_names_the_one_before_it(ledger: Ledger) -> None:
    first = want(ledger, **wish())
    chain = [first.intent_id]
    for _ in range(3):
        claim_post(ledger, chain[-1], "me")
        after = record_lost(ledger, chain[-1], "no answer")
        assert after is not None
        assert after.replaces == chain[-1]
        chain.append(after.intent_id)
    assert want(ledger, **wish()).intent_id == chain[-1]
    assert [one.intent_id for one in open_intents(ledger, HOST)] == [chain[-1]]

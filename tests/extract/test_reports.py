"""Reports against a real server: asked once, found again after a crash, and every ending seen for what it is."""

from datetime import timedelta

import pytest

from pipelines.canvas import CanvasError
from pipelines.canvas.account_reports import delete_run, start_report
from pipelines.canvas.errors import AuthenticationError, ForbiddenError, NetworkError
from pipelines.extract.reports import GRACE, Watched, ask, reconcile, watch
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import get_intent
from tests.load.worlds import HOST, NOON, World

PATH = "/api/v1/accounts/1/reports/provisioning_csv"


def posts(world: World) -> int:
    return world.canvas.requests.count(r"/reports/", "POST")


def ask_now(world: World, intent: Intent, token: str = "") -> Intent:
    return world.ask(lambda client: ask(world.ledger, client, intent), token=token)


def reconcile_now(world: World) -> list[Intent]:
    return world.ask(lambda client: reconcile(world.ledger, client, HOST))


def look(world: World, **options: object) -> Watched:
    return world.ask(lambda client: watch(world.ledger, client, HOST, **options))  # type: ignore[arg-type]


def state(world: World, intent: Intent) -> IntentState:
    return get_intent(world.ledger, intent.intent_id).state


def lost(world: World, *, after_effect: bool, window: str = "today") -> Intent:
    """Wish and ask, and lose the connection before or after Canvas has started the report."""
    intent = world.want(window=window)
    world.canvas.faults.drop(PATH, method="POST", after_effect=after_effect)
    with pytest.raises(NetworkError):
        ask_now(world, intent)
    assert state(world, intent) is IntentState.POSTING
    return intent


def test_a_wish_is_posted_once_however_often_it_is_asked(world: World) -> None:
    intent = world.want()
    first, second = ask_now(world, intent), ask_now(world, intent)
    assert posts(world) == 1
    assert first.report_id == second.report_id == world.canvas.reports.all()[0].id
    assert first.state is IntentState.ASKED


def test_a_report_whose_answer_was_lost_is_adopted_and_never_posted_twice(world: World) -> None:
    intent = lost(world, after_effect=True)
    assert ask_now(world, intent).state is IntentState.POSTING
    assert reconcile_now(world) == []
    adopted = get_intent(world.ledger, intent.intent_id)
    assert (adopted.state, adopted.report_id) == (IntentState.ASKED, world.canvas.reports.all()[0].id)
    world.clock.advance(GRACE.total_seconds() + 60)
    assert reconcile_now(world) == []
    assert [one.intent_id for one in look(world).finished] == [intent.intent_id]
    assert posts(world) == 1


def test_a_post_that_had_no_effect_is_sent_again_after_the_grace_time_only(world: World) -> None:
    intent = lost(world, after_effect=False)
    world.clock.advance(GRACE.total_seconds())
    assert reconcile_now(world) == []
    world.clock.advance(1)
    (free,) = reconcile_now(world)
    assert free.intent_id == intent.intent_id
    assert ask_now(world, free).state is IntentState.ASKED
    assert (posts(world), len(world.canvas.reports.all())) == (2, 1)


def test_two_lost_answers_are_two_reports_and_each_is_found(world: World) -> None:
    intents = [lost(world, after_effect=True, window=window) for window in ("one", "two")]
    reconcile_now(world)
    found = [get_intent(world.ledger, intent.intent_id).report_id for intent in intents]
    assert found == [run.id for run in world.canvas.reports.all()]


def test_a_report_that_a_person_started_otherwise_is_not_taken(world: World) -> None:
    intent = lost(world, after_effect=False)
    world.ask(lambda client: start_report(client, 1, "provisioning_csv", {"users": True}))
    reconcile_now(world)
    assert state(world, intent) is IntentState.POSTING


def test_a_list_that_cannot_be_read_does_not_hold_up_the_other_reports(world: World) -> None:
    stuck, waiting = lost(world, after_effect=True), world.want("grade_export_csv", include_deleted=True)
    world.canvas.faults.answer(PATH, status=403, body='{"status":"unauthorized","errors":[]}', method="GET", times=None,
                               headers={"content-type": "application/json"})  # fmt: skip
    assert [one.intent_id for one in reconcile_now(world)] == [waiting.intent_id]
    assert state(world, stuck) is IntentState.POSTING


def test_a_refusal_that_canvas_will_repeat_ends_the_wish(world: World) -> None:
    unknown = world.want("no_such_report_csv")
    bad_term = world.want(enrollment_term_id=4711, users=True)
    world.canvas.tokens.grant("poor", without=["read_reports"])
    forbidden = world.want(window="poor")
    for intent, token in ((unknown, ""), (bad_term, ""), (forbidden, "poor")):
        with pytest.raises(CanvasError):
            ask_now(world, intent, token)
        assert state(world, intent) is IntentState.FAILED
        assert get_intent(world.ledger, intent.intent_id).failure
    assert world.canvas.reports.all() == []


def test_a_token_that_is_not_valid_leaves_the_wish_to_be_asked_again(world: World) -> None:
    intent = world.want()
    with pytest.raises(AuthenticationError):
        ask_now(world, intent, "1~nobody")
    assert state(world, intent) is IntentState.WANTED
    assert ask_now(world, intent).state is IntentState.ASKED


def test_a_server_error_after_a_post_may_have_started_it_so_it_is_not_repeated(world: World) -> None:
    intent = world.want()
    world.canvas.faults.answer(PATH, status=502, method="POST")
    with pytest.raises(CanvasError):
        ask_now(world, intent)
    assert state(world, intent) is IntentState.POSTING
    assert posts(world) == 1


def test_a_report_is_pending_until_its_file_is_there(world: World) -> None:
    intent = ask_now(world, world.want())
    for _ in range(2):
        assert [one.intent_id for one in look(world).pending] == [intent.intent_id]
        world.clock.advance(0.5)
    world.clock.advance(2)
    (finished,) = look(world).finished
    assert (finished.state, finished.status, finished.progress) == (IntentState.FINISHED, "complete", 100)
    assert (finished.reported_ended_at, finished.finished_at) == (NOON + timedelta(seconds=1), world.clock())
    asked = len(world.canvas.requests)
    assert [one.intent_id for one in look(world).finished] == [intent.intent_id]
    assert len(world.canvas.requests) == asked


@pytest.mark.parametrize("outcome", ["error", "dies", "vanishes"])
def test_a_report_that_fails_is_failed_whatever_its_progress(world: World, outcome: str) -> None:
    world.canvas.faults.report(outcome)  # type: ignore[arg-type]
    intent = ask_now(world, world.want())
    world.clock.advance(60)
    result = look(world)
    assert [one.intent_id for one in result.failed] == [intent.intent_id]
    assert (result.finished, result.pending) == ([], [])
    failed = get_intent(world.ledger, intent.intent_id)
    assert failed.state is IntentState.FAILED
    expected = {"error": "ended the report as error: Failed", "dies": "as error", "vanishes": "gone from Canvas"}
    assert expected[outcome] in (failed.failure or "")


def test_a_deleted_report_is_told_by_its_404(world: World) -> None:
    intent = ask_now(world, world.want())
    world.ask(lambda client: delete_run(client, 1, intent.report, intent.report_id or 0))
    (failed,) = look(world).failed
    assert (failed.status, failed.failure) == ("deleted", "The report is gone from Canvas: somebody deleted it")


def test_a_report_that_sticks_becomes_overdue_and_not_a_moment_earlier(world: World) -> None:
    world.canvas.faults.report("stuck_created")
    intent = ask_now(world, world.want())
    world.clock.advance(12 * 3600 - 1)
    assert look(world).pending
    world.clock.advance(1)
    (failed,) = look(world).failed
    assert (failed.intent_id, failed.state) == (intent.intent_id, IntentState.FAILED)
    assert "Overdue: not finished 12.0 hours after it was wanted" in (failed.failure or "")


def test_a_lost_post_and_a_wish_nobody_asked_become_overdue_too(world: World) -> None:
    intents = [lost(world, after_effect=False), world.want("grade_export_csv", include_deleted=True)]
    world.clock.advance(13 * 3600)
    assert [one.intent_id for one in look(world).failed] == [intent.intent_id for intent in intents]


def test_a_report_that_finished_late_is_finished_and_not_overdue(world: World) -> None:
    intent = ask_now(world, world.want())
    world.clock.advance(13 * 3600)
    assert [one.intent_id for one in look(world).finished] == [intent.intent_id]


def test_a_list_that_fails_is_told_and_the_other_reports_are_seen(world: World) -> None:
    provisioning, grades = ask_now(world, world.want()), ask_now(world, world.want("grade_export_csv"))
    world.clock.advance(60)
    world.canvas.faults.answer(PATH, status=500, times=None)
    result = look(world)
    assert [one.intent_id for one in result.finished] == [grades.intent_id]
    assert [one.intent_id for one in result.pending] == [provisioning.intent_id]
    assert len(result.problems) == 1


def test_a_report_past_the_newest_pages_is_asked_for_by_its_id(world: World) -> None:
    """Its own question fails here: what the list said of the others stands."""
    old, new = ask_now(world, world.want(window="old")), ask_now(world, world.want(window="new"))
    world.clock.advance(60)
    newest = world.canvas.reports.all()[1]
    body = f'[{{"id": {newest.id}, "status": "complete", "parameters": {{}}, "attachment": {{"url": "http://x/y"}}}}]'
    json = {"content-type": "application/json"}
    world.canvas.faults.answer(f"{PATH}$", status=200, body=body, headers=json, times=None)
    world.canvas.faults.answer(f"{PATH}/{old.report_id}$", status=500, times=None)
    world.clock.advance(13 * 3600)
    result = look(world)
    assert [one.intent_id for one in result.finished] == [new.intent_id]
    assert [one.intent_id for one in result.failed] == [old.intent_id]
    assert state(world, new) is IntentState.FINISHED


def test_when_time_is_up_the_rest_is_counted_and_left_for_the_next_look(world: World) -> None:
    for report in ("provisioning_csv", "grade_export_csv"):
        ask_now(world, world.want(report))
    world.clock.advance(60)
    asked = len(world.canvas.requests)
    result = look(world, time_is_up=lambda: len(world.canvas.requests) > asked)
    assert (len(result.finished), result.left_out) == (1, 1)
    assert len(look(world).finished) == 2


def test_a_narrowed_look_asks_for_nothing_else(world: World) -> None:
    first = ask_now(world, world.want())
    ask_now(world, world.want("grade_export_csv"))
    world.clock.advance(60)
    world.canvas.requests.clear()
    assert [one.intent_id for one in look(world, only=[first.intent_id]).finished] == [first.intent_id]
    assert world.canvas.requests.count("grade_export") == 0


def test_one_look_costs_one_request_per_kind_of_report(world: World) -> None:
    for window in "abcde":
        ask_now(world, world.want(window=window))
    world.clock.advance(600)
    world.canvas.requests.clear()
    assert len(look(world).finished) == 5
    assert len(world.canvas.requests) == 1


def test_a_right_lost_meanwhile_is_a_problem_and_not_an_ending(world: World) -> None:
    intent = ask_now(world, world.want())
    world.canvas.tokens.grant("poor", without=["read_reports"])
    result = world.ask(lambda client: watch(world.ledger, client, HOST), token="poor")
    assert [type(problem) for problem in result.problems] == [ForbiddenError]
    assert state(world, intent) is IntentState.ASKED

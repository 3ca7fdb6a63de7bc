"""Reports against a real server: asked once, found again after a crash, and every ending seen for what it is."""

from datetime import timedelta
from typing import Any

import pytest

from pipelines.canvas import Answer, CanvasClient, CanvasError, Record
from pipelines.canvas.account_reports import delete_run, start_report
from pipelines.canvas.errors import AuthenticationError, ForbiddenError, NetworkError
from pipelines.extract import report_calls
from pipelines.extract.reports import GRACE, RepeatedReportIdError, ask, reconcile
from pipelines.extract.watching import Watched, watch
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import IdentifiedBy, get_intent
from pipelines.ledger.wishes import want
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


def lost(world: World, *, after_effect: bool, **parameters: object) -> Intent:
    """Wish and ask, and lose the connection before or after Canvas has started the report."""
    intent = world.want(**parameters)  # type: ignore[arg-type]
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


def test_a_post_that_had_no_effect_is_followed_by_another_intent_after_the_grace_time_only(world: World) -> None:
    intent = lost(world, after_effect=False)
    world.clock.advance(GRACE.total_seconds())
    assert reconcile_now(world) == []
    world.clock.advance(1)
    (free,) = reconcile_now(world)
    given_up = get_intent(world.ledger, intent.intent_id)
    assert (given_up.state, free.replaces, free.posting_at) == (IntentState.LOST, intent.intent_id, None)
    assert "did not answer the POST" in (given_up.failure or "")
    assert (free.parameters, free.window, free.deadline_at) == (intent.parameters, intent.window, intent.deadline_at)
    assert ask_now(world, free).state is IntentState.ASKED
    assert (posts(world), len(world.canvas.reports.all())) == (2, 1)
    assert world.want() == get_intent(world.ledger, free.intent_id), "the wish is that of the successor now"


def test_two_lost_answers_are_two_reports_and_each_is_found(world: World) -> None:
    intents = [lost(world, after_effect=True, users=True), lost(world, after_effect=True, courses=True)]
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


def test_who_waits_for_minutes_is_told_minutes(world: World) -> None:
    world.canvas.faults.report("stuck_created")
    wish = want(
        world.ledger,
        instance=HOST,
        account_id=1,
        report="provisioning_csv",
        parameters={"users": True},
        window="today",
        origin="schedule",
        deadline=timedelta(minutes=15),
    )
    ask_now(world, wish)
    world.clock.advance(15 * 60)
    (failed,) = look(world).failed
    assert "Overdue: not finished 15 minutes after it was wanted" in (failed.failure or "")


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
    old, new = ask_now(world, world.want(users=True)), ask_now(world, world.want(courses=True))
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
    for member in ("users", "courses", "accounts", "terms", "sections"):
        ask_now(world, world.want(**{member: True}))  # type: ignore[arg-type]
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


def about(world: World, account: int, **changes: object) -> Intent:
    """Wish for the users of an account, or of a course."""
    asked: dict[str, Any] = {
        "account_id": account,
        "report": "provisioning_csv",
        "parameters": {"users": True},
        "window": "today",
        **changes,
    }
    return want(world.ledger, instance=HOST, origin="schedule", deadline=timedelta(hours=12), **asked)


def about_course(world: World, course: int, report: str = "course_pace_docx") -> Intent:
    return about(world, 0, account_id=None, course_id=course, report=report, parameters={})


def test_a_wish_that_joins_one_under_way_posts_nothing(world: World) -> None:
    first = ask_now(world, about(world, 1, window="monday"))
    running = [one.intent_id for one in look(world).pending]
    joined = about(world, 1, window="tuesday", under_way=running)
    assert ask_now(world, joined).intent_id == first.intent_id
    assert posts(world) == 1
    world.clock.advance(60)
    assert [one.intent_id for one in look(world).finished] == [first.intent_id]
    for window in ("monday", "tuesday"):
        assert about(world, 1, window=window).state is IntentState.FINISHED
    fresh = ask_now(world, about(world, 1, window="wednesday", under_way=running))
    assert (fresh.intent_id != first.intent_id, posts(world)) == (True, 2)


def test_a_wish_that_joins_a_lost_post_gets_the_successors_report(world: World) -> None:
    first = lost(world, after_effect=False)
    assert world.want(window="tuesday").intent_id == first.intent_id
    world.clock.advance(GRACE.total_seconds() + 1)
    (free,) = reconcile_now(world)
    ask_now(world, free)
    assert world.want(window="tuesday").report_id == world.canvas.reports.all()[0].id
    assert reconcile_now(world) == [], "what is lost is over, and is looked for no more"


def test_an_answer_on_its_way_while_its_intent_was_given_up_goes_to_the_successor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finds nothing in the list and gives the POST up; then the answer comes after all."""
    start = report_calls.start
    freed: list[Intent] = []

    async def slow(client: CanvasClient, intent: Intent) -> Answer[Record]:
        world.clock.advance(GRACE.total_seconds() + 1)
        freed.extend(await reconcile(world.ledger, client, HOST))
        return await start(client, intent)

    monkeypatch.setattr(report_calls, "start", slow)
    first = ask_now(world, world.want())
    monkeypatch.undo()
    (successor,) = freed
    assert (first.state, successor.replaces) == (IntentState.LOST, first.intent_id)
    assert state(world, successor) is IntentState.ASKED
    assert ask_now(world, successor).report_id == world.canvas.reports.all()[0].id
    world.clock.advance(60)
    assert [one.intent_id for one in look(world).finished] == [successor.intent_id]
    assert posts(world) == 1


def test_of_two_equal_reports_after_two_lost_posts_each_wish_has_one(world: World) -> None:
    """The first POST's report shows in the list only after it was given up: the successor takes what fits it."""
    first = lost(world, after_effect=False)
    world.clock.advance(GRACE.total_seconds() + 1)
    (successor,) = reconcile_now(world)
    world.canvas.faults.drop(PATH, method="POST", after_effect=True)
    with pytest.raises(NetworkError):
        ask_now(world, successor)
    assert reconcile_now(world) == []
    found = get_intent(world.ledger, successor.intent_id)
    assert (found.state, found.identified_by) == (IntentState.ASKED, IdentifiedBy.INDEX)
    assert state(world, first) is IntentState.LOST


def test_a_report_that_was_taken_for_that_of_an_equal_lost_post_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process reads the list before the answer comes; the older POST, which led to nothing, gets the report."""
    older = lost(world, after_effect=False, users=True)
    newer = world.want(users=True, skip_message=False)
    assert newer.intent_id != older.intent_id
    start = report_calls.start

    async def overtaken(client: CanvasClient, intent: Intent) -> Answer[Record]:
        answer = await start(client, intent)
        await reconcile(world.ledger, client, HOST)
        return answer

    monkeypatch.setattr(report_calls, "start", overtaken)
    assert ask_now(world, newer).state is IntentState.LOST
    monkeypatch.undo()
    assert get_intent(world.ledger, older.intent_id).report_id == world.canvas.reports.all()[0].id
    (successor,) = reconcile_now(world)
    assert successor.replaces == newer.intent_id
    assert ask_now(world, successor).report_id == world.canvas.reports.all()[1].id


def test_an_id_that_an_earlier_report_has_means_another_canvas(world: World) -> None:
    first = ask_now(world, world.want(users=True))
    body, json = f'{{"id": {first.report_id}, "status": "created"}}', {"content-type": "application/json"}
    world.clock.advance(60)
    world.canvas.faults.answer(PATH, status=200, body=body, headers=json, method="POST")
    second = world.want(courses=True)
    with pytest.raises(RepeatedReportIdError, match="Canvas was reset or restored"):
        ask_now(world, second)
    assert (state(world, first), state(world, second)) == (IntentState.ASKED, IntentState.FAILED)


def test_with_little_time_every_account_is_looked_at_in_turn(world: World) -> None:
    accounts = (1, 2, 3, 4, 5)
    for account in accounts:
        ask_now(world, about(world, account))
    lists = r"^/api/v1/accounts/\d+/reports/provisioning_csv$"
    rounds = []
    for _ in range(3):
        world.canvas.requests.clear()
        result = look(world, time_is_up=lambda: world.canvas.requests.count(lists, "GET") >= 2)
        rounds.append([int(seen.path.split("/")[4]) for seen in world.canvas.requests.matching(lists, "GET")])
        assert result.left_out == 3
        world.clock.advance(0.1)
    assert [len(one) for one in rounds] == [2, 2, 2]
    assert set(rounds[0]) | set(rounds[1]) | set(rounds[2]) == set(accounts)


@pytest.mark.parametrize("failing", [False, True], ids=["slow", "slow and failing"])
def test_a_list_that_uses_up_the_time_keeps_no_other_waiting(world: World, failing: bool) -> None:
    intents = {account: ask_now(world, about(world, account)) for account in (1, 2, 3)}
    world.clock.advance(60)
    if failing:
        world.canvas.faults.answer(PATH, status=503, times=None)
    finished: list[int] = []
    for _ in range(2):
        world.canvas.requests.clear()
        result = look(world, time_is_up=lambda: world.canvas.requests.count(PATH, "GET") > 0)
        finished += [one.intent_id for one in result.finished]
        world.clock.advance(0.1)
    assert {intents[2].intent_id, intents[3].intent_id} <= set(finished)
    assert (intents[1].intent_id in finished) is not failing


def test_a_report_about_a_course_is_asked_and_seen_by_its_id(world: World) -> None:
    intent = ask_now(world, about_course(world, 101))
    (run,) = world.canvas.reports.all_of_courses()
    assert (intent.report_id, intent.state, intent.identified_by) == (run.id, IntentState.ASKED, IdentifiedBy.ANSWER)
    assert [one.intent_id for one in look(world).pending] == [intent.intent_id]
    world.clock.advance(60)
    world.canvas.requests.clear()
    assert [one.intent_id for one in look(world).finished] == [intent.intent_id]
    assert [seen.path for seen in world.canvas.requests.all()] == [
        f"/api/v1/courses/101/reports/course_pace_docx/{run.id}"
    ]


def test_a_course_report_whose_answer_was_lost_is_found_as_the_last_one(world: World) -> None:
    path = "/courses/101/reports/course_pace_docx"
    intent = about_course(world, 101)
    world.canvas.faults.drop(path, method="POST", after_effect=True)
    with pytest.raises(NetworkError):
        ask_now(world, intent)
    assert reconcile_now(world) == []
    found = get_intent(world.ledger, intent.intent_id)
    assert (found.report_id, found.identified_by) == (world.canvas.reports.all_of_courses()[0].id, IdentifiedBy.INDEX)


def test_a_course_that_never_had_a_report_is_asked_again_after_a_lost_post(world: World) -> None:
    """Canvas fails where there is no last report to show; that is no reason to wait until the deadline."""
    intent = about_course(world, 101)
    world.canvas.faults.drop("/courses/101/reports/", method="POST")
    with pytest.raises(NetworkError):
        ask_now(world, intent)
    world.clock.advance(GRACE.total_seconds() + 1)
    (free,) = reconcile_now(world)
    assert (free.replaces, free.course_id) == (intent.intent_id, 101)
    assert ask_now(world, free).state is IntentState.ASKED


def test_a_course_report_that_this_canvas_has_not_ends_the_wish(world: World) -> None:
    intent = about_course(world, 101, "no_such_report")
    with pytest.raises(CanvasError, match="does not offer the course report no_such_report"):
        ask_now(world, intent)
    assert state(world, intent) is IntentState.FAILED


def test_reports_of_accounts_and_courses_with_one_number_are_not_mixed_up(world: World) -> None:
    """Canvas numbers them apart, so that both kinds come to the same numbers."""
    course = ask_now(world, about_course(world, 101))
    body = f'{{"id": {course.report_id}, "status": "created", "parameters": {{"users": "true"}}}}'
    json = {"content-type": "application/json"}
    world.canvas.faults.answer(PATH, status=200, body=body, headers=json, method="POST")
    account = ask_now(world, world.want(users=True))
    assert account.report_id == course.report_id
    assert (account.state, state(world, course)) == (IntentState.ASKED, IntentState.ASKED)

"""One round of the life cycle: bounded in time and requests, and only our own reports are deleted in Canvas."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assets.reports import load_intent
from pipelines.asking import ask_reports
from pipelines.canvas.account_reports import delete_run, start_report
from pipelines.canvas.errors import NetworkError, NotFoundError, ServerError
from pipelines.extract.reports import GRACE, ask
from pipelines.extract.watching import IDLE_PAUSE, Watched
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import IdentifiedBy, all_intents, get_intent, to_delete
from pipelines.ledger.report_facts import record_attempt_failed, want_deleted
from pipelines.ledger.wishes import want
from pipelines.looking import Bounds, look, nothing_to_do, ready
from pipelines.project import Project
from pipelines.settings import ReportSettings
from tests.load.worlds import World, open_world
from tests.projects import project_of

USERS = ReportSettings(report="provisioning_csv", parameters={"users": True})
JSON_401 = {"content-type": "application/json", "www-authenticate": 'Bearer realm="canvas-lms"'}
DELETED = USERS.model_copy(update={"delete_after_load": True})


pytestmark = pytest.mark.usefixtures("at_once")


def wished(project: Project, account: int = 1, **parameters: object) -> Intent:
    """Write a wish down without asking."""
    return want(
        project.ledger,
        instance=project.settings.instance,
        account_id=account,
        report="provisioning_csv",
        parameters=parameters or {"users": True},
        window="today",
        origin="schedule",
        deadline=timedelta(hours=12),
    )


def asked(world: World, project: Project, account: int = 1, **parameters: object) -> Intent:
    intent = wished(project, account, **parameters)
    return world.ask(lambda client: ask(project.ledger, client, intent))


def round_of(project: Project, *, bounds: Bounds | None = None, idle: bool = False) -> Watched:
    return asyncio.run(look(project, bounds=bounds, idle=idle))


def loaded(world: World, project: Project) -> Intent:
    """Ask for the configured report, let it finish, and load it as its run does."""
    asyncio.run(ask_reports(project, project.settings.reports, window="today", origin="schedule"))
    world.clock.advance(60)
    (intent,) = round_of(project).finished
    load_intent(project, intent)
    return get_intent(project.ledger, intent.intent_id)


def test_a_round_asks_what_is_wanted_sees_what_is_finished_and_takes_up_what_was_lost(world: World) -> None:
    project = project_of(world)
    finished, wanted, lost = asked(world, project, 1), wished(project, 2), wished(project, 3)
    world.canvas.faults.drop("/accounts/3/reports/", method="POST", after_effect=True)
    with pytest.raises(NetworkError):
        world.ask(lambda client: ask(project.ledger, client, lost))
    world.clock.advance(60)
    found = round_of(project)
    assert {one.intent_id for one in found.finished} == {finished.intent_id, lost.intent_id}
    assert [one.intent_id for one in found.pending] == [wanted.intent_id]
    assert get_intent(project.ledger, wanted.intent_id).state is IntentState.ASKED


def test_a_report_that_is_refused_does_not_keep_the_others_from_being_looked_at(world: World) -> None:
    project = project_of(world)
    finished, refused = asked(world, project), wished(project, users=True, enrollment_term_id=4711)
    world.clock.advance(60)
    found = round_of(project)
    assert [one.intent_id for one in found.finished] == [finished.intent_id]
    assert len(found.problems) == 1
    assert get_intent(project.ledger, refused.intent_id).state is IntentState.FAILED


def test_what_canvas_said_of_a_refusal_stands_in_the_ledger(world: World) -> None:
    project = project_of(world)
    refused = wished(project, users=True, enrollment_term_id=4711)
    round_of(project)
    assert "4711" in (get_intent(project.ledger, refused.intent_id).failure or "")


@pytest.mark.slow
def test_while_canvas_takes_no_posts_it_is_asked_after_longer_and_longer_pauses_until_it_does(world: World) -> None:
    project = project_of(world)
    wished(project)
    world.canvas.faults.answer("/reports/provisioning_csv$", status=503, method="POST", times=None)
    began = world.clock()
    while world.clock() - began < timedelta(hours=3):
        round_of(project)
        world.clock.advance(60)
    tried = [one.posting_at for one in all_intents(project.ledger) if one.posting_at is not None]
    pauses = [(later - sooner) / timedelta(minutes=1) for sooner, later in itertools.pairwise(tried)]
    assert len(pauses) >= 5
    assert pauses == sorted(pauses)
    assert pauses[0] < 5
    assert 30 < pauses[-1] < 70
    world.canvas.faults.clear()
    while world.clock() - began < timedelta(hours=5):
        round_of(project)
        world.clock.advance(240)
    *lost, last = all_intents(project.ledger)
    assert {one.state for one in lost} == {IntentState.LOST}
    assert last.state is IntentState.FINISHED
    assert [one.intent_id for one in ready(project, [last])] == [last.intent_id]
    assert len(world.canvas.reports.all()) == 1


@pytest.mark.slow
def test_who_is_never_answered_fails_at_the_deadline_of_the_wish(world: World) -> None:
    project = project_of(world)
    wished(project)
    world.canvas.faults.answer("/reports/provisioning_csv$", status=503, method="POST", times=None)
    failed: list[Intent] = []
    began = world.clock()
    while world.clock() - began < timedelta(hours=13):
        failed += round_of(project).failed
        world.clock.advance(600)
    assert [one.failure for one in failed if "Overdue: not finished 12.0 hours" in (one.failure or "")]
    assert {one.state for one in all_intents(project.ledger)} == {IntentState.LOST, IntentState.FAILED}


def test_deadlines_are_held_while_canvas_is_away_whatever_else_is_open(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        project = project_of(world)
        lost, running = wished(project, 1), asked(world, project, 2)
        world.canvas.faults.drop("/accounts/1/reports/", method="POST")
        with pytest.raises(NetworkError):
            world.ask(lambda client: ask(project.ledger, client, lost))
    world.clock.advance(13 * 3600)
    found = round_of(project)
    assert {one.intent_id for one in found.failed} == {lost.intent_id, running.intent_id}
    assert len(found.problems) == 1, "one that meets all is told once"


def test_a_token_that_is_refused_is_sent_once_and_not_for_each_report(world: World) -> None:
    project = project_of(world)
    for account in range(1, 6):
        wished(project, account)
    refused = '{"errors":[{"message":"Revoked access token."}]}'
    world.canvas.faults.answer("/reports/", status=401, body=refused, headers=JSON_401, times=None)
    world.canvas.requests.clear()
    found = round_of(project)
    assert (len(world.canvas.requests), len(found.problems)) == (1, 1)
    assert len(found.pending) == 5


def test_a_refusal_by_a_firewall_ends_no_wish(world: World) -> None:
    project = project_of(world)
    intent = wished(project)
    page = {"content-type": "text/html"}
    world.canvas.faults.answer(
        "/reports/", status=403, body="<html><title>Blocked</title>", headers=page, method="POST"
    )
    (problem,) = round_of(project).problems
    assert "whoever runs the firewall" in str(problem)
    assert "grant" not in str(problem)
    assert get_intent(project.ledger, intent.intent_id).state is IntentState.POSTING
    world.clock.advance(GRACE.total_seconds() + 1)
    round_of(project)
    assert all_intents(project.ledger)[-1].state is IntentState.ASKED


@pytest.mark.slow
def test_a_list_of_many_pages_is_not_read_on_when_the_time_is_up(world: World) -> None:
    project = project_of(world)
    lost = wished(project)
    world.canvas.faults.drop("/accounts/1/reports/", method="POST", after_effect=True)
    with pytest.raises(NetworkError):
        world.ask(lambda client: ask(project.ledger, client, lost))
    for _ in range(210):
        world.ask(lambda client: start_report(client, 1, "provisioning_csv", {"courses": True}))
    world.clock.advance(GRACE.total_seconds() + 1)
    world.canvas.requests.clear()
    round_of(project, bounds=Bounds(requests=2))
    assert len(world.canvas.requests) <= 2
    assert get_intent(project.ledger, lost.intent_id).state is IntentState.POSTING, (
        "half a list says of none it is lost"
    )
    round_of(project)
    assert get_intent(project.ledger, lost.intent_id).state is not IntentState.LOST


def test_a_round_ends_in_time_though_canvas_does_not_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.looking._LAST_REQUEST_SECONDS", 0.3)
    project = project_of(world)
    slow, seen = asked(world, project, 2), asked(world, project, 1)
    world.clock.advance(60)
    round_of(project, bounds=Bounds(requests=1))
    world.canvas.faults.delay("/accounts/2/reports/", 30, times=None)
    world.canvas.faults.delay("/accounts/1/reports/", 30, times=None)
    found = round_of(project, bounds=Bounds(seconds=0.2))
    assert "Canvas was slow" in found.warnings[-1]
    done = {one.intent_id for one in found.finished}
    assert len(done) == 1
    assert done < {slow.intent_id, seen.intent_id}


def test_a_clock_that_was_ahead_keeps_nobody_waiting_when_it_is_right_again(world: World) -> None:
    project = project_of(world)
    intent = asked(world, project)
    world.clock.advance(60)
    (finished,) = round_of(project).finished
    ahead = Project(project.settings, lambda: world.clock() + timedelta(days=365))
    record_attempt_failed(ahead.ledger, intent.intent_id, "x", attempt=1, most=5, pause=timedelta(minutes=2))
    failed = get_intent(project.ledger, finished.intent_id)
    assert [one.intent_id for one in ready(project, [failed])] == [intent.intent_id]


def test_a_narrowed_round_asks_and_looks_for_nothing_else(world: World) -> None:
    project = project_of(world)
    mine, others = wished(project, 1), wished(project, 2)
    asyncio.run(look(project, [mine.intent_id]))
    assert [get_intent(project.ledger, one.intent_id).state for one in (mine, others)] == [
        IntentState.ASKED,
        IntentState.WANTED,
    ]


def test_a_round_without_time_looks_at_nothing_and_forgets_nothing(world: World) -> None:
    project = project_of(world)
    intents = [asked(world, project, account) for account in (1, 2, 3)]
    world.clock.advance(60)
    world.canvas.requests.clear()
    found = round_of(project, bounds=Bounds(seconds=0))
    assert (found.left_out, found.finished, len(world.canvas.requests)) == (3, [], 0)
    assert len(round_of(project).finished) == len(intents)


def test_a_round_keeps_to_its_requests_and_the_next_one_goes_on(world: World) -> None:
    project = project_of(world)
    for account in range(1, 6):
        asked(world, project, account)
    world.clock.advance(60)
    seen: set[int] = set()
    for _ in range(3):
        world.canvas.requests.clear()
        found = round_of(project, bounds=Bounds(requests=2))
        assert len(world.canvas.requests) <= 2
        seen |= {one.account_id or 0 for one in found.finished}
        world.clock.advance(0.1)
    assert seen == {1, 2, 3, 4, 5}


def test_asking_leaves_half_of_the_requests_to_looking(world: World) -> None:
    project = project_of(world)
    under_way = asked(world, project, 1)
    wanted = [wished(project, account) for account in (2, 3, 4)]
    world.clock.advance(60)
    found = round_of(project, bounds=Bounds(requests=2))
    assert [one.intent_id for one in found.finished] == [under_way.intent_id]
    states = [get_intent(project.ledger, one.intent_id).state for one in wanted]
    assert states == [IntentState.ASKED, IntentState.WANTED, IntentState.WANTED]
    round_of(project)
    assert {get_intent(project.ledger, one.intent_id).state for one in wanted} == {IntentState.ASKED}


def test_deletions_are_bounded_too(world: World) -> None:
    project = project_of(world, DELETED)
    loaded(world, project)
    world.canvas.requests.clear()
    round_of(project, bounds=Bounds(seconds=0))
    assert world.canvas.requests.count(method="DELETE") == 0
    round_of(project)
    assert world.canvas.requests.count(method="DELETE") == 1


def test_a_report_is_deleted_in_canvas_when_it_is_loaded_and_not_before(world: World) -> None:
    project = project_of(world, DELETED)
    asyncio.run(ask_reports(project, [DELETED], window="today", origin="schedule"))
    world.clock.advance(60)
    (intent,) = round_of(project).finished
    round_of(project)
    assert world.canvas.requests.count(method="DELETE") == 0
    load_intent(project, intent)
    assert not nothing_to_do(project)
    round_of(project)
    (run,) = world.canvas.reports.all()
    assert run.status == "deleted"
    done = get_intent(project.ledger, intent.intent_id)
    assert (done.state, done.deleted_at is not None) == (IntentState.LOADED, True)
    world.canvas.requests.clear()
    round_of(project)
    assert world.canvas.requests.count(method="DELETE") == 0


def test_without_the_setting_nothing_is_deleted(world: World) -> None:
    project = project_of(world, USERS)
    loaded(world, project)
    round_of(project)
    assert [run.status for run in world.canvas.reports.all()] == ["complete"]


def test_a_report_that_a_person_ran_is_never_deleted(world: World) -> None:
    project = project_of(world, DELETED.model_copy(update={"adopt": True}))
    world.canvas.reports.create(1, "provisioning_csv", {"users": "true"}, user_id=7)
    world.clock.advance(60)
    (adopted,) = round_of(project, idle=True).finished
    assert adopted.identified_by is IdentifiedBy.ADOPTION
    load_intent(project, adopted)
    assert to_delete(project.ledger, project.settings.instance) == []
    round_of(project)
    assert world.canvas.requests.count(method="DELETE") == 0
    assert [run.status for run in world.canvas.reports.all()] == ["complete"]


def test_a_deletion_that_fails_is_told_and_tried_again(world: World) -> None:
    project = project_of(world, DELETED)
    intent = loaded(world, project)
    world.canvas.faults.answer("/reports/provisioning_csv/", status=503, method="DELETE", times=2)
    for _ in range(2):
        assert [type(problem) for problem in round_of(project).problems] == [ServerError]
        assert get_intent(project.ledger, intent.intent_id).deleted_at is None
    assert round_of(project).problems == []
    assert get_intent(project.ledger, intent.intent_id).deleted_at is not None
    assert [run.status for run in world.canvas.reports.all()] == ["deleted"]


def test_a_report_that_is_gone_already_is_as_good_as_deleted(world: World) -> None:
    project = project_of(world, DELETED)
    intent = loaded(world, project)
    world.ask(lambda client: delete_run(client, 1, intent.report, intent.report_id or 0))
    assert round_of(project).problems == []
    assert get_intent(project.ledger, intent.intent_id).deleted_at is not None
    with pytest.raises(NotFoundError):
        world.ask(lambda client: delete_run(client, 1, intent.report, intent.report_id or 0))


def test_there_is_nothing_to_do_until_something_is_wished_adopted_or_to_be_deleted(world: World) -> None:
    assert nothing_to_do(project_of(world, USERS))
    adopting = project_of(world, USERS.model_copy(update={"adopt": True}))
    assert not nothing_to_do(adopting)
    round_of(adopting, idle=True)
    assert nothing_to_do(adopting)
    world.clock.advance(IDLE_PAUSE.total_seconds())
    assert not nothing_to_do(adopting)
    wished(adopting)
    assert not nothing_to_do(project_of(world, USERS))


def test_what_is_over_is_looked_at_now_and_then_and_what_is_to_be_deleted_at_once(world: World) -> None:
    project = project_of(world, USERS)
    intent = loaded(world, project)
    assert nothing_to_do(project), "its list was looked at just now"
    world.clock.advance(IDLE_PAUSE.total_seconds())
    assert not nothing_to_do(project)
    round_of(project, idle=True)
    assert nothing_to_do(project)
    want_deleted(project.ledger, intent.intent_id)
    assert not nothing_to_do(project)


def test_what_waits_for_another_attempt_or_a_person_is_not_ready(world: World) -> None:
    project = project_of(world)
    asked(world, project)
    world.clock.advance(60)
    (intent,) = round_of(project).finished
    assert ready(project, [intent]) == [intent]
    pause = timedelta(minutes=2)
    tried = record_attempt_failed(project.ledger, intent.intent_id, "no", attempt=1, most=2, pause=pause)
    assert ready(project, [tried]) == []
    world.clock.advance(pause.total_seconds())
    assert ready(project, round_of(project).finished) == [tried]
    parked = record_attempt_failed(project.ledger, intent.intent_id, "no", attempt=2, most=2, pause=pause)
    world.clock.advance(3600)
    assert ready(project, [parked]) == []
    assert ready(project, [replace(parked, parked_at=None)]) != []


def test_a_lost_post_is_given_up_and_asked_again_in_one_round(world: World) -> None:
    project = project_of(world)
    intent = wished(project)
    world.canvas.faults.drop("/accounts/1/reports/", method="POST")
    with pytest.raises(NetworkError):
        world.ask(lambda client: ask(project.ledger, client, intent))
    world.clock.advance(GRACE.total_seconds() + 1)
    round_of(project)
    first, second = all_intents(project.ledger)
    assert (first.state, second.state, second.replaces) == (IntentState.LOST, IntentState.ASKED, first.intent_id)

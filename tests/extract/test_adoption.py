"""Idle looks: reports that persons ran are taken up, and reports whose story was over come back when they complete."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.canvas.account_reports import delete_run
from pipelines.canvas.errors import NetworkError
from pipelines.demo.report_runs import ReportRun
from pipelines.extract.reports import GRACE, ask, reconcile
from pipelines.extract.watching import AFTERWATCH, IDLE_PAUSE, Adoption, Watched, nothing_to_look_at, watch
from pipelines.ledger import CommitResult, Intent, IntentState
from pipelines.ledger.intents import IdentifiedBy, Outcome, all_intents, get_intent, to_delete
from pipelines.ledger.report_facts import record_deleted, record_failed
from pipelines.ledger.wishes import want
from tests.load.worlds import HOST, World, open_world

PATH = "/api/v1/accounts/1/reports/provisioning_csv"
SOMEBODY = 7
USERS = Adoption(1, "provisioning_csv", {"users": True}, timedelta(hours=12))


def ran(world: World, *, account: int = 1, report: str = "provisioning_csv", **parameters: str) -> ReportRun:
    """Let a person run a report in Canvas, and let it finish."""
    run = world.canvas.reports.create(account, report, parameters or {"users": "true"}, user_id=SOMEBODY)
    world.clock.advance(60)
    return run


def ended(run: ReportRun) -> datetime | None:
    """Return when a report ended as Canvas tells it: to the second."""
    return run.ended_at and run.ended_at.replace(microsecond=0)


def look(world: World, *adoptions: Adoption, idle: bool = True) -> Watched:
    return world.ask(lambda client: watch(world.ledger, client, HOST, adoptions=adoptions, idle=idle))


def later(world: World, *adoptions: Adoption) -> Watched:
    """Look again when idle lists are due again."""
    world.clock.advance(IDLE_PAUSE.total_seconds())
    return look(world, *adoptions)


def asked(world: World, **parameters: object) -> Intent:
    intent = world.want(**(parameters or {"users": True}))  # type: ignore[arg-type]
    return world.ask(lambda client: ask(world.ledger, client, intent))


def intents(world: World) -> list[Intent]:
    return all_intents(world.ledger, HOST)


def test_a_report_that_a_person_ran_is_taken_up_and_loads_like_our_own(world: World) -> None:
    run = ran(world)
    (adopted,) = look(world, USERS).finished
    assert (adopted.report_id, adopted.state, adopted.identified_by) == (
        run.id,
        IntentState.FINISHED,
        IdentifiedBy.ADOPTION,
    )
    assert (adopted.reported_ended_at, adopted.status, adopted.is_own) == (ended(run), "complete", False)
    assert world.load(adopted).result is CommitResult.COMMITTED
    assert world.rows("reports.provisioning_users")
    assert to_delete(world.ledger, HOST) == []
    assert later(world, USERS).finished == []


def test_without_the_setting_nothing_is_taken_up(world: World) -> None:
    ran(world)
    assert look(world).finished == []
    assert world.canvas.requests.count() == 0, "nothing of ours is there to look at either"


@pytest.mark.parametrize(
    "parameters",
    [{"courses": "true"}, {"users": "true", "courses": "true"}, {"users": "true", "enrollment_term_id": "4"}],
    ids=["another member", "one more member", "one term"],
)
def test_a_report_of_other_parameters_is_not_what_was_configured(world: World, parameters: dict[str, Any]) -> None:
    ran(world, **parameters)
    assert look(world, USERS).finished == []
    assert intents(world) == []


@pytest.mark.parametrize(
    ("report", "parameters"),
    [
        ("zero_activity_csv", {"start_at": "2026-11-01T00:00:00Z"}),
        ("eportfolio_report_csv", {"include_deleted": "1"}),
        ("grade_export_csv", {"enrollment_term": "4"}),
        ("provisioning_csv", {"users": "true", "created_by_sis": "false"}),
    ],
)
def test_a_narrower_report_that_a_person_ran_is_not_taken_for_the_whole(
    world: World, report: str, parameters: dict[str, Any]
) -> None:
    ran(world, report=report, **parameters)
    whole: dict[str, object] = {"users": True} if report == "provisioning_csv" else {}
    assert look(world, Adoption(1, report, whole, timedelta(hours=12))).finished == []
    assert intents(world) == []


def test_a_report_that_a_person_asked_for_in_another_spelling_is_taken_up(world: World) -> None:
    run = ran(world, users="1", courses="0")
    (adopted,) = look(world, USERS).finished
    assert (adopted.report_id, adopted.parameters) == (run.id, {"users": True})


def test_each_of_several_sets_of_parameters_finds_its_own_report(world: World) -> None:
    terms = [Adoption(1, "grade_export_csv", {"enrollment_term_id": term}, timedelta(hours=12)) for term in (3, 4)]
    runs = [ran(world, report="grade_export_csv", enrollment_term_id=str(term)) for term in (4, 3)]
    found = {one.report_id: one.parameters for one in look(world, *terms).finished}
    assert found == {runs[0].id: {"enrollment_term_id": 4}, runs[1].id: {"enrollment_term_id": 3}}


def test_a_report_of_another_account_or_kind_is_not_taken_up(world: World) -> None:
    ran(world, account=2)
    ran(world, report="grade_export_csv")
    assert look(world, USERS).finished == []


def test_a_report_is_taken_up_when_it_has_finished_and_not_before(world: World) -> None:
    world.canvas.reports.create(1, "provisioning_csv", {"users": "true"}, user_id=SOMEBODY)
    assert look(world, USERS) == Watched()
    assert intents(world) == []
    assert len(later(world, USERS).finished) == 1


@pytest.mark.parametrize("outcome", ["error", "dies", "vanishes"])
def test_a_report_that_failed_for_a_person_is_not_ours_to_tell_of(world: World, outcome: Any) -> None:
    world.canvas.faults.report(outcome)
    ran(world)
    assert look(world, USERS) == Watched()


def test_of_several_the_newest_is_taken_up_and_the_older_ones_never(world: World) -> None:
    runs = [ran(world) for _ in range(3)]
    (adopted,) = look(world, USERS).finished
    assert adopted.report_id == runs[-1].id
    for _ in range(2):
        later(world, USERS)
    assert [one.report_id for one in intents(world)] == [runs[-1].id]
    newer = ran(world)
    found = [one.report_id for one in later(world, USERS).finished if one.intent_id != adopted.intent_id]
    assert found == [newer.id]


def test_a_report_older_than_what_is_here_is_not_taken_up(world: World) -> None:
    theirs = ran(world)
    ours = asked(world)
    world.clock.advance(60)
    finished = look(world, USERS).finished
    assert [one.report_id for one in finished] == [ours.report_id]
    world.load(finished[0])
    later(world, USERS)
    assert (ours.report_id or 0) > theirs.id
    assert [one.report_id for one in intents(world)] == [ours.report_id]


def test_a_report_newer_than_what_is_loaded_is_taken_up_and_loaded(world: World) -> None:
    asked(world)
    world.clock.advance(60)
    (ours,) = look(world, USERS).finished
    world.load(ours)
    theirs = ran(world)
    (adopted,) = later(world, USERS).finished
    assert adopted.report_id == theirs.id
    assert world.load(adopted).result is CommitResult.UNCHANGED


def test_our_own_reports_are_not_adopted_whatever_became_of_them(world: World) -> None:
    intent = asked(world)
    record_failed(world.ledger, intent.intent_id, "Aborted by a person", outcome=Outcome.CANCELLED)
    world.clock.advance(60)
    assert look(world, USERS).finished == []
    assert len(intents(world)) == 1


def test_a_report_of_ours_that_came_to_nothing_does_not_hide_that_of_a_person(world: World) -> None:
    theirs = ran(world)
    intent = asked(world)
    record_failed(world.ledger, intent.intent_id, "Aborted by a person", outcome=Outcome.CANCELLED)
    world.clock.advance(60)
    assert [one.report_id for one in look(world, USERS).finished] == [theirs.id]


def test_nothing_is_adopted_while_a_post_of_ours_is_unanswered(world: World) -> None:
    """The report could be the one that our own POST started, whatever its parameters look like."""
    waiting = world.want(courses=True)
    world.canvas.faults.drop(PATH, method="POST")
    with pytest.raises(NetworkError):
        world.ask(lambda client: ask(world.ledger, client, waiting))
    theirs = ran(world)
    assert look(world, USERS).finished == []
    assert [one.intent_id for one in intents(world)] == [waiting.intent_id]
    world.clock.advance(GRACE.total_seconds())
    world.ask(lambda client: reconcile(world.ledger, client, HOST))
    assert [one.report_id for one in later(world, USERS).finished] == [theirs.id]


def test_an_idle_list_is_looked_at_every_ten_minutes(world: World) -> None:
    look(world, USERS)
    assert world.canvas.requests.count(PATH) == 1
    world.clock.advance(IDLE_PAUSE.total_seconds() - 1)
    assert nothing_to_look_at(world.ledger, HOST, [USERS])
    look(world, USERS)
    assert world.canvas.requests.count(PATH) == 1
    world.clock.advance(1)
    assert not nothing_to_look_at(world.ledger, HOST, [USERS])
    look(world, USERS)
    assert world.canvas.requests.count(PATH) == 2


def test_a_look_that_is_not_idle_asks_for_no_idle_list(world: World) -> None:
    ran(world)
    assert look(world, USERS, idle=False) == Watched()
    assert len(world.canvas.requests) == 0


def test_an_idle_list_that_fails_rests_too(world: World) -> None:
    world.canvas.faults.answer(PATH, status=500, times=None)
    assert len(look(world, USERS).problems) == 1
    assert look(world, USERS).problems == []
    assert nothing_to_look_at(world.ledger, HOST, [USERS])


def test_reports_under_way_are_looked_at_before_idle_lists(world: World) -> None:
    ours = asked(world)
    others = Adoption(2, "provisioning_csv", {"users": True}, timedelta(hours=12))
    world.clock.advance(60)
    world.canvas.requests.clear()

    async def hurried(client: Any) -> Watched:
        done = world.canvas.requests.count
        return await watch(
            world.ledger, client, HOST, adoptions=[others], idle=True, time_is_up=lambda: done(r"/reports/", "GET") > 0
        )

    result = world.ask(hurried)
    assert [one.intent_id for one in result.finished] == [ours.intent_id]
    assert (result.left_out, world.canvas.requests.count("/accounts/2/")) == (1, 0)


def test_a_list_is_asked_once_whether_it_is_idle_under_way_or_both(world: World) -> None:
    asked(world)
    world.canvas.requests.clear()
    look(world, USERS, USERS)
    assert world.canvas.requests.count() == 1


def test_a_report_that_completes_after_its_deadline_comes_back_and_is_loaded(tmp_path: Path) -> None:
    with open_world(tmp_path, report_seconds=13 * 3600) as world:
        intent = asked(world)
        world.clock.advance(12 * 3600)
        (overdue,) = look(world).failed
        assert overdue.state is IntentState.FAILED
        assert later(world) == Watched(), "it is running still"
        world.clock.advance(3600)
        result = look(world)
        assert [one.intent_id for one in result.finished] == [intent.intent_id]
        assert any("has completed after all" in warning for warning in result.warnings)
        (run,) = world.canvas.reports.all()
        again = result.finished[0]
        assert (again.state, again.failure, again.reported_ended_at) == (IntentState.FINISHED, None, ended(run))
        assert world.load(again).result is CommitResult.COMMITTED
        assert later(world).finished == []


def test_a_report_that_was_deleted_and_comes_back_complete_is_loaded(world: World) -> None:
    world.canvas.faults.report("deleted_then_complete")
    intent = asked(world)
    world.clock.advance(1)
    (failed,) = look(world, idle=False).failed
    assert failed.failure == "The report is gone from Canvas: somebody deleted it"
    world.clock.advance(60)
    assert [one.intent_id for one in later(world).finished] == [intent.intent_id]
    assert world.load(get_intent(world.ledger, intent.intent_id)).result is CommitResult.COMMITTED


@pytest.mark.parametrize("outcome", ["aborted_with_file", "deleted_then_aborted"])
def test_a_report_that_stays_aborted_stays_failed_though_it_may_have_a_file(world: World, outcome: Any) -> None:
    world.canvas.faults.report(outcome)
    intent = asked(world)
    world.clock.advance(1)
    assert len(look(world, idle=False).failed) == 1
    world.clock.advance(60)
    assert later(world).finished == []
    assert get_intent(world.ledger, intent.intent_id).state is IntentState.FAILED


def complete(report_id: int | None, file_id: int) -> str:
    """Return a list of one complete report that owns a file."""
    file = f'{{"id": {file_id}, "url": "https://canvas.example.edu/files/{file_id}/download", "size": 5}}'
    return f'[{{"id": {report_id}, "status": "complete", "parameters": {{"users": "true"}}, "attachment": {file}}}]'


def test_an_aborted_report_that_completes_all_the_same_comes_back(world: World) -> None:
    world.canvas.faults.report("aborted_with_file")
    intent = asked(world)
    world.clock.advance(1)
    assert [one.intent_id for one in look(world, idle=False).failed] == [intent.intent_id]
    json = {"content-type": "application/json"}
    world.canvas.faults.answer(f"{PATH}$", status=200, body=complete(intent.report_id, 1), headers=json)
    assert [one.intent_id for one in later(world).finished] == [intent.intent_id]


def test_what_a_person_cancelled_stays_cancelled(world: World) -> None:
    intent = asked(world)
    record_failed(world.ledger, intent.intent_id, "Deleted by canvaslake reports delete", outcome=Outcome.CANCELLED)
    world.clock.advance(60)
    assert look(world) == Watched()
    assert len(world.canvas.requests.matching(PATH, "GET")) == 0
    other = asked(world, courses=True)
    look(world)
    assert get_intent(world.ledger, intent.intent_id).state is IntentState.CANCELLED
    assert get_intent(world.ledger, other.intent_id).state is IntentState.ASKED


def test_a_report_that_completes_again_with_another_file_is_loaded_once_more(world: World) -> None:
    world.canvas.faults.report("completes_twice")
    intent = asked(world)
    world.clock.advance(2)
    (first,) = look(world).finished
    one = world.load(first)
    assert one.result is CommitResult.COMMITTED
    file_id = get_intent(world.ledger, intent.intent_id).file_id
    world.clock.advance(60)
    result = later(world)
    (again,) = result.finished
    assert any("has another file than the one that was loaded" in warning for warning in result.warnings)
    assert (again.intent_id, again.version, again.state) == (intent.intent_id, 2, IntentState.FINISHED)
    two = world.load(again)
    assert two.load_id != one.load_id
    done = get_intent(world.ledger, intent.intent_id)
    assert (done.state, done.file_id != file_id) == (IntentState.LOADED, True)
    for _ in range(2):
        assert later(world).finished == []


def test_an_equal_file_is_no_reason_to_load_again(world: World) -> None:
    intent = asked(world)
    world.clock.advance(60)
    world.load(look(world).finished[0])
    file_id = get_intent(world.ledger, intent.intent_id).file_id
    assert file_id is not None
    json = {"content-type": "application/json"}
    body = complete(intent.report_id, file_id).replace("/download", "/download?another=link")
    world.canvas.faults.answer(f"{PATH}$", status=200, body=body, headers=json)
    assert later(world) == Watched()
    assert get_intent(world.ledger, intent.intent_id).state is IntentState.LOADED


def test_a_file_that_comes_while_other_reports_are_under_way_is_seen_in_the_same_list(world: World) -> None:
    world.canvas.faults.report("completes_twice")
    intent = asked(world)
    world.clock.advance(2)
    world.load(look(world).finished[0])
    world.clock.advance(60)
    asked(world, courses=True)
    world.canvas.requests.clear()
    assert intent.intent_id in {one.intent_id for one in look(world, idle=False).finished}
    assert world.canvas.requests.count() == 1


def test_a_report_that_is_over_is_looked_at_for_a_day(world: World) -> None:
    asked(world)
    world.clock.advance(60)
    world.load(look(world).finished[0])
    world.clock.advance(AFTERWATCH.total_seconds())
    assert not nothing_to_look_at(world.ledger, HOST)
    world.clock.advance(1)
    assert nothing_to_look_at(world.ledger, HOST)
    world.canvas.requests.clear()
    look(world)
    assert len(world.canvas.requests) == 0


def test_a_course_report_that_is_over_is_not_looked_at_again(world: World) -> None:
    """The list of a course shows the newest report only, which says nothing of others."""
    intent = want(
        world.ledger,
        instance=HOST,
        course_id=101,
        report="course_pace_docx",
        parameters={},
        window="today",
        origin="schedule",
        deadline=timedelta(hours=12),
    )
    world.ask(lambda client: ask(world.ledger, client, intent))
    record_failed(world.ledger, intent.intent_id, "Overdue")
    world.clock.advance(60)
    world.canvas.requests.clear()
    assert nothing_to_look_at(world.ledger, HOST)
    assert look(world) == Watched()
    assert len(world.canvas.requests) == 0


def test_a_report_that_we_deleted_in_canvas_does_not_come_back(world: World) -> None:
    world.canvas.faults.report("completes_twice")
    intent = asked(world)
    world.clock.advance(2)
    world.load(look(world).finished[0])
    world.ask(lambda client: delete_run(client, 1, intent.report, intent.report_id or 0))
    record_deleted(world.ledger, intent.intent_id)
    world.clock.advance(60)
    assert later(world).finished == []
    assert get_intent(world.ledger, intent.intent_id).state is IntentState.LOADED

"""What is asked for: each wish looked at before it is sent, one report for each term and course, and none twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.asking import account_number, adoptions, ask_reports
from pipelines.canvas import CanvasError
from pipelines.canvas.errors import ForbiddenError, HostUnreachableError, NotFoundError, ServerError
from pipelines.extract.reports import GRACE
from pipelines.extract.watching import Adoption
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.account_numbers import remembered_account
from pipelines.ledger.catalog import known_catalog
from pipelines.ledger.intents import all_intents, get_intent
from pipelines.load.directory import load_courses, load_terms
from pipelines.load.report_parameters import ReportParametersError
from pipelines.looking import look
from pipelines.project import Project
from pipelines.settings import CourseReportSettings, ReportSettings
from tests.load.worlds import World, open_world
from tests.projects import project_of
from tests.stories.conftest import free_port

POSTS = r"/reports/[a-z_]+$"
USERS = ReportSettings(report="provisioning_csv", parameters={"users": True})
GRADES = ReportSettings(report="grade_export_csv", parameters={"include_deleted": True})
BY_TERM = ReportSettings(report="grade_export_csv", parameters={"include_deleted": True}, terms="active")
ACTIVE, NOT_DELETED = [1, 4], [1, 2, 3, 4, 5]
"""Terms of the demo Canvas at noon of 21 November: the one without dates and Autumn; all but the cancelled one."""


pytestmark = pytest.mark.usefixtures("at_once")


def ask(
    project: Project, window: str = "monday", *, courses: Sequence[CourseReportSettings] = (), **options: Any
) -> list[Intent]:
    reports = project.settings.reports
    return asyncio.run(
        ask_reports(project, reports, window=window, origin="schedule", course_reports=courses, **options)
    )


def posts(world: World) -> list[str]:
    """Return the paths that reports were asked for at, below the API."""
    return [seen.path.removeprefix("/api/v1/") for seen in world.canvas.requests.matching(POSTS, "POST")]


def terms_of(intents: Sequence[Intent]) -> list[object]:
    return [intent.parameters["enrollment_term_id"] for intent in intents]


def load_directory(world: World, project: Project) -> None:
    """Load the terms and courses into the lake, as the directory's assets do."""
    instance = project.settings.instance
    world.ask(lambda client: load_terms(world.lake, client, instance, [1]))
    world.ask(lambda client: load_courses(world.lake, client, instance, [1]))
    world.canvas.requests.clear()


def test_a_report_is_asked_for_once_for_each_account(world: World) -> None:
    found = ask(project_of(world, USERS, GRADES, accounts=(1, 2, 1)))
    assert [(one.report, one.account_id) for one in found] == [
        ("provisioning_csv", 1),
        ("provisioning_csv", 2),
        ("grade_export_csv", 1),
        ("grade_export_csv", 2),
    ]
    assert {one.state for one in found} == {IntentState.ASKED}
    assert len(posts(world)) == 4


def test_a_report_may_have_accounts_of_its_own(world: World) -> None:
    own = ReportSettings(report="provisioning_csv", parameters={"users": True}, accounts=(3,))
    assert [one.account_id for one in ask(project_of(world, own))] == [3]


def test_a_window_asks_once_however_often_it_is_asked(world: World) -> None:
    project = project_of(world, USERS)
    assert ask(project)[0].intent_id == ask(project)[0].intent_id
    assert len(posts(world)) == 1


def test_a_second_window_joins_what_is_running_and_asks_anew_when_that_is_finished(world: World) -> None:
    project = project_of(world, USERS)
    (first,) = ask(project, "monday")
    (joined,) = ask(project, "tuesday")
    assert (joined.intent_id, len(posts(world))) == (first.intent_id, 1)
    world.clock.advance(60)
    (fresh,) = ask(project, "wednesday")
    assert fresh.intent_id != first.intent_id
    assert get_intent(world.ledger, first.intent_id).state is IntentState.ASKED, "the sensor sees it and loads it"
    assert len(posts(world)) == 2


def test_a_report_that_failed_meanwhile_is_left_for_the_sensor_to_tell(world: World) -> None:
    project = project_of(world, USERS)
    world.canvas.faults.report("error")
    ask(project, "monday")
    world.clock.advance(60)
    ask(project, "tuesday")
    watched = asyncio.run(look(project, idle=True))
    assert [one.window for one in watched.failed] == ["monday"]


def test_a_list_that_fails_makes_no_second_report_of_another_account(world: World) -> None:
    project = project_of(world, USERS, accounts=(1, 2))
    ask(project, "monday")
    world.canvas.faults.answer("/accounts/1/reports/provisioning_csv$", status=503, method="GET", times=None)
    ask(project, "tuesday")
    assert world.canvas.requests.count("/accounts/2/reports/provisioning_csv$", "POST") == 1


@pytest.mark.parametrize(
    ("terms", "due"), [("active", ACTIVE), ("all", NOT_DELETED), ((4, 3, 4), [3, 4])], ids=["active", "all", "list"]
)
def test_there_is_a_report_for_each_term(world: World, terms: Any, due: list[int]) -> None:
    found = ask(project_of(world, BY_TERM.model_copy(update={"terms": terms})))
    assert terms_of(found) == due
    assert {one.parameters["include_deleted"] for one in found} == {True}
    assert [run.parameters["enrollment_term_id"] for run in world.canvas.reports.all()] == [str(term) for term in due]
    assert world.canvas.requests.count("/terms$") == (0 if isinstance(terms, tuple) else 1)


def test_terms_are_those_of_the_root_whatever_account_is_asked(world: World) -> None:
    found = ask(project_of(world, BY_TERM, accounts=(5,)))
    assert terms_of(found) == ACTIVE
    assert {one.account_id for one in found} == {5}
    assert world.canvas.requests.count("/accounts/1/terms$") == 1


def test_the_catalog_and_the_terms_are_read_once_for_all_reports_of_an_account(world: World) -> None:
    assert len(ask(project_of(world, USERS, BY_TERM, GRADES.model_copy(update={"parameters": {}})))) == 4
    assert world.canvas.requests.count("/accounts/1/reports$", "GET") == 1
    more = BY_TERM.model_copy(update={"parameters": {}})
    world.canvas.requests.clear()
    ask(project_of(world, BY_TERM, more), "tuesday")
    assert world.canvas.requests.count("/terms$") == 1


@pytest.mark.parametrize("away", ["failing", "forbidden"])
def test_the_terms_that_are_loaded_will_do_while_canvas_does_not_tell(world: World, away: str) -> None:
    project = project_of(world, BY_TERM)
    load_directory(world, project)
    if away == "failing":
        world.canvas.faults.answer("/terms$", status=503, times=None)
    else:
        body, kind = '{"status":"unauthorized","errors":[]}', {"content-type": "application/json"}
        world.canvas.faults.answer("/terms$", status=403, body=body, headers=kind, times=None)
    assert terms_of(ask(project)) == ACTIVE
    assert world.canvas.faults.pending()[0].hits > 0


def test_without_any_terms_nothing_is_asked_and_the_reason_is_told(world: World) -> None:
    world.canvas.faults.answer("/terms$", status=503, times=None)
    project = project_of(world, BY_TERM, USERS)
    with pytest.raises(ServerError):
        ask(project)
    assert [one.report for one in all_intents(world.ledger)] == ["provisioning_csv"], "the others are not kept"


def test_what_a_report_does_not_take_is_refused_before_canvas_hears_of_it(world: World) -> None:
    wrong = ReportSettings(report="grade_export_csv", parameters={"include_delete": True})
    with pytest.raises(ReportParametersError, match=r"include_delete \(did you mean include_deleted\?\)"):
        ask(project_of(world, wrong, USERS))
    assert posts(world) == ["accounts/1/reports/provisioning_csv"]
    assert [one.report for one in all_intents(world.ledger)] == ["provisioning_csv"], "nor is there a wish"


def test_all_reports_that_are_asked_for_wrongly_are_told_at_once(world: World) -> None:
    wrong = ReportSettings(report="grade_export_csv", parameters={"include_delete": True})
    unknown = ReportSettings(report="grade_exprt_csv")
    with pytest.raises(ReportParametersError) as raised:
        ask(project_of(world, wrong, USERS, unknown))
    first, second = str(raised.value).splitlines()
    assert first.startswith("grade_export_csv was not asked for: ")
    assert second.startswith("grade_exprt_csv was not asked for: ")
    assert posts(world) == ["accounts/1/reports/provisioning_csv"]


def test_a_report_that_this_canvas_does_not_offer_is_refused_before_it_hears_of_it(world: World) -> None:
    world.canvas.catalog.switch_off("grade_export_csv")
    with pytest.raises(ReportParametersError, match=r"grade_export_csv was not asked for: This Canvas does not offer"):
        ask(project_of(world, GRADES))
    assert (posts(world), all_intents(world.ledger)) == ([], [])


def test_a_parameter_that_is_set_to_nothing_is_not_sent(world: World) -> None:
    with pytest.raises(ReportParametersError, match="It wants enrollment_term_id"):
        ask(project_of(world, ReportSettings(report="mgp_grade_export_csv")))
    (intent,) = ask(
        project_of(world, ReportSettings(report="mgp_grade_export_csv", parameters={"enrollment_term_id": ""}))
    )
    assert (intent.parameters, intent.state) == ({}, IntentState.ASKED)


def test_a_report_for_each_term_has_the_term_that_it_wants(world: World) -> None:
    by_term = ReportSettings(report="mgp_grade_export_csv", terms=(4,))
    assert terms_of(ask(project_of(world, by_term))) == [4]


def test_the_catalog_of_last_time_will_do_while_canvas_does_not_tell(world: World) -> None:
    hosted = ReportSettings(report="hosted_only_csv")
    project = project_of(world, USERS, hosted)
    with pytest.raises(ReportParametersError):
        ask(project)
    world.canvas.faults.answer("/accounts/1/reports$", status=503, times=None)
    with pytest.raises(ReportParametersError, match="This Canvas does not offer it"):
        ask(project, "tuesday")
    assert known_catalog(world.ledger, project.settings.instance, 1)


def test_without_any_catalog_what_is_declared_decides(world: World) -> None:
    world.canvas.faults.answer("/accounts/1/reports$", status=503, times=None)
    wrong = ReportSettings(report="grade_export_csv", parameters={"include_delete": True})
    with pytest.raises(ReportParametersError):
        ask(project_of(world, wrong, USERS))
    assert posts(world) == ["accounts/1/reports/provisioning_csv"]
    # Canvas itself refuses what nobody here could know.
    with pytest.raises(NotFoundError):
        ask(project_of(world, ReportSettings(report="hosted_only_csv")))


def test_a_wish_is_written_while_canvas_is_away_and_asked_when_it_is_back(tmp_path: Path) -> None:
    with open_world(tmp_path, port=free_port()) as world:
        project = project_of(world, USERS, GRADES, accounts=("self",))
        ask(project, "monday")
        assert remembered_account(world.ledger, project.settings.instance, "self") == 1
        world.clock.advance(60)
        asyncio.run(look(project))
        world.canvas.stop()
        with pytest.raises(HostUnreachableError):
            ask(project, "tuesday")
        wanted = [one for one in all_intents(world.ledger) if one.window == "tuesday"]
        assert [(one.state, one.account_id) for one in wanted] == [(IntentState.WANTED, 1)] * 2
        world.canvas.start()
        asyncio.run(look(project))
        assert {get_intent(world.ledger, one.intent_id).state for one in wanted} == {IntentState.ASKED}
        assert len(posts(world)) == 4


def test_an_account_that_canvas_never_named_is_not_guessed(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        project = project_of(world, USERS, accounts=("self",))
        world.canvas.stop()
        with pytest.raises(HostUnreachableError):
            ask(project)
        assert all_intents(world.ledger) == []


def test_a_page_about_maintenance_hides_no_account_that_canvas_has_named_before(world: World) -> None:
    project = project_of(world, USERS, accounts=("self",))
    (first,) = ask(project, "monday")
    world.clock.advance(60)
    asyncio.run(look(project))
    world.canvas.faults.html("", times=None)
    with pytest.raises(CanvasError):
        ask(project, "tuesday")
    wish = all_intents(world.ledger)[-1]
    assert (wish.window, wish.account_id) == ("tuesday", first.account_id)
    world.canvas.faults.clear()
    world.clock.advance(GRACE.total_seconds() + 1)
    asyncio.run(look(project))
    assert all_intents(world.ledger)[-1].state is IntentState.ASKED


def test_an_account_is_named_by_its_id_by_self_or_by_its_sis_id(world: World) -> None:
    project = project_of(world)

    async def numbers(*names: str | int) -> list[int]:
        async with project.client(light=True) as client:
            return [await account_number(project, client, name) for name in names]

    school = {each.id: each for each in world.canvas.institution.accounts}
    sis = school[2].sis_id
    assert asyncio.run(numbers(7, "7", "self", f"sis_account_id:{sis}")) == [7, 7, 1, 2]
    with pytest.raises(NotFoundError):
        asyncio.run(numbers("sis_account_id:nobody"))


def test_what_a_crash_left_unanswered_is_found_before_anything_is_asked(world: World) -> None:
    project = project_of(world, USERS)
    world.canvas.faults.drop("/reports/provisioning_csv$", method="POST", after_effect=True)
    with pytest.raises(CanvasError):
        ask(project)
    (intent,) = ask(project, "tuesday")
    assert (intent.state, intent.report_id) == (IntentState.ASKED, world.canvas.reports.all()[0].id)
    assert len(posts(world)) == 1


def test_a_lost_post_is_asked_for_again_in_its_place(world: World) -> None:
    project = project_of(world, USERS)
    world.canvas.faults.drop("/reports/provisioning_csv$", method="POST")
    with pytest.raises(CanvasError):
        ask(project)
    (waiting,) = ask(project, "monday")
    assert (waiting.state, len(posts(world))) == (IntentState.POSTING, 1)
    world.clock.advance(GRACE.total_seconds() + 1)
    (intent,) = ask(project, "monday")
    assert (intent.state, intent.replaces, len(posts(world))) == (IntentState.ASKED, waiting.intent_id, 2)


@pytest.mark.parametrize("after_effect", [True, False])
def test_an_answer_that_is_lost_is_told_to_who_listens_and_keeps_no_other_report(
    world: World, after_effect: bool
) -> None:
    told: list[tuple[IntentState, str]] = []
    world.canvas.faults.drop("/reports/provisioning_csv$", method="POST", after_effect=after_effect)
    lost, other = ask(
        project_of(world, USERS, GRADES),
        on_unanswered=lambda one, error: told.append((one.state, type(error).__name__)),
    )
    assert [lost.state, other.state] == [IntentState.POSTING, IntentState.ASKED]
    assert [state for state, _ in told] == [IntentState.POSTING]
    assert len(world.canvas.reports.all()) == 1 + after_effect


def test_a_post_that_certainly_had_no_effect_is_a_problem_whoever_listens(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        project = project_of(
            world, ReportSettings(report="provisioning_csv", parameters={"users": True}, accounts=(1,))
        )
    told: list[Intent] = []
    with pytest.raises(HostUnreachableError):
        ask(project, on_unanswered=lambda one, _: told.append(one))
    assert told == []


def test_a_restart_takes_up_what_the_killed_one_asked_for(world: World) -> None:
    project = project_of(world, USERS)
    (first,) = ask(project, "sync-1")
    world.clock.advance(60)
    asyncio.run(look(project))
    (again,) = ask(project, "sync-2", reuse_open=True)
    assert (again.intent_id, again.state, len(posts(world))) == (first.intent_id, IntentState.FINISHED, 1)


def test_a_token_that_may_not_read_reports_asks_for_none(world: World) -> None:
    project = project_of(world, USERS)
    body, kind = '{"status":"unauthorized","errors":[]}', {"content-type": "application/json"}
    world.canvas.faults.answer("/reports", status=403, body=body, headers=kind, times=None)
    with pytest.raises(ForbiddenError):
        ask(project)
    (intent,) = all_intents(world.ledger)
    assert intent.state is IntentState.FAILED


def test_there_is_a_report_for_each_course_that_is_named(world: World) -> None:
    paces = CourseReportSettings(report="course_pace_docx", courses=(102, 101, 102), deadline_hours=2)
    found = ask(project_of(world), courses=[paces])
    assert [(one.course_id, one.account_id, one.state) for one in found] == [
        (101, None, IntentState.ASKED),
        (102, None, IntentState.ASKED),
    ]
    assert {one.deadline_at - one.wanted_at for one in found} == {timedelta(hours=2)}
    assert posts(world) == ["courses/101/reports/course_pace_docx", "courses/102/reports/course_pace_docx"]


def test_active_courses_are_the_published_ones_of_active_terms_in_the_directory(world: World) -> None:
    paces = CourseReportSettings(report="course_pace_docx", courses="active", parameters={"section_ids": ["1"]})
    project = project_of(world)
    assert ask(project, courses=[paces]) == [], "the directory was never loaded"
    load_directory(world, project)
    found = ask(project, "tuesday", courses=[paces])
    school = world.canvas.institution
    published = {each.id for each in school.courses if each.state == "available" and each.term_id in ACTIVE}
    asked = {one.course_id for one in found}
    assert asked
    assert asked <= published
    assert {one.parameters["section_ids"][0] for one in found} == {"1"}  # type: ignore[index]


def test_one_course_that_is_gone_does_not_keep_the_others(world: World) -> None:
    paces = CourseReportSettings(report="course_pace_docx", courses=(101, 99999, 102))
    with pytest.raises(NotFoundError):
        ask(project_of(world), courses=[paces])
    states = {one.course_id: one.state for one in all_intents(world.ledger)}
    assert states == {101: IntentState.ASKED, 102: IntentState.ASKED, 99999: IntentState.FAILED}


def test_only_reports_that_the_settings_adopt_are_looked_for(world: World) -> None:
    adopted = USERS.model_copy(update={"adopt": True, "parameters": {"users": True, "enrollment_term": ""}})
    project = project_of(world, adopted, GRADES, accounts=(1, "2", 1))
    half_a_day = timedelta(hours=12)
    assert adoptions(project) == [
        Adoption(account, "provisioning_csv", {"users": True}, half_a_day) for account in (1, 2)
    ]
    assert len(world.canvas.requests) == 0


def test_of_reports_by_term_those_of_the_terms_that_are_known_are_looked_for(world: World) -> None:
    adopted = BY_TERM.model_copy(update={"adopt": True})
    project = project_of(world, adopted)
    assert adoptions(project) == []
    load_directory(world, project)
    assert terms_in(adoptions(project)) == ACTIVE
    assert terms_in(adoptions(project_of(world, adopted.model_copy(update={"terms": "all"})))) == NOT_DELETED
    assert terms_in(adoptions(project_of(world, adopted.model_copy(update={"terms": (3,)})))) == [3]
    assert len(world.canvas.requests) == 0


def terms_in(found: Sequence[Adoption]) -> list[object]:
    return [one.parameters["enrollment_term_id"] for one in found]


def test_an_account_that_canvas_has_named_once_is_adopted_for(world: World) -> None:
    adopted = USERS.model_copy(update={"adopt": True})
    project = project_of(world, adopted, accounts=("self",))
    assert adoptions(project) == []
    ask(project)
    assert [one.account_id for one in adoptions(project)] == [1]

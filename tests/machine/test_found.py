"""What the machine has found, each as the shortest way there: two of everything, and the worst moment for it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.ledger import IntentState
from pipelines.ledger.intents import all_intents
from pipelines.ledger.wishes import want
from pipelines.project import Project
from tests.machine.checks import Checks
from tests.machine.line import Kind, Trouble
from tests.machine.machine import come_to_rest
from tests.machine.world import DEADLINE, WISHES, World, watched_product

PLAIN = WISHES[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with watched_product():
        world = World(tmp_path, timedelta(0))
        yield world
        world.close()


@pytest.fixture
def checks(world: World) -> Iterator[Checks]:
    checks = Checks(world)
    yield checks
    checks.close()


def spelled_otherwise(project: Project) -> None:
    """Want the same as PLAIN, in a spelling that only the ledger tells from it: as an earlier canvaslake did."""
    want(
        project.ledger,
        instance=project.settings.instance,
        account_id=1,
        report=PLAIN.report,
        parameters={**PLAIN.parameters, "include_deleted": False},
        window="today",
        origin="schedule",
        deadline=DEADLINE,
    )


def canvas_finishes(world: World, content: int) -> None:
    for report in world.canvas.reports.values():
        world.canvas.run(report)
        world.canvas.complete(report, content)


def test_a_report_that_another_intent_took_from_the_list_is_no_sign_of_another_canvas(
    world: World, checks: Checks
) -> None:
    # The first POST is lost on its way. While the second one is answered, another process reads the list, and takes
    # the second one's report for the first one's: for Canvas the two are the same.
    world.do(world.wish(PLAIN, 1, "today", reuse_open=False))
    world.line.troubles[Kind.ASK] = [Trouble.LOST_BEFORE]
    world.do(world.tick)
    world.do(spelled_otherwise)

    def while_it_is_answered(process: int, boundary: str) -> bool:
        return process == 0 and boundary == "before an answer" and len(world.canvas.reports) == 1

    world.do_two([world.tick, world.tick], [None, None], while_it_is_answered)
    checks.step()
    states = [intent.state for intent in all_intents(world.project.ledger, world.instance)]
    assert states == [IntentState.ASKED, IntentState.LOST, IntentState.WANTED]
    come_to_rest(world, checks)
    assert [intent.state for intent in all_intents(world.project.ledger, world.instance)] == [
        IntentState.LOADED,
        IntentState.LOST,
        IntentState.LOADED,
    ]


def test_a_slow_run_of_the_first_file_does_not_pass_for_the_load_of_the_second(world: World, checks: Checks) -> None:
    world.do(world.wish(PLAIN, 1, "today", reuse_open=False))
    world.do(world.tick)
    canvas_finishes(world, 1)
    world.do(world.tick)
    world.slow_down()
    world.do(world.sync)
    checks.step()
    (report,) = world.canvas.reports.values()
    world.canvas.again(report)
    world.canvas.complete(report, 2)
    world.pass_time(timedelta(minutes=11))
    world.do(world.tick)

    def knows_the_second_file(_: str) -> bool:
        (intent,) = all_intents(world.project.ledger, world.instance)
        return intent.file_id == report.files[-1].number

    assert world.do(world.next_run, knows_the_second_file).dead
    world.do(world.slow_run)
    checks.step()
    come_to_rest(world, checks)
    (intent,) = all_intents(world.project.ledger, world.instance)
    assert (intent.state, intent.file_id) == (IntentState.LOADED, report.files[-1].number)

"""Rows of parameters that nobody asks for any more leave with the next load; those of others stay."""

import asyncio

from assets.reports import load_intent
from pipelines.asking import ask_reports
from pipelines.ledger import Intent
from pipelines.ledger.intents import get_intent
from pipelines.ledger.loads import live_files
from pipelines.looking import look
from pipelines.project import Project
from pipelines.settings import CourseReportSettings
from tests.load.worlds import World
from tests.projects import project_of

PACE = "course_pace_docx"
COURSES = (101, 102)


def about_courses(world: World, *reports: CourseReportSettings) -> Project:
    return project_of(world, course_reports=reports)


def loaded(world: World, project: Project, window: str) -> list[Intent]:
    """Ask for the reports about courses, let them finish, and load them as their run does."""
    of_courses = project.settings.course_reports
    intents = asyncio.run(ask_reports(project, [], window=window, origin="schedule", course_reports=of_courses))
    world.clock.advance(60)
    for intent in asyncio.run(look(project)).finished:
        load_intent(project, intent)
    return [get_intent(project.ledger, intent.intent_id) for intent in intents]


def live(project: Project) -> set[str | None]:
    return {file.load_id for file in live_files(project.ledger) if file.table_name == "reports.course_documents"}


def test_documents_of_parameters_that_nobody_asks_for_any_more_leave_course_by_course(world: World) -> None:
    old = CourseReportSettings(report=PACE, courses=COURSES, parameters={"section_ids": "1"})
    new = CourseReportSettings(report=PACE, courses=COURSES[:1], parameters={"section_ids": "2"})
    before = loaded(world, about_courses(world, old), "monday")
    project = about_courses(world, new)
    (after,) = loaded(world, project, "tuesday")
    assert live(project) == {after.load_id, before[1].load_id}, "the other course was not asked about"


def test_documents_of_two_sets_of_parameters_that_are_both_asked_for_stand_side_by_side(world: World) -> None:
    both = [
        CourseReportSettings(report=PACE, courses=COURSES[:1], parameters={"section_ids": number})
        for number in ("1", "2")
    ]
    project = about_courses(world, *both)
    intents = loaded(world, project, "monday")
    loaded(world, project, "tuesday")
    assert len({intent.parameters_hash for intent in intents}) == 2
    assert len(live(project)) == 2

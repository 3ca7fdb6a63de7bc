"""Student analytics: activity, assignments and messages of each student in each course."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from assets.department import PullConfig
from assets.endpoint_results import endpoint_checks, endpoint_results
from assets.failures import explained
from assets.pulls import CANVAS_POOL, pull_family
from assets.specs import Results, asset_key, table_spec
from pipelines.lake.read import account_places, course_facts, with_those_below
from pipelines.ledger.pulls import Pull
from pipelines.load.students import StudentQuestion, StudentWorks, due_students
from pipelines.normalize.contracts import student as contracts
from pipelines.normalize.contracts.course import COURSE_ASSIGNMENTS, STUDENT_SUMMARIES
from pipelines.project import Project
from pipelines.resources import Projects

_SOURCES = {
    contracts.STUDENT_PAGE_VIEWS.qualified: "student_activity",
    contracts.STUDENT_PARTICIPATIONS.qualified: "student_activity",
    contracts.STUDENT_ASSIGNMENTS.qualified: "student_assignments",
    contracts.STUDENT_MESSAGES.qualified: "student_communication",
}


def student_assets(owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of student analytics. Students are rows of work in one run, never runs of their own."""
    deps = [asset_key(STUDENT_SUMMARIES.qualified), asset_key(COURSE_ASSIGNMENTS.qualified)]

    @dg.multi_asset(
        name="student_analytics",
        specs=[table_spec(table, owners=owners, deps=deps) for table in contracts.TABLES],
        check_specs=[check for table in contracts.TABLES for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def student(context: dg.AssetExecutionContext, config: PullConfig, projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()
        with explained():
            summary = pull_family(
                context,
                project,
                "student",
                lambda pull: students_due(project, full=config.full, pull=pull),
                lambda client: StudentWorks(client).work,
            )
        yield from endpoint_results(project.ledger, contracts.TABLES, summary, _SOURCES)

    return [student]


def students_due(
    project: Project, *, mode: str | None = None, full: bool = False, pull: Pull | None = None
) -> list[StudentQuestion]:
    """Return what is to be asked about students now, by `[sync] student_analytics` or another mode."""
    instance, sync = project.settings.instance, project.settings.sync
    chosen = mode or sync.student_analytics
    if chosen == "off":
        return []
    courses = course_facts(project.lake, instance)
    if sync.student_accounts != "all":
        inside = with_those_below(account_places(project.lake, instance), sync.student_accounts)
        courses = [course for course in courses if course.account_id in inside]
    return due_students(
        project.lake,
        instance,
        courses,
        now=project.clock(),
        every=chosen == "all",
        refresh_after=timedelta(days=sync.student_refresh_days),
        full=full,
        pull=pull,
    )

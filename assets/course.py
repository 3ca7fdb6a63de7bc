"""Course analytics: activity, assignments, and the summaries of the students of each course."""

from collections.abc import Mapping, Sequence

import dagster as dg

from assets.department import PullConfig, chosen_terms
from assets.endpoint_results import endpoint_checks, endpoint_results
from assets.failures import explained
from assets.pulls import CANVAS_POOL, pull_family
from assets.specs import Results, asset_key, table_spec
from pipelines.lake.read import course_facts
from pipelines.ledger.coverage import record_skipped
from pipelines.ledger.loads import retire_scopes
from pipelines.ledger.pulls import Pull
from pipelines.load.courses import SOURCES, CourseQuestion, DueCourses, course_work, due_courses
from pipelines.normalize.contracts import course as contracts
from pipelines.normalize.contracts.directory import COURSES, TERMS
from pipelines.project import Project
from pipelines.resources import Projects

_SOURCES = {
    contracts.COURSE_ACTIVITY.qualified: "course_activity",
    contracts.COURSE_ASSIGNMENTS.qualified: "course_assignments",
    contracts.COURSE_ASSIGNMENT_MODULES.qualified: "course_assignments",
    contracts.STUDENT_SUMMARIES.qualified: "student_summaries",
}

_MOST_COURSES = 5


def course_assets(owners: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of course analytics. Courses are rows of work in one run, never runs of their own."""
    deps = [asset_key(COURSES.qualified), asset_key(TERMS.qualified)]

    @dg.multi_asset(
        name="course_analytics",
        specs=[table_spec(table, owners=owners, deps=deps) for table in contracts.TABLES],
        check_specs=[check for table in contracts.TABLES for check in endpoint_checks(table)],
        pool=CANVAS_POOL,
    )
    def course(context: dg.AssetExecutionContext, config: PullConfig, projects: dg.ResourceParam[Projects]) -> Results:
        project = projects.open()

        def due(pull: Pull) -> list[CourseQuestion]:
            found = courses_due(project, full=config.full, pull=pull)
            record_skipped(project.ledger, found.skipped)
            return found.questions

        with explained():
            gone = _retire(project)
            if gone:
                context.log.warning(_told(gone))
                project.progress.tell(f"! {_told(gone)}")
            summary = pull_family(
                context, project, "course", due, lambda client: lambda item: course_work(client, item)
            )
        yield from endpoint_results(project.ledger, contracts.TABLES, summary, _SOURCES)

    return [course]


def courses_due(project: Project, *, full: bool = False, pull: Pull | None = None) -> DueCourses:
    """Return what is to be asked about courses now, by `[sync] terms`."""
    instance = project.settings.instance
    return due_courses(
        project.ledger,
        instance,
        course_facts(project.lake, instance),
        {term.term_id: term for term in chosen_terms(project)},
        now=project.clock(),
        old_too=project.settings.sync.terms != "active",
        full=full,
        pull=pull,
    )


def _retire(project: Project) -> list[int]:
    """Take out what was loaded for courses that are not in the directory any more; deleted ones are, and stay.

    Return the courses that something was taken out of.
    """
    instance = project.settings.instance
    there = course_facts(project.lake, instance, with_deleted=True)
    known = {course.course_id for course in there}
    gone: set[int] = set()
    if not known:
        return []

    def stays(scope: Mapping[str, object]) -> bool:
        course = int(str(scope["course"]))
        if course not in known:
            gone.add(course)
        return course in known

    for source in (*SOURCES.values(), "student_activity", "student_assignments", "student_communication"):
        retire_scopes(project.ledger, instance, source, keep=stays, place=_place)
    return sorted(gone)


def _told(gone: Sequence[int]) -> str:
    first = ", ".join(map(str, gone[:_MOST_COURSES])) + (" ..." if len(gone) > _MOST_COURSES else "")
    which = f"course {first} any more: its" if len(gone) == 1 else f"{len(gone):,} courses any more ({first}): their"
    return (
        f"Canvas does not list {which} analytics leave the tables, and come back with the course. If the courses still "
        "exist, the token's owner cannot see them now. See: canvaslake doctor"
    )


def _place(scope: Mapping[str, object]) -> tuple[str, str]:
    course = str(scope["course"])
    return ("student", f"{course}/{scope['user']}") if "user" in scope else ("course", course)

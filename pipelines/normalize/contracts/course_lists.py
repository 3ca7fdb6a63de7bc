"""Contracts of the reports that list courses: unpublished, public, recently deleted, unused, and what they store."""

from pipelines.normalize.contracts.model import Report, Table
from pipelines.normalize.contracts.parameters import SKIP_MESSAGE, TERM
from pipelines.normalize.contracts.report_tables import SIS, id_of, number_of, report_table_of, text_of, time_of

_COURSE = (
    id_of("id", "Canvas id of the course.", needed=True),
    text_of("sis id", f"Id of the course {SIS}."),
    text_of("short name", "Short code of the course."),
    text_of("name", "Name of the course."),
)


def _dated(report: str, description: str) -> Table:
    return report_table_of(
        report,
        description,
        "one row per course",
        ("id",),
        (
            *_COURSE,
            time_of("start date", "Start, where the course binds enrollments to its dates."),
            time_of("end date", "End, where the course binds enrollments to its dates."),
        ),
    )


UNPUBLISHED_COURSES = _dated("unpublished_courses_csv", "Courses that are not published.")
PUBLIC_COURSES = _dated("public_courses_csv", "Active courses that anybody may read without logging in.")
RECENTLY_DELETED_COURSES = _dated("recently_deleted_courses_csv", "Courses deleted in the last 30 days.")

COURSE_STORAGE = report_table_of(
    "course_storage_csv",
    "How much the files of each course take.",
    "one row per course",
    ("id",),
    (
        *_COURSE,
        id_of("account id", "Canvas id of the account that owns the course."),
        text_of("account sis id", f"Id of that account {SIS}."),
        text_of("account name", "Name of that account."),
        number_of("storage used in MB", "What counts against the quota of the course.", "MB"),
        number_of("sum of all files in MB", "All files, also those that do not count.", "MB"),
    ),
)

UNUSED_COURSES = report_table_of(
    "unused_courses_csv",
    "Courses without assignments, files, discussions, modules, quizzes and pages.",
    "one row per course",
    ("course_id",),
    (
        id_of("course id", "Canvas id of the course.", needed=True),
        text_of("course sis id", f"Id of the course {SIS}."),
        text_of("short name", "Short code of the course."),
        text_of("long name", "Name of the course."),
        text_of("status", "unpublished, concluded or active."),
        time_of("created at", "When the course was made."),
    ),
)


def _report(title: str, table: Table) -> Report:
    return Report(
        name=f"{table.name}_csv",
        title=title,
        description=table.description,
        tables={"": table},
        parameters=(TERM, SKIP_MESSAGE),
    )


REPORTS = (
    _report("Unpublished Courses", UNPUBLISHED_COURSES),
    _report("Public Courses", PUBLIC_COURSES),
    _report("Recently Deleted Courses", RECENTLY_DELETED_COURSES),
    _report("Course Storage", COURSE_STORAGE),
    _report("Unused Courses", UNUSED_COURSES),
)

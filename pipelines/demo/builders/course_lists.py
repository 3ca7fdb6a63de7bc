"""The reports that list courses: unpublished, public, recently deleted, unused, and their storage.

Each is one row per course, ordered by id.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from pipelines.demo.builders.provisioning import COURSE_STATUS
from pipelines.demo.builders.report_type import SKIP_MESSAGE, TERM, ReportType, Sheet, one_sheet
from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.records import Course, CourseContent

LIST_COLUMNS: Final = "id,sis id,short name,name,start date,end date"
STORAGE_COLUMNS: Final = (
    "id,sis id,short name,name,account id,account sis id,account name,storage used in MB,sum of all files in MB"
)
UNUSED_COLUMNS: Final = "course id,course sis id,short name,long name,status,created at"
_RECENT: Final = timedelta(days=30)


def _listing(chosen: Callable[[ReportScope, Course], bool]) -> Callable[[ReportScope], dict[str, Sheet]]:
    def sheets(scope: ReportScope) -> dict[str, Sheet]:
        return one_sheet(
            LIST_COLUMNS,
            [
                (each.id, each.sis_id, each.code, each.name, *scope.dates_of(each))
                for each in scope.chosen_courses
                if chosen(scope, each)
            ],
        )

    return sheets


def _storage(scope: ReportScope) -> dict[str, Sheet]:
    return one_sheet(
        STORAGE_COLUMNS,
        [
            (
                each.id,
                each.sis_id,
                each.code,
                each.name,
                each.account_id,
                scope.account_sis_id(each.account_id),
                scope.institution.account_by_id[each.account_id].name,
                round(each.storage_mb, 2),
                round(each.files_mb, 2),
            )
            for each in scope.chosen_courses
            if each.state != "deleted"
        ],
    )


def _unused(scope: ReportScope) -> dict[str, Sheet]:
    return one_sheet(
        UNUSED_COLUMNS,
        [
            (each.id, each.sis_id, each.code, each.name, COURSE_STATUS[each.state], each.created_at)
            for each in scope.chosen_courses
            if each.state != "deleted" and each.content == CourseContent()
        ],
    )


def _report(name: str, title: str, sheets: Callable[[ReportScope], dict[str, Sheet]]) -> ReportType:
    return ReportType(name=name, title=title, parameters={**TERM, **SKIP_MESSAGE}, sheets=sheets)


def _recently_deleted(scope: ReportScope, course: Course) -> bool:
    return course.state == "deleted" and course.updated_at >= scope.now - _RECENT


COURSE_LISTS: Final = (
    _report(
        "unpublished_courses_csv",
        "Unpublished Courses",
        _listing(lambda _, course: course.state in {"created", "claimed"}),
    ),
    _report(
        "public_courses_csv",
        "Public Courses",
        _listing(lambda _, course: course.is_public and course.state == "available"),
    ),
    _report("recently_deleted_courses_csv", "Recently Deleted Courses", _listing(_recently_deleted)),
    _report("unused_courses_csv", "Unused Courses", _unused),
    _report("course_storage_csv", "Course Storage", _storage),
)

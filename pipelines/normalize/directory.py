"""Accounts, terms and courses: from Canvas's answers to batches of their tables."""

from collections.abc import Iterable

from pipelines.normalize.contracts import directory
from pipelines.normalize.rows import Batch, batch_from_records

_ACCOUNT_IGNORED = (
    "services",
    "registration_settings",
    "lti_guid",
    "global_id",
    "course_template_id",
    "course_count",
    "sub_account_count",
)
_COURSE_IGNORED = (
    "term",
    "teachers",
    "calendar",
    "enrollments",
    "sections",
    "permissions",
    "syllabus_body",
    "course_progress",
    "storage_quota_used_mb",
    "public_syllabus_to_auth",
    "original_name",
    "friendly_name",
    "license",
    "locale",
    "post_manually",
    "needs_grading_count",
    "banner_image_download_url",
    "image_download_url",
    "course_image",
)


def accounts(records: object) -> Batch:
    """Return `canvas.accounts` from account objects; a root account is its own root."""
    rows = records
    if isinstance(records, list):
        rows = [
            {**record, "root_account_id": record.get("root_account_id") or record.get("id")}
            if isinstance(record, dict)
            else record
            for record in records
        ]
    return batch_from_records(directory.ACCOUNTS, rows, ignored=_ACCOUNT_IGNORED)


def terms(records: object, root_account_id: int) -> Batch:
    """Return `canvas.terms` from term objects of a root account."""
    return batch_from_records(
        directory.TERMS, records, given={"root_account_id": root_account_id}, ignored=("overrides", "course_count")
    )


def courses(records: object) -> Batch:
    """Return `canvas.courses` from course objects."""
    return batch_from_records(directory.COURSES, records, ignored=_COURSE_IGNORED)


def course_teachers(records: Iterable[object]) -> Batch:
    """Return `canvas.course_teachers` from course objects asked with `include[]=teachers`."""
    rows: list[object] = []
    for course in records:
        if isinstance(course, dict):
            teachers = course.get("teachers")
            unique = (
                {str(t.get("id")): t for t in teachers if isinstance(t, dict)} if isinstance(teachers, list) else {}
            )
            rows += [{**teacher, "course_id": course.get("id")} for teacher in unique.values()]
    return batch_from_records(
        directory.COURSE_TEACHERS,
        rows,
        ignored=("anonymous_id", "avatar_image_url", "html_url", "pronouns"),
    )

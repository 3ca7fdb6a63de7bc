"""The directory: from Canvas's answers about accounts, terms and courses to records of their tables.

An answer of another outer shape is refused, with the account's id where there is one. A single value that does not
fit is left for typing, which sets its row aside.
"""

import json
from typing import Any

from pipelines.normalize.contracts import Table, directory
from pipelines.normalize.rows import TableRecords, UnexpectedAnswerShapeError

_ACCOUNT_IGNORED = frozenset(
    {
        "services",
        "registration_settings",
        "lti_guid",
        "global_id",
        "course_template_id",
        "course_count",
        "sub_account_count",
    }
)
_COURSE_IGNORED = frozenset(
    {
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
    }
)
_TEACHER_IGNORED = frozenset({"anonymous_id", "avatar_image_url", "html_url", "pronouns"})
_CALENDAR_IGNORED = frozenset({"create_calendar_event_url", "new_calendar_event_url"})


def accounts(records: object) -> TableRecords:
    """Return `canvas.accounts` from account objects; a root account is its own root.

    What other endpoints say of an account (`contracts.directory.ASKED_ABOUT_ACCOUNTS`) stands in its object already.
    """
    rows = [
        {**record, "root_account_id": record.get("root_account_id") or record.get("id")}
        for record in _objects(records, "accounts")
    ]
    return TableRecords(directory.ACCOUNTS, rows, _ACCOUNT_IGNORED)


def account_settings(answer: object, account_id: int) -> TableRecords:
    """Return `canvas.account_settings` from an object of settings."""
    return _settings(directory.ACCOUNT_SETTINGS, answer, {"account_id": account_id})


def environment_settings(answer: object, root_account_id: int) -> TableRecords:
    """Return `canvas.environment_settings` from an object of settings."""
    return _settings(directory.ENVIRONMENT_SETTINGS, answer, {"root_account_id": root_account_id})


def account_permissions(answer: object, account_id: int) -> TableRecords:
    """Return `canvas.account_permissions` from a map of permissions to true and false, as JSON or as text."""
    granted = _object(answer, f"permissions in account {account_id}")
    rows = [{"account_id": account_id, "permission": name, "granted": value} for name, value in granted.items()]
    return TableRecords(directory.ACCOUNT_PERMISSIONS, rows)


def account_calendars(records: object, top_account_id: int) -> TableRecords:
    """Return `canvas.account_calendars` from calendar objects, also where they come under `account_calendars`."""
    if isinstance(records, dict) and "account_calendars" in records:
        records = records["account_calendars"]
    rows = [{**record, "top_account_id": top_account_id} for record in _objects(records, "account calendars")]
    return TableRecords(directory.ACCOUNT_CALENDARS, rows, _CALENDAR_IGNORED)


def account_notifications(records: object, root_account_id: int) -> TableRecords:
    """Return `canvas.account_notifications` from announcement objects."""
    rows = [
        {
            **record,
            **{name: _with_commas(record[name]) for name in ("role_ids", "roles") if name in record},
            "root_account_id": root_account_id,
        }
        for record in _objects(records, f"notifications of account {root_account_id}")
    ]
    return TableRecords(directory.ACCOUNT_NOTIFICATIONS, rows)


def terms_of_service(answer: object, account_id: int) -> TableRecords:
    """Return `canvas.terms_of_service` from one object."""
    terms_ = _object(answer, f"terms of service of account {account_id}")
    if terms_.keys().isdisjoint({"id", "terms_type", "content"}):
        raise UnexpectedAnswerShapeError(
            f"terms of service of account {account_id}: Canvas gave an object without id, terms_type and content"
        )
    return TableRecords(directory.TERMS_OF_SERVICE, [{**terms_, "account_id": account_id}])


def help_links(answer: object, account_id: int) -> TableRecords:
    """Return `canvas.help_links` from an object of two lists of links; one that is absent or null has none."""
    what = f"help links of account {account_id}"
    menu = _object(answer, what)
    found = {source: menu.get(f"{source}_help_links") for source in ("default", "custom")}
    if all(links is None for links in found.values()):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave an object without links")
    rows = []
    for source, links in found.items():
        for position, link in enumerate(_objects([] if links is None else links, what), start=1):
            given = {
                "account_id": account_id,
                "source": source,
                "position": position,
                "help_link_name": menu.get("help_link_name"),
                "help_link_icon": menu.get("help_link_icon"),
            }
            rows.append({**link, "available_to": _with_commas(link.get("available_to")), **given})
    return TableRecords(directory.HELP_LINKS, rows)


def account_domains(records: object) -> TableRecords:
    """Return `canvas.account_domains` from what the lookup of domains found."""
    return TableRecords(directory.ACCOUNT_DOMAINS, list(_objects(records, "account domains")))


def terms(records: object, root_account_id: int) -> TableRecords:
    """Return `canvas.terms` from term objects of a root account."""
    rows = [
        {**record, "root_account_id": root_account_id}
        for record in _objects(records, f"terms of account {root_account_id}")
    ]
    return TableRecords(directory.TERMS, rows, frozenset({"overrides", "course_count"}))


def courses(records: object) -> TableRecords:
    """Return `canvas.courses` from course objects."""
    return TableRecords(directory.COURSES, list(_objects(records, "courses")), _COURSE_IGNORED)


def course_teachers(records: object) -> TableRecords:
    """Return `canvas.course_teachers` from course objects asked with `include[]=teachers`, each teacher once."""
    rows: list[dict[str, Any]] = []
    for course in _objects(records, "teachers of courses"):
        found = course.get("teachers")
        # What is no teacher goes on inside of a list, which fits no column: typing sets it aside.
        members = found if isinstance(found, list) else [] if found is None else [found]
        unique: dict[str, dict[str, Any]] = {}
        for place, member in enumerate(members):
            teacher = member if isinstance(member, dict) and isinstance(found, list) else {"id": [member]}
            known = teacher.get("id")
            unique[f"no id {place}" if known is None else str(known)] = teacher
        rows += [{**teacher, "course_id": course.get("id")} for teacher in unique.values()]
    return TableRecords(directory.COURSE_TEACHERS, rows, _TEACHER_IGNORED)


def _settings(table: Table, answer: object, given: dict[str, int]) -> TableRecords:
    what = f"{table.name} of account {next(iter(given.values()))}"
    settings = _object(answer, what)
    # Every object could be one of settings; the one that Canvas explains errors with must not become any.
    if "errors" in settings:
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave an error")
    return TableRecords(table, [{**given, "key": key, "value": _as_text(value)} for key, value in settings.items()])


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with_commas(value: object) -> object:
    """Return a list of texts and ids as one text; anything else as it is, for typing to judge."""
    if not isinstance(value, list) or not all(type(member) in (str, int, type(None)) for member in value):
        return value
    # Canvas gives null for the id of "people without a role".
    return ",".join("" if member is None else str(member) for member in value)


def _objects(answer: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(record, dict) for record in answer):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave something else where a list of objects is due")
    return answer


def _object(answer: object, what: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise UnexpectedAnswerShapeError(f"{what}: Canvas gave something else where an object is due")
    return answer

"""What every report builder is given: where a run happens, its parsed parameters, what it may look at.

Canvas parses some flags and takes others as raw truth; both readings are here, which report uses
which is in its builder.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from pipelines.demo.institution import Institution
from pipelines.demo.preferences import Preferences
from pipelines.demo.records import Account, Course, Enrollment, Login, Term, User

_TRUE_WORDS: Final = frozenset({"true", "t", "1", "yes", "y", "on"})


class ReportFailedError(Exception):
    """The run ends in `error`; the message becomes a part of `extra_text`."""


@dataclass(frozen=True, eq=False)
class ReportScope:
    """Where and how a report runs: an institution, the account it was started on, its parameters, the moment.

    `context_course_id` is the course of a course report, None for account reports.
    """

    institution: Institution
    account: Account
    parameters: Mapping[str, Any]
    now: datetime
    preferences: Preferences = field(default_factory=Preferences)
    context_course_id: int | None = None

    def flag(self, name: str) -> bool:
        """Read a parameter that Canvas parses as a boolean: true, 1, yes, on."""
        return str(self.parameters.get(name, "")).strip().lower() in _TRUE_WORDS

    def truthy(self, name: str) -> bool:
        """Read a parameter that Canvas takes as raw truth: the string `false` counts as true."""
        return bool(self.parameters.get(name))

    def listed(self, name: str) -> frozenset[str]:
        """Read a parameter that is a list or a text with commas; empty when absent."""
        value = self.parameters.get(name)
        if value is None:
            return frozenset()
        parts = value if isinstance(value, list) else str(value).split(",")
        return frozenset(str(part).strip() for part in parts if str(part).strip())

    def moment(self, name: str) -> datetime | None:
        """Read a parameter that is a time into the root account's zone, the one meant when it has no offset.

        What cannot be read counts as absent.
        """
        try:
            read = datetime.fromisoformat(str(self.parameters.get(name) or ""))
        except ValueError:
            return None
        zone = self.institution.time_zone
        return read.replace(tzinfo=zone) if read.tzinfo is None else read.astimezone(zone)

    @property
    def include_deleted(self) -> bool:
        """Whether deleted and concluded records are asked for."""
        return self.flag("include_deleted")

    @property
    def is_root(self) -> bool:
        """Whether the report was started on the root account."""
        return self.account.parent_id is None

    @cached_property
    def term(self) -> Term | None:
        """The term asked for; None means all terms."""
        key = term_key(self.parameters)
        return None if key is None else self.institution.find_term(key)

    @cached_property
    def course(self) -> Course | None:
        """The course asked for, None for all; raises ReportFailedError for one that is not in the account."""
        key = _first(self.parameters, "course_id", "course")
        if key is None:
            return None
        found = self.institution.find_course(key)
        if found is None or found.account_id not in self.institution.subtree_ids(self.account.id):
            raise ReportFailedError(f"there is no course {key} in this account")
        return found

    @cached_property
    def course_ids(self) -> frozenset[int]:
        """Ids of all courses of the account's subtree, of the term if one is given."""
        term_id = None if self.term is None else self.term.id
        return frozenset(course.id for course in self.institution.courses_in(self.account.id, term_id=term_id))

    @cached_property
    def chosen_courses(self) -> list[Course]:
        """The courses of `course_ids`, ordered by id, narrowed to the course asked for."""
        ids = self.course_ids if self.course is None else self.course_ids & {self.course.id}
        return [self.institution.course_by_id[each] for each in sorted(ids)]

    def students(self, states: Collection[str]) -> Iterator[tuple[Enrollment, Course, User]]:
        """Yield student enrollments of the chosen courses, by course and enrollment id, test students left out."""
        for course in self.chosen_courses:
            for each in self.institution.enrollments_by_course.get(course.id, []):
                if each.type == "StudentEnrollment" and each.state in states:
                    yield each, course, self.institution.user_by_id[each.user_id]

    def logins(self, user: User) -> list[Login]:
        """Return the logins of a user that a report lists: undeleted ones, or all with `include_deleted`."""
        return [each for each in user.logins if self.include_deleted or each.state != "deleted"]

    @cached_property
    def people_ids(self) -> frozenset[int]:
        """Ids of the people of the account's subtree: whoever is enrolled or an admin in it, all for the root."""
        if self.is_root:
            return frozenset(user.id for user in self.institution.users if not user.is_test)
        subtree = self.institution.subtree_ids(self.account.id)
        courses = {course.id for course in self.institution.courses if course.account_id in subtree}
        inside = {each.user_id for each in self.institution.enrollments if each.course_id in courses}
        inside |= {each.user_id for each in self.institution.admins if each.account_id in subtree}
        return frozenset(each for each in inside if not self.institution.user_by_id[each].is_test)

    def sis_id(self, user_id: int | None) -> str | None:
        """Return the SIS id of a user's usable login."""
        user = None if user_id is None else self.institution.user_by_id.get(user_id)
        login = None if user is None else user.usable_login
        return None if login is None else login.sis_id

    def account_sis_id(self, account_id: int) -> str | None:
        """Return the SIS id of an account."""
        return self.institution.account_by_id[account_id].sis_id

    def shown(self, state: str, *, by_sis: bool) -> bool:
        """Apply the two filters of every provisioning file: deleted rows, and rows that no SIS import made."""
        return (self.include_deleted or state != "deleted") and (by_sis or not self.truthy("created_by_sis"))

    def dates_of(self, course: Course) -> tuple[datetime | None, datetime | None]:
        """Return start and end of a course; both are None unless enrollments are restricted to them."""
        return (course.start_at, course.end_at) if course.restrict_to_dates else (None, None)

    def status_of(self, enrollment: Enrollment) -> str:
        """Return an enrollment's status in reports; one in a deleted course or section is deleted."""
        section = self.institution.section_by_id[enrollment.section_id]
        course = self.institution.course_by_id[enrollment.course_id]
        if "deleted" in {section.state, course.state}:
            return "deleted"
        return {"completed": "concluded", "creation_pending": "invited"}.get(enrollment.state, enrollment.state)

    def keeps_deleted(self, course: Course) -> bool:
        """Whether a deleted course still shows: it has a SIS id, or was touched in the last 120 days."""
        return course.sis_id is not None or self.now - course.updated_at < timedelta(days=120)


def term_key(parameters: Mapping[str, Any]) -> str | None:
    """Return the term parameter under either of its names; None when absent or blank."""
    return _first(parameters, "enrollment_term_id", "enrollment_term")


def _first(parameters: Mapping[str, Any], *names: str) -> str | None:
    return next((str(parameters[name]) for name in names if parameters.get(name) not in (None, "")), None)

"""What every report builder is given and gives back: the scope of a run, its parsed parameters, its file.

Canvas parses some flags and takes others as raw truth; both readings are here, which report uses
which is in its builder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from pipelines.demo.csv_text import zip_bytes, zone_text
from pipelines.demo.institution import Institution
from pipelines.demo.records import Account, Course, Enrollment, Term

_TRUE_WORDS: Final = frozenset({"true", "t", "1", "yes", "y", "on"})


class ReportFailedError(Exception):
    """The run ends in `error`; the message becomes a part of `extra_text`."""


@dataclass(frozen=True, eq=False)
class ReportScope:
    """Where and how a report runs: an institution, the account it was started on, its parameters, the moment."""

    institution: Institution
    account: Account
    parameters: Mapping[str, Any]
    now: datetime

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
    def course_ids(self) -> frozenset[int]:
        """Ids of all courses of the account's subtree, of the term if one is given."""
        term_id = None if self.term is None else self.term.id
        return frozenset(course.id for course in self.institution.courses_in(self.account.id, term_id=term_id))

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

    def time(self, moment: datetime | None) -> str | None:
        """Format a moment in the root account's zone, whichever account the report runs on."""
        return zone_text(moment, self.institution.time_zone)

    def status_of(self, enrollment: Enrollment) -> str:
        """Return an enrollment's status in reports; one in a deleted course or section is deleted."""
        section = self.institution.section_by_id[enrollment.section_id]
        course = self.institution.course_by_id[enrollment.course_id]
        if "deleted" in {section.state, course.state}:
            return "deleted"
        return {"completed": "concluded", "creation_pending": "invited"}.get(enrollment.state, enrollment.state)

    def keeps_deleted(self, course: Course) -> bool:
        """Whether a deleted course still shows: it has a SIS id, or was touched in the last 120 days."""
        return course.sis_id is not None or (self.now - course.updated_at).days < 120


def term_key(parameters: Mapping[str, Any]) -> str | None:
    """Return the term parameter under either of its names; None when absent or blank."""
    for name in ("enrollment_term_id", "enrollment_term"):
        value = parameters.get(name)
        if value not in (None, ""):
            return str(value)
    return None


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """The outcome of a builder: one or more CSV files in order, with their line counts (headers included)."""

    members: Mapping[str, bytes]
    lines: Mapping[str, int]
    zipped: bool

    @property
    def content(self) -> bytes:
        """The bytes of the attachment."""
        return zip_bytes(self.members) if self.zipped else next(iter(self.members.values()))

    @property
    def content_type(self) -> str:
        """The attachment's media type."""
        return "application/zip" if self.zipped else "text/csv"


@dataclass(frozen=True, slots=True)
class ReportType:
    """A report: `parameters` maps a name to {required, description}; `parallel` ones show their progress."""

    name: str
    title: str
    parameters: Mapping[str, Mapping[str, object]] | None
    build: Callable[[ReportScope], BuiltReport]
    parallel: bool


def parameter(description: str, *, required: bool = False) -> dict[str, object]:
    """Return one entry of a report's parameter catalog."""
    return {"required": required, "description": description}

"""Contracts of the reports about who did something, and who did nothing: access, activity, submissions, tokens."""

from dataclasses import replace
from datetime import timedelta

from pipelines.normalize.contracts.model import Parameter, ParameterKind, Privacy, Report
from pipelines.normalize.contracts.parameters import COURSE, INCLUDE_DELETED, SKIP_MESSAGE, TERM
from pipelines.normalize.contracts.report_tables import SIS, id_of, report_table_of, text_of, time_of

_IDENTITY, _RECORD = Privacy.IDENTITY, Privacy.RECORD

_USER_ID = id_of("user id", "Canvas id of the person.", privacy=Privacy.PSEUDONYM, needed=True)
_USER_SIS_ID = text_of("user sis id", f"Id of the login {SIS}.", privacy=_IDENTITY)
_PLACE = (
    id_of("section id", "Canvas id of the section."),
    text_of("section sis id", f"Id of the section {SIS}."),
    text_of("section name", "Name of the section."),
    id_of("course id", "Canvas id of the course."),
    text_of("course sis id", f"Id of the course {SIS}."),
    text_of("course name", "Name of the course."),
)

LAST_USER_ACCESS = report_table_of(
    "last_user_access_csv",
    "When each person was last there. A person with two logins has two rows.",
    "one row per person and SIS id",
    ("user_id", "user_sis_id"),
    (
        _USER_ID,
        _USER_SIS_ID,
        text_of("user name", "Name of the person, family name first.", privacy=_IDENTITY),
        time_of("last access at", "When the person was last there; empty for never.", privacy=_RECORD),
        text_of("last ip", "Network address that the person last came from.", privacy=_IDENTITY),
    ),
    unique=False,
)

LAST_ENROLLMENT_ACTIVITY = report_table_of(
    "last_enrollment_activity_csv",
    "When each person last did something in a course. Who never did is not listed. Asked by term or by course, a "
    "person has a row for each.",
    "one row per person and report asked for",
    ("user_id",),
    (
        _USER_ID,
        text_of("user name", "Name of the person.", privacy=_IDENTITY),
        time_of("last activity at", "The latest activity in any of the courses asked about.", privacy=_RECORD),
    ),
    unique=False,
)

ZERO_ACTIVITY = report_table_of(
    "zero_activity_csv",
    "Active students who have done nothing in a course: being listed is the fact.",
    "one row per student and section",
    ("course_id", "section_id", "user_id"),
    (
        _USER_ID,
        _USER_SIS_ID,
        text_of("name", "Name of the student.", privacy=_IDENTITY),
        *_PLACE,
    ),
    unique=False,
)

STUDENTS_WITH_NO_SUBMISSIONS = report_table_of(
    "students_with_no_submissions_csv",
    "Students who submitted nothing in a window of at most 14 days: being listed is the fact.",
    "one row per enrollment and login",
    ("course_id", "section_id", "user_id"),
    (
        _USER_ID,
        _USER_SIS_ID,
        text_of("user name", "Name of the student, family name first.", privacy=_IDENTITY),
        *_PLACE,
        replace(
            text_of("enrollment state", "State of the enrollment, where asked for.", privacy=_RECORD), optional=True
        ),
    ),
    unique=False,
)

USER_ACCESS_TOKENS = report_table_of(
    "user_access_tokens_csv",
    "Access tokens of the API, by person. The tokens themselves are not in it.",
    "one row per token",
    ("user_id", "token_hint"),
    (
        _USER_ID,
        text_of("user name", "Name of the person.", privacy=_IDENTITY),
        text_of("token hint", "The first characters of the token.", privacy=_IDENTITY),
        time_of("expiration", "When the token ends; empty for never.", nulls=("never",)),
        time_of("last used", "When the token was last used; empty for never.", privacy=_RECORD, nulls=("never",)),
        id_of("dev key id", "Canvas id of the developer key that the token belongs to."),
        text_of("dev key name", "Name of that key; empty when it is gone."),
    ),
    unique=False,
)

_START = Parameter("start_at", ParameterKind.MOMENT, description="Activity before it does not count.")

LAST_USER_ACCESS_CSV = Report(
    name="last_user_access_csv",
    title="Last User Access",
    description="When each person was last there.",
    tables={"": LAST_USER_ACCESS},
    parameters=(TERM, COURSE, INCLUDE_DELETED, SKIP_MESSAGE),
)
LAST_ENROLLMENT_ACTIVITY_CSV = Report(
    name="last_enrollment_activity_csv",
    title="Last Enrollment Activity",
    description="When each person last did something in a course.",
    tables={"": LAST_ENROLLMENT_ACTIVITY},
    parameters=(TERM, COURSE, SKIP_MESSAGE),
)
ZERO_ACTIVITY_CSV = Report(
    name="zero_activity_csv",
    title="Zero Activity",
    description="Active students who have done nothing in a course.",
    tables={"": ZERO_ACTIVITY},
    parameters=(TERM, _START, COURSE, SKIP_MESSAGE),
)
STUDENTS_WITH_NO_SUBMISSIONS_CSV = Report(
    name="students_with_no_submissions_csv",
    title="Students with no submissions",
    description="Students who submitted nothing in a window of at most 14 days.",
    tables={"": STUDENTS_WITH_NO_SUBMISSIONS},
    parameters=(
        TERM,
        COURSE,
        Parameter(
            "start_at",
            ParameterKind.MOMENT,
            required=True,
            description="Start of the window; without it, 14 days before the end.",
        ),
        Parameter(
            "end_at",
            ParameterKind.MOMENT,
            required=True,
            description="End of the window; without it, 14 days after the start, and now without either.",
        ),
        Parameter(
            "include_enrollment_state",
            ParameterKind.TRUTHY,
            description="Adds the column enrollment state. Any text counts as true.",
        ),
        Parameter(
            "enrollment_state",
            ParameterKind.LIST,
            description="Only enrollments in these states; all, if absent.",
            choices=("active", "invited", "creation_pending", "deleted", "rejected", "completed", "inactive", "all"),
        ),
        SKIP_MESSAGE,
    ),
    longest_window=timedelta(days=14),
)
USER_ACCESS_TOKENS_CSV = Report(
    name="user_access_tokens_csv",
    title="User Access Tokens",
    description="Access tokens of the API, by person.",
    tables={"": USER_ACCESS_TOKENS},
    parameters=(INCLUDE_DELETED, SKIP_MESSAGE),
)

REPORTS = (
    LAST_USER_ACCESS_CSV,
    LAST_ENROLLMENT_ACTIVITY_CSV,
    ZERO_ACTIVITY_CSV,
    STUDENTS_WITH_NO_SUBMISSIONS_CSV,
    USER_ACCESS_TOKENS_CSV,
)

"""Parameters that several account reports share, as Canvas takes them."""

from pipelines.normalize.contracts.model import Parameter, ParameterKind

TERM = Parameter(
    "enrollment_term_id",
    ParameterKind.TERM,
    description="Only this term: Canvas id, or sis_term_id:X. Without it: all terms.",
    aliases=("enrollment_term",),
)
COURSE = Parameter(
    "course_id",
    ParameterKind.COURSE,
    description="Only this course: Canvas id, or sis_course_id:X. A course that is not there fails the report.",
    aliases=("course",),
)
INCLUDE_DELETED = Parameter(
    "include_deleted",
    ParameterKind.BOOLEAN,
    description="Also what is deleted; what that means differs by report.",
)
SKIP_MESSAGE = Parameter(
    "skip_message",
    ParameterKind.TRUTHY,
    description="Canvas does not write to the starter when the report is done. Any text counts as true.",
)


def selector(member: str) -> Parameter:
    """Return the parameter that puts a member into a report's ZIP."""
    return Parameter(member, ParameterKind.BOOLEAN, description=f"Include {member}.csv.")

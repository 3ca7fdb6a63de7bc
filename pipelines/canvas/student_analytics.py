"""Analytics of one student in one course (``/api/v1/courses/:id/analytics/users/:id/...``).

Lives here: the three calls. Does not live here: which students to ask about (``extract``), nor any table.

All need ``view_analytics``, ``read_as_admin`` and ``read_grades`` (``ForbiddenError``). A person without an active or
completed student enrollment that the token's owner may see is a ``NotFoundError``, a normal answer. Canvas keeps its
results for 12 hours.
"""

from typing import Any

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, expect_records, unexpected


async def student_activity(client: CanvasClient, course: CanvasId, student: CanvasId) -> Answer[Record]:
    """GET /courses/:id/analytics/users/:id/activity: views per hour or day, and the participations one by one.

    ``page_views`` is a map, empty where there are none; its keys are hours with their offset or plain days, as
    Canvas keeps them. ``participations`` is a list of ``created_at`` and ``url``.
    """
    answer = expect_object(await _get(client, course, student, "activity"), "page_views", "participations")
    views = _map(answer.data["page_views"])
    if views is None or not isinstance(answer.data["participations"], list):
        raise unexpected(answer, "an object of page views and participations")
    return answer.with_data({**answer.data, "page_views": views})


async def student_assignments(client: CanvasClient, course: CanvasId, student: CanvasId) -> Answer[list[Record]]:
    """GET /courses/:id/analytics/users/:id/assignments: each assignment with this student's status and submission.

    One list, not paginated. Statistics of the course may be absent, and so may ``submission`` and ``excused``.
    """
    return expect_records(await _get(client, course, student, "assignments"))


async def student_communication(client: CanvasClient, course: CanvasId, student: CanvasId) -> Answer[Record]:
    """GET /courses/:id/analytics/users/:id/communication: messages with the instructors, per UTC day.

    A map from the day to ``instructorMessages`` and ``studentMessages``, either of which may be absent; empty where
    there are none.
    """
    answer = await _get(client, course, student, "communication")
    days = _map(answer.data)
    if days is None or not all(isinstance(day, dict) for day in days.values()):
        raise unexpected(answer, "an object of days")
    return answer.with_data(days)


def _map(value: Any) -> Record | None:
    """Return a map. An empty list is one too: what has no entries has lost its shape in some serialisers."""
    return value if isinstance(value, dict) else {} if value == [] else None


async def _get(client: CanvasClient, course: CanvasId, student: CanvasId, action: str) -> Answer[Any]:
    return await client.get_json(api_path("courses", course, "analytics", "users", student, action))

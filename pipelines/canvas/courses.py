"""The courses of an account (``/api/v1/accounts/:id/courses``).

Lives here: the list. Does not live here: analytics of a course (``analytics``), and which courses to ask about.
"""

from collections.abc import AsyncIterator, Sequence

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_records

#: What the tables need beyond the plain record.
DEFAULT_INCLUDE = ("term", "teachers", "total_students", "account_name", "concluded")


async def account_courses(
    client: CanvasClient,
    account: CanvasId,
    *,
    term: CanvasId | None = None,
    include: Sequence[str] = DEFAULT_INCLUDE,
    with_deleted: bool = False,
) -> AsyncIterator[Answer[list[Record]]]:
    """GET /accounts/:id/courses: pages of the courses of the whole subtree, by id; one term's with ``term``.

    Unpublished, published and completed ones; deleted ones only ``with_deleted`` (``state[]=all``: Canvas's default
    leaves them out). Raises ``ForbiddenError`` without ``read_course_list``.
    """
    params = {
        "include[]": list(include),
        "enrollment_term_id": term,
        "state[]": ["all"] if with_deleted else [],
    }
    async for page in client.pages(api_path("accounts", account, "courses"), params):
        yield expect_records(page)

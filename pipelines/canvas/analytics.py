"""Department analytics (``/api/v1/accounts/:id/analytics/...``).

Lives here: the four calls and their three term filters. Does not live here: turning them into tables.

All need ``view_analytics`` on the account (``ForbiddenError``), answer ``NotFoundError`` for an unknown account or
term, count the whole subtree, and are cached by Canvas for 12 hours. Both the documented shapes and the real ones
are let through.
"""

from dataclasses import dataclass
from typing import Any

from pipelines.canvas.answers import Answer
from pipelines.canvas.client import CanvasClient
from pipelines.canvas.paths import CanvasId, api_path
from pipelines.canvas.shapes import Record, expect_object, unexpected


@dataclass(frozen=True)
class TermFilter:
    """Which courses a department call covers. Use ``CURRENT``, ``COMPLETED`` or ``TermFilter.term(id)``.

    ``kind`` is ``current`` (default term, available), ``completed`` (default term, concluded) or ``term``.
    """

    kind: str
    term_id: CanvasId | None = None

    @classmethod
    def term(cls, term_id: CanvasId) -> "TermFilter":
        """Return the filter of one term: its available and its concluded courses."""
        return cls("term", term_id)

    @property
    def segments(self) -> tuple[CanvasId, ...]:
        """The filter as it stands in the path."""
        return (self.kind,) if self.term_id is None else ("terms", self.term_id)


CURRENT = TermFilter("current")
COMPLETED = TermFilter("completed")


async def department_activity(client: CanvasClient, account: CanvasId, which: TermFilter) -> Answer[Record]:
    """GET .../activity: ``{"by_date": ..., "by_category": ...}``; views and participations per UTC day and category.

    Canvas gives arrays of objects, its documentation shows maps; both come through as they are. A day or category
    that is absent is zero.
    """
    answer = expect_object(await _get(client, account, which, "activity"), "by_date", "by_category")
    if not all(isinstance(answer.data[key], list | dict) for key in ("by_date", "by_category")):
        raise unexpected(answer, "an object of two lists")
    return answer


async def department_grades(client: CanvasClient, account: CanvasId, which: TermFilter) -> Answer[Record]:
    """GET .../grades: ``{"0": n, ..., "100": n}``, students per rounded current score.

    All values are null where no course has scores yet.
    """
    answer = expect_object(await _get(client, account, which, "grades"))
    if not any(key.isdecimal() for key in answer.data):
        raise unexpected(answer, "an object of scores")
    return answer


async def department_statistics(client: CanvasClient, account: CanvasId, which: TermFilter) -> Answer[Record]:
    """GET .../statistics: eight counts, from ``courses`` to ``assignments``; ``subaccounts`` are direct children."""
    return expect_object(await _get(client, account, which, "statistics"), "courses")


async def department_statistics_by_subaccount(
    client: CanvasClient, account: CanvasId, which: TermFilter
) -> Answer[Record]:
    """GET .../statistics_by_subaccount: ``{"accounts": [{"id", "name", "courses", ...}]}``.

    The first entry is the account itself, then its direct children; each counts its own courses only, and Canvas
    leaves discussion_topics, media_objects, attachments and assignments at 0.
    """
    answer = expect_object(await _get(client, account, which, "statistics_by_subaccount"), "accounts")
    if not isinstance(answer.data["accounts"], list):
        raise unexpected(answer, "an object with a list of accounts")
    return answer


async def _get(client: CanvasClient, account: CanvasId, which: TermFilter, action: str) -> Answer[Any]:
    return await client.get_json(api_path("accounts", account, "analytics", *which.segments, action))

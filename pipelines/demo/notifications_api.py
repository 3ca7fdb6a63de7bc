"""Account notifications: what the institution announces, as the token's user sees it.

The announcements follow from the terms, so that they stay from pull to pull. Nobody can make or close one here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipelines.demo.institution import Institution
from pipelines.demo.records import ROLE_IDS
from pipelines.demo.wire import Answer, forbidden, not_found, utc_text
from pipelines.demo.world import Call, Endpoint

_UNTIL_FURTHER_NOTICE: Final = datetime(2037, 12, 31, tzinfo=UTC)
_TRUE: Final = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class Notification:
    """One announcement. `roles` empty is for everybody; `closed` means that the token's user has closed it."""

    id: int
    subject: str
    message: str
    start_at: datetime
    end_at: datetime
    icon: str
    roles: tuple[str, ...] = ()
    closed: bool = False

    def is_current(self, now: datetime) -> bool:
        """Whether it is shown now to those who have not closed it."""
        return self.start_at <= now <= self.end_at and not self.closed


def notifications_of(institution: Institution) -> list[Notification]:
    """Return every announcement of the root account, newest start first."""
    return sorted(_written(institution), key=lambda each: (each.start_at, each.id), reverse=True)


def _written(institution: Institution) -> Iterator[Notification]:
    dated = [term for term in institution.terms if term.start_at is not None and term.state == "active"]
    dated.sort(key=lambda term: term.id)
    first = min((term.start_at for term in dated if term.start_at is not None), default=_UNTIL_FURTHER_NOTICE)
    hours = '<p>The library is open until <b>22:00</b>. <a href="/courses">Your courses</a></p>'
    yield Notification(1, "Library hours", hours, first, _UNTIL_FURTHER_NOTICE, "information")
    closed = "<p>Canvas rests on Sundays, 02:00 to 04:00.</p>"
    yield Notification(2, "Maintenance", closed, first, _UNTIL_FURTHER_NOTICE, "warning", closed=True)
    for term in dated:
        if term.start_at is None:
            continue
        begins = term.start_at - timedelta(days=7)
        welcome = f"<p>Welcome to {term.name}, everybody &amp; all.</p>"
        yield Notification(
            10 * term.id, f"Welcome to {term.name}", welcome, begins, begins + timedelta(days=21), "calendar"
        )
        yield Notification(
            10 * term.id + 1,
            f"Register for the examinations of {term.name}",
            "<p>Registration closes in week 10.</p>",
            term.start_at,
            term.end_at or _UNTIL_FURTHER_NOTICE,
            "question",
            roles=("StudentEnrollment",),
        )


def notification_json(notification: Notification) -> dict[str, Any]:
    """Write an announcement."""
    return {
        "id": notification.id,
        "subject": notification.subject,
        "start_at": utc_text(notification.start_at),
        "end_at": utc_text(notification.end_at),
        "icon": notification.icon,
        "message": notification.message,
        "role_ids": [ROLE_IDS[role] for role in notification.roles],
        "roles": list(notification.roles),
    }


def list_notifications(call: Call) -> Answer:
    """Answer the root account's announcements for the token's user in one array, whichever account is named.

    `include_past` adds ended and closed ones, `include_all` those for other roles, to who may manage them.
    """
    call.account()
    past, everybody = (_is_on(call, name) for name in ("include_past", "include_all"))
    if everybody:
        call.require("manage_alerts")
    now = call.world.clock()
    shown = [
        each
        for each in notifications_of(call.institution)
        # Those that begin later are seen by nobody yet.
        if each.start_at <= now and (past or each.is_current(now)) and (everybody or not each.roles)
    ]
    return Answer([notification_json(each) for each in shown])


def show_notification(call: Call) -> Answer:
    """Answer one announcement that its user would be shown now; any other is a 403."""
    call.account()
    found = next((each for each in notifications_of(call.institution) if str(each.id) == call.path_params["id"]), None)
    if found is None:
        raise not_found()
    if found.roles or not found.is_current(call.world.clock()):
        raise forbidden()
    return Answer(notification_json(found))


def _is_on(call: Call, name: str) -> bool:
    return (call.query.get(name) or "").lower() in _TRUE


ENDPOINTS: Final = (
    Endpoint("GET", "/api/v1/accounts/{account_id}/account_notifications", list_notifications, "list"),
    Endpoint("GET", "/api/v1/accounts/{account_id}/account_notifications/{id}", show_notification),
)

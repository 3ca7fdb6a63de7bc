"""What a person means by "as of": a date or a time, read as one moment. Who has data of it is not known here."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.DOTALL)


class MomentError(ValueError):
    """A text is no date and no time; the message says how to write one."""


def moment_meant(text: str, zone: str) -> datetime:
    """Return the moment that a date or an ISO 8601 time means, in UTC; raises MomentError for any other text.

    A date such as 2026-10-01 means the last second of that day in `zone`, a time zone such as America/Denver: what was
    known when the day was over. A time without an offset is in `zone` too; one that the clocks show twice is the
    earlier one.
    """
    text = text.strip()
    try:
        if _DAY.fullmatch(text):
            following = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), ZoneInfo(zone))
            return following.astimezone(UTC) - timedelta(seconds=1)
        if _TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MomentError(
        f"{text!r} is no date and no time. Write a date such as 2026-10-01, which means the end of that day in "
        f"{zone}, or a time such as 2026-10-01T12:00 or 2026-10-01T18:00:00Z."
    )

"""Which terms are worth asking about. Pure: moments in, answers out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_AFTERMATH = timedelta(days=30)
"""Grades are still posted after a term's end; a term stays active for as long."""


@dataclass(frozen=True)
class TermDates:
    """A term with its dates, as `canvas.terms` holds it; None where it has none."""

    term_id: int
    start_at: datetime | None
    end_at: datetime | None


def is_active(term: TermDates, now: datetime) -> bool:
    """Return whether a term has begun and has not been over for more than 30 days; one without dates always is."""
    begun = term.start_at is None or term.start_at <= now
    return begun and (term.end_at is None or now <= term.end_at + _AFTERMATH)


def is_due(term: TermDates, now: datetime, last_loaded_at: datetime | None) -> bool:
    """Return whether a term should be asked about: it is active, never loaded, or not loaded since it settled."""
    if last_loaded_at is None or is_active(term, now):
        return True
    settled = None if term.end_at is None else term.end_at + _AFTERMATH
    return settled is not None and settled <= now and last_loaded_at < settled

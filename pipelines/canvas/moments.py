"""Moments as Canvas writes them in its answers."""

from datetime import datetime


def moment_of(value: object) -> datetime | None:
    """Return an ISO 8601 moment; None for what is none, and for one without an offset, whose zone nobody knows."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None

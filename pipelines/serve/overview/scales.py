"""From numbers and days to places in a picture: round tick values, and how numbers and days are written."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")

_STEPS = (1, 2, 2.5, 5, 10)
_THOUSAND, _MILLION = 1_000, 1_000_000


def ticks(highest: float, most: int = 4) -> list[float]:
    """Return round values from 0 to at least `highest`, in at most `most` equal steps; [0, 1] if there is nothing."""
    if highest <= 0:
        return [0, 1]
    raw = highest / most
    size = 10 ** math.floor(math.log10(raw))
    # A quarter or half of a view is no value to mark.
    step = next((one * size for one in _STEPS if one * size >= raw and one * size % 1 == 0), 1.0)
    step = max(step, 1.0)
    return [step * place for place in range(math.ceil(highest / step) + 1)]


def short(number: float) -> str:
    """Return a number for an axis: 950, 1.5k, 12k, 2M."""
    if number >= _MILLION:
        return f"{number / _MILLION:g}M"
    if number >= _THOUSAND:
        return f"{number / _THOUSAND:g}k"
    return f"{number:g}"


def day(value: date, *, with_year: bool = False) -> str:
    """Return a day as 5 Oct, or 5 Oct 2026."""
    return f"{value.day} {value:%b}{f' {value.year}' if with_year else ''}"


def marked_days(first: date, last: date, most: int) -> list[date]:
    """Return days to write on an axis, at most `most`: Mondays while they fit, else firsts of months."""
    monday = first + timedelta(days=-first.weekday() % 7)
    weeks = [monday + timedelta(days=7 * place) for place in range((last - monday).days // 7 + 1)]
    for every in (1, 2):
        if 0 < len(weeks[::every]) <= most:
            return weeks[::every]
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    return thinned(months, most) or [first]


def thinned(values: Sequence[T], most: int) -> list[T]:
    """Return every n-th value, the first included, so that at most `most` are left."""
    return list(values[:: max(1, math.ceil(len(values) / most))])

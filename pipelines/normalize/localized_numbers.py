"""Numbers as an account's language writes them: which mark stands before the decimals is learned from the file.

`3,5` can only be three and a half. `1,234` can be two numbers, and is one of them only where other numbers of the
same file show which: a file is written in one language.
"""

import math
import re
from collections.abc import Iterable, Sequence

import pyarrow as pa

from pipelines.normalize.values import Typed

_MARKS = (".", ",")
_SPACES = "\\s\u00a0\u202f'\u2019"


def _reading(mark: str) -> re.Pattern[str]:
    other = "," if mark == "." else "."
    # Groups of three digits behind one separator throughout; a number does not begin with a group of zero.
    grouped = rf"[1-9][0-9]{{0,2}}(?P<group>[{re.escape(other)}{_SPACES}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
    return re.compile(rf"[+-]?(?:{grouped}|[0-9]+)(?:{re.escape(mark)}[0-9]+)?")


_READINGS = {mark: _reading(mark) for mark in _MARKS}


def decimal_mark(texts: Iterable[str]) -> str | None:
    """Return the mark that stands before decimals in these numbers; None if they do not show it, or show both."""
    shown: set[str] = set()
    for text in texts:
        readings = _readings(text)
        if len(readings) == 1:
            shown.update(readings)
    return shown.pop() if len(shown) == 1 else None


def from_localized(cells: Sequence[bytes | None], mark: str | None) -> Typed:
    """Convert localized numbers to DOUBLE. Where a text can be two numbers, `mark` says which; without it, neither."""
    numbers: list[float | None] = []
    bad: dict[int, str] = {}
    for position, cell in enumerate(cells):
        text = (cell or b"").decode("utf-8", errors="replace").strip()
        readings = _readings(text)
        possible = set(readings.values())
        number = possible.pop() if len(possible) == 1 else readings.get(mark or "")
        if number is not None and not math.isfinite(number):
            number, readings = None, {}
        if number is None and text:
            bad[position] = "can be two numbers, depending on the language" if readings else "is not a number"
        numbers.append(number)
    return pa.array(numbers, pa.float64()), bad


def _readings(text: str) -> dict[str, float]:
    """Return the number that a text is, by each mark that could stand before its decimals."""
    plain = re.sub(f"[{_SPACES}]", "", text)
    return {
        mark: float(plain.replace(other, "").replace(mark, "."))
        for mark, other in (_MARKS, _MARKS[::-1])
        if _READINGS[mark].fullmatch(text.strip())
    }

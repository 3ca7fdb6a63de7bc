"""One column of values to its declared type, with the values that do not fit named and never guessed.

Two roads lead here: text from CSV files, and decoded JSON values. What a row is, and what becomes of a row with a bad
value, is decided in `rows`.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.contracts import ColumnType

Typed = tuple[Any, dict[int, str]]
"""An Arrow array of the declared type, NULL where a value was bad, and the reason by position."""

_INTEGER = r"^[+-]?[0-9]{1,40}$"
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
# A time without an offset is refused: which zone it was meant in cannot be known, and a guess is wrong by hours.
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{5,8}(\.[0-9]{1,9})? ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})$"
_TRUE, _FALSE = ["true", "t", "1", "yes"], ["false", "f", "0", "no"]
_INT64 = range(-(2**63), 2**63)


def from_text(values: Any, kind: ColumnType) -> Typed:
    """Convert an Arrow array of bytes (NULL: the cell was empty) to a declared type."""
    text, bad = _decode(values)
    if kind is ColumnType.VARCHAR:
        return text, bad
    typed, worse = _TEXT[kind](_trimmed(text))
    return typed, {**worse, **bad}


def _trimmed(text: Any) -> Any:
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def from_json(values: Sequence[object], kind: ColumnType) -> Typed:
    """Convert decoded JSON values to a declared type: native values, and the texts that Canvas gives in their place."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        # Many columns of many answers are so, and a parser takes its time for nothing, too.
        return pa.nulls(len(values), kind.arrow), {}
    try:
        if kinds <= _NATIVE[kind]:
            array = pa.array(values, kind.arrow if kind not in _AS_TEXT else pa.string())
            if kind in _AS_TEXT:
                return _TEXT[kind](_trimmed(array))
            if kind is not ColumnType.DOUBLE or all(v is None or math.isfinite(v) for v in values):  # type: ignore[arg-type]
                return array, {}
    except (OverflowError, UnicodeEncodeError, pa.ArrowInvalid):
        pass  # a number past its type's bounds or half a surrogate pair: named value by value below
    texts: list[bytes | None] = []
    bad: dict[int, str] = {}
    for position, value in enumerate(values):
        try:
            texts.append(_json_text(value, kind))
        except ValueError as error:
            texts.append(None)
            bad[position] = str(error)
    typed, worse = from_text(pa.array(texts, pa.binary()), kind)
    return typed, {**worse, **bad}


_AS_TEXT = (ColumnType.DATE, ColumnType.TIMESTAMPTZ)
_NATIVE: dict[ColumnType, set[type]] = {
    ColumnType.BIGINT: {int},
    ColumnType.DOUBLE: {int, float},
    ColumnType.BOOLEAN: {bool},
    ColumnType.VARCHAR: {str},
    ColumnType.DATE: {str},
    ColumnType.TIMESTAMPTZ: {str},
}


def _json_text(value: object, kind: ColumnType) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise ValueError("is not valid Unicode") from None
    if isinstance(value, bool):
        if kind in (ColumnType.BOOLEAN, ColumnType.VARCHAR):
            return b"true" if value else b"false"
        raise ValueError(f"is {str(value).lower()}, not {_NAMES[kind]}")
    if isinstance(value, int) and kind not in _AS_TEXT:
        return str(value).encode()
    if isinstance(value, float) and kind not in _AS_TEXT:
        if kind is ColumnType.BIGINT and value.is_integer():
            return str(int(value)).encode()
        return repr(value).encode()
    found = "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "another kind of value"
    raise ValueError(f"is {found}, not {_NAMES[kind]}")


_NAMES = {
    ColumnType.BIGINT: "a whole number",
    ColumnType.DOUBLE: "a number",
    ColumnType.BOOLEAN: "true or false",
    ColumnType.VARCHAR: "text",
    ColumnType.DATE: "a day (YYYY-MM-DD)",
    ColumnType.TIMESTAMPTZ: "a time with its offset",
}


def _decode(values: Any) -> Typed:
    try:
        return values.cast(pa.string()), {}
    except pa.ArrowInvalid:
        texts: list[str | None] = []
        bad: dict[int, str] = {}
        for position, value in enumerate(values.to_pylist()):
            try:
                texts.append(None if value is None else value.decode())
            except UnicodeDecodeError:
                texts.append(None)
                bad[position] = "is not UTF-8"
        return pa.array(texts, pa.string()), bad


def _keep(text: Any, pattern: str, kind: ColumnType) -> Typed:
    """Return the texts that match a pattern, NULL for the others, and what is wrong with those."""
    fits = pc.fill_null(pc.match_substring_regex(text, pattern), True)
    if pc.all(fits).as_py() in (True, None):
        return text, {}
    return pc.if_else(fits, text, pa.scalar(None, pa.string())), _reasons(pc.invert(fits), kind)


def _reasons(mask: Any, kind: ColumnType) -> dict[int, str]:
    # The value itself stays out of the reason: it may be a student's, and the reason is shown and logged.
    return {int(position): f"is not {_NAMES[kind]}" for position in pc.indices_nonzero(mask).to_pylist()}


def _integers(text: Any) -> Typed:
    # Most columns are clean, and casting them whole is faster; only Arrow's liking for 0x1 stands against it.
    if not any(pc.any(pc.match_substring(text, letter)).as_py() for letter in "xX"):
        with contextlib.suppress(pa.ArrowInvalid):
            return text.cast(pa.int64()), {}
    kept, bad = _keep(text, _INTEGER, ColumnType.BIGINT)
    kept = pc.replace_substring_regex(kept, r"^\+", "")
    try:
        return kept.cast(pa.int64()), bad
    except pa.ArrowInvalid:
        numbers = [None if value is None else int(value) for value in kept.to_pylist()]
        for position, number in enumerate(numbers):
            if number is not None and number not in _INT64:
                bad[position] = "is past 64 bits"
                numbers[position] = None
        return pa.array(numbers, pa.int64()), bad


def _decimals(text: Any) -> Typed:
    with contextlib.suppress(pa.ArrowInvalid):
        clean = text.cast(pa.float64())
        if pc.all(pc.is_finite(clean)).as_py() in (True, None):
            return clean, {}
    kept, bad = _keep(text, _DECIMAL, ColumnType.DOUBLE)
    numbers = kept.cast(pa.float64())
    endless = pc.fill_null(pc.invert(pc.is_finite(numbers)), False)
    if pc.any(endless).as_py():
        bad.update(_reasons(endless, ColumnType.DOUBLE))
        numbers = pc.if_else(endless, pa.scalar(None, pa.float64()), numbers)
    return numbers, bad


def _booleans(text: Any) -> Typed:
    lower = pc.utf8_lower(text)
    true, false = pc.is_in(lower, pa.array(_TRUE)), pc.is_in(lower, pa.array(_FALSE))
    wrong = pc.and_(pc.is_valid(text), pc.invert(pc.or_(true, false)))
    known = pc.or_(true, false)
    return pc.if_else(known, true, pa.scalar(None, pa.bool_())), _reasons(wrong, ColumnType.BOOLEAN)


def _days(text: Any) -> Typed:
    return _times(text, _DAY, ColumnType.DATE)


def _moments(text: Any) -> Typed:
    # Ruby's Time#to_s ends in " UTC"; everything else that Canvas writes is ISO 8601.
    return _times(text, _MOMENT, ColumnType.TIMESTAMPTZ, lambda kept: pc.replace_substring_regex(kept, r" ?UTC$", "Z"))


def _times(text: Any, pattern: str, kind: ColumnType, mend: Callable[[Any], Any] = lambda kept: kept) -> Typed:
    kept, bad = _keep(text, pattern, kind)
    series = pd.Series(mend(kept).to_pandas(), dtype="object")
    parsed = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    # An offset can carry a moment out of the years that Python and its databases know.
    parsed = parsed.where(parsed.dt.year.between(1, 9999))
    # A pattern cannot tell the 30th of February from a day; the parser can.
    impossible = pa.array((parsed.isna() & series.notna()).to_numpy())
    bad.update(_reasons(impossible, kind))
    moments = pa.array(parsed.dt.as_unit("us"), pa.timestamp("us", tz="UTC"), from_pandas=True)
    return (moments.cast(pa.timestamp("us")).cast(pa.date32()) if kind is ColumnType.DATE else moments), bad


_TEXT: dict[ColumnType, Callable[[Any], Typed]] = {
    ColumnType.BIGINT: _integers,
    ColumnType.DOUBLE: _decimals,
    ColumnType.BOOLEAN: _booleans,
    ColumnType.DATE: _days,
    ColumnType.TIMESTAMPTZ: _moments,
}


def as_json(value: object) -> str:
    """Return a decoded JSON value as text again, for the quarantine."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return repr(value)

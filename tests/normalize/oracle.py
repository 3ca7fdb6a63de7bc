"""What rows an answer must give, worked out by other means than the product's: plain look-ups, one value at a time.

Shared by the fuzz of answers. `Refused` is the outcome of an answer whose outer shape is none of the endpoint's.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from pipelines.normalize.contracts import ColumnType, Table

Row = dict[str, Any]
"""The raw value of each declared column."""

BAD: Final = object()
"""A value that must send its row to quarantine."""


class Refused(Exception):  # noqa: N818 - an outcome, and no error of the test
    pass


def cell(value: object, kind: ColumnType) -> object:
    if value is None or value is BAD:
        return value
    if isinstance(value, list | dict):
        return BAD
    if kind is ColumnType.VARCHAR:
        return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    return _READERS[kind](value)


def _whole(value: object) -> object:
    if isinstance(value, float) and value == int(value):
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value):
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return value if fits else BAD


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return BAD
    try:
        return float(value)
    except ValueError:
        return BAD


def _flag(value: object) -> object:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower(), BAD)


def _day(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else BAD
    except ValueError:
        return BAD


def _moment(value: object) -> object:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return BAD
    return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else BAD


_READERS: dict[ColumnType, Callable[[object], object]] = {
    ColumnType.BIGINT: _whole,
    ColumnType.DOUBLE: _number,
    ColumnType.BOOLEAN: _flag,
    ColumnType.DATE: _day,
    ColumnType.TIMESTAMPTZ: _moment,
}


def typed(table: Table, row: Row) -> Row:
    return {column.name: cell(row[column.name], column.type) for column in table.columns}


def fits(table: Table, row: Row) -> bool:
    required = [column.name for column in table.columns if not column.nullable]
    return BAD not in row.values() and all(row[name] is not None for name in required)


def objects(answer: object) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or any(not isinstance(each, dict) for each in answer):
        raise Refused
    return answer


def flat(table: Table, answer: object, **implied: object) -> list[Row]:
    return [
        {column.name: implied.get(column.name, record.get(column.source or column.name)) for column in table.columns}
        for record in objects(answer)
    ]


def entries(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    found = [(key, value) for key, value in answer.items() if (key, value) != ("id", None)]
    if found and not any(re.match(r"\d{4}-\d\d-\d\d", key) for key, _ in found):
        raise Refused
    return found


def put_nested(row: Row, nested: object, names: dict[str, str]) -> None:
    """Fill columns from a nested object: column to member. Anything but an object spoils the row."""
    for column, member in names.items():
        row[column] = nested.get(member) if isinstance(nested, dict) else None if nested is None else BAD


def setting(value: object) -> object:
    return value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def joined(value: object) -> object:
    plain = isinstance(value, list) and all(
        each is None or (isinstance(each, str | int) and not isinstance(each, bool)) for each in value
    )
    return ",".join(str(each) if each is not None else "" for each in value) if plain else value  # type: ignore[attr-defined]

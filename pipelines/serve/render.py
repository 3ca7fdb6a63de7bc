"""Answers as text: a table for the terminal, CSV, JSON, Markdown. Where the text goes is the caller's business."""

import csv
import io
import json
import math
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.normalize.contracts import unique_names
from pipelines.serve.layout import as_records, fits, least_widths
from pipelines.serve.query import QueryResult

_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def to_terminal(result: QueryResult, *, width: int | None = None, color: bool = False) -> str:
    """Return a table for reading: numbers to the right, NULL named, a cut-off answer said aloud below it.

    `width` is that of the terminal; without it every cell is shown in full. Where the columns do not fit, each row is
    a record of its own.
    """
    rows = [[_cell(value) for value in row] for row in result.rows()]
    numbers = {place for place, name in enumerate(result.types) if _NUMBER.fullmatch(name)}
    names = [_harmless(name) for name in result.columns]
    texts = [[cell.plain for cell in row] for row in rows]
    least = least_widths(names, texts, numbers)
    if width is not None and not fits(least, width):
        return f"{as_records(names, texts)}\n\n{_count(result)}\n".lstrip("\n")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(names):
        number = place in numbers
        table.add_column(
            Text(name),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=number or width is None,
            min_width=least[place],
        )
    for row in rows:
        table.add_row(*row)
    buffer = io.StringIO()
    console = Console(file=buffer, width=width or 100_000, force_terminal=color, no_color=not color, highlight=False)
    if result.columns:
        console.print(table)
    text = "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))
    return f"{text}\n\n{_count(result)}\n".lstrip("\n")


def to_csv(result: QueryResult) -> str:
    """Return CSV with a header. NULL is an empty field, times are ISO 8601, nested values are JSON."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    for row in result.rows():
        writer.writerow(["" if value is None else plain_text(value) for value in row])
    return buffer.getvalue()


def to_json(result: QueryResult) -> str:
    """Return a JSON array with one object a row. Repeated column names are numbered; NaN and infinity are null."""
    names = unique_names(list(result.columns))
    rows = [dict(zip(names, map(_json_value, row), strict=True)) for row in result.rows()]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def to_markdown(result: QueryResult) -> str:
    """Return a Markdown table, numbers to the right, and a line below it if the answer was cut off."""
    names = [_markdown_cell(name) for name in result.columns]
    rules = ["---:" if _NUMBER.fullmatch(type_name) else "---" for type_name in result.types]
    lines = [names, rules, *([_markdown_cell(value) for value in row] for row in result.rows())]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{text}\n{_count(result)}\n" if result.truncated else text


FORMATS: dict[str, Callable[[QueryResult], str]] = {
    "table": to_terminal,
    "csv": to_csv,
    "json": to_json,
    "markdown": to_markdown,
}
"""What `render` can make, by name."""


def render(result: QueryResult, form: str) -> str:
    """Return the answer in one of FORMATS; KeyError for another name. CSV and JSON hold rows only: data, no talk."""
    return FORMATS[form](result)


def _count(result: QueryResult) -> str:
    rows = f"{len(result):,} row{'' if len(result) == 1 else 's'}"
    return f"First {rows}; there are more. Raise the limit to see them." if result.truncated else rows


def _cell(value: Any) -> Text:
    if value is None:
        return Text("NULL", style="dim")
    return Text(_harmless(plain_text(value)))


def _harmless(text: str) -> str:
    """Spell control characters but the line end out: names are typed by users, and a terminal obeys what it is sent."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _markdown_cell(value: Any) -> str:
    if value is None:
        return ""
    text = plain_text(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return text.replace("\r\n", "<br>").replace("\n", "<br>")


def plain_text(value: Any) -> str:
    """Return a value, not NULL, as text: ISO 8601 for times, JSON for nested values, base64 for bytes."""
    value = _json_value(value, finite=False)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _interval(value: Any) -> str:
    parts = ((value.months, "months"), (value.days, "days"), (value.nanoseconds / 1e9, "seconds"))
    return " ".join(f"{number:g} {unit}" for number, unit in parts if number) or "0 days"


def _json_value(value: Any, *, finite: bool = True) -> Any:
    """Return the value in JSON's own types. Whole decimals stay whole numbers of any size."""
    result: Any = value
    if isinstance(value, float):
        result = None if finite and not math.isfinite(value) else value
    elif isinstance(value, Decimal):
        result = int(value) if value.as_tuple().exponent == 0 else (float(value) if finite else value)
    elif isinstance(value, datetime | date | time):
        result = value.isoformat()
    elif isinstance(value, bytes):
        result = b64encode(value).decode("ascii")
    elif isinstance(value, dict):
        result = {str(key): _json_value(item, finite=finite) for key, item in value.items()}
    elif isinstance(value, pa.MonthDayNano):
        result = _interval(value)
    elif isinstance(value, list | tuple):
        result = [_json_value(item, finite=finite) for item in value]
    elif value is not None and not isinstance(value, str | int):
        result = str(value)
    return result

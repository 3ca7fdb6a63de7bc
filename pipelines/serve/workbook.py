"""An answer as an Excel workbook: a sheet with the data, and one that says what they are. Memory stays small."""

import math
import re
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import xlsxwriter
from xlsxwriter.exceptions import FileSizeError

from pipelines import __version__
from pipelines.serve.answer import Answer, ExportError
from pipelines.serve.formulas import is_text
from pipelines.serve.query import values_of
from pipelines.serve.render import plain_text

MOST_ROWS = 1_048_575
"""Rows of data that a sheet holds below its header."""

MOST_COLUMNS = 16_384

_LONGEST_TEXT = 32_767
"""UTF-16 units that a cell holds."""

_DIGITS = 15
"""Excel keeps so many digits of a number and makes the others zero."""

_FIRST_YEAR = 1900
_UNHEARD_OF = re.compile("[\ufffe\uffff]")
"""Characters that XML, and so a workbook, cannot hold."""

_WIDTHS = {"date": 12, "time": 20, "number": 12, "text": 24}

_Write = Callable[[int, int, Any], None]


def write_workbook(file: BinaryIO, answer: Answer, schema: Any, batches: Iterable[Any]) -> None:
    """Write XLSX. Texts stay texts, never formulas or links; times are Excel's own dates, in UTC.

    Whole numbers of more than 15 digits, and times before 1900 or beyond Excel's calendar, are texts: Excel would
    change them. Raises ExportError for more rows, columns or characters than Excel takes.
    """
    refuse_too_many(len(answer.columns), answer.rows)
    with tempfile.TemporaryDirectory(prefix="canvaslake-export-") as scratch:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": scratch})
        try:
            rows = _Sheet(book, answer, schema).write(batches)
            _write_about(book, answer, rows)
            if answer.published_at is not None:
                book.set_properties({"created": answer.published_at.replace(tzinfo=None)})
            book.close()
        except FileSizeError:
            raise ExportError(
                "The answer is too large for a workbook.",
                "Unpacked it would be more than 4 GB.",
                "Write Parquet or CSV, or ask for fewer rows or columns.",
            ) from None
        finally:
            # Of a workbook that was given up the parts are still open; they go with the folder.
            book.fileclosed = True
            for sheet in book.worksheets():
                sheet.row_data_fh.close()


def refuse_too_many(columns: int, rows: int | None) -> None:
    """Raise ExportError for more columns or rows than a sheet of Excel holds."""
    if columns > MOST_COLUMNS:
        raise ExportError(
            f"The answer has {columns:,} columns.",
            f"A sheet of Excel holds {MOST_COLUMNS:,}.",
            "Name the columns that you need, or write Parquet or CSV.",
        )
    if rows is not None and rows > MOST_ROWS:
        raise ExportError(
            f"The answer has {rows:,} rows.",
            f"A sheet of Excel holds {MOST_ROWS:,} below its header.",
            "Write Parquet or CSV, or ask for fewer rows: group them, or choose a term.",
        )


class _Sheet:
    """The sheet with the data, written row by row."""

    def __init__(self, book: Any, answer: Answer, schema: Any) -> None:
        self._answer = answer
        self._sheet = book.add_worksheet("Data")
        self._head = book.add_format({"bold": True})
        self._whole = book.add_format({"num_format": "0"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._columns = [self._column(field.type) for field in schema]

    def write(self, batches: Iterable[Any]) -> int:
        """Write header and rows; return how many rows there are."""
        sheet, columns = self._sheet, self._answer.columns
        for place, (column, (kind, _)) in enumerate(zip(columns, self._columns, strict=True)):
            sheet.set_column(place, place, max(_WIDTHS[kind], min(len(column.name) + 4, 40)))
            self._text(0, place, column.name, self._head)
        sheet.freeze_panes(1, 0)
        count = 0
        for batch in batches:
            refuse_too_many(len(columns), count + batch.num_rows)
            for row in zip(*(values_of(column) for column in batch.columns), strict=True):
                count += 1
                for place, value in enumerate(row):
                    if value is not None:
                        self._columns[place][1](count, place, value)
        sheet.autofilter(0, 0, count, len(columns) - 1)
        return count

    def _column(self, kind: Any) -> tuple[str, _Write]:
        """Return the kind of an Arrow column, for its width, and what writes a value of it."""
        chosen: tuple[str, _Write] = ("text", self._other)
        if pa.types.is_boolean(kind):
            chosen = ("number", self._sheet.write_boolean)
        elif pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
            chosen = ("number", self._number)
        elif pa.types.is_date(kind):
            chosen = ("date", self._date)
        elif pa.types.is_timestamp(kind):
            chosen = ("time", self._time)
        elif is_text(kind):
            chosen = ("text", self._text)
        return chosen

    def _number(self, row: int, place: int, value: float | Decimal) -> None:
        if isinstance(value, Decimal):
            exact = value.is_finite() and len(value.normalize().as_tuple().digits) <= _DIGITS
        else:
            exact = math.isfinite(value) and not (isinstance(value, int) and abs(value) >= 10**_DIGITS)
        if exact:
            self._sheet.write_number(row, place, value, self._whole if isinstance(value, int) else None)
        else:
            self._other(row, place, value)

    def _date(self, row: int, place: int, value: date | str) -> None:
        if isinstance(value, str) or value.year < _FIRST_YEAR:
            self._other(row, place, value)
        else:
            self._sheet.write_datetime(row, place, datetime(value.year, value.month, value.day), self._day)  # noqa: DTZ001

    def _time(self, row: int, place: int, value: datetime | str) -> None:
        if isinstance(value, str) or value.year < _FIRST_YEAR:
            self._other(row, place, value)
        else:
            moment = value.astimezone(UTC) if value.tzinfo else value
            self._sheet.write_datetime(row, place, moment.replace(tzinfo=None), self._moment)

    def _other(self, row: int, place: int, value: Any) -> None:
        self._text(row, place, plain_text(value))

    def _text(self, row: int, place: int, text: str, form: Any = None) -> None:
        text = _UNHEARD_OF.sub("\ufffd", text)
        if len(text) * 2 > _LONGEST_TEXT and len(text.encode("utf-16-le")) // 2 > _LONGEST_TEXT:
            raise ExportError(
                f"{self._answer.columns[place].name} has a text of {len(text):,} characters in row {row:,}.",
                f"A cell of Excel holds {_LONGEST_TEXT:,}.",
                "Write Parquet or CSV, or shorten it: left(column, 32000).",
            )
        self._sheet.write_string(row, place, text, form)


def _write_about(book: Any, answer: Answer, rows: int) -> None:
    sheet = book.add_worksheet("About")
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    for place, width in enumerate((28, 26, 14, 12, 90)):
        sheet.set_column(place, place, width)
    facts: list[tuple[str, str | int]] = [("Source", answer.source[:_LONGEST_TEXT]), ("Rows", rows)]
    if answer.generation is not None and answer.published_at is not None:
        facts.append(("Generation", answer.generation))
        facts.append(("Published", f"{answer.published_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"))
    facts.append(("Made by", f"canvaslake {__version__}"))
    facts.append(("Times", "UTC"))
    facts.append(("Privacy", answer.privacy_note or "No column is known to hold names or records of persons."))
    facts.extend(("Held back", f"{table} {why}"[:_LONGEST_TEXT]) for table, why in answer.held_back.items())
    for row, (name, fact) in enumerate(facts):
        sheet.write_string(row, 0, name, bold)
        if isinstance(fact, int):
            sheet.write_number(row, 1, fact)
        else:
            sheet.write_string(row, 1, fact)
    head = len(facts) + 1
    for place, name in enumerate(("Column", "Type", "Unit", "Privacy", "Description")):
        sheet.write_string(head, place, name, bold)
    for row, column in enumerate(answer.columns, start=head + 1):
        said = (column.name, column.type, column.unit, column.privacy, column.description)
        for place, text in enumerate(said):
            sheet.write_string(row, place, text[:_LONGEST_TEXT], wrapped)

"""A CSV file as blocks of records, read by Arrow: cells as bytes, and the records of another width beside them.

Arrow splits and unquotes; what the cells mean is the business of who reads the blocks.
"""

import io
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from pipelines.normalize.csv_header import Header
from pipelines.normalize.csv_records import records
from pipelines.normalize.quarantine import RowsUnaccountedError, SetAside, shortened
from pipelines.normalize.rows import QuarantinedRow
from pipelines.normalize.unreadable import UnreadableFileError

_BLOCK_BYTES = 4 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_FIRST_OF_SEVERAL = 0xC0
"""The lowest byte that begins a character of several bytes in UTF-8."""


@dataclass(frozen=True)
class Block:
    """Records that follow each other: the cells of those as wide as the header, by column, and the others.

    `first` is the number of the first record; the header is record 1.
    """

    cells: Any
    first: int
    ragged: tuple[QuarantinedRow, ...]

    @property
    def records(self) -> int:
        """How many records the block has."""
        return int(self.cells.num_rows) + len(self.ragged)

    def column(self, place: int) -> Any:
        """Return the cells of a column as Arrow binary, NULL where a cell is empty."""
        return self.cells.column(place)

    def quarantined(self, bad: Mapping[int, str], separator: str, aside: SetAside) -> tuple[QuarantinedRow, ...]:
        """Return the records of another width and those at `bad` positions (with the reason), in the file's order."""
        aside.refuse_if_full(len(bad))
        rows = [
            aside.count(QuarantinedRow(self._number(position), reason, shortened(self._raw(position, separator))))
            for position, reason in sorted(bad.items())
        ]
        aside.refuse_if_full()
        return tuple(sorted([*rows, *self.ragged], key=lambda row: row.line_number or 0))

    def _number(self, position: int) -> int:
        return self.first + position + bisect_right(self._good_before_ragged, position)

    @cached_property
    def _good_before_ragged(self) -> list[int]:
        """For each record of another width, how many of the header's width stand before it in the block."""
        return [(row.line_number or 0) - self.first - place for place, row in enumerate(self.ragged)]

    def _raw(self, position: int, separator: str) -> str:
        return raw_text([column[position].as_py() for column in self.cells.columns], separator)


def raw_text(cells: list[bytes | None], separator: str) -> str:
    """Return cells as a line of CSV that reads back as these cells; bytes that are no UTF-8 are escaped."""
    return separator.join(_raw_cell(cell, separator) for cell in cells)


def _raw_cell(cell: bytes | None, separator: str) -> str:
    if cell is None:
        return ""
    text = cell.decode("utf-8", errors="backslashreplace")
    if text and not any(mark in text for mark in (separator, '"', "\r", "\n")):
        return text
    return '"' + text.replace('"', '""') + '"'


def blocks(path: Path, header: Header, aside: SetAside) -> Iterator[Block]:
    """Yield the records behind a header.

    Raises UnreadableFileError if the file cannot be split into records, and HopelessFileError if too many of them are
    not as wide as the header.
    """
    if header.end >= path.stat().st_size:
        return
    ragged: list[QuarantinedRow] = []
    found = given = 0
    last_cell = last_ragged = b""
    source = _Source(path, header.end)

    def set_aside(row: Any) -> str:
        nonlocal found, last_ragged
        found += 1
        last_ragged = source.as_given(str(row.text).encode())
        # Arrow numbers the records behind the header from 1.
        reason = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
        raw = last_ragged.decode("utf-8", errors="backslashreplace")
        ragged.append(aside.count(QuarantinedRow(row.number + 1, reason, shortened(raw))))
        return "error" if aside.is_full else "skip"

    next_record = 2
    with source:
        for cells in _batches(source, header, set_aside, aside):
            here = _taken_with(ragged, next_record, cells.num_rows)
            given += len(here)
            yield Block(cells, next_record, here)
            next_record += cells.num_rows + len(here)
            if cells.num_rows and not ragged:
                last_cell = cells.column(cells.num_columns - 1)[cells.num_rows - 1].as_py() or b""
                last_ragged = b"" if not here or (here[-1].line_number or 0) < next_record - 1 else last_ragged
    if ragged:
        given += len(ragged)
        yield Block(_no_cells(header), next_record, tuple(ragged))
    if given != found:
        raise RowsUnaccountedError(f"{found} records were found not as wide as the header, and {given} were set aside")
    if _is_open(last_ragged, header.separator) if last_ragged else _ends_open(path, last_cell, header.separator):
        raise UnreadableFileError("a quote is never closed, so the rows after it cannot be told apart")


class _Source:
    """The bytes of a file behind its header, as Arrow reads them right.

    - A read never ends in a carriage return: Arrow would drop the line feed that begins the next one, in quotes too.
    - Where the bytes begin with a byte order mark, one more stands before it: Arrow takes the first for its own.
    - A file that is not UTF-8 is read as if each byte were a character: Arrow gives up at a record of another width
      whose bytes are no text. `as_given` takes that back.
    """

    def __init__(self, path: Path, start: int) -> None:
        self._file = path.open("rb")
        self._bytewise = not _is_utf8(self._file)
        self._file.seek(start)
        first = self._file.read(len(_UTF8_MARK))
        self._file.seek(start)
        self._before = _UTF8_MARK if first == _UTF8_MARK and not self._bytewise else b""
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readable(self) -> bool:
        return True

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most so many; none at the end."""
        before, self._before = self._before, b""
        chunk = self._file.read(max(size // 2 if self._bytewise else size - len(before), 1))
        returns = len(chunk) - len(chunk.rstrip(b"\r"))
        if 0 < returns < len(chunk) and self._file.peek(1):
            self._file.seek(-returns, os.SEEK_CUR)
            chunk = chunk[:-returns]
        return before + (chunk.decode("latin-1").encode() if self._bytewise else chunk)

    def close(self) -> None:
        self.closed = True
        self._file.close()

    def as_given(self, read: bytes) -> bytes:
        """Return what the file has where Arrow has read this."""
        return read.decode().encode("latin-1") if self._bytewise else read

    def cells_as_given(self, cells: Any) -> Any:
        """Return a record batch of cells as the file has them."""
        if not self._bytewise:
            return cells
        columns = [
            column
            if pc.all(pc.string_is_ascii(column.cast(pa.string()))).as_py() in (True, None)
            else pa.array([None if cell is None else self.as_given(cell) for cell in column.to_pylist()], pa.binary())
            for column in cells.columns
        ]
        return pa.RecordBatch.from_arrays(columns, names=cells.schema.names)


def _is_utf8(file: BinaryIO) -> bool:
    left = b""
    while chunk := file.read(_BLOCK_BYTES):
        text = left + chunk
        # A character that begins in the last three bytes may go on behind them.
        end = next((at for at in range(max(len(text) - 3, 0), len(text)) if text[at] >= _FIRST_OF_SEVERAL), len(text))
        if not _is_text(text[:end]):
            return False
        left = text[end:]
    return _is_text(left)


def _is_text(data: bytes) -> bool:
    # Arrow is faster here than Python's decoder, and as strict.
    try:
        pa.array([data], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _batches(source: _Source, header: Header, set_aside: Callable[[Any], str], aside: SetAside) -> Iterator[Any]:
    try:
        for cells in _open(pa.PythonFile(source, "r"), header, set_aside):
            yield source.cells_as_given(cells)
    except pa.ArrowInvalid as error:
        aside.refuse_if_full()
        raise UnreadableFileError(_explained(error)) from None


def _open(file: Any, header: Header, set_aside: Callable[[Any], str]) -> Any:
    return pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=list(header.names)),
        parse_options=pacsv.ParseOptions(
            delimiter=header.separator,
            newlines_in_values=True,
            invalid_row_handler=set_aside,
            # In a file of one column an empty line is a row whose cell is empty.
            ignore_empty_lines=len(header.names) > 1,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.binary() for name in header.names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            check_utf8=False,
        ),
    )


def _explained(error: Exception) -> str:
    # Arrow quotes the row after the first line break or colon; rows hold names, and messages are logged.
    said = str(error).split("\n", 1)[0].split(":", 2)[0][:200]
    if "straddling" in said:
        return f"a row is longer than {_BLOCK_BYTES} bytes, or a quote is never closed"
    return f"the file cannot be read as CSV ({said})"


def _taken_with(ragged: list[QuarantinedRow], next_record: int, count: int) -> tuple[QuarantinedRow, ...]:
    """Take from `ragged` those that lie among `count` good ones; Arrow reads ahead, so later ones may be there."""
    end, taken = next_record + count, 0
    while taken < len(ragged) and (ragged[taken].line_number or 0) < end:
        taken, end = taken + 1, end + 1
    here = tuple(ragged[:taken])
    del ragged[:taken]
    return here


def _is_open(record: bytes, separator: str) -> bool:
    """Return whether a record ends within quotes: it has swallowed the rows after it."""
    try:
        all(records(io.BytesIO(record), separator))
    except UnreadableFileError:
        return True
    return False


def _ends_open(path: Path, last: bytes, separator: str) -> bool:
    """Return whether a file ends within quotes, by the last cell of its last record."""
    if last and not last.strip(b"\r\n"):
        # Line breaks in quotes and before the end look like an open quote, which would have taken no row.
        return False
    # A cell whose quote is open goes on to the very end.
    opened = b'"' + last.replace(b'"', b'""')
    size = path.stat().st_size
    if len(opened) >= size:
        return False
    with path.open("rb") as file:
        file.seek(-len(opened) - 1, os.SEEK_END)
        end = file.read()
    return end[1:] == opened and end[:1] in (separator.encode(), b"\r", b"\n")


def _no_cells(header: Header) -> Any:
    return pa.RecordBatch.from_arrays([pa.array([], pa.binary())] * len(header.names), names=list(header.names))

"""A report's CSV file to typed batches of its table, in memory that does not grow with the file.

Every cell is read as bytes and typed by the contract; nothing is inferred, and only an empty unquoted cell is NULL.
Which file a report has, and how it got here, is the business of `extract`.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from pipelines.normalize.contracts import Column, ColumnType, Privacy, Table, snake_case, unique_names
from pipelines.normalize.rows import Batch, QuarantinedRow, bad_rows, frame_of
from pipelines.normalize.values import from_text

_BLOCK_BYTES = 4 << 20
_HEADER_BYTES = 1 << 20


class UnreadableFileError(Exception):
    """A file that is not what its report promises: nothing of it can be loaded, and yesterday's rows stay."""


@dataclass(frozen=True)
class Header:
    """The first record of a file: its cells as they stand, and the column names they become, in step."""

    cells: tuple[str, ...]
    names: tuple[str, ...]
    lines: int
    separator: str

    def unknown(self, table: Table) -> list[str]:
        """Return the column names that the table does not declare."""
        declared = {column.name for column in table.columns}
        return [name for name in self.names if name not in declared]

    def absent(self, table: Table) -> list[Column]:
        """Return the declared columns that the file does not have."""
        return [column for column in table.columns if column.name not in self.names]


def read_header(path: Path) -> Header:
    """Read the header of a CSV file: tolerates a byte order mark, and a semicolon where no comma is.

    Raises UnreadableFileError for an empty file, and for one that is not text.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    skip = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    text = start[skip:].decode("utf-8", errors="replace")
    first_line = text.split("\n", 1)[0]
    if not first_line.strip():
        raise UnreadableFileError("the file has no header")
    if "\0" in first_line or first_line.lstrip().lower().startswith(("<!doctype", "<html")):
        raise UnreadableFileError("the file is not CSV text")
    separator = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        raise UnreadableFileError(f"the header cannot be read as CSV ({error})") from error
    names = unique_names([snake_case(cell) for cell in cells])
    return Header(tuple(cells), tuple(names), reader.line_num, separator)


def read_batches(path: Path, header: Header, table: Table) -> Iterator[Batch]:
    """Yield a file's rows as batches of a table: declared columns first, then the file's other columns as text.

    Rows with too few or too many cells, and rows with a value that does not fit, are set aside with their row number
    (the header is row 1).

    Raises UnreadableFileError if a column that every row needs is not in the file.
    """
    needed = [column.name for column in header.absent(table) if not column.nullable]
    if needed:
        raise UnreadableFileError(
            f"the file lacks {', '.join(needed)}, which every row of {table.qualified} needs; of its "
            f"{len(header.names)} columns, {len(header.names) - len(header.unknown(table))} are known"
        )
    if _ends_with_header(path, header):
        return
    ragged: list[QuarantinedRow] = []
    last = b""

    def set_aside(row: Any) -> str:
        ragged.append(_ragged(row, header))
        return "skip"

    next_row = 2
    for cells in _record_batches(path, header, set_aside):
        here = _taken_with(ragged, next_row, cells.num_rows)
        yield _batch(table, header, cells, next_row, here)
        next_row += cells.num_rows + len(here)
        if cells.num_rows:
            last = cells.column(cells.num_columns - 1)[cells.num_rows - 1].as_py() or b""
    if ragged:
        last = ragged[-1].raw.encode()
        yield _batch(table, header, _no_rows(header), next_row, ragged)
    _refuse_open_quote(path, last)


def _record_batches(path: Path, header: Header, set_aside: Callable[[Any], str]) -> Iterator[Any]:
    try:
        yield from _open(path, header, set_aside)
    except pa.ArrowInvalid as error:
        raise UnreadableFileError(f"the file cannot be read as CSV ({_first_line(error)})") from None


def _open(path: Path, header: Header, set_aside: Callable[[Any], str]) -> Any:
    return pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, column_names=list(header.names), skip_rows=header.lines
        ),
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


def _taken_with(ragged: list[QuarantinedRow], next_row: int, count: int) -> list[QuarantinedRow]:
    """Take from `ragged` the rows that lie among `count` good ones; Arrow reads ahead, so later ones may be there."""
    end, here = next_row + count, []
    while ragged and (ragged[0].line_number or 0) < end:
        here.append(ragged.pop(0))
        end += 1
    return here


def _ends_with_header(path: Path, header: Header) -> bool:
    if path.stat().st_size > _HEADER_BYTES:
        return False
    return path.read_bytes().count(b"\n") < header.lines


def _refuse_open_quote(path: Path, last: bytes) -> None:
    """Refuse a file whose last cell begins with a quote that nothing closes: it has swallowed the rows after it."""
    if b"\n" not in last and b"\r" not in last:
        return
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 4, 0))
        if not file.read().rstrip(b"\r\n").endswith(b'"'):
            raise UnreadableFileError("a quote is never closed, so the rows after it cannot be told apart")


def _first_line(error: Exception) -> str:
    # Arrow quotes the row after the first line break; rows hold names, and messages are logged.
    return str(error).split("\n", 1)[0].split(":", 2)[0][:200]


def _batch(table: Table, header: Header, cells: Any, first_row: int, ragged: list[QuarantinedRow]) -> Batch:
    typed = {}
    for column in table.columns:
        if column.name in header.names:
            typed[column.name] = from_text(cells.column(header.names.index(column.name)), column.type)
        else:
            typed[column.name] = pa.nulls(cells.num_rows, column.type.arrow), {}
    extra = undeclared_columns(header, table)
    for column in extra:
        typed[column.name] = from_text(cells.column(header.names.index(column.name)), ColumnType.VARCHAR)
    bad = bad_rows(table, typed)
    for column in extra:
        for position, reason in typed[column.name][1].items():
            bad.setdefault(position, f"{column.name} {reason}")
    rows = [
        QuarantinedRow(_row_number(position, first_row, ragged), reason, _raw(cells, position, header.separator))
        for position, reason in sorted(bad.items())
    ]
    frame = frame_of({name: array for name, (array, _) in typed.items()}, bad)
    return Batch(frame, tuple(sorted([*rows, *ragged], key=lambda row: row.line_number or 0)))


def undeclared_columns(header: Header, table: Table) -> list[Column]:
    """Return the file's columns that the table does not declare: kept as text, and treated as identity."""
    return [
        Column(name, ColumnType.VARCHAR, "Not declared; kept as text.", privacy=Privacy.IDENTITY)
        for name in header.unknown(table)
    ]


def _row_number(position: int, first_row: int, ragged: list[QuarantinedRow]) -> int:
    number = first_row + position
    for row in ragged:
        if row.line_number is not None and row.line_number <= number:
            number += 1
    return number


def _ragged(row: Any, header: Header) -> QuarantinedRow:
    # Arrow counts the lines of the header; rows are counted here, and the header is one.
    number = row.number - header.lines + 1
    return QuarantinedRow(
        number, f"has {row.actual_columns} cells where the header has {row.expected_columns}", str(row.text)
    )


def _raw(cells: Any, position: int, separator: str) -> str:
    texts = [value.as_py() for value in (column[position] for column in cells.columns)]
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="").writerow(
        "" if text is None else text.decode("utf-8", errors="backslashreplace") for text in texts
    )
    return out.getvalue()


def _no_rows(header: Header) -> Any:
    return pa.RecordBatch.from_pydict({name: pa.array([], pa.binary()) for name in header.names})

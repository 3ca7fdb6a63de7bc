"""A report's CSV file to typed batches of its table, in memory that does not grow with the file.

Every cell is read as bytes and typed by the contract; nothing is inferred, and only an empty unquoted cell is NULL.
Here a record is a row; the forms in which it is not have modules of their own. Which table a file is of is decided in
`report_files`, and how the file got here is the business of `extract`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.contracts import Column, ColumnType, Privacy, Table
from pipelines.normalize.csv_blocks import Block, blocks
from pipelines.normalize.csv_header import Header, read_header
from pipelines.normalize.csv_records import records
from pipelines.normalize.quarantine import SetAside, accounted
from pipelines.normalize.rows import Batch, bad_rows, frame_of
from pipelines.normalize.unreadable import HopelessFileError, UnreadableFileError
from pipelines.normalize.values import Typed, from_text


def read_batches(path: Path, header: Header, table: Table) -> Iterator[Batch]:
    """Yield a file's rows as batches of a table: declared columns first, then the file's other columns as text.

    Rows with too few or too many cells, and rows with a value that does not fit, are set aside with their row number
    (the header is row 1).

    Raises UnreadableFileError if a column that every row needs is not in the file, or if the file cannot be read as
    CSV; HopelessFileError if too many rows do not fit.
    """
    header.require(table)
    if table.lone_cell_is_empty and _has_lone_cell(path, header):
        nothing = {column.name: pa.nulls(0, column.type.arrow) for column in table.columns}
        yield Batch(frame_of(nothing, {}), records=1)
        return
    extra = undeclared_columns(header, table)
    aside = SetAside(table)
    for block in blocks(path, header, aside):
        yield _batch(table, header, extra, block, aside)


def _batch(table: Table, header: Header, extra: list[Column], block: Block, aside: SetAside) -> Batch:
    typed: dict[str, Typed] = {}
    columns = (*table.columns, *extra)
    for column in columns:
        place = header.places.get(column.name)
        typed[column.name] = absent(column, block) if place is None else typed_cells(block.column(place), column)
        aside.refuse_if_full(len(typed[column.name][1]))
    bad = bad_rows(columns, typed)
    quarantined = block.quarantined(bad, header.separator, aside)
    frame = frame_of({name: array for name, (array, _) in typed.items()}, bad)
    return accounted(table, Batch(frame, quarantined, block.records), block.records - len(quarantined))


def typed_cells(cells: Any, column: Column) -> Typed:
    """Return an Arrow array of cells (bytes) in a column's type."""
    if column.nulls:
        nothing = pc.is_in(cells, pa.array([text.encode() for text in column.nulls], pa.binary()))
        cells = pc.if_else(nothing, pa.scalar(None, pa.binary()), cells)
    return from_text(cells, column.type)


def absent(column: Column, block: Block) -> Typed:
    """Return a column that the file does not have: NULL in each row."""
    return pa.nulls(block.cells.num_rows, column.type.arrow), {}


def undeclared_columns(header: Header, table: Table) -> list[Column]:
    """Return the file's columns that the table does not declare: kept as text, and treated as identity."""
    return [undeclared_column(name) for name in header.unknown(table)]


def undeclared_column(name: str) -> Column:
    """Return the contract of a column that nobody declared."""
    return Column(name, ColumnType.VARCHAR, "Not declared; kept as text.", privacy=Privacy.IDENTITY)


def _has_lone_cell(path: Path, header: Header) -> bool:
    """Return whether the file has one record behind its header, and that one filled cell where more are due."""
    filled = 0
    with path.open("rb") as file:
        for cells, _ in records(file, header.separator, start=header.end):
            here = sum(cell is not None for cell in cells)
            if filled or here > 1:
                return False
            filled = here
    return filled == 1 and len(header.cells) > 1


__all__ = [
    "Header",
    "HopelessFileError",
    "UnreadableFileError",
    "absent",
    "read_batches",
    "read_header",
    "typed_cells",
    "undeclared_column",
    "undeclared_columns",
]

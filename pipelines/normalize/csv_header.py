"""The header of a CSV file: what it says, where it ends, and how it differs from a table's contract."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from pipelines.normalize.contracts import Column, Table, snake_case, unique_names
from pipelines.normalize.csv_records import Cells, records
from pipelines.normalize.unreadable import UnreadableFileError

_HEADER_BYTES = 1 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_NAME = 4096
_ROWS_LOOKED_AT = 1000


@dataclass(frozen=True)
class Header:
    """The first record of a file: its cells as they stand, and the column names they become, in step.

    `end` is the byte at which the record ends.
    """

    cells: tuple[str, ...]
    names: tuple[str, ...]
    end: int
    separator: str

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each column name, from 0."""
        return {name: place for place, name in enumerate(self.names)}

    def unknown(self, table: Table) -> list[str]:
        """Return the column names that the table does not declare."""
        declared = {column.name for column in table.columns}
        return [name for name in self.names if name not in declared]

    def absent(self, table: Table) -> list[Column]:
        """Return the declared columns that the file does not have."""
        return [column for column in table.columns if column.name not in self.places]

    def require(self, table: Table) -> None:
        """Raise UnreadableFileError if a column that every row of the table needs is not in the file."""
        needed = [column for column in self.absent(table) if not column.nullable]
        if needed:
            near = self._near([column.name for column in needed], table)
            raise UnreadableFileError(
                f"the file lacks {', '.join(column.name for column in needed)}, which every row of {table.qualified} "
                f"needs; of its {len(self.names)} columns, {len(self.names) - len(self.unknown(table))} are known"
                + (f", and {', '.join(near)} may be what is missing under another name" if near else "")
            )

    def without(self, places: set[int]) -> "Header":
        """Return the header of a file whose rows leave some of its columns out."""
        kept = [place for place in range(len(self.cells)) if place not in places]
        return replace(
            self, cells=tuple(self.cells[place] for place in kept), names=tuple(self.names[place] for place in kept)
        )

    def _near(self, needed: list[str], table: Table) -> list[str]:
        unknown = self.unknown(table)
        return sorted({near for name in needed for near in difflib.get_close_matches(name, unknown, n=3, cutoff=0.7)})


def read_header(path: Path, separator: str | None = None) -> Header:
    """Read the header of a CSV file: tolerates a byte order mark, and semicolons between cells instead of commas.

    `separator` is what stands between cells, where that is certain; else it is the one that makes more cells. Raises
    UnreadableFileError for an empty file, and for one that is not text in UTF-8.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
        if start.startswith(_UTF16_MARKS):
            raise UnreadableFileError("the file is in UTF-16, and reports are in UTF-8; save it as UTF-8 to load it")
        skip = len(_UTF8_MARK) if start.startswith(_UTF8_MARK) else 0
        first_line = start[skip:].splitlines()[0] if start[skip:] else b""
        if not first_line.strip():
            raise UnreadableFileError("the file has no header")
        if b"\0" in first_line or first_line.lstrip().lower().startswith((b"<!doctype", b"<html")):
            raise UnreadableFileError("the file is not CSV text")
        raw, end, separator = _first_record(file, skip, (separator,) if separator else (",", ";"))
    cells = [(cell or b"").decode("utf-8", errors="replace") for cell in raw]
    longest = max(map(len, cells))
    if longest > _LONGEST_NAME:
        raise UnreadableFileError(f"the first row has a cell of {longest} characters, so it is no header")
    names = unique_names([snake_case(cell) for cell in cells])
    return Header(tuple(cells), tuple(names), end, separator)


def _first_record(file: BinaryIO, start: int, separators: Sequence[str]) -> tuple[Cells, int, str]:
    """Return the first record, where it ends, and which of the separators makes most cells of it."""
    found: list[tuple[Cells, int, str]] = []
    refused: UnreadableFileError | None = None
    for separator in separators:
        try:
            found.append((*next(records(file, separator, start=start, longest=_HEADER_BYTES)), separator))
        except UnreadableFileError as error:
            refused = refused or error
    best = max(found, key=lambda one: len(one[0]), default=None)
    # With the wrong separator a quote may seem to be open, and an open quote may seem to be none, in a single cell.
    if best is None or (refused is not None and len(best[0]) == 1):
        raise refused or UnreadableFileError("the file has no header")
    return best


def without_unwritten_cells(path: Path, header: Header) -> Header:
    """Return the header that the rows of a SIS file of enrollments have.

    With temporary enrollments Canvas names the person stood in for in three columns (SIS id, Canvas id, SIS id again)
    and writes one cell, the SIS id. A file whose rows are as long as its header is left as it is.
    """
    name = "temporary_enrollment_source_user_id"
    unwritten = {header.places.get(f"canvas_{name}"), header.places.get(f"{name}_2")}
    if name not in header.places or None in unwritten:
        return header
    whole = short = 0
    with path.open("rb") as file:
        for number, (cells, _) in enumerate(records(file, header.separator, start=header.end)):
            whole += len(cells) == len(header.cells)
            short += len(cells) == len(header.cells) - len(unwritten)
            if number == _ROWS_LOOKED_AT:
                break
    return header.without({place for place in unwritten if place is not None}) if short > whole else header

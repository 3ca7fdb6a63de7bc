"""The export of outcomes: rows whose ratings run past the header, two cells each, into a table of their own.

The file is read once for each of the two tables. A record that does not fit is set aside with the outcomes, and its
ratings are left out with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.normalize.contracts import Column, ColumnType, Table
from pipelines.normalize.csv_blocks import raw_text
from pipelines.normalize.csv_files import typed_cells, undeclared_columns
from pipelines.normalize.csv_header import Header
from pipelines.normalize.csv_records import Cells, records
from pipelines.normalize.localized_numbers import decimal_mark, from_localized
from pipelines.normalize.quarantine import SetAside, accounted, shortened
from pipelines.normalize.rows import Batch, QuarantinedRow, bad_rows, frame_of
from pipelines.normalize.unreadable import UnreadableFileError
from pipelines.normalize.values import Typed, from_text

_RATINGS = "ratings"
_POSITION = "position"
_RECORDS_AT_ONCE = 5_000
_BYTES_AT_ONCE = 8 << 20


@dataclass(frozen=True)
class Record:
    """A record of the file: its number (the header is 1), its cells before the ratings, and the cells from there on.

    It is too wide if it has cells from there on in a file without ratings.
    """

    number: int
    cells: Cells
    ratings: Cells
    is_too_wide: bool


@dataclass(frozen=True)
class OutcomeTables:
    """The two tables that one file feeds, and the mark before the decimals of its numbers, if the file shows it."""

    outcomes: Table
    ratings: Table
    decimals: str | None


def outcome_tables(path: Path, header: Header, outcomes: Table, ratings: Table) -> OutcomeTables:
    """Return the two tables and how numbers are written in a file of them.

    Raises UnreadableFileError if a column that every row needs is not in the file, if columns follow `ratings`, so
    that nobody can tell where the ratings end, or if the file cannot be read as CSV.
    """
    width = _width(header)
    before = header.without(set(range(width, len(header.cells))))
    before.require(outcomes)
    if width < len(header.cells) - 1:
        raise UnreadableFileError(
            f"{len(header.cells) - 1 - width} columns stand behind the column ratings, which has no end of its own"
        )
    localized = [header.places[c.name] for c in outcomes.columns if c.localized and c.name in before.places]
    return OutcomeTables(outcomes, ratings, decimal_mark(_numbers(path, header, localized)))


def outcome_batches(path: Path, header: Header, tables: OutcomeTables, table: Table) -> Iterator[Batch]:
    """Yield the rows of one of the two tables. Only the outcomes bring the records that do not fit.

    Raises UnreadableFileError if the file cannot be read as CSV, and HopelessFileError if too many records do not fit.
    """
    aside = SetAside(tables.outcomes)
    before = header.without(set(range(_width(header), len(header.cells))))
    for group in _groups(_records(path, header)):
        yield _batch(before, group, tables, aside, wants_ratings=table is tables.ratings)


def _width(header: Header) -> int:
    return header.places.get(_RATINGS, len(header.cells))


def _records(path: Path, header: Header) -> Iterator[Record]:
    width = _width(header)
    with path.open("rb") as file:
        number = 1
        for cells, _ in records(file, header.separator, start=header.end):
            if cells != [None]:
                number += 1
                yield Record(number, cells[:width], cells[width:], len(cells) > width == len(header.cells))


def _groups(found: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield records in groups that end at a number of records or of bytes: a description may be a whole page."""
    group: list[Record] = []
    size = 0
    for record in found:
        group.append(record)
        size += sum(len(cell) for cell in (*record.cells, *record.ratings) if cell)
        if len(group) == _RECORDS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _numbers(path: Path, header: Header, places: Sequence[int]) -> Iterator[str]:
    for record in _records(path, header):
        cells = [record.cells[place] for place in places if place < len(record.cells)]
        if _RATINGS in header.places:
            cells += record.ratings[::2]
        yield from (cell.decode("utf-8", errors="replace") for cell in cells if cell)


def _batch(
    header: Header, group: Sequence[Record], tables: OutcomeTables, aside: SetAside, *, wants_ratings: bool
) -> Batch:
    whole = [record for record in group if len(record.cells) == len(header.cells) and not record.is_too_wide]
    columns = (*tables.outcomes.columns, *undeclared_columns(header, tables.outcomes))
    typed = {column.name: _typed(column, header, whole, tables.decimals) for column in columns}
    ratings = _ratings(whole, tables.decimals)
    bad = bad_rows(columns, typed)
    for position, reason in ratings.bad.items():
        bad[position] = f"{bad[position]}; {reason}" if position in bad else reason
    if wants_ratings:
        arrays = {column.name: ratings.array(column, typed) for column in tables.ratings.columns}
        left_out = {place: "" for place, owner in enumerate(ratings.owners) if owner in bad}
        batch = Batch(frame_of(arrays, left_out), records=len(group))
        return accounted(tables.ratings, batch, sum(owner not in bad for owner in ratings.owners))
    aside.refuse_if_full(len(bad) + len(group) - len(whole))
    reasons = {whole[position].number: reason for position, reason in bad.items()}
    fitting = {record.number for record in whole} - set(reasons)
    quarantined = tuple(
        aside.count(_set_aside(record, reasons.get(record.number) or _ragged(record, header), header))
        for record in group
        if record.number not in fitting
    )
    aside.refuse_if_full()
    frame = frame_of({name: array for name, (array, _) in typed.items()}, bad)
    return accounted(tables.outcomes, Batch(frame, quarantined, len(group)), len(group) - len(quarantined))


def _typed(column: Column, header: Header, group: Sequence[Record], decimals: str | None) -> Typed:
    place = header.places.get(column.name)
    if place is None:
        return pa.nulls(len(group), column.type.arrow), {}
    cells = [record.cells[place] for record in group]
    return from_localized(cells, decimals) if column.localized else typed_cells(pa.array(cells, pa.binary()), column)


@dataclass(frozen=True)
class _Ratings:
    """The ratings of some records: the position of the record that each is of, and their own columns by name."""

    owners: list[int]
    own: dict[str, Any]
    bad: dict[int, str]

    def array(self, column: Column, typed: dict[str, Typed]) -> Any:
        if column.name in self.own:
            return self.own[column.name]
        return typed[column.name][0].take(pa.array(self.owners, pa.int64()))


def _ratings(group: Sequence[Record], decimals: str | None) -> _Ratings:
    owners: list[int] = []
    positions: list[int] = []
    pairs: list[tuple[bytes | None, bytes | None]] = []
    for owner, record in enumerate(group):
        found = _pairs(record.ratings)
        owners += [owner] * len(found)
        positions += range(1, len(found) + 1)
        pairs += found
    points, no_points = from_localized([pair[0] for pair in pairs], decimals)
    words, no_words = from_text(pa.array([pair[1] for pair in pairs], pa.binary()), ColumnType.VARCHAR)
    bad: dict[int, str] = {}
    for name, reasons in (("points", no_points), ("description", no_words)):
        for place, reason in reasons.items():
            bad.setdefault(owners[place], f"rating {positions[place]}: {name} {reason}")
    return _Ratings(owners, {_POSITION: pa.array(positions, pa.int64()), "points": points, "description": words}, bad)


def _pairs(cells: Cells) -> list[tuple[bytes | None, bytes | None]]:
    """Return ratings as pairs of points and description; empty cells at the end of a row are no ratings."""
    filled = max((place for place, cell in enumerate(cells, start=1) if cell is not None), default=0)
    padded = [*cells[:filled], None]
    return [(padded[place], padded[place + 1]) for place in range(0, filled, 2)]


def _ragged(record: Record, header: Header) -> str:
    return f"has {len(record.cells) + len(record.ratings)} cells where the header has {len(header.cells)}"


def _set_aside(record: Record, reason: str, header: Header) -> QuarantinedRow:
    return QuarantinedRow(
        record.number, reason, shortened(raw_text([*record.cells, *record.ratings], header.separator))
    )

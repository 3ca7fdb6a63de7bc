"""The grade export by grading period: a group of columns for each period in the file, a row for each in the table.

Names of periods are what people typed: empty, twice the same, with words of other columns in them. So columns are
found by their place: which period a cell belongs to is said by the groups' order, never by a name alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.contracts import Column, Table, snake_case, unique_names
from pipelines.normalize.csv_blocks import Block, blocks
from pipelines.normalize.csv_files import absent, typed_cells, undeclared_column
from pipelines.normalize.csv_header import Header
from pipelines.normalize.quarantine import SetAside, accounted
from pipelines.normalize.rows import Batch, bad_rows, frame_of
from pipelines.normalize.unreadable import UnreadableFileError
from pipelines.normalize.values import Typed

_SET_ID = "grading_period_set_id"
_TITLE = "grading_period"
_PERIOD_ID = "grading period id"
_GROUP = (
    ("current score", True),
    ("final score", True),
    ("unposted current score", True),
    ("unposted final score", True),
    ("override score", False),
    ("current grade", True),
    ("final grade", True),
    ("unposted current grade", True),
    ("unposted final grade", True),
    ("override grade", False),
)
"""The cells of a period behind its id, in Canvas's order, and whether each is always there."""
_OF_PERIOD = (_TITLE, snake_case(_PERIOD_ID), *(snake_case(name) for name, _ in _GROUP))
_FIRST_BEHIND = _GROUP[0][0]


@dataclass(frozen=True)
class Period:
    """A grading period of a file: its name, and the places of its columns by column name."""

    title: str
    places: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PeriodLayout:
    """Where the columns of a file are: those of an enrollment by column name, and those of each period in order."""

    places: dict[str, int]
    periods: tuple[Period, ...]

    def undeclared(self, table: Table) -> list[str]:
        """Return the names of columns that the table does not declare."""
        declared = {column.name for column in table.columns}
        found = (*self.places, *(name for period in self.periods for name in period.places))
        return [name for name in dict.fromkeys(found) if name not in declared]

    def absent(self, table: Table) -> list[Column]:
        """Return the declared columns that the file does not have; the columns of a period where there is none."""
        known = {_TITLE, *self.places, *(name for period in self.periods for name in period.places)}
        without = () if self.periods else _OF_PERIOD
        return [column for column in table.columns if column.name not in known and column.name not in without]


def period_layout(header: Header, table: Table) -> PeriodLayout:
    """Find the columns of a file, the periods among them.

    Raises UnreadableFileError if the file has no `grading period set id`, if the columns of a period are not those
    that Canvas writes, or if a column that every row needs is not there.
    """
    start = header.places.get(_SET_ID)
    if start is None:
        raise UnreadableFileError(
            f"the file lacks {_SET_ID}, behind which the grading periods of {table.qualified} begin; it has "
            f"{len(header.cells)} columns"
        )
    at = start + 1
    found: list[tuple[Period, dict[int, str]]] = []
    while at < len(header.cells) and header.cells[at].endswith(f" {_PERIOD_ID}"):
        period, new, at = _period(header.cells, at, len(found) + 1)
        found.append((period, new))
    around = [*range(start + 1), *range(at, len(header.cells))]
    names = [snake_case(header.cells[place]) for place in around]
    names = unique_names([f"total_{name}" if name in _OF_PERIOD else name for name in names])
    taken = list(dict.fromkeys([*(column.name for column in table.columns), *names]))
    periods = tuple(_named(period, new, taken) for period, new in found)
    layout = PeriodLayout(dict(zip(names, around, strict=True)), periods)
    needed = [column.name for column in layout.absent(table) if not column.nullable]
    if needed:
        raise UnreadableFileError(
            f"the file lacks {', '.join(needed)}, which every row of {table.qualified} needs; of its "
            f"{len(header.cells)} columns, {len(header.cells) - len(around)} are of {len(periods)} grading periods"
        )
    return layout


def _period(cells: Sequence[str], start: int, number: int) -> tuple[Period, dict[int, str], int]:
    """Return the period whose columns begin at `start`, its columns that nobody declared, and the place behind it.

    A cell that begins with its name and belongs to nothing else is such a column.
    """
    title = cells[start].removesuffix(f" {_PERIOD_ID}")
    period, new = Period(title, {snake_case(_PERIOD_ID): start}), {}
    due = list(_GROUP)
    at = start + 1
    while at < len(cells) and cells[at].startswith(f"{title} "):
        name = cells[at][len(title) + 1 :]
        ahead = [one for one, _ in due]
        if name in ahead and not any(always for _, always in due[: ahead.index(name)]):
            del due[: ahead.index(name) + 1]
            period.places[snake_case(name)] = at
        elif cells[at] == _FIRST_BEHIND or cells[at].endswith(f" {_PERIOD_ID}"):
            break
        else:
            new[at] = snake_case(name)
        at += 1
    late = [name for name, always in due if always]
    if late:
        raise UnreadableFileError(
            f"grading period {number} of the file, in column {start + 1}, lacks {', '.join(late)}: the columns of a "
            "period are not those that Canvas writes"
        )
    return period, new, at


def _named(period: Period, new: dict[int, str], taken: list[str]) -> Period:
    """Return the period with its new columns, under names that no other column has."""
    names = unique_names([*taken, *new.values()])[len(taken) :]
    return Period(period.title, {**period.places, **dict(zip(names, new, strict=True))})


def period_batches(
    path: Path, header: Header, table: Table, layout: PeriodLayout, undeclared: Sequence[str], aside: SetAside
) -> Iterator[Batch]:
    """Yield a file's rows: for each record one for each period, or one without a period where there is none.

    A record with a value that does not fit is set aside whole. `undeclared` are the text columns behind the declared
    ones; a file need not have them all. `aside` counts the rows set aside of all files of the table.

    Raises what `csv_blocks.blocks` does.
    """
    for block in blocks(path, header, aside):
        yield _batch(table, header, layout, [undeclared_column(name) for name in undeclared], block, aside)


def _batch(
    table: Table, header: Header, layout: PeriodLayout, extra: list[Column], block: Block, aside: SetAside
) -> Batch:
    of_periods = {*_OF_PERIOD, *(name for period in layout.periods for name in period.places)}
    columns = (*table.columns, *extra)
    shared = [column for column in columns if column.name not in of_periods]
    own = [column for column in columns if column.name in of_periods]
    once = {column.name: _typed(column, layout.places, block) for column in shared}
    in_each = [{column.name: _in_period(column, period, block) for column in own} for period in layout.periods]
    if not in_each:
        in_each = [{column.name: absent(column, block) for column in own}]
    bad = bad_rows(shared, once)
    for number, typed in enumerate(in_each, start=1):
        for position, reason in bad_rows(own, typed).items():
            said = f"grading period {number}: {reason}"
            bad[position] = f"{bad[position]}; {said}" if position in bad else said
    quarantined = block.quarantined(bad, header.separator, aside)
    good = pa.array([position not in bad for position in range(block.cells.num_rows)], pa.bool_()) if bad else None

    def kept(typed: Typed) -> object:
        return typed[0] if good is None else pc.filter(typed[0], good)

    arrays = {
        column.name: pa.chunked_array(
            [kept(once[column.name])] * len(in_each)
            if column.name in once
            else [kept(typed[column.name]) for typed in in_each],
            column.type.arrow,
        )
        for column in columns
    }
    batch = Batch(frame_of(arrays, {}), quarantined, block.records)
    return accounted(table, batch, (block.records - len(quarantined)) * len(in_each))


def _typed(column: Column, places: dict[str, int], block: Block) -> Typed:
    place = places.get(column.name)
    return absent(column, block) if place is None else typed_cells(block.column(place), column)


def _in_period(column: Column, period: Period, block: Block) -> Typed:
    if column.name == _TITLE:
        return pa.repeat(pa.scalar(period.title, pa.string()), block.cells.num_rows), {}
    return _typed(column, period.places, block)

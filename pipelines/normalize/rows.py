"""Columns to a batch of a table's rows: typed, checked for what must be there, bad rows set aside.

A batch adds up: rows read = rows kept + rows quarantined. What an endpoint's answer looks like is the business
of the modules per family, and what a file looks like that of `csv_files`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.contracts import Column, ColumnType, Table, snake_case, unique_names
from pipelines.normalize.values import Typed, as_json, from_json


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that does not fit its table, with the number of its record from 1 if known, and the row as CSV or JSON."""

    line_number: int | None
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Typed rows of one table, in the columns of its contract and after them columns nobody declared (text).

    `records` is how many records of the source the batch was made from. It is `rows_read` unless the table's form makes
    another number of rows from a record.
    """

    frame: pd.DataFrame
    quarantined: tuple[QuarantinedRow, ...] = ()
    records: int = -1

    def __post_init__(self) -> None:
        if self.records < 0:
            object.__setattr__(self, "records", self.rows_read)

    @property
    def rows_read(self) -> int:
        """Rows of this batch, kept and set aside."""
        return len(self.frame) + len(self.quarantined)


@dataclass(frozen=True)
class TableRecords:
    """What one answer holds for one table: objects keyed by the columns' source names, not yet typed.

    Columns that the question implies (the course, the student) stand in every record. `ignored` are keys that are
    known and not kept; any other undeclared key becomes a text column.
    """

    table: Table
    records: list[dict[str, Any]]
    ignored: frozenset[str] = frozenset()


class UnexpectedAnswerShapeError(Exception):
    """An answer that is valid JSON and not what its endpoint gives: nothing of it is loaded, and old rows stay."""


def batch_from_records(
    table: Table, records: object, *, given: Mapping[str, object] | None = None, ignored: Collection[str] = ()
) -> Batch:
    """Turn a list of JSON objects into a batch of a table.

    Keys are found by the columns' source names; `given` are columns that the question implies and the answer leaves
    out. Keys that are neither declared nor `ignored` are kept as text columns behind the declared ones.

    Raises UnexpectedAnswerShapeError if `records` is not a list of objects.
    """
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnexpectedAnswerShapeError(
            f"{table.qualified}: Canvas gave {_kind(records)} where a list of objects is due"
        )
    given = dict(given or {})
    names = {column.source_name: column.name for column in table.columns}
    by_source = {source: given[name] for source, name in names.items() if name in given}
    rows: list[dict[str, Any]] = [{**record, **by_source} for record in records] if by_source else records
    arrays, bad = _typed(table, rows, frozenset((*ignored, *given)))
    quarantined = [
        QuarantinedRow(position + 1, reason, as_json({**given, **records[position]}))
        for position, reason in sorted(bad.items())
    ]
    return Batch(frame_of(arrays, bad), tuple(quarantined))


def batch_of(answer: TableRecords) -> Batch:
    """Return what one answer holds for one table as a batch."""
    return batch_from_records(answer.table, answer.records, ignored=answer.ignored)


@dataclass(frozen=True)
class SliceBatch:
    """The typed rows of many answers for one table. `answer` says for each row of the frame which answer it is of.

    `quarantined` holds the rows that do not fit by the answer's position; line numbers count within the answer.
    """

    frame: pd.DataFrame
    answer: npt.NDArray[np.int64]
    quarantined: dict[int, tuple[QuarantinedRow, ...]]


def batch_of_many(answers: Sequence[TableRecords]) -> SliceBatch:
    """Return what many answers hold for one table, typed in one go: an answer of ten rows costs as much as its rows.

    All answers are of the same table, and at least one is there.
    """
    table = answers[0].table
    rows = [record for answer in answers for record in answer.records]
    arrays, bad = _typed(table, rows, answers[0].ignored)
    sizes = np.array([len(answer.records) for answer in answers], dtype=np.int64)
    place = np.repeat(np.arange(len(answers), dtype=np.int64), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    quarantined: dict[int, list[QuarantinedRow]] = {}
    for position, reason in sorted(bad.items()):
        at = int(place[position])
        line = position - int(starts[at]) + 1
        quarantined.setdefault(at, []).append(QuarantinedRow(line, reason, as_json(rows[position])))
    kept = np.ones(len(rows), dtype=bool)
    kept[list(bad)] = False
    return SliceBatch(frame_of(arrays, bad), place[kept], {at: tuple(group) for at, group in quarantined.items()})


def _typed(
    table: Table, records: Sequence[Mapping[str, Any]], ignored: Collection[str]
) -> tuple[dict[str, Any], dict[int, str]]:
    """Return the records in typed columns, the undeclared ones behind as text, and the rows that do not fit."""
    values = {column.name: [record.get(column.source_name) for record in records] for column in table.columns}
    known = {column.source_name for column in table.columns} | set(ignored)
    unknown = sorted(set().union(*records) - known) if records else []
    names = unique_names([*values, *(snake_case(key) for key in unknown)])[len(values) :]
    typed = {column.name: from_json(values[column.name], column.type) for column in table.columns}
    arrays = {name: array for name, (array, _) in typed.items()}
    for name, key in zip(names, unknown, strict=True):
        if any(record.get(key) is not None for record in records):
            arrays[name] = from_json([_as_text(record.get(key)) for record in records], ColumnType.VARCHAR)[0]
    return arrays, bad_rows(table.columns, typed)


def _as_text(value: object) -> object:
    return as_json(value) if isinstance(value, dict | list) else value


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list of something else"
    return {dict: "an object", str: "text", type(None): "null"}.get(type(value), "a plain value")


def bad_rows(columns: Iterable[Column], typed: Mapping[str, Typed]) -> dict[int, str]:
    """Return the positions of rows that cannot be kept, each with every reason that the columns give."""
    reasons: dict[int, list[str]] = {}
    for column in columns:
        array, bad = typed[column.name]
        for position, reason in bad.items():
            reasons.setdefault(position, []).append(f"{column.name} {reason}")
        if not column.nullable and array.null_count:
            for position in pc.indices_nonzero(pc.is_null(array)).to_pylist():
                if position not in bad:
                    reasons.setdefault(position, []).append(f"{column.name} is missing")
    return {position: "; ".join(texts) for position, texts in reasons.items()}


def frame_of(arrays: Mapping[str, Any], without: Mapping[int, str]) -> pd.DataFrame:
    """Return Arrow arrays as a frame with Arrow types, leaving some positions out."""
    table = pa.table(dict(arrays))
    if without:
        keep = pa.array([position not in without for position in range(table.num_rows)])
        table = table.filter(keep)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame

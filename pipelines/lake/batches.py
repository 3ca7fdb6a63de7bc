"""Many answers of one source into the lake as one load: one Parquet file per table, with many slices in it.

A course or a student in a course is a few rows. One file each would be hundreds of thousands of files, each with an
fsync of its own; so the answers of a batch share files, and the ledger knows which slices of a file are live.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake.parquet_files import schema_of, write_rows
from pipelines.lake.store import Lake, Scope, quarantine_frame, refusal, remove_strays, slice_name
from pipelines.ledger import BatchSlice, Coverage, Drift, Load, ParquetFile
from pipelines.ledger.loads import commit_batch, live_hashes
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.normalize.rows import QuarantinedRow, SliceBatch, TableRecords, batch_of_many


@dataclass(frozen=True)
class SliceAnswer:
    """One answer of Canvas: the scope that it speaks for, and what it holds for each table of its source."""

    scope: Scope
    tables: Sequence[TableRecords]
    received_at: datetime


@dataclass(frozen=True)
class SliceResult:
    """What became of one answer. `refused` says why nothing of it was loaded: too much of it does not fit."""

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True)
class _TableOfBatch:
    """The rows of a table in a batch, with the slice that each answer's rows replace."""

    table: Table
    batch: SliceBatch
    names: Sequence[str]


@dataclass(frozen=True)
class _Written:
    """What a table of a batch brings: its file if rows have changed, those slices, and the emptied ones."""

    file: ParquetFile | None
    slices: list[BatchSlice]
    emptied: list[tuple[str, str]]


def load_batch(
    lake: Lake,
    *,
    load_id: str,
    instance: str,
    source: str,
    answers: Sequence[SliceAnswer],
    note: Callable[[int, SliceResult], Coverage],
) -> list[SliceResult]:
    """Write the answers and make them live together with the coverage that `note` gives for each.

    Every answer brings the same tables in the same order, and no two speak for one slice. A slice whose rows equal
    the live ones is left alone. An answer that does not fit is refused, and its live rows stay; the others load.
    """
    names = [slice_name({"instance": instance, **answer.scope}) for answer in answers]
    if len(set(names)) != len(names):
        raise ValueError(f"two answers of {source} in one batch speak for the same slice; please report this as a bug")
    alike = [part.table.qualified for part in answers[0].tables if not part.table.slice_columns]
    if len(answers) > 1 and alike:
        raise ValueError(f"nothing tells the slices of {alike[0]} apart, so they cannot share a load")
    batches = [
        batch_of_many([answer.tables[position] for answer in answers]) for position in range(len(answers[0].tables))
    ]
    tables = [part.table for part in answers[0].tables]
    results = _results(lake, answers, tables, batches)
    taken = np.array([result.refused is None for result in results], dtype=bool)
    parts = [_TableOfBatch(table, _only(batch, taken), names) for table, batch in zip(tables, batches, strict=True)]
    set_aside = [slice_name({"instance": instance, "source": source, **answer.scope}) for answer in answers]
    parts.append(_quarantine(parts, set_aside))
    received = [answer.received_at for answer in answers]
    written: list[_Written] = []
    committed = False
    try:
        for part in parts:
            written += [_write(lake, part, taken, load_id, instance, received)]
        slices = [one for part in written for one in part.slices]
        loaded = sum(sum(result.rows.values()) for result in results)
        bad = sum(sum(result.quarantined.values()) for result in results if result.refused is None)
        load = Load(
            load_id=load_id,
            instance=instance,
            source=source,
            # Of one answer the scope itself: a text that is no plain id cannot be read back from the slice's name.
            scope=answers[0].scope if len(answers) == 1 else {},
            extracted_at=max(received),
            rows_read=_rows_read(answers, results),
            rows_loaded=loaded,
            rows_quarantined=bad,
            content_hash=_digest([one.content_hash for one in slices]),
        )
        commit_batch(
            lake.ledger,
            load,
            {part.table.qualified: one.file for part, one in zip(parts, written, strict=True) if one.file},
            slices,
            emptied=[pair for one in written for pair in one.emptied],
            drift=[drift for part in parts for drift in _drift(part)],
            coverage=[note(position, result) for position, result in enumerate(results)],
        )
        committed = True
    finally:
        if not committed:
            remove_strays(lake, load_id, [one.file.path for one in written if one.file])
    return results


def _results(
    lake: Lake, answers: Sequence[SliceAnswer], tables: Sequence[Table], batches: Sequence[SliceBatch]
) -> list[SliceResult]:
    good = [np.bincount(batch.answer, minlength=len(answers)).tolist() for batch in batches]
    results = []
    for position in range(len(answers)):
        rows, quarantined, refused = {}, {}, None
        for table, batch, counts in zip(tables, batches, good, strict=True):
            bad = batch.quarantined.get(position, ())
            refused = refused or refusal(table, counts[position], bad, lake.max_bad_share)
            rows[table.qualified] = counts[position]
            if bad:
                quarantined[table.qualified] = len(bad)
        results.append(SliceResult({}, quarantined, refused) if refused else SliceResult(rows, quarantined))
    return results


def _only(batch: SliceBatch, taken: npt.NDArray[np.bool_]) -> SliceBatch:
    """Return a batch without the answers that were refused."""
    if taken.all():
        return batch
    kept = taken[batch.answer]
    quarantined = {at: rows for at, rows in batch.quarantined.items() if taken[at]}
    return SliceBatch(batch.frame[kept], batch.answer[kept], quarantined)


def _quarantine(parts: Sequence[_TableOfBatch], names: Sequence[str]) -> _TableOfBatch:
    rows: list[tuple[str, str, QuarantinedRow]] = []
    places: list[int] = []
    for part in parts:
        for at, group in part.batch.quarantined.items():
            rows += [(part.table.qualified, names[at], row) for row in group]
            places += [at] * len(group)
    return _TableOfBatch(QUARANTINE, SliceBatch(quarantine_frame(rows), np.array(places, dtype=np.int64), {}), names)


def _write(
    lake: Lake,
    part: _TableOfBatch,
    taken: npt.NDArray[np.bool_],
    load_id: str,
    instance: str,
    received: Sequence[datetime],
) -> _Written:
    """Write the rows of the slices that have changed, ordered by slice and key."""
    rows, answer = _ordered(part)
    hashes, counts = _hashes(rows, answer, len(part.names), declared=len(part.table.columns))
    qualified = part.table.qualified
    live = live_hashes(lake.ledger, qualified, [name for name, ok in zip(part.names, taken, strict=True) if ok])
    changed = np.zeros(len(part.names), dtype=bool)
    slices, emptied = [], []
    for at, name in enumerate(part.names):
        if not taken[at]:
            continue
        if counts[at] and live.get(name) != hashes[at]:
            changed[at] = True
            slices.append(BatchSlice(qualified, name, counts[at], hashes[at]))
        elif not counts[at] and name in live:
            emptied.append((qualified, name))
    if not slices:
        return _Written(None, [], emptied)
    kept = changed[answer]
    rows, answer = rows.filter(pa.array(kept)), answer[kept]
    load, extracted = SYSTEM_COLUMNS
    moments = pa.array(received, extracted.type.arrow).take(pa.array(answer))
    rows = rows.append_column(load.name, pa.repeat(pa.scalar(load_id, load.type.arrow), rows.num_rows))
    rows = rows.append_column(extracted.name, moments)
    folder = lake.root / part.table.schema / part.table.name / slice_name({"instance": instance})
    path = folder / f"{load_id}.{secrets.token_hex(3)}.parquet"
    size, sha256 = write_rows(path, rows)
    return _Written(ParquetFile(path.relative_to(lake.root).as_posix(), size, sha256), slices, emptied)


def _ordered(part: _TableOfBatch) -> tuple[Any, npt.NDArray[np.int64]]:
    """Return a table's rows in Arrow, by answer and then by key, and the answer of each."""
    frame: pd.DataFrame = part.batch.frame
    schema = pa.schema([one for one in schema_of(part.table, frame) if one.name not in _SYSTEM])
    rows = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    rows = rows.append_column(_PLACE, pa.array(part.batch.answer))
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in (_PLACE, *part.table.key)])
    rows = rows.take(order)
    return rows.drop_columns([_PLACE]), rows[_PLACE].to_numpy()


_SYSTEM = {column.name for column in SYSTEM_COLUMNS}
_PLACE = "_answer"


def _hashes(rows: Any, answer: npt.NDArray[np.int64], count: int, *, declared: int) -> tuple[list[str], list[int]]:
    """Return for each answer the checksum of its values, in order, and the number of its rows.

    A column behind the `declared` ones counts where the answer has a value in it: that another answer of the batch
    brought it makes no difference to this one.
    """
    # Numbers in place of moments: making Python times of them would cost more than everything else here.
    plain = [
        column.cast(pa.int64())
        if pa.types.is_timestamp(column.type)
        else column.cast(pa.int32())
        if pa.types.is_date(column.type)
        else column
        for column in rows.columns
    ]
    columns = [column.to_pylist() for column in plain]
    ends = np.searchsorted(answer, np.arange(count), side="right").tolist()
    hashes, counts, start = [], [], 0
    for end in ends:
        own = [(name, column[start:end]) for name, column in zip(rows.column_names, columns, strict=True)]
        told = [*own[:declared], *(one for one in own[declared:] if any(value is not None for value in one[1]))]
        hashes.append(_digest([[name for name, _ in told], [values for _, values in told]]))
        counts.append(end - start)
        start = end
    return hashes, counts


def _digest(values: object) -> str:
    return hashlib.sha256(orjson.dumps(values)).hexdigest()[:32]


def _rows_read(answers: Sequence[SliceAnswer], results: Sequence[SliceResult]) -> int:
    return sum(
        len(part.records)
        for answer, result in zip(answers, results, strict=True)
        if result.refused is None
        for part in answer.tables
    )


def _drift(part: _TableOfBatch) -> list[Drift]:
    declared = {column.name for column in part.table.columns}
    extra = [name for name in part.batch.frame.columns if name not in declared]
    return [Drift(part.table.qualified, "unknown column", name, "Kept as text.") for name in extra]

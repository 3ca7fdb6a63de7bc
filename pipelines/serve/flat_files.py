"""An answer as Parquet or CSV, batch by batch: a table larger than memory goes through. Where it goes is `export`."""

import csv
import io
from collections.abc import Iterable
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.normalize.contracts import unique_names
from pipelines.serve.answer import Answer
from pipelines.serve.formulas import guarded, guarded_column, is_text
from pipelines.serve.query import values_of
from pipelines.serve.render import plain_text

_GROUP_ROWS = 122_880
"""Rows of a row group: as many as DuckDB itself puts into one."""

_GROUP_BYTES = 64 << 20
"""Where rows are long a row group ends earlier: it is held in memory until then."""


def write_parquet(file: BinaryIO, answer: Answer, schema: Any, batches: Iterable[Any]) -> None:
    """Write Parquet, packed with zstd. Types stay; what Parquet has no type for, such as an interval, becomes text.

    Descriptions, units and privacy classes are metadata of the columns. Repeated names are numbered.
    """
    as_text = [not _fits_parquet(field.type) for field in schema]
    fields = [
        pa.field(name, pa.string() if text else field.type, metadata=_metadata(column))
        for name, field, column, text in zip(
            unique_names(list(schema.names)), schema, answer.columns, as_text, strict=True
        )
    ]
    metadata = {"canvaslake.source": answer.source}
    if answer.generation is not None and answer.published_at is not None:
        metadata["canvaslake.generation"] = str(answer.generation)
        metadata["canvaslake.published_at"] = answer.published_at.isoformat()
    if answer.held_back:
        metadata["canvaslake.held_back"] = "\n".join(f"{table} {why}" for table, why in answer.held_back.items())
    written = pa.schema(fields, metadata=metadata)
    with pq.ParquetWriter(file, written, compression="zstd") as writer:
        group: list[Any] = []
        for batch in batches:
            columns = [
                pa.array(_texts(values), pa.string()) if text else values
                for values, text in zip(batch.columns, as_text, strict=True)
            ]
            group.append(pa.RecordBatch.from_arrays(columns, schema=written))
            if sum(map(len, group)) >= _GROUP_ROWS or sum(one.nbytes for one in group) >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group))


def write_csv(file: BinaryIO, answer: Answer, schema: Any, batches: Iterable[Any], *, raw: bool) -> None:
    """Write CSV after RFC 4180: UTF-8, a header, CRLF. NULL is an empty field, times are ISO 8601, nested values JSON.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, unless `raw`; so do headers.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name if raw else guarded(column.name) for column in answer.columns])
    for batch in batches:
        columns = [
            _csv_values(values, field.type, raw=raw) for values, field in zip(batch.columns, schema, strict=True)
        ]
        writer.writerows(zip(*columns, strict=True))
    text.flush()
    text.detach()


def _csv_values(values: Any, kind: Any, *, raw: bool) -> list[Any]:
    """Return a column as csv wants it: numbers, texts, None."""
    found: list[Any]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        found = values.to_pylist()
    elif pa.types.is_boolean(kind):
        found = pc.cast(values, pa.string()).to_pylist()
    elif is_text(kind):
        found = values.to_pylist() if raw else guarded_column(values)
    elif pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        found = _texts(values)
    else:
        found = [text if text is None or raw else guarded(text) for text in _texts(values)]
    return found


def _texts(values: Any) -> list[str | None]:
    return [None if value is None else plain_text(value) for value in values_of(values)]


def _metadata(column: Any) -> dict[str, str]:
    said = {"description": column.description, "unit": column.unit, "privacy": column.privacy}
    return {key: value for key, value in said.items() if value}


def _fits_parquet(kind: Any) -> bool:
    try:
        pq.write_table(pa.schema([pa.field("column", kind)]).empty_table(), io.BytesIO())
    except (pa.ArrowException, NotImplementedError):
        return False
    return True

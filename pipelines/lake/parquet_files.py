"""One Parquet file of one table: written beside its place, made durable, then renamed. Nothing about the ledger."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table
from pipelines.normalize.rows import Batch, QuarantinedRow
from pipelines.private_files import into_place

_SYSTEM = {column.name for column in SYSTEM_COLUMNS}


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file in its place, and what was in the batches that made it.

    `content_hash` is over the encoded columns without the system columns: equal rows in equal order give equal hashes,
    whichever load brought them.
    """

    path: Path
    rows: int
    bytes: int
    sha256: str
    content_hash: str
    extra_columns: tuple[str, ...]
    rows_read: int
    quarantined: tuple[QuarantinedRow, ...]


def write_table(
    path: Path,
    table: Table,
    batches: Iterable[Batch],
    *,
    load_id: str,
    extracted_at: datetime,
    sort: bool,
    on_rows: Callable[[int], None] | None = None,
) -> WrittenFile:
    """Write batches to `path`, each row with its load and time of extraction; `sort` orders each batch by the key.

    `on_rows` is called with the number of rows after each batch. On an error nothing stays behind.
    """
    rows = rows_read = 0
    quarantined: list[QuarantinedRow] = []
    extra: tuple[str, ...] = ()
    writer: Any = None
    with into_place(path) as (file, temporary):
        try:
            for batch in batches:
                rows_read += batch.rows_read
                quarantined += batch.quarantined
                if writer is None:
                    schema = schema_of(table, batch.frame)
                    extra = tuple(name for name in schema.names[: -len(SYSTEM_COLUMNS)])[len(table.columns) :]
                    writer = pq.ParquetWriter(file, schema, compression="zstd")
                writer.write_table(_arrow(batch.frame, table, schema, load_id, extracted_at, sort=sort))
                rows += len(batch.frame)
                if on_rows is not None:
                    on_rows(batch.rows_read)
        except BaseException:
            # Closed while its file is open: the collector would try it later, and fail with noise.
            if writer is not None:
                writer.close()
            raise
        if writer is None:
            writer = pq.ParquetWriter(file, schema_of(table, pd.DataFrame()), compression="zstd")
        writer.close()
        file.flush()
        sha256, content_hash = _hashes(temporary)
        size = temporary.stat().st_size
    return WrittenFile(path, rows, size, sha256, content_hash, extra, rows_read, tuple(quarantined))


def write_rows(path: Path, rows: Any) -> tuple[int, str]:
    """Write an Arrow table, system columns included, to `path`; return its bytes and its checksum."""
    with into_place(path) as (file, temporary):
        pq.write_table(rows, file, compression="zstd")
        file.flush()
        size = temporary.stat().st_size
        with temporary.open("rb") as again:
            sha256 = hashlib.file_digest(again, "sha256").hexdigest()
    return size, sha256


def schema_of(table: Table, frame: pd.DataFrame) -> Any:
    """Return the Arrow schema of a table's file: declared columns, undeclared ones of the frame, system columns."""
    declared = [pa.field(column.name, column.type.arrow) for column in table.columns]
    known = {column.name for column in table.columns}
    extra = [pa.field(name, pa.string()) for name in frame.columns if name not in known]
    return pa.schema([*declared, *extra, *(pa.field(column.name, column.type.arrow) for column in SYSTEM_COLUMNS)])


def _arrow(frame: pd.DataFrame, table: Table, schema: Any, load_id: str, extracted_at: datetime, *, sort: bool) -> Any:
    data_schema = pa.schema([field for field in schema if field.name not in _SYSTEM])
    rows = pa.Table.from_pandas(frame, schema=data_schema, preserve_index=False)
    if sort and table.key and rows.num_rows > 1:
        rows = rows.sort_by([(name, "ascending") for name in table.key])
    load, extracted = SYSTEM_COLUMNS
    rows = rows.append_column(load.name, pa.repeat(pa.scalar(load_id, load.type.arrow), rows.num_rows))
    moment = pa.scalar(extracted_at, extracted.type.arrow)
    return rows.append_column(extracted.name, pa.repeat(moment, rows.num_rows)).select(schema.names)


def _hashes(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        whole = hashlib.file_digest(file, "sha256").hexdigest()
        metadata = pq.ParquetFile(path).metadata
        content = hashlib.sha256()
        for group in range(metadata.num_row_groups):
            for position in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(position)
                if chunk.path_in_schema in _SYSTEM:
                    continue
                starts = [chunk.data_page_offset]
                if chunk.has_dictionary_page:
                    starts.append(chunk.dictionary_page_offset)
                content.update(f"{chunk.path_in_schema}:{chunk.physical_type}:".encode())
                file.seek(min(starts))
                content.update(file.read(chunk.total_compressed_size))
    return whole, content.hexdigest()

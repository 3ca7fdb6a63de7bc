"""One question to the published file and its answer. Opening the file is `reader`; showing the answer is `render`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.serve.held_back import held_back_in
from pipelines.serve.problem import from_duckdb
from pipelines.serve.reader import published, table_names
from pipelines.serve.reading import refuse_anything_but_one_read

_BATCH = 10_000


@dataclass(frozen=True)
class QueryResult:
    """An answer: column names, their DuckDB types, and the rows as an Arrow table.

    `truncated` says that there were more rows than the limit asked for. `held_back` are the tables in the question that
    keep earlier rows, each with the reason. Names may repeat: `select 1 as a, 2 as a`.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    table: Any
    truncated: bool = False
    held_back: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows as Python values; times carry UTC.

        An infinite time, or one that Python's calendar lacks, comes as text.
        """
        return list(zip(*(values_of(column) for column in self.table.columns), strict=True))


def run_query(path: Path, sql: str, *, limit: int | None = None, memory_limit: str = "2GB") -> QueryResult:
    """Run one reading statement against the published file and return at most `limit` rows of its answer.

    Reading is SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN. Raises QueryError for
    anything else, for more than one statement, and for what DuckDB finds wrong. `memory_limit` is in DuckDB's words.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}; it must be 0 or more")
    with published(path, memory_limit=memory_limit) as con:
        try:
            refuse_anything_but_one_read(con, sql)
            cursor = con.execute(sql)
            described = cursor.description or []
            table, truncated = _fetch(cursor, limit)
            held = held_back_in(con, sql)
        except duckdb.Error as error:
            raise from_duckdb(error, table_names(con)) from error
        return QueryResult(
            columns=tuple(str(column[0]) for column in described),
            types=tuple(str(column[1]) for column in described),
            table=table,
            truncated=truncated,
            held_back=held,
        )


def _fetch(cursor: duckdb.DuckDBPyConnection, limit: int | None) -> tuple[Any, bool]:
    """Read batches until the limit is passed by one row, so that a large table is not read for its first lines."""
    reader = cursor.to_arrow_reader(_BATCH if limit is None else min(_BATCH, limit + 1))
    batches, read = [], 0
    for batch in batches_of(reader):
        batches.append(batch)
        read += batch.num_rows
        if limit is not None and read > limit:
            break
    table = pa.Table.from_batches(batches, schema=reader.schema)
    truncated = limit is not None and read > limit
    return (table.slice(0, limit) if truncated else table), truncated


def batches_of(reader: Any) -> Iterator[Any]:
    """Yield the batches of an answer; raises duckdb.Error for what goes wrong half way, as for what does at once.

    Arrow, which they come through, makes an OSError of it and keeps the words.
    """
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            kind = duckdb.OutOfMemoryException if str(error).startswith("Out of Memory") else duckdb.Error
            raise kind(str(error)) from error
        yield batch


def values_of(column: Any) -> list[Any]:
    """Return the values of an Arrow column in Python's types; what Python's calendar lacks comes as text."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        values = [_value(scalar) for scalar in column]
    return values


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return "beyond the calendar"

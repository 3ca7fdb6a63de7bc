"""One question to the published file and its answer. Opening the file is `reader`; showing the answer is `render`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.serve.problem import QueryError, from_duckdb
from pipelines.serve.reader import published, table_names

_BATCH = 10_000
_READS = ("SELECT", "EXPLAIN")
"""What DuckDB's parser calls reading; FROM, VALUES, DESCRIBE, SHOW and SUMMARIZE are SELECT to it."""


@dataclass(frozen=True)
class QueryResult:
    """An answer: column names, their DuckDB types, and the rows as an Arrow table.

    `truncated` says that there were more rows than the limit asked for. Names may repeat: `select 1 as a, 2 as a`.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    table: Any
    truncated: bool = False

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows as Python values; times carry UTC.

        An infinite time, or one that Python's calendar lacks, comes as text.
        """
        return list(zip(*(_values(column) for column in self.table.columns), strict=True))


def run_query(path: Path, sql: str, *, limit: int | None = None, memory_limit: str = "2GB") -> QueryResult:
    """Run one reading statement against the published file and return at most `limit` rows of its answer.

    Reading is SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN. Raises QueryError for
    anything else, for more than one statement, and for what DuckDB finds wrong. `memory_limit` is in DuckDB's words.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}; it must be 0 or more")
    with published(path, memory_limit=memory_limit) as con:
        try:
            _refuse_anything_but_one_read(con, sql)
            cursor = con.execute(sql)
            described = cursor.description or []
            table, truncated = _fetch(cursor, limit)
        except duckdb.Error as error:
            raise from_duckdb(error, table_names(con)) from error
        return QueryResult(
            columns=tuple(str(column[0]) for column in described),
            types=tuple(str(column[1]) for column in described),
            table=table,
            truncated=truncated,
        )


def _refuse_anything_but_one_read(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless the text is one reading statement.

    Parsed on the locked connection: the parser itself opens files for IMPORT DATABASE.
    """
    statements = con.extract_statements(sql)
    kinds = [statement.type.name for statement in statements]
    if not statements:
        raise QueryError("There is no query.", "The text is empty.", "Try: select * from meta.tables")
    # PIVOT without a list of values is one statement to a person; DuckDB splits it, and only such parts have no text.
    if kinds == ["CREATE", "SELECT"] and not any(statement.query for statement in statements):
        return
    if len(statements) > 1:
        raise QueryError(
            "The query was refused.", f"It holds {len(statements)} statements.", "Ask one question at a time."
        )
    if kinds[0] not in _READS:
        raise QueryError(
            "The query was refused.",
            f"{kinds[0]} is not a way of reading, and the published file is only read.",
            "Write SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN. To keep an answer as a file, "
            "use --format csv.",
        )


def _fetch(cursor: duckdb.DuckDBPyConnection, limit: int | None) -> tuple[Any, bool]:
    """Read batches until the limit is passed by one row, so that a large table is not read for its first lines."""
    reader = cursor.to_arrow_reader(_BATCH if limit is None else min(_BATCH, limit + 1))
    batches, read = [], 0
    for batch in reader:
        batches.append(batch)
        read += batch.num_rows
        if limit is not None and read > limit:
            break
    table = pa.Table.from_batches(batches, schema=reader.schema)
    truncated = limit is not None and read > limit
    return (table.slice(0, limit) if truncated else table), truncated


def _values(column: Any) -> list[Any]:
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

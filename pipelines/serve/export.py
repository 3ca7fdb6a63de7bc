"""A table or the answer to a question as a file: whole or not at all, for its owner alone, with word of what it is.

How a format is written stands in `flat_files` and `workbook`; what may be asked in `reading`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from pipelines.private_files import into_place
from pipelines.serve.answer import Answer, AnswerColumn, ExportError
from pipelines.serve.flat_files import write_csv, write_parquet
from pipelines.serve.generations import stated_generation
from pipelines.serve.held_back import held_back_in
from pipelines.serve.personal import privacy_of_answer
from pipelines.serve.problem import from_duckdb, unknown_table
from pipelines.serve.query import batches_of
from pipelines.serve.reader import beside, published, table_names
from pipelines.serve.reading import refuse_anything_but_one_read
from pipelines.serve.workbook import refuse_too_many, write_workbook

EXPORT_FORMATS = ("parquet", "csv", "xlsx")

_BATCH = 10_240
"""Rows of a batch: few enough for wide tables with long texts."""

_A_NAME = re.compile(r"\w+(\.\w+){0,2}")

_Writer = Callable[[BinaryIO, Answer, Any, Iterable[Any]], None]


@dataclass(frozen=True)
class Exported:
    """A file that was written: where, how many rows and bytes, and what it says about itself."""

    path: Path
    rows: int
    bytes: int
    answer: Answer


def export_answer(
    warehouse: Path,
    question: str,
    to: Path,
    *,
    form: str | None = None,
    raw: bool = False,
    force: bool = False,
    home: Path | None = None,
    heard: Callable[[int, int | None], None] = lambda _rows, _total: None,
    memory_limit: str = "2GB",
) -> Exported:
    """Write a table, `schema.table`, or the answer to one reading statement to a file with mode 0600.

    `form` is one of EXPORT_FORMATS, or what the suffix of `to` says. `raw` leaves texts in CSV that look like formulas
    as they are. A file that is there is replaced with `force` only; nothing is written into `home`, the data
    directory. `heard` is told the rows written so far, and of how many where that is known.

    Raises ExportError for a file that cannot or may not be written, QueryError for a question that is refused or
    fails. Nothing is left behind then.
    """
    form = _format_meant(to, form)
    _refuse_place(to, warehouse, home, force=force)
    writers: dict[str, _Writer] = {
        "parquet": write_parquet,
        "csv": partial(write_csv, raw=raw),
        "xlsx": write_workbook,
    }
    with published(warehouse, memory_limit=memory_limit) as con, beside(con) as other:
        names = table_names(con)
        try:
            sql, table = _meant(con, question.strip(), names)
            # Excel's bounds are told before a row is written; for a bar a table is worth counting, a query is not.
            rows = _rows(con, sql) if table or form == "xlsx" else None
            cursor = con.execute(sql)
            described = [(str(column[0]), str(column[1])) for column in cursor.description or []]
            if form == "xlsx":
                refuse_too_many(len(described), rows)
            answer = _known(other, warehouse, sql, table, described, rows)
            reader = cursor.to_arrow_reader(_BATCH)
            counted = _Counted(reader, rows, heard)
            with into_place(to) as (file, _):
                writers[form](file, answer, reader.schema, counted)
        except duckdb.Error as error:
            raise from_duckdb(error, names) from error
        except pa.ArrowException as error:
            raise ExportError(
                f"{to.name} could not be written.",
                f"A column does not go into {form}: {str(error).splitlines()[0]}",
                "Cast the column to VARCHAR in a SELECT, or choose another format.",
            ) from error
    return Exported(to, counted.rows, to.stat().st_size, answer)


class _Counted:
    """The batches of an answer, counted as they go by."""

    def __init__(self, reader: Any, total: int | None, heard: Callable[[int, int | None], None]) -> None:
        self.rows = 0
        self._reader, self._total, self._heard = reader, total, heard

    def __iter__(self) -> Iterator[Any]:
        self._heard(0, self._total)
        for batch in batches_of(self._reader):
            yield batch
            self.rows += batch.num_rows
            self._heard(self.rows, self._total)


def _format_meant(to: Path, form: str | None) -> str:
    chosen = (form or to.suffix.removeprefix(".")).lower()
    if chosen in EXPORT_FORMATS:
        return chosen
    raise ExportError(
        f"{chosen!r} is no format to export to." if chosen else f"{to.name!r} does not say in which format.",
        f"canvaslake writes {', '.join(EXPORT_FORMATS)}.",
        "Give the file such a suffix, or name the --format. For other formats to read: canvaslake query --format.",
    )


def _refuse_place(to: Path, warehouse: Path, home: Path | None, *, force: bool) -> None:
    place = to.parent.resolve() / to.name
    own = [warehouse.resolve()] if home is None else [warehouse.resolve(), home.resolve()]
    if any(place == one or one in place.parents for one in own) or (to.exists() and to.samefile(warehouse)):
        raise ExportError(
            f"{to} was not written.",
            "It lies in the data directory, where only canvaslake's own files are.",
            "Choose another folder.",
        )
    if not to.parent.is_dir():
        raise ExportError(f"{to} was not written.", f"There is no folder {to.parent}.", "Make it, or choose another.")
    if to.is_dir():
        raise ExportError(f"{to} was not written.", "It is a folder.", "Name a file in it.")
    if (to.exists() or to.is_symlink()) and not force:
        raise ExportError(f"{to} was not written.", "There is such a file already.", "Replace it with --force.")


def _meant(con: duckdb.DuckDBPyConnection, question: str, names: list[str]) -> tuple[str, str | None]:
    """Return the SQL of a question, and the table if it names one; raises QueryError for what may not be asked."""
    by_lower = {name.lower(): name for name in names}
    table = by_lower.get(question.lower())
    if table is not None:
        return "from " + ".".join(f'"{part}"' for part in table.split(".", 1)), table
    if _A_NAME.fullmatch(question):
        raise unknown_table(question, names)
    refuse_anything_but_one_read(con, question)
    return question, None


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> int | None:
    """Return how many rows an answer has; None where that cannot be asked."""
    within = sql.rstrip("; \t\r\n")
    try:
        [(rows,)] = con.execute(f"select count(*) from (\n{within}\n)").fetchall()
    except duckdb.Error:
        # A PIVOT is several statements and EXPLAIN is no table; what else is wrong shows when it is asked itself.
        return None
    return int(rows)


def _known(
    con: duckdb.DuckDBPyConnection,
    warehouse: Path,
    sql: str,
    table: str | None,
    described: list[tuple[str, str]],
    rows: int | None,
) -> Answer:
    """Return what is known of an answer, whose columns are `described` by name and type."""
    generation = stated_generation(con, warehouse)
    return Answer(
        source=table or sql,
        columns=_of_table(con, table, described) if table else _of_query(con, sql, described),
        rows=rows,
        generation=generation.number if generation else None,
        published_at=generation.published_at if generation else None,
        held_back=held_back_in(con, sql),
    )


def _of_table(con: duckdb.DuckDBPyConnection, table: str, described: list[tuple[str, str]]) -> tuple[AnswerColumn, ...]:
    schema, _, name = table.partition(".")
    try:
        rows = con.execute(
            "select column_name, coalesce(description, ''), coalesce(unit, ''), coalesce(privacy, '') "
            "from meta.columns where table_schema = $schema and table_name = $name",
            {"schema": schema, "name": name},
        ).fetchall()
    except duckdb.CatalogException:
        rows = []
    known = {row[0]: row[1:] for row in rows}
    return tuple(AnswerColumn(column, kind, *known.get(column, ())) for column, kind in described)


def _of_query(con: duckdb.DuckDBPyConnection, sql: str, described: list[tuple[str, str]]) -> tuple[AnswerColumn, ...]:
    classes = privacy_of_answer(con, sql, [name for name, _ in described])
    return tuple(
        AnswerColumn(name, kind, privacy=privacy) for (name, kind), privacy in zip(described, classes, strict=True)
    )

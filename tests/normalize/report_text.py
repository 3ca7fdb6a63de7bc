"""Report files as Canvas's Ruby writer puts them, and their rows as the product reads them.

Nothing of the product is used for writing: a cell is put into text here, so that reading it back is a test.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pipelines.extract.archives import ReportMember
from pipelines.normalize.contracts import ColumnType
from pipelines.normalize.report_files import ReportTable, report_tables
from pipelines.normalize.rows import QuarantinedRow

Row = dict[str, Any]
Denver = timezone(timedelta(hours=-7))

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def values_of(kind: ColumnType, *, nullable: bool = True) -> st.SearchStrategy[Any]:
    """Return values that a column of a type can hold."""
    found: dict[ColumnType, st.SearchStrategy[Any]] = {
        ColumnType.BIGINT: st.integers(-(2**63), 2**63 - 1),
        ColumnType.DOUBLE: st.floats(-1e6, 1e6).map(lambda number: round(number, 2)),
        ColumnType.BOOLEAN: st.booleans(),
        ColumnType.VARCHAR: WORDS,
        ColumnType.TIMESTAMPTZ: MOMENTS,
    }
    return st.none() | found[kind] if nullable else found[kind]


def written(value: object, *, ruby_time: bool = False, flags: Mapping[bool, str] | None = None) -> str:
    """Return a value as Canvas writes it, before quoting: times in the account's zone, or as Ruby prints them."""
    if isinstance(value, bool):
        return (flags or {True: "true", False: "false"})[value]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S UTC}" if ruby_time else value.astimezone(Denver).isoformat(timespec="seconds")
    return str(value)


def cell(text: str | None, separator: str = ",") -> str:
    """Return a cell: nothing for None, quotes around nothing for an empty text, quotes where they are needed."""
    if text is None:
        return ""
    odd = text == "" or any(mark in text for mark in f'{separator}"\r\n') or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if odd else text


def csv_text(
    rows: Iterable[Sequence[str | None]], separator: str = ",", *, mark: bool = False, end: str = "\n"
) -> bytes:
    lines = (separator.join(cell(text, separator) for text in row) + end for row in rows)
    return ("\ufeff" if mark else "").encode() + "".join(lines).encode()


def member(folder: Path, content: bytes | str, name: str = "") -> ReportMember:
    path = folder / f"{len(list(folder.iterdir()))}.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ReportMember(name, path)


def rows_of(table: ReportTable) -> tuple[list[Row], list[QuarantinedRow]]:
    """Return all rows of a table, times in UTC, and the rows set aside."""
    rows: list[Row] = []
    aside: list[QuarantinedRow] = []
    for batch in table.batches:
        assert batch.rows_read == len(batch.frame) + len(batch.quarantined)
        records = batch.frame.astype(object).where(batch.frame.notna(), None).to_dict("records")
        rows += [{str(name): _plain(value) for name, value in record.items()} for record in records]
        aside += batch.quarantined
    return rows, aside


def _plain(value: Any) -> Any:
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value


def read(
    report: str, *members: ReportMember, parameters: Mapping[str, object] | None = None, **given: Any
) -> dict[str, tuple[list[Row], list[QuarantinedRow]]]:
    """Return rows and quarantine of a report's files by table name."""
    return {one.table.name: rows_of(one) for one in report_tables(report, parameters or {}, members, **given)}

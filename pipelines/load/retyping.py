"""Rows of reports that were loaded before their columns were declared, read anew as they are declared now.

Canvas is not asked: the file that was kept is read again, or, when that is gone, the text in the lake. What the lake
has in types only is not turned back into text: it would not be the file's (`007` is 7 there).
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from pipelines.lake.kept_files import DamagedFileError
from pipelines.lake.store import Lake, LoadOutcome, Part
from pipelines.ledger import Drift, Intent, LiveFile
from pipelines.ledger.intents import intent_of_report
from pipelines.ledger.kept_files import KeptFile, kept_files
from pipelines.ledger.loads import live_files, live_row_counts, loaded_files, write_drift
from pipelines.load.reports import REFUSED, Reading, load_again, load_parts
from pipelines.normalize.contracts import SYSTEM_COLUMNS, FileForm, Table, table_contract, undeclared_table
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.normalize.contracts.registry import types_by_name
from pipelines.normalize.csv_files import UnreadableFileError, read_batches, read_header
from pipelines.normalize.rows import Batch, QuarantinedRow
from pipelines.private_files import private_folder

_SYSTEM = {column.name for column in SYSTEM_COLUMNS}
_ANEW = re.compile(r"(-[0-9a-f]{8}(\.\d+)?)*")
"""What the id of a load gains each time its rows are read anew."""
_OF_ONE_FILE = re.compile(r"report-\d+-[0-9a-f]{8}(-v\d+)?")
"""How the ids of all loads of one file of a report begin."""


Lock = Callable[[int], AbstractContextManager[None]]
"""Holds the loads of an intent, by its id."""


def _unlocked(_: int) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class ReadAnew:
    """What was read anew, and the declared tables that cannot hold the rows that are there, each with the reason."""

    outcomes: list[LoadOutcome]
    unfit: dict[str, str]


def load_stale(
    lake: Lake,
    instance: str,
    reading_of: Callable[[str], Reading],
    lock: Lock | None = None,
) -> ReadAnew:
    """Load every live report anew that has columns of other types than they are declared to have.

    Rows that are refused in their new types stay as they are, and keep no other report from being read. `meta.drift`
    says so of a report that nobody declared, whose types are the settings'. `lock` holds the loads of an intent.
    """
    outcomes: list[LoadOutcome] = []
    unfit: dict[str, str] = {}
    kept = kept_files(lake.ledger)
    for files in _loads(lake, instance):
        reading = reading_of(files[0].source)
        stale = [file for file in files if _is_stale(lake, file, reading)]
        if not stale:
            continue
        try:
            outcome = _read_anew(lake, files, reading, _kept_for(files[0], kept), lock or _unlocked)
        except REFUSED as error:
            declared = [file.table_name for file in stale if table_contract(file.table_name)]
            unfit |= dict.fromkeys(declared, str(error))
            _note_refused(lake, stale, error)
            continue
        if outcome is not None:
            outcomes.append(outcome)
    return ReadAnew(outcomes, unfit)


def _loads(lake: Lake, instance: str) -> list[list[LiveFile]]:
    """Return the live files of reports by load: what one of them lacks is taken for something that is no more."""
    names = [name for name in live_row_counts(lake.ledger) if name.startswith("reports.")]
    names = [name for name in names if name != COURSE_DOCUMENTS.qualified]
    loads: dict[str, list[LiveFile]] = {}
    for file in live_files(lake.ledger, tables=names) if names else []:
        # What courses' reports make are documents; a table among them is text as it came.
        if file.instance == instance and ",course=" not in file.slice:
            loads.setdefault(file.load_id, []).append(file)
    return list(loads.values())


def _is_stale(lake: Lake, file: LiveFile, reading: Reading) -> bool:
    """Return whether a column of the file is text and is declared to be something else, or the other way round."""
    schema = pq.read_schema(lake.path_of(file))
    table = table_contract(file.table_name)
    names = [name for name in schema.names if name not in _SYSTEM]
    if table is not None:
        declared = {column.name: column.type.arrow for column in table.columns}
    else:
        declared = {name: kind.arrow for name, kind in types_by_name(reading.types).items()}
        if all(header.isascii() for header in reading.types):
            declared = dict.fromkeys(names, pa.string()) | declared
    return any(name in declared and schema.field(name).type != declared[name] for name in names)


def _kept_for(file: LiveFile, kept: Sequence[KeptFile]) -> KeptFile | None:
    """Return the file that a live one was made of, if it is kept."""
    for one in kept:
        rest = file.load_id.removeprefix(one.load_id)
        if file.load_id.startswith(one.load_id) and _ANEW.fullmatch(rest):
            return one
    return None


def _read_anew(
    lake: Lake,
    files: Sequence[LiveFile],
    reading: Reading,
    kept: KeptFile | None,
    lock: Lock,
) -> LoadOutcome | None:
    if kept is not None:
        try:
            with lock(kept.intent_id):
                return load_again(lake, kept, reading)
        except DamagedFileError:
            pass  # the lake has its text still
    intent = _intent_of(lake, files[0])
    if intent is None:
        return None
    with lock(intent.intent_id):
        return _load_from_lake(lake, intent, files, reading)


def _intent_of(lake: Lake, file: LiveFile) -> Intent | None:
    if file.report_id is None:
        return None
    return intent_of_report(lake.ledger, file.instance, file.report_id)


def _note_refused(lake: Lake, stale: Sequence[LiveFile], error: Exception) -> None:
    with lake.ledger.write() as connection:
        now = lake.ledger.now()
        for file in stale:
            drift = Drift(file.table_name, "type refused", "", f"The rows stay as they were: {str(error)[:1000]}")
            write_drift(connection, drift, file.load_id, now)


def _load_from_lake(lake: Lake, intent: Intent, files: Sequence[LiveFile], reading: Reading) -> LoadOutcome:
    folder = private_folder(reading.downloads)
    texts = [folder / f"text-{file.load_id}-{number}-{uuid.uuid4().hex[:8]}.csv" for number, file in enumerate(files)]
    try:
        parts = []
        for file, text in zip(files, texts, strict=True):
            told = _with_text(lake, file, reading)
            text.unlink(missing_ok=True)
            _write_text(lake.path_of(told), text)
            parts.append(_part(file, text, reading, _set_aside(lake, told)))
        extracted_at = datetime.fromisoformat(files[0].extracted_at)
        return load_parts(lake, intent, files[0].load_id, parts, reading, extracted_at=extracted_at)
    finally:
        for text in texts:
            text.unlink(missing_ok=True)


def _with_text(lake: Lake, file: LiveFile, reading: Reading) -> LiveFile:
    """Return the file that the rows of a live one can be typed from: itself, or one made of the same report before.

    Raises UnreadableFileError if no file has the text of a column whose type is to change.
    """
    typed = _typed_otherwise(lake, file, reading)
    if not typed:
        return file
    match = _OF_ONE_FILE.match(file.load_id)
    start = file.load_id if match is None else match[0]
    for one in loaded_files(lake.ledger, start):
        # The ids of the loads of a later file of the same report begin alike, and go on with its number.
        is_same = _ANEW.fullmatch(one.load_id.removeprefix(start)) is not None
        is_same = is_same and (one.table_name, one.slice) == (file.table_name, file.slice)
        if is_same and lake.path_of(one).exists() and not _typed_otherwise(lake, one, reading):
            return one
    raise UnreadableFileError(
        f"the report's file is gone, and the lake has {', '.join(typed)} of {file.table_name} in other types than are "
        "wanted now, and nowhere the text that they were made of. Text made of these values would not be the file's. "
        "The next report brings the types that are wanted"
    )


def _typed_otherwise(lake: Lake, file: LiveFile, reading: Reading) -> list[str]:
    """Return the columns of a file that are no text and are to be of another type."""
    schema = pq.read_schema(lake.path_of(file))
    names = [name for name in schema.names if name not in _SYSTEM]
    wanted = {column.name: column.type.arrow for column in _table(file, names, reading).columns}
    return [name for name in names if schema.field(name).type not in (pa.string(), wanted.get(name, pa.string()))]


def _table(file: LiveFile, names: Sequence[str], reading: Reading) -> Table:
    """Return the contract of a live file's table as of today; `names` are the file's columns."""
    table = table_contract(file.table_name)
    if table is not None:
        return table
    name = file.table_name.removeprefix("reports.")
    return replace(undeclared_table(file.source, "", list(names), reading.types), name=name)


def _part(file: LiveFile, text: Path, reading: Reading, before: Sequence[QuarantinedRow]) -> Part:
    """Return the rows of a table from their text. Whatever form the report's file had, here a record is a row."""
    header = read_header(text, ",")
    table = _table(file, header.cells, reading)
    columns = tuple(replace(column, localized=False) for column in table.columns)
    as_rows = replace(table, columns=columns, form=FileForm.ROWS, lone_cell_is_empty=False)
    return Part(table, _with(before, read_batches(text, header, as_rows)))


def _set_aside(lake: Lake, file: LiveFile) -> list[QuarantinedRow]:
    """Return the rows that the load set aside: they are not in the table's text, and must not be lost."""
    found = []
    for one in loaded_files(lake.ledger, file.load_id):
        if (one.load_id, one.table_name) == (file.load_id, QUARANTINE.qualified):
            rows = pq.read_table(lake.path_of(one), partitioning=None).to_pylist()
            found += [
                QuarantinedRow(row["line_number"], row["reason"], row["raw"])
                for row in rows
                if row["table_name"] == file.table_name
            ]
    return found


def _with(before: Sequence[QuarantinedRow], batches: Iterable[Batch]) -> Iterator[Batch]:
    rows = tuple(before)
    for batch in batches:
        # Which record of the report's file a row of the lake came from is not known.
        anew = (replace(row, line_number=None) for row in batch.quarantined)
        yield replace(batch, quarantined=(*rows, *anew), records=batch.records + len(rows))
        rows = ()
    if rows:
        yield Batch(pd.DataFrame(), rows)


def _write_text(parquet: Path, target: Path) -> None:
    """Write the rows of a Parquet file as CSV: NULL as an empty cell, every text in quotes."""
    source = pq.ParquetFile(parquet)
    names = [name for name in source.schema_arrow.names if name not in _SYSTEM]
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    options = pacsv.WriteOptions(quoting_style="all_valid")
    with target.open("xb") as out, pacsv.CSVWriter(out, schema, write_options=options) as writer:
        target.chmod(0o600)
        for batch in source.iter_batches(columns=names):
            rows: Any = pa.Table.from_batches([batch])
            writer.write_table(rows.cast(schema))

"""The file of a course report into the lake: a document with a row that tells where it is, and a table if it is one."""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipelines.extract.archives import is_zip
from pipelines.extract.report_states import Observation
from pipelines.lake.kept_files import keep_document
from pipelines.lake.store import Lake, Part
from pipelines.ledger import Intent
from pipelines.normalize.contracts import Column, ColumnType
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.normalize.csv_files import UnreadableFileError
from pipelines.normalize.rows import Batch, batch_from_records

_KINDS = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".bin": "application/octet-stream",
}
_TABULAR = (".csv", ".zip")
_COURSE = Column("course_id", ColumnType.BIGINT, "Canvas id of the course that the report is about.", nullable=False)


def course_parts(
    lake: Lake, intent: Intent, load_id: str, path: Path, run: Observation, tables: Callable[[], Sequence[Part]]
) -> list[Part]:
    """Store the document and return its row; behind it the rows of the file's `tables`, where it is CSV.

    Raises UnreadableFileError for a file that is empty.
    """
    suffix = _suffix(path)
    # The tables first: a file that is refused leaves no document behind that no row tells of.
    rows = [_of_course(part, intent.course_id or 0) for part in tables()] if suffix in _TABULAR else []
    place, size, sha256 = keep_document(lake, f"course_documents/{intent.course_id}", f"{load_id}{suffix}", path)
    record = {
        "course_id": intent.course_id,
        "report_type": intent.report,
        "course_report_id": intent.report_id,
        "parameters": json.dumps(intent.parameters, sort_keys=True),
        "created_at": _text(run.created_at),
        "started_at": _text(run.started_at),
        "ended_at": _text(run.ended_at),
        "content_type": _KINDS[suffix],
        "path": place,
        "bytes": size,
        "sha256": sha256,
    }
    return [Part(COURSE_DOCUMENTS, [batch_from_records(COURSE_DOCUMENTS, [record])]), *rows]


def _text(moment: object) -> str | None:
    return None if moment is None else str(moment)


def _suffix(path: Path) -> str:
    """Return the suffix for what a file is by its content, whatever it is called."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise UnreadableFileError("the document is empty")
    if is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile as error:
            raise UnreadableFileError("the document is a damaged ZIP") from error
        if "[Content_Types].xml" in names:
            return ".docx"
        return ".zip" if names and all(name.endswith(".csv") for name in names) else ".bin"
    if start.startswith(b"%PDF-"):
        return ".pdf"
    return ".csv" if b"\0" not in start and (b"," in start or b";" in start) else ".bin"


def _of_course(part: Part, course_id: int) -> Part:
    """Return the part with the course in every row: one table holds the rows of many courses."""
    table = part.table
    if any(column.name == _COURSE.name for column in table.columns):
        return part

    def with_course() -> Iterator[Batch]:
        for batch in part.batches:
            frame = batch.frame.copy(deep=False)
            frame.insert(
                0, _COURSE.name, pd.Series(course_id, index=frame.index, dtype=pd.ArrowDtype(_COURSE.type.arrow))
            )
            yield replace(batch, frame=frame)

    return replace(part, table=replace(table, columns=(_COURSE, *table.columns)), batches=with_course())

"""Rows set aside while a file is read: counted, cut to a size, and never lost on the way.

Where they are kept, and when a file has too many of them for its table, is decided in `lake`.
"""

from pipelines.normalize.contracts import Table
from pipelines.normalize.rows import Batch, QuarantinedRow
from pipelines.normalize.unreadable import HopelessFileError

MOST_ROWS = 100_000
"""Rows of a table's files that are set aside before they are given up."""

_MOST_BYTES = 256 << 20
_LONGEST_RAW = 64 << 10


class RowsUnaccountedError(RuntimeError):
    """Records of a file that are neither rows nor in quarantine: a mistake of canvaslake, and nothing is loaded."""


class SetAside:
    """Counts the rows of a table's files that do not fit, and says when they are too many."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the file is hopeless."""
        return self._rows > MOST_ROWS or self._bytes > _MOST_BYTES

    def count(self, row: QuarantinedRow) -> QuarantinedRow:
        """Count a row that is kept."""
        self._rows += 1
        self._bytes += len(row.raw)
        return row

    def refuse_if_full(self, more: int = 0) -> None:
        """Raise HopelessFileError if the rows counted, and so many more, are too many."""
        if self.is_full or self._rows + more > MOST_ROWS:
            raise HopelessFileError(
                f"more rows than can be set aside do not fit {self._table.qualified}: the limit is {MOST_ROWS} rows or "
                f"{_MOST_BYTES >> 20} MiB of text, and {self._rows + more} rows were found before its end. Compare "
                "the file with the columns of the table"
            )


def shortened(raw: str) -> str:
    """Return the text of a row for the quarantine: one past 64 KiB is cut, and says so."""
    if len(raw) <= _LONGEST_RAW:
        return raw
    return f"{raw[:_LONGEST_RAW]} [cut: {len(raw)} characters in all]"


def accounted(table: Table, batch: Batch, rows_due: int) -> Batch:
    """Return the batch; raise RowsUnaccountedError unless it has the rows that its good records stand for."""
    if len(batch.frame) != rows_due:
        raise RowsUnaccountedError(
            f"{table.qualified}: {batch.records} records, of which {len(batch.quarantined)} do not fit, stand for "
            f"{rows_due} rows, and {len(batch.frame)} were made. Nothing is loaded; this is a mistake of canvaslake, "
            "please report it with these numbers"
        )
    return batch

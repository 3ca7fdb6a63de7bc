"""The versions of rows that were ever seen, kept in the lake: what Canvas itself forgets.

An observation says how a row was found at a moment, or that it was found no more. Observations are only ever added, so
they outlive the loads that they were made from. Each publish that finds something adds a file; when many small ones
have come together, the next takes their rows along.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake.parquet_files import write_rows
from pipelines.lake.store import Lake, new_load_id, remove_strays
from pipelines.ledger import Load, LoadFile
from pipelines.ledger.loads import commit_load, live_files
from pipelines.normalize.contracts import Column, ColumnType

HISTORY = "history"
"""The schema whose tables keep every version of a row."""

_SMALL, _MANY = 10_000, 32
"""Files of fewer rows are put together when there are so many of them: a table made anew reads them all."""

OBSERVED_AT, PRESENT = "_observed_at", "_present"
"""What an observation has beside the columns of its row: when it was made, and whether the row was there."""

VALIDITY = (
    Column("valid_from", ColumnType.TIMESTAMPTZ, "When the row was first found like this.", "UTC", nullable=False),
    Column(
        "valid_to",
        ColumnType.TIMESTAMPTZ,
        "When it was first found otherwise, or no more; NULL while it is like this.",
        "UTC",
    ),
    Column("is_current", ColumnType.BOOLEAN, "Whether the row is like this now.", nullable=False),
)
"""The columns that tell when a version of a row held: at a moment where valid_from <= moment < valid_to."""


def observation_files(lake: Lake, qualified: str) -> list[Path]:
    """Return the files with the observations of a table, oldest first."""
    return [lake.path_of(file) for file in _files(lake, qualified)]


def record_observations(lake: Lake, instance: str, qualified: str, rows: Any, at: datetime) -> None:
    """Add observations, an Arrow table made at one moment: all of them, or none.

    One process at a time may add to a table: the publisher.
    """
    schema, name = qualified.split(".", 1)
    load_id = f"{HISTORY}-{new_load_id(at)}"
    slice_ = f"table={name},load={load_id}"
    small = [file for file in _files(lake, qualified) if file.rows < _SMALL]
    taken = []
    if len(small) >= _MANY:
        # One of other columns or types stays alone: the model was another then.
        taken = [file for file in small if pq.read_schema(lake.path_of(file)).equals(rows.schema)]
        rows = pa.concat_tables([*(pq.read_table(lake.path_of(file)) for file in taken), rows])
    path = lake.root / schema / name / slice_ / f"{load_id}.{secrets.token_hex(3)}.parquet"
    place = path.relative_to(lake.root).as_posix()
    try:
        size, sha256 = write_rows(path, rows)
        commit_load(
            lake.ledger,
            Load(
                load_id=load_id,
                instance=instance,
                source=qualified,
                scope={"table": name, "load": load_id},
                extracted_at=at,
                rows_read=rows.num_rows,
                rows_loaded=rows.num_rows,
                rows_quarantined=0,
                content_hash=sha256,
            ),
            [LoadFile(qualified, slice_, place, rows.num_rows, size, sha256, sha256)],
            cleared=[(qualified, file.slice) for file in taken],
        )
    finally:
        remove_strays(lake, load_id, [place])


def _files(lake: Lake, qualified: str) -> Sequence[Any]:
    return live_files(lake.ledger, tables=[qualified])

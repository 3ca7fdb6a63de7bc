"""A load into the lake: its tables written as Parquet, then one transaction of the ledger makes them live.

Where the rows come from is not known here. Which files go into the warehouse is read from the ledger by `warehouse`.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from pipelines.lake.parquet_files import WrittenFile, write_table
from pipelines.ledger import CommitResult, Drift, Ledger, LiveFile, Load, LoadFile
from pipelines.ledger.loads import commit_load, files_of, is_loaded
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.normalize.rows import Batch, QuarantinedRow
from pipelines.private_files import private_folder

Scope = dict[str, str | int | None]

_FEW_BAD_ROWS = 10


class TooManyBadRowsError(Exception):
    """So many rows of a file do not fit that the file, not the rows, is wrong. The old rows stay."""


@dataclass(frozen=True)
class Part:
    """The rows of one table in a load. `sort` orders each batch by the table's key before it is written.

    `missing` names declared columns that the source did not have, for `meta.drift`.
    """

    table: Table
    batches: Iterable[Batch]
    sort: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadOutcome:
    """What a load did: rows kept per table, rows in quarantine per table, and what the commit decided."""

    load_id: str
    result: CommitResult
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()


@dataclass
class _Counted:
    """The batches of a part, to be gone through once, and how many records of the source they were made from."""

    batches: Iterable[Batch]
    records: int = 0

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            self.records += batch.records
            yield batch


def new_load_id(moment: datetime) -> str:
    """Return an id for a load of endpoints: sorts by time, and two at one moment differ."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(5)}"


_PLAIN = re.compile(r"[^A-Za-z0-9_.-]+")


def slice_name(scope: Scope) -> str:
    """Return a scope as a folder name: `account=1,term_filter=current`. None is left out; odd texts are hashed."""
    parts = []
    for name, value in scope.items():
        if value is None:
            continue
        text = str(value)
        plain = _PLAIN.sub("-", text)
        parts.append(f"{name}={plain if plain == text else plain + '-' + _short(text)}")
    return ",".join(parts) or "all"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class Lake:
    """Parquet files under one folder, with the ledger as the commit log. Several processes may load at once.

    `max_bad_share` is the share of the records read (0..1) in quarantine above which a load is refused.
    """

    def __init__(self, root: Path, ledger: Ledger, *, max_bad_share: float = 0.1) -> None:
        self.root = private_folder(root)
        self.ledger = ledger
        self.max_bad_share = max_bad_share

    def path_of(self, file: LiveFile) -> Path:
        """Return where a live file is."""
        return self.root / file.path

    def load(
        self,
        *,
        load_id: str,
        instance: str,
        source: str,
        scope: Scope,
        extracted_at: datetime,
        parts: Sequence[Part],
        report_id: int | None = None,
        version: int | None = None,
        intent_id: int | None = None,
        on_rows: Callable[[int], None] | None = None,
        is_wanted: Callable[[dict[str, object]], bool] | None = None,
    ) -> LoadOutcome:
        """Write the parts of one answer and make them live together.

        `is_wanted` is given the scopes that the source brought before: those that it does not want are taken out of
        the live set by the same commit.

        Loading a `load_id` again does nothing. Raises TooManyBadRowsError when too large a share does not fit, and
        whatever the batches raise; in each case nothing becomes live and no file of the load stays behind.
        """
        if is_loaded(self.ledger, load_id):
            # Nothing is read a second time; the commit still marks the intent as fulfilled.
            empty = Load(load_id, instance, source, scope, extracted_at, 0, 0, 0, "")
            return LoadOutcome(load_id, commit_load(self.ledger, empty, [], intent_id=intent_id, is_wanted=is_wanted))
        name = slice_name({"instance": instance, **scope})
        # Several sources may speak for one scope, and each has rows of its own in quarantine.
        set_aside = slice_name({"instance": instance, "source": source, **scope})
        written: list[tuple[Part, WrittenFile]] = []
        files: list[LoadFile] = []
        kept = False
        try:
            for part in parts:
                path = self._path(part.table, name, load_id)
                counted = _Counted(part.batches)
                file = write_table(
                    path,
                    part.table,
                    counted,
                    load_id=load_id,
                    extracted_at=extracted_at,
                    sort=part.sort,
                    on_rows=on_rows,
                )
                written.append((part, file))
                files.append(self._load_file(part.table, name, file))
                _refuse_if_bad(part.table, counted.records, file.quarantined, self.max_bad_share)
            bad = {part.table.qualified: file.quarantined for part, file in written if file.quarantined}
            if bad:
                files.append(self._quarantine(set_aside, load_id, extracted_at, bad))
            rows_read = sum(file.rows_read for _, file in written)
            rows_bad = sum(len(rows) for rows in bad.values())
            drift = _drift(written)
            load = Load(
                load_id=load_id,
                instance=instance,
                source=source,
                scope=scope,
                extracted_at=extracted_at,
                rows_read=rows_read,
                rows_loaded=sum(file.rows for _, file in written),
                rows_quarantined=rows_bad,
                content_hash=hashlib.sha256("".join(file.content_hash for file in files).encode()).hexdigest(),
                report_id=report_id,
                version=version,
            )
            cleared = [] if bad else [(QUARANTINE.qualified, set_aside)]
            result = commit_load(
                self.ledger, load, files, cleared=cleared, drift=drift, intent_id=intent_id, is_wanted=is_wanted
            )
            kept = result in (CommitResult.COMMITTED, CommitResult.SUPERSEDED)
        finally:
            if not kept:
                remove_strays(self, load_id, [file.path for file in files])
        return LoadOutcome(
            load_id,
            result,
            {part.table.qualified: file.rows for part, file in written},
            {table: len(rows) for table, rows in bad.items()},
            tuple(drift),
        )

    def _path(self, table: Table, slice_: str, load_id: str) -> Path:
        # Two processes may load the same report at once; each writes files of its own, and one of them commits.
        return self.root / table.schema / table.name / slice_ / f"{load_id}.{secrets.token_hex(3)}.parquet"

    def _load_file(self, table: Table, slice_: str, file: WrittenFile) -> LoadFile:
        return LoadFile(
            table=table.qualified,
            slice=slice_,
            path=file.path.relative_to(self.root).as_posix(),
            rows=file.rows,
            bytes=file.bytes,
            sha256=file.sha256,
            content_hash=file.content_hash,
        )

    def _quarantine(
        self, slice_: str, load_id: str, extracted_at: datetime, bad: dict[str, tuple[QuarantinedRow, ...]]
    ) -> LoadFile:
        rows = [(table, slice_, row) for table, group in bad.items() for row in group]
        file = write_table(
            self._path(QUARANTINE, slice_, load_id),
            QUARANTINE,
            [Batch(quarantine_frame(rows))],
            load_id=load_id,
            extracted_at=extracted_at,
            sort=True,
        )
        return self._load_file(QUARANTINE, slice_, file)


def remove_strays(lake: Lake, load_id: str, paths: Sequence[str]) -> None:
    """Remove what a load has written and the ledger does not know.

    It is asked, for an interrupt may come between a commit and whoever waits for it.
    """
    known = files_of(lake.ledger, load_id)
    for path in paths:
        if path not in known:
            (lake.root / path).unlink(missing_ok=True)


def quarantine_frame(rows: Sequence[tuple[str, str, QuarantinedRow]]) -> pd.DataFrame:
    """Return rows that do not fit as rows of `meta.quarantine`: each with its table and the slice it came in."""
    values = [(table, slice_, row.line_number, row.reason, row.raw) for table, slice_, row in rows]
    columns = {
        column.name: pd.Series([row[position] for row in values], dtype=pd.ArrowDtype(column.type.arrow))
        for position, column in enumerate(QUARANTINE.columns)
    }
    return pd.DataFrame(columns)


def refusal(table: Table, good: int, bad: Sequence[QuarantinedRow], max_share: float) -> str | None:
    """Return why an answer is refused as a whole, or None: its rows in quarantine may be few.

    `good` counts as `bad` does, by records of the source: how many rows a table makes of a record says nothing here.
    """
    # When most rows do not fit, the answer is not what it should be, however short it is.
    if len(bad) > good or (len(bad) > _FEW_BAD_ROWS and len(bad) > max_share * (good + len(bad))):
        first = bad[0]
        line = "" if first.line_number is None else f"line {first.line_number}, "
        return (
            f"{len(bad)} of {good + len(bad)} rows do not fit {table.qualified} (the first: {line}{first.reason}). "
            "The table keeps its last good rows. Look at the file, or raise [warehouse] "
            "max_bad_share if these rows are to be left out."
        )
    return None


def _refuse_if_bad(table: Table, records: int, bad: Sequence[QuarantinedRow], max_share: float) -> None:
    refused = refusal(table, records - len(bad), bad, max_share)
    if refused:
        raise TooManyBadRowsError(refused)


def _drift(written: Sequence[tuple[Part, WrittenFile]]) -> list[Drift]:
    drift = []
    for part, file in written:
        table = part.table.qualified
        drift += [Drift(table, "unknown column", name, "Kept as text.") for name in file.extra_columns]
        drift += [Drift(table, "missing column", name, "NULL in these rows.") for name in part.missing]
    return drift


__all__ = ["Lake", "LoadOutcome", "Part", "Scope", "TooManyBadRowsError", "new_load_id", "slice_name"]

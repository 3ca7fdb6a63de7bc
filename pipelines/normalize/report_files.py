"""The files of a finished report to the tables they are of: which file feeds which table, and in what form.

How a file of a form becomes rows stands in the module of the form.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.extract.archives import ReportMember
from pipelines.normalize.contracts import (
    REPORTS,
    Column,
    ColumnType,
    FileForm,
    Report,
    Table,
    report_contract,
    undeclared_table,
)
from pipelines.normalize.csv_files import read_batches
from pipelines.normalize.csv_header import Header, read_header, without_unwritten_cells
from pipelines.normalize.csv_records import records
from pipelines.normalize.grading_periods import PeriodLayout, period_batches, period_layout
from pipelines.normalize.outcome_ratings import outcome_batches, outcome_tables
from pipelines.normalize.quarantine import SetAside
from pipelines.normalize.rows import Batch
from pipelines.normalize.unreadable import UnreadableFileError

_TRUE = ("true", "t", "1", "yes", "y", "on")
_BLANK_BYTES = 16
_MUCH_ALIKE = 0.8


@dataclass(frozen=True)
class ReportTable:
    """A table of a report with its rows, to be read once. `missing` names declared columns that the files lack."""

    table: Table
    batches: Iterator[Batch]
    missing: tuple[str, ...] = ()


def report_tables(
    report: str,
    parameters: Mapping[str, object],
    members: Sequence[ReportMember],
    *,
    types: Mapping[str, ColumnType] | None = None,
) -> list[ReportTable]:
    """Return the tables of a report's files, each table once.

    A file's table is known by the member's name, by the parameters when they choose one file, or by its header. A
    member that nobody declared becomes a table of text columns; `types` gives some of these another type, by header
    cell or by column name.

    Raises UnreadableFileError for a file that is not what the report promises, here or while the batches are read.
    """
    contract = report_contract(report)
    if contract is not None and "" in contract.tables:
        main = contract.tables[""]
        if main.form is FileForm.GRADING_PERIODS:
            return [_grading_periods(main, members)]
        if len(members) == 1:
            return _of_one_file(contract, members[0].path)
    tables = []
    for member in members:
        header = read_header(member.path)
        table = _declared(contract, parameters, member, header) if contract is not None else None
        if contract is not None and table is not None:
            _refuse_other_file(header, contract, table)
        table = table or undeclared_table(report, member.name, list(header.cells), types)
        tables.append((member, _plain(member.path, header, table)))
    return _one_table_each(tables)


def _of_one_file(contract: Report, path: Path) -> list[ReportTable]:
    """Return the tables of a report that is always one file."""
    main, header = contract.tables[""], read_header(path)
    _refuse_other_file(header, contract, main)
    if main.form is not FileForm.BEFORE_RATINGS:
        return [_plain(path, header, main)]
    ratings = next(table for table in contract.tables.values() if table.form is FileForm.RATINGS)
    tables = outcome_tables(path, header, main, ratings)
    return [
        ReportTable(table, outcome_batches(path, header, tables, table), _missing(header.absent(main), table, main))
        for table in (main, ratings)
    ]


def _missing(absent: Sequence[Column], table: Table, main: Table | None = None) -> tuple[str, ...]:
    if main is not None and table is not main:
        return ()
    return tuple(column.name for column in absent if not column.optional)


def _plain(path: Path, header: Header, table: Table) -> ReportTable:
    if table.form is FileForm.TEMPORARY_ENROLLMENTS:
        header = without_unwritten_cells(path, header)
    header.require(table)
    return ReportTable(table, read_batches(path, header, table), _missing(header.absent(table), table))


def _refuse_other_file(header: Header, contract: Report, table: Table) -> None:
    header.require(table)
    if len(header.unknown(table)) == len(header.names):
        raise UnreadableFileError(
            f"none of the file's {len(header.names)} columns is one of {table.qualified}: it is no file of "
            f"{contract.name}"
        )
    other, likest = max(_declared_tables(), key=lambda one: _likeness(one[1], header))
    # Most reports about courses have columns in common, and a Canvas may lack some: only a clear case is one.
    if other != contract.name and _likeness(likest, header) > _MUCH_ALIKE > 2 * _likeness(table, header):
        raise UnreadableFileError(f"the file is one of {other} by its columns, and not of {contract.name}")


def _declared_tables() -> Iterator[tuple[str, Table]]:
    for contract in REPORTS.values():
        for table in contract.tables.values():
            yield contract.name, table


def _grading_periods(table: Table, members: Sequence[ReportMember]) -> ReportTable:
    """Return the one table that the files of all terms go into."""
    files: list[tuple[ReportMember, Header, PeriodLayout]] = []
    for member in members:
        # Canvas writes a single empty line where there was nothing to ask about.
        if _is_blank(member.path):
            continue
        # Names of periods are in the header, with any number of semicolons; this report has commas between cells.
        header = read_header(member.path, ",")
        # A term without grading periods has a sentence in the place of a header, and nothing else.
        if len(header.cells) == 1 and not _has_rows(member.path, header):
            continue
        files.append((member, header, period_layout(header, table)))
    undeclared = list(dict.fromkeys(name for _, _, layout in files for name in layout.undeclared(table)))
    absent = {column.name: column for _, _, layout in files for column in layout.absent(table)}

    def batches() -> Iterator[Batch]:
        aside = SetAside(table)
        for member, header, layout in files:
            for batch in period_batches(member.path, header, table, layout, undeclared, aside):
                yield _of_member(batch, member) if len(files) > 1 else batch

    return ReportTable(table, batches(), _missing(list(absent.values()), table))


def _of_member(batch: Batch, member: ReportMember) -> Batch:
    """Return the batch with the member named where rows are set aside: their numbers begin anew in each."""
    said = tuple(replace(row, reason=f"in {member.name}.csv: {row.reason}") for row in batch.quarantined)
    return replace(batch, quarantined=said)


def _is_blank(path: Path) -> bool:
    return 0 < path.stat().st_size <= _BLANK_BYTES and not path.read_bytes().strip()


def _has_rows(path: Path, header: Header) -> bool:
    with path.open("rb") as file:
        return any(cells != [None] for cells, _ in records(file, header.separator, start=header.end))


def _declared(contract: Report, parameters: Mapping[str, object], member: ReportMember, header: Header) -> Table | None:
    """Return the declared table of a member of a report with several, or None for one that nobody declared."""
    if not contract.selectors:
        return None
    if member.name:
        return contract.tables.get(member.name)
    # A report with one member selected is a plain file, which does not say which member it is.
    chosen = [name for name in contract.selectors if str(parameters.get(name, "")).strip().lower() in _TRUE]
    if len(chosen) == 1:
        return contract.tables[chosen[0]]
    best = max(contract.tables.values(), key=lambda table: _likeness(table, header))
    return best if _likeness(best, header) > 0 else None


def _likeness(table: Table, header: Header) -> float:
    """Return which share of the columns that a file has or should have are both (0..1)."""
    declared = {column.name for column in table.columns}
    due = {column.name for column in table.columns if not column.optional}
    return len(declared & set(header.names)) / len(due | set(header.names))


def _one_table_each(tables: Sequence[tuple[ReportMember, ReportTable]]) -> list[ReportTable]:
    """Tell tables of one name apart: members may be named after terms, and no name survives in other alphabets."""
    counts = Counter(one.table.qualified for _, one in tables)
    return [
        one
        if counts[one.table.qualified] == 1
        else replace(one, table=replace(one.table, name=f"{one.table.name}_{_short(member.name)}"))
        for member, one in tables
    ]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]

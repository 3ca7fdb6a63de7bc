"""A finished report into the lake: a fresh link, the file, its members, one load.

When a report is finished is decided in `extract`. Loading the same report again is a no-op by its load id.
"""

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipelines.canvas import CanvasClient
from pipelines.canvas.account_reports import report_file, show_run
from pipelines.canvas.errors import LinkExpiredError, NotFoundError
from pipelines.extract.archives import HostileArchiveError, ReportMember, discard, open_report
from pipelines.extract.report_states import Observation, Verdict, observe
from pipelines.lake.store import Lake, LoadOutcome, Part, TooManyBadRowsError
from pipelines.ledger import Intent
from pipelines.ledger.intents import record_failed
from pipelines.ledger.loads import is_loaded
from pipelines.normalize.contracts import Report, Table, report_contract, undeclared_table
from pipelines.normalize.csv_files import Header, UnreadableFileError, read_batches, read_header
from pipelines.private_files import private_folder

_FRESH_LINKS = 3

REFUSED = (HostileArchiveError, UnreadableFileError, TooManyBadRowsError)
"""What is wrong with a file itself: trying again with the same file is no use."""


class ReportNotReadyError(Exception):
    """Canvas called the report complete, and shows no file of it now. Another attempt may find it."""


class ReportGoneError(Exception):
    """The report was finished and is no more: deleted or failed after all. Nothing of it can be loaded."""


@dataclass(frozen=True)
class ReportRows:
    """A member of a report with its header and the table it goes into."""

    member: ReportMember
    header: Header
    table: Table


def report_load_id(instance: str, report_id: int) -> str:
    """Return the identity of the load of a report: the same for every attempt, different between institutions."""
    return f"report-{report_id}-{hashlib.sha256(instance.encode()).hexdigest()[:8]}"


async def load_report(
    lake: Lake,
    client: CanvasClient,
    intent: Intent,
    *,
    downloads: Path,
    on_rows: Callable[[int], None] | None = None,
) -> LoadOutcome:
    """Fetch the file of a finished report and load its members as one load, which fulfils the intent.

    `downloads` is a private folder for the file while it is read. Raises CanvasError, ReportGoneError (the intent
    has ended then), or ReportNotReadyError, or one of REFUSED;
    the tables keep their last good rows.
    """
    if intent.report_id is None:
        raise ValueError(f"intent {intent.intent_id} has no report yet")
    load_id = report_load_id(intent.instance, intent.report_id)
    if is_loaded(lake.ledger, load_id):
        return _commit(lake, intent, load_id, lake.ledger.clock(), [], None)
    # What a killed process left behind is student data; the caller holds the load's lock, so nobody is reading it.
    await asyncio.to_thread(_discard_leftovers, downloads, load_id)
    folder = private_folder(downloads / f"{load_id}-{intent.attempts}")
    try:
        run = await _download(lake, client, intent, folder / "report")
        moment = run.ended_at or run.created_at or lake.ledger.clock()
        return await asyncio.to_thread(_load_file, lake, intent, load_id, moment, folder, on_rows)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _discard_leftovers(downloads: Path, load_id: str) -> None:
    for left in downloads.glob(f"{load_id}-*"):
        discard(left)


async def _download(lake: Lake, client: CanvasClient, intent: Intent, target: Path) -> Observation:
    """Download the report's file and return the run; a link that ran out is asked for again."""
    account, report, report_id = intent.account_id, intent.report, intent.report_id or 0
    for attempt in range(_FRESH_LINKS):
        try:
            answer = await show_run(client, account, report, report_id)
        except NotFoundError:
            raise _gone(lake, intent, "it is gone from Canvas") from None
        run, file = observe(answer.data), report_file(answer.data)
        if run is None or run.verdict is Verdict.FAILED:
            raise _gone(lake, intent, f"Canvas now calls it {run.status if run else 'something else'}")
        if file is None:
            raise ReportNotReadyError(
                f"{report} {report_id} has no file that may be downloaded; Canvas calls it {run.status}. The load is "
                "tried again; if it stays so, look at the report in Canvas."
            )
        try:
            await client.download(file.url, target, expected_size=file.size)
        except LinkExpiredError:
            if attempt == _FRESH_LINKS - 1:
                raise
            continue
        return run
    raise AssertionError("unreachable")


def _gone(lake: Lake, intent: Intent, why: str) -> ReportGoneError:
    record_failed(lake.ledger, intent.intent_id, f"The report was complete, but {why}")
    return ReportGoneError(
        f"{intent.report} {intent.report_id} was complete, but {why}. Its tables keep their last good rows; "
        f"to ask again: canvaslake reports start {intent.report}"
    )


def _load_file(
    lake: Lake,
    intent: Intent,
    load_id: str,
    extracted_at: datetime,
    folder: Path,
    on_rows: Callable[[int], None] | None,
) -> LoadOutcome:
    try:
        members = open_report(folder / "report", folder / "members")
        if not members:
            raise UnreadableFileError("the ZIP is empty")
        rows = _one_table_each([tabular(intent.report, intent.parameters, member) for member in members])
        parts = [
            Part(
                one.table,
                read_batches(one.member.path, one.header, one.table),
                missing=tuple(column.name for column in one.header.absent(one.table) if not column.optional),
            )
            for one in rows
        ]
        return _commit(lake, intent, load_id, extracted_at, parts, on_rows)
    finally:
        discard(folder / "members")


def _commit(
    lake: Lake,
    intent: Intent,
    load_id: str,
    extracted_at: datetime,
    parts: Sequence[Part],
    on_rows: Callable[[int], None] | None,
) -> LoadOutcome:
    return lake.load(
        load_id=load_id,
        instance=intent.instance,
        source=intent.report,
        scope={"account": intent.account_id, "report": intent.report, "parameters": intent.parameters_hash},
        extracted_at=extracted_at,
        parts=parts,
        report_id=intent.report_id,
        version=intent.report_id,
        intent_id=intent.intent_id,
        on_rows=on_rows,
    )


def tabular(report: str, parameters: dict[str, object], member: ReportMember) -> ReportRows:
    """Read a member's header and decide its table: by its name, by the parameters, or by what its header says."""
    header = read_header(member.path)
    contract = report_contract(report)
    table = _declared(contract, parameters, member, header) if contract else None
    return ReportRows(member, header, table or undeclared_table(report, member.name, list(header.cells)))


def _one_table_each(rows: list[ReportRows]) -> list[ReportRows]:
    """Tell tables of one name apart: members may be named after terms, and no name survives in other alphabets."""
    counts = Counter(one.table.qualified for one in rows)
    return [
        one
        if counts[one.table.qualified] == 1
        else replace(one, table=replace(one.table, name=f"{one.table.name}_{_short(one.member.name)}"))
        for one in rows
    ]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _declared(contract: Report, parameters: dict[str, object], member: ReportMember, header: Header) -> Table | None:
    if member.name in contract.tables:
        return contract.tables[member.name]
    if member.name:
        return None
    # A report with one member selected is a plain file, which does not say which member it is.
    chosen = [name for name in contract.tables if str(parameters.get(name, "")).lower() in ("true", "1", "yes", "on")]
    if len(chosen) == 1:
        return contract.tables[chosen[0]]

    def shared(table: Table) -> int:
        return len({column.name for column in table.columns} & set(header.names))

    best = max(contract.tables.values(), key=lambda table: shared(table) / max(len(table.columns), 1))
    return best if shared(best) else None

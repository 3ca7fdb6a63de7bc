"""A finished report into the lake: a fresh link, the file, its members, one load.

When a report is finished is decided in `extract`. Loading the same file again is a no-op by its load id.
"""

import asyncio
import glob
import hashlib
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.canvas import CanvasClient
from pipelines.canvas.account_reports import report_file
from pipelines.canvas.errors import LinkExpiredError, NotFoundError
from pipelines.extract import report_calls
from pipelines.extract.archives import HostileArchiveError, discard, open_report
from pipelines.extract.report_states import Observation, Verdict, observe
from pipelines.lake.kept_files import keep_file, restore_file
from pipelines.lake.store import Lake, LoadOutcome, Part, Scope, TooManyBadRowsError, remove_strays, slice_name
from pipelines.ledger import Intent, Ledger
from pipelines.ledger.intents import get_intent
from pipelines.ledger.kept_files import KeptFile
from pipelines.ledger.loads import is_loaded, live_loads, live_since, live_version
from pipelines.ledger.report_facts import record_failed, record_file, record_refused_file
from pipelines.load.course_documents import course_parts
from pipelines.normalize.contracts import ColumnType, Table
from pipelines.normalize.csv_files import UnreadableFileError
from pipelines.normalize.report_files import ReportTable, report_tables
from pipelines.private_files import private_folder

IsWanted = Callable[[dict[str, object]], bool]
"""Of the scope of an earlier load of the same report: whether it still speaks."""

_FRESH_LINKS = 3

REFUSED = (HostileArchiveError, UnreadableFileError, TooManyBadRowsError)
"""What is wrong with a file itself: trying again with the same file is no use."""


class ReportNotReadyError(Exception):
    """Canvas called the report complete, and shows no file of it now. Another attempt may find it."""


class OlderFileError(Exception):
    """A file that a person gave is older than the rows that it would replace."""


class ReportGoneError(Exception):
    """The report was finished and is no more: deleted or failed after all. Nothing of it can be loaded."""


@dataclass(frozen=True)
class Reading:
    """How the files of one report are read and kept.

    `downloads` is a private folder for the file while it is read. `types` are types of columns of a report that nobody
    declared, by header cell or column name. Files are kept for `keep`; None keeps none.
    """

    downloads: Path
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    keep: timedelta | None = None
    on_rows: Callable[[int], None] | None = None


def report_load_id(intent: Intent) -> str:
    """Return the identity of the load of a report's file: the same for every attempt, another for another file.

    Raises ValueError for an intent that has no report yet.
    """
    if intent.report_id is None:
        raise ValueError(f"intent {intent.intent_id} has no report yet")
    kind = "report" if intent.course_id is None else "course-report"
    version = f"-v{intent.version}" if intent.version > 1 else ""
    return f"{kind}-{intent.report_id}-{_short(intent.instance)}{version}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


async def load_report(
    lake: Lake,
    client: CanvasClient,
    intent: Intent,
    reading: Reading,
    *,
    is_wanted: IsWanted | None = None,
) -> LoadOutcome:
    """Fetch the file of a finished report and load its members as one load, which fulfils the intent.

    `is_wanted` says of scopes (account, report, parameters) that the same report brought before whether they still
    speak; those that do not are taken out with the same commit.

    Raises CanvasError, ReportGoneError (the intent has ended then), or ReportNotReadyError, or one of REFUSED;
    the tables keep their last good rows.
    """
    # Read anew, for the caller may have waited for the load's lock: the load of an older file must not count as that of
    # a newer one.
    intent = get_intent(lake.ledger, intent.intent_id)
    load_id = report_load_id(intent)
    # What a killed process left behind is student data; the caller holds the load's lock, so nobody is reading it.
    await asyncio.to_thread(_discard_leftovers, lake, intent, load_id, reading.downloads)
    if is_loaded(lake.ledger, load_id):
        return _commit(lake, intent, load_id, lake.ledger.clock(), [], is_wanted=is_wanted)
    folder = private_folder(reading.downloads / f"{load_id}-{intent.attempts}")
    try:
        run = await _download(lake, client, intent, folder / "report")
        moment = run.ended_at or run.created_at or lake.ledger.clock()
        return await asyncio.to_thread(_keep_and_load, lake, intent, load_id, moment, folder, reading, run, is_wanted)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def load_again(lake: Lake, kept: KeptFile, reading: Reading) -> LoadOutcome | None:
    """Load a file that was kept, as it is read today: its columns may have types now that they had not then.

    Canvas is not asked. None if another file speaks for the slice by now: a newer report, a later file of the same one,
    or one that a person gave. Raises DamagedFileError, or one of REFUSED.
    """
    intent = get_intent(lake.ledger, kept.intent_id)
    slice_ = slice_name({"instance": intent.instance, **_scope(intent)})
    live = live_loads(lake.ledger, slice_)
    was_loaded = is_loaded(lake.ledger, kept.load_id)
    if was_loaded and not any(_is_of(load_id, kept) for load_id in live):
        return None
    version = live_version(lake.ledger, slice_)
    if not was_loaded:
        # It was refused. By another contract it may do, unless something newer has come since.
        if live and (intent.report_id is None or version is None or intent.report_id <= version):
            return None
        version = intent.report_id
    with _opened(reading, f"again-{kept.load_id}") as folder:
        restore_file(lake, kept, folder / "report")
        tables = _tables(intent, folder, reading)
        load_id = _anew(lake, f"{kept.load_id}-{_contracts([one.table for one in tables])}", live)
        parts = [] if load_id in live else _parts(tables)
        return _commit(
            lake, intent, load_id, kept.extracted_at, parts, reading, version=version, fulfils=not was_loaded
        )


def _anew(lake: Lake, load_id: str, live: Collection[str]) -> str:
    """Return the id of a load that reads a file anew: one of its own each time that other types were live meanwhile."""
    chosen, number = load_id, 1
    while chosen not in live and is_loaded(lake.ledger, chosen):
        number += 1
        chosen = f"{load_id}.{number}"
    return chosen


def _is_of(load_id: str, kept: KeptFile) -> bool:
    """Return whether a load is of a kept file: the first one, or one that was made of it anew."""
    # The loads of a later file of the same report begin alike, and go on with its number.
    rest = load_id.removeprefix(kept.load_id)
    return load_id.startswith(kept.load_id) and not re.match(r"-v\d", rest)


def load_file(
    lake: Lake, intent: Intent, path: Path, reading: Reading, *, extracted_at: datetime, older_too: bool = False
) -> LoadOutcome:
    """Load a file that a person gives, through the road that a download takes; it fulfils the intent.

    It counts as newer than what is there, and as older than every report that Canvas makes from now on. Raises
    OlderFileError for one that is older than the rows it would replace, unless `older_too`, and one of REFUSED; the
    tables keep their last good rows.
    """
    newest = live_since(lake.ledger, slice_name({"instance": intent.instance, **_scope(intent)}))
    if newest is not None and extracted_at < newest and not older_too and not still_speaks(lake.ledger, intent):
        why = (
            f"It is of {extracted_at:%Y-%m-%d %H:%M} UTC, and the rows it would replace are of {newest:%Y-%m-%d %H:%M}"
        )
        record_refused_file(lake.ledger, intent.intent_id, why)
        raise OlderFileError(f"{path.name} was not loaded. {why}. If that is right: --older-too, or say --ended-at.")
    load_id = f"file-{intent.window}-{intent.intent_id}-{_short(intent.instance)}"
    with _opened(reading, load_id) as folder:
        (folder / "report").symlink_to(path.absolute())
        try:
            if reading.keep is not None:
                keep_file(lake, load_id, intent, path, extracted_at)
            parts = _parts(_tables(intent, folder, reading))
            version = live_version(lake.ledger, slice_name({"instance": intent.instance, **_scope(intent)}))
            return _commit(lake, intent, load_id, extracted_at, parts, reading, version=version)
        except REFUSED as error:
            record_refused_file(lake.ledger, intent.intent_id, str(error)[:1000])
            raise


def still_speaks(ledger: Ledger, intent: Intent) -> bool:
    """Return whether the rows that an intent brought are live."""
    live = live_loads(ledger, slice_name({"instance": intent.instance, **_scope(intent)}))
    return any(intent.load_id is not None and load_id.startswith(intent.load_id) for load_id in live)


def load_parts(
    lake: Lake, intent: Intent, load_id: str, parts: Sequence[Part], reading: Reading, *, extracted_at: datetime
) -> LoadOutcome:
    """Load the rows of an earlier load of a report as they are typed today; for when its own file is gone."""
    live = live_loads(lake.ledger, slice_name({"instance": intent.instance, **_scope(intent)}))
    again = _anew(lake, f"{load_id}-{_contracts([one.table for one in parts])}", live)
    return _commit(lake, intent, again, extracted_at, parts, reading, version=intent.report_id, fulfils=False)


@contextmanager
def _opened(reading: Reading, name: str) -> Iterator[Path]:
    # Of one's own: two processes may read the same file anew at once.
    folder = private_folder(reading.downloads) / f"{name}-{uuid.uuid4().hex[:8]}"
    try:
        yield private_folder(folder)
    finally:
        discard(folder)


def _discard_leftovers(lake: Lake, intent: Intent, load_id: str, downloads: Path) -> None:
    """Remove what killed processes left of a load, committed or not, and the downloads of others that are committed."""
    for folder in downloads.glob("*report-*"):
        left = folder.name.rpartition("-")[0]
        if left == load_id or is_loaded(lake.ledger, left):
            discard(folder)
    scope: Scope = {"instance": intent.instance, **_scope(intent)}
    slices = (slice_name(scope), slice_name({"instance": intent.instance, "source": intent.report, **_scope(intent)}))
    written = [path for one in slices for path in lake.root.glob(f"*/*/{glob.escape(one)}/*{load_id}.*")]
    remove_strays(lake, load_id, [path.relative_to(lake.root).as_posix() for path in written])
    for path in (lake.root / "files" / "reports" / intent.report).glob(f".{load_id}.*"):
        path.unlink(missing_ok=True)


async def _download(lake: Lake, client: CanvasClient, intent: Intent, target: Path) -> Observation:
    """Download the report's file and return the run; a link that ran out is asked for again."""
    name = f"{intent.report} {intent.report_id}"
    for attempt in range(_FRESH_LINKS):
        try:
            answer = await report_calls.show(client, intent)
        except NotFoundError:
            raise _gone(lake, intent, "it is gone from Canvas") from None
        run, file = observe(answer.data), report_file(answer.data)
        if run is None or run.verdict is Verdict.FAILED:
            raise _gone(lake, intent, f"Canvas now calls it {run.status if run else 'something else'}")
        if file is None:
            raise ReportNotReadyError(
                f"{name} has no file that may be downloaded; Canvas calls it {run.status}. The load is tried again; if "
                "it stays so, look at the report in Canvas."
            )
        try:
            await client.download(file.url, target, expected_size=file.size)
        except LinkExpiredError:
            if attempt == _FRESH_LINKS - 1:
                raise
            continue
        record_file(lake.ledger, intent.intent_id, run.file_id)
        return run
    raise AssertionError("unreachable")


def _gone(lake: Lake, intent: Intent, why: str) -> ReportGoneError:
    record_failed(lake.ledger, intent.intent_id, f"The report was complete, but {why}")
    return ReportGoneError(
        f"{intent.report} {intent.report_id} was complete, but {why}. Its tables keep their last good rows; "
        f"to ask again: canvaslake reports start {intent.report}"
    )


def _keep_and_load(
    lake: Lake,
    intent: Intent,
    load_id: str,
    moment: datetime,
    folder: Path,
    reading: Reading,
    run: Observation,
    is_wanted: IsWanted | None,
) -> LoadOutcome:
    try:
        if intent.course_id is not None:
            parts = course_parts(
                lake, intent, load_id, folder / "report", run, lambda: _parts(_tables(intent, folder, reading))
            )
        else:
            if reading.keep is not None:
                # Before it is read: a file that is refused is worth a look, and may load by a later contract.
                keep_file(lake, load_id, intent, folder / "report", moment)
            parts = _parts(_tables(intent, folder, reading))
        return _commit(lake, intent, load_id, moment, parts, reading, version=intent.report_id, is_wanted=is_wanted)
    finally:
        discard(folder / "members")


def _tables(intent: Intent, folder: Path, reading: Reading) -> list[ReportTable]:
    members = open_report(folder / "report", folder / "members")
    if not members:
        raise UnreadableFileError("the ZIP is empty")
    return report_tables(intent.report, intent.parameters, members, types=reading.types)


def _parts(tables: Sequence[ReportTable]) -> list[Part]:
    return [Part(one.table, one.batches, missing=one.missing) for one in tables]


def _contracts(tables: Sequence[Table]) -> str:
    """Return a name for how the tables are declared: loading a file again as it was declared before is one load."""
    return _short(repr([(one.qualified, one.form, [(c.name, c.type) for c in one.columns]) for one in tables]))


def _scope(intent: Intent) -> Scope:
    place: Scope = {"account": intent.account_id} if intent.course_id is None else {"course": intent.course_id}
    return {**place, "report": intent.report, "parameters": intent.parameters_hash}


def _commit(
    lake: Lake,
    intent: Intent,
    load_id: str,
    extracted_at: datetime,
    parts: Sequence[Part],
    reading: Reading | None = None,
    *,
    version: int | None = None,
    fulfils: bool = True,
    is_wanted: IsWanted | None = None,
) -> LoadOutcome:
    return lake.load(
        load_id=load_id,
        instance=intent.instance,
        source=intent.report,
        scope=_scope(intent),
        extracted_at=extracted_at,
        parts=parts,
        report_id=intent.report_id,
        version=version,
        intent_id=intent.intent_id if fulfils else None,
        on_rows=reading.on_rows if reading else None,
        is_wanted=is_wanted,
    )

"""What must hold of the ledger and the lake, whatever happened; seen from outside, against what Canvas really did."""

from datetime import datetime, timedelta
from typing import Any

import pyarrow.parquet as pq

from pipelines.extract.watching import AFTERWATCH
from pipelines.lake.store import slice_name
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import IdentifiedBy, all_intents
from tests.machine.canvas import Report, rows_of_content
from tests.machine.processes import WatchedLedger
from tests.machine.world import World

_TABLES = {
    "provisioning_csv": {
        "reports.provisioning_accounts": "canvas_account_id",
        "reports.provisioning_terms": "canvas_term_id",
    },
    "campus_rooms_csv": {"reports.campus_rooms": "room_id"},
    "parking_csv": {"reports.parking": "room_id"},
}
_FIXED = ("instance", "account_id", "report", "parameters_hash", "window", "replaces", "wanted_at")
_BY_CANVAS = frozenset({"locale", "extra_text"})

Rows = list[tuple[str, str]]


class Checks:
    """What was seen of a world so far, and what must follow from it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._ledger = WatchedLedger(world.project.home / "state" / "ledger.sqlite", world.clock)
        self._intents: dict[int, Intent] = {}
        self.known_loads: set[str] = set()
        self._file_of_load: dict[tuple[int, int], str] = {}
        """The load of each file, by the numbers of its report and of itself."""
        self._live: dict[str, tuple[int, int]] = {}
        """The newest report that was loaded in each slice, and the content of its file."""

    def close(self) -> None:
        """End the example."""
        self._ledger.close()

    def step(self) -> None:
        """Check what one step has changed."""
        intents = {one.intent_id: one for one in all_intents(self._ledger, self.world.instance)}
        for number, intent in intents.items():
            before = self._intents.get(number)
            if before != intent:
                self._facts(intent)
                if before is not None:
                    self._nothing_undone(before, intent)
        self._intents = intents
        self._chains()
        self._loads()

    def _facts(self, intent: Intent) -> None:
        told = repr(intent)
        if intent.asked_at is not None:
            assert intent.report_id is not None, told
            if intent.posting_at is not None:
                assert intent.posting_at <= intent.asked_at, told
            assert intent.identified_by is not None, told
            report = self.world.canvas.reports[intent.report_id]
            assert (report.account, report.name) == (intent.account_id, intent.report), told
            assert _sent(intent.parameters) == _plain(report.parameters), f"not what was wanted: {told}"
        if intent.finished_at is not None:
            assert intent.asked_at is not None, told
            assert intent.identified_by is IdentifiedBy.ADOPTION or intent.asked_at <= intent.finished_at, told
        if intent.loaded_at is not None:
            assert intent.finished_at is not None, told
            assert intent.finished_at <= intent.loaded_at, told
            assert intent.ended_at is not None, told
            assert intent.load_id is not None, told
        if intent.ended_at is not None:
            assert intent.wanted_at <= intent.ended_at, told
            assert intent.loaded_at is not None or intent.failure, f"it ended and nobody knows why: {told}"
        if intent.deleted_at is not None:
            assert intent.is_own, f"a report of somebody else was deleted: {told}"
        if intent.posting_at is not None:
            assert intent.wanted_at <= intent.posting_at, told

    def _nothing_undone(self, before: Intent, now: Intent) -> None:
        told = f"{before!r} became {now!r}"
        assert all(getattr(before, name) == getattr(now, name) for name in _FIXED), told
        assert before.deadline_at <= now.deadline_at, told
        if before.report_id is not None:
            assert now.report_id == before.report_id, told
        if before.posting_at is not None and now.posting_at is None:
            harmful = [post for post in self.world.line.posts if post.intent == now.intent_id and not post.harmless]
            assert not harmful, f"the right to POST was given back, and one was sent: {told}"
        for name in ("asked_at", "finished_at"):
            assert getattr(before, name) is None or getattr(now, name) is not None, told
        assert (before.version, before.attempts) <= (now.version, max(now.attempts, before.attempts)), told
        assert before.attempts <= now.attempts, told
        if before.loaded_at is not None and now.loaded_at != before.loaded_at:
            assert now.version > before.version, f"a load was forgotten: {told}"
        if before.state is IntentState.LOST:
            assert now == before, told

    def _chains(self) -> None:
        replaced = [one.replaces for one in self._intents.values() if one.replaces is not None]
        assert len(replaced) == len(set(replaced)), f"an intent was replaced twice: {sorted(replaced)}"
        for number in replaced:
            assert self._intents[number].state is IntentState.LOST, f"{self._intents[number]!r} was replaced"
        for row in rows_of(self._ledger, "SELECT * FROM wishes"):
            intent = self._intents[int(str(row["intent_id"]))]
            assert intent.state is not IntentState.LOST, f"the wish {row} ends in a lost intent"
            assert (intent.context, intent.report, intent.parameters_hash) == (
                row["context"],
                row["report"],
                row["parameters_hash"],
            )

    def _loads(self) -> None:
        loads = rows_of(self._ledger, "SELECT rowid, * FROM loads ORDER BY rowid")
        changed = set()
        for load in loads[len(self.known_loads) :]:
            self.known_loads.add(str(load["load_id"]))
            changed.add(self._load(load))
        for name in changed:
            self._live_rows(name)

    def _load(self, load: dict[str, Any]) -> str:
        report = self.world.canvas.reports[int(load["report_id"])]
        assert load["rows_read"] == load["rows_loaded"] + load["rows_quarantined"]
        file = self.world.line.fetched[report.number]
        earlier = self._file_of_load.setdefault((report.number, file), load["load_id"])
        assert earlier == load["load_id"], f"file {file} of report {report.number} is loaded twice: {earlier}, {load}"
        content = next(one.content for one in report.files if one.number == file)
        due = rows_of_content(content)
        assert load["rows_loaded"] == len(due) * len(_TABLES[report.name]), f"{load} of a file with {len(due)} rows"
        (intent,) = (one for one in self._intents.values() if one.report_id == report.number)
        name = self._slice(intent)
        if self._live.get(name, (0, 0))[0] <= report.number:
            self._live[name] = report.number, content
        if not load["unchanged"]:
            self._same_rows(report, self._rows("slices.load_id = ?", load["load_id"]), content)
        return name

    def _live_rows(self, name: str) -> None:
        number, content = self._live[name]
        rows = self._rows("slices.slice = ? AND slices.live_to IS NULL", name)
        self._same_rows(self.world.canvas.reports[number], rows, content)

    def _slice(self, intent: Intent) -> str:
        return slice_name(
            {
                "instance": self.world.instance,
                "account": intent.account_id,
                "report": intent.report,
                "parameters": intent.parameters_hash,
            }
        )

    def _rows(self, condition: str, argument: object) -> dict[str, Rows]:
        found: dict[str, Rows] = {}
        for row in rows_of(
            self._ledger,
            f"SELECT slices.table_name, parquet.path FROM slices JOIN parquet USING (parquet_id) WHERE {condition}",
            (argument,),
        ):
            table = str(row["table_name"])
            key = {name: column for tables in _TABLES.values() for name, column in tables.items()}[table]
            read = pq.read_table(self.world.project.home / "lake" / str(row["path"]), columns=[key, "name"])
            ids, names = (read.column(column).to_pylist() for column in (key, "name"))
            found.setdefault(table, []).extend((str(one), name) for one, name in zip(ids, names, strict=True))
        return found

    def _same_rows(self, report: Report, found: dict[str, Rows], content: int) -> None:
        due = [(str(number), name) for number, name in rows_of_content(content)]
        assert set(found) == set(_TABLES[report.name]), f"report {report.number} brought {sorted(found)}"
        for table, rows in found.items():
            assert sorted(rows) == due, f"{table} has other rows than the file of report {report.number}"

    def end(self, calm_since: datetime) -> None:
        """Check where everything has come to, some time after Canvas was well again at `calm_since`."""
        self.step()
        for intent in self._intents.values():
            over = (IntentState.LOADED, IntentState.FAILED, IntentState.CANCELLED, IntentState.LOST)
            assert intent.state in over, f"it never ends: {intent!r}"
        owners = {one.report_id: one for one in self._intents.values() if one.report_id is not None}
        for report in self.world.canvas.reports.values():
            owner = owners.get(report.number)
            if owner is not None:
                self._owned(report, owner, calm_since)
            elif report.starter is not None and report.ready:
                self._orphan(report, owners)
        for number in self.world.canvas.touched:
            assert owners[number].is_own, f"report {number} was changed in Canvas, and it is not ours"
        for name in self._live:
            self._live_rows(name)

    def _owned(self, report: Report, owner: Intent, calm_since: datetime) -> None:
        """A report that somebody could load is loaded, at its newest file."""
        if not report.ready or owner.state is IntentState.CANCELLED or owner.deleted_at is not None:
            return
        assert report.file is not None
        loaded = self._file_of_load.get((report.number, report.file.number)) is not None
        if not loaded and owner.ended_at is not None and owner.ended_at + AFTERWATCH < calm_since + timedelta(hours=1):
            # Its story was over for so long that nobody looked at it any more.
            return
        assert loaded, f"file {report.file.number} of report {report.number} is not loaded: {owner!r}"
        assert owner.state is IntentState.LOADED, f"report {report.number} is there: {owner!r}"
        assert owner.file_id == report.file.number, f"{owner!r} has another file than {report.file.number}"

    def _orphan(self, report: Report, owners: dict[int, Intent]) -> None:
        """A report that was started from here and belongs to no intent: there must be a reason for it."""
        intent = self._intents[report.starter or 0]
        if intent.report_id is not None:
            # The answer was lost, and an equal report was taken for it.
            assert owners[intent.report_id].identified_by is IdentifiedBy.INDEX, repr(intent)
            return
        if intent.state is IntentState.LOST:
            hidden = report.was_hidden or report.number in self.world.canvas.touched
            assert hidden or intent.intent_id in self.world.overtaken, f"report {report.number} was lost: {intent!r}"
            return
        assert "Overdue" in str(intent.failure), f"report {report.number} belongs to nobody: {intent!r}"


def _sent(parameters: dict[str, object]) -> dict[str, str]:
    return _plain({name: str(value).lower() for name, value in parameters.items()})


def _plain(echo: Any) -> dict[str, str]:
    """Return what makes a difference to Canvas in the parameters of a report."""
    return {name: str(value) for name, value in echo.items() if name not in _BY_CANVAS and value != "false"}

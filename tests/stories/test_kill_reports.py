"""The plug is pulled while reports are asked for, fetched, loaded, published: what is started again ends as if nothing
had been, and Canvas has made each report once.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.asking import ask_reports
from pipelines.demo import Institution, seeded_institution
from pipelines.ledger import IntentState
from pipelines.ledger.database import rows_of
from pipelines.ledger.intents import all_intents
from pipelines.sensors import INTENT_TAG
from tests.stories.conftest import AS_OF, Office, free_port, make_office
from tests.stories.killers import (
    TooLateError,
    TrappedCanvas,
    Victim,
    kill_run_workers,
    killed_before_it_records,
    killed_by_file,
    killed_by_ledger,
    killed_by_request,
    started,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SETTINGS = """\
[canvas]
base_url = "{base_url}"

[sync]
cron = "0 5 1 1 *"

[sensor]
interval_seconds = 5
retry_minutes = 0.05

[[reports]]
report = "provisioning_csv"
parameters = {{ users = true, courses = true, enrollments = true, include_deleted = true }}

[[reports]]
report = "grade_export_csv"
parameters = {{ include_deleted = true, enrollment_term_id = "" }}
"""
REPORTS = ("provisioning_csv", "grade_export_csv")
TABLES = (
    "reports.provisioning_users",
    "reports.provisioning_courses",
    "reports.provisioning_enrollments",
    "reports.grade_export",
)
PROVISIONED = len(TABLES) - 1
PART_FILES = "state/downloads/*/.report.*.part"
PARQUET = "lake/reports/provisioning_*/*/[!.]*.parquet"
POSTED = r"/reports/provisioning_csv$"

Tables = dict[str, list[tuple[Any, ...]]]
"""Rows by table."""


@dataclass(frozen=True)
class Step:
    """A step at which a sync dies: how, and where its reports stand then, so that no death at another one counts."""

    name: str
    die: Callable[[Victim], None]
    state: IntentState | None = None
    loaded: int = 0
    published: bool = False


STEPS = (
    # First, for it takes longest: nobody knows that Canvas never got this one, and the grace time has to pass.
    Step("posted, never arrived", killed_by_request("POST", POSTED, "arrives"), IntentState.POSTING),
    Step("wanted", killed_by_ledger("SELECT count(*) FROM intents WHERE posting_at IS NULL"), IntentState.WANTED),
    Step("posted, not answered", killed_by_request("POST", POSTED, "had its effect"), IntentState.POSTING),
    Step("posted, answered", killed_by_request("POST", r"/reports/grade_export_csv$", "is answered")),
    Step("id recorded", killed_by_ledger("SELECT count(report_id) FROM intents"), IntentState.ASKED),
    Step("index asked", killed_by_request("GET", POSTED, "arrives"), IntentState.ASKED),
    Step("link asked", killed_by_request("GET", r"/reports/provisioning_csv/\d+$", "arrives"), IntentState.FINISHED),
    Step("download begun", killed_by_request("GET", r"^/attachments/", "arrives"), IntentState.FINISHED),
    Step("download half there", killed_by_request("GET", r"^/attachments/", "is half answered", PART_FILES)),
    Step("download whole", killed_by_file("state/downloads/*/report")),
    Step("file kept", killed_by_file("lake/files/reports/*/*")),
    Step("Parquet begun", killed_by_file("lake/reports/*/*/.*.parquet.*")),
    Step("Parquet written, not committed", killed_before_it_records(PARQUET, PARQUET, PROVISIONED)),
    Step("one report loaded", killed_by_ledger("SELECT count(report_id) FROM loads"), loaded=1),
    Step("both loaded, not published", killed_by_ledger("SELECT count(report_id) = 2 FROM loads"), loaded=2),
    Step("next file copied", killed_by_file("generations/*.next"), loaded=2),
    Step(
        "published, not recorded",
        killed_before_it_records("generations/*", "warehouse.duckdb"),
        loaded=2,
        published=True,
    ),
)


def open_office(folder: Path, canvas: TrappedCanvas) -> Office:
    office = make_office(folder, canvas)
    office.write_settings(SETTINGS.format(base_url=canvas.base_url))
    return office


def rows_without_loads(office: Office, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a published table, without the columns that tell which load brought them, and when."""
    return office.rows(f"SELECT * EXCLUDE (_load_id, _extracted_at) FROM {table} ORDER BY ALL")


@pytest.fixture(scope="module")
def school() -> Institution:
    return seeded_institution(AS_OF, scale=0.1)


@pytest.fixture(scope="module")
def undisturbed(school: Institution, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The rows of the reports' tables after one sync that nobody killed."""
    with TrappedCanvas(school, report_seconds=0.2) as canvas:
        office = open_office(tmp_path_factory.mktemp("undisturbed"), canvas)
        result = office.run("sync", *REPORTS)
        assert result.returncode == 0, result.stderr
        tables = {table: rows_without_loads(office, table) for table in TABLES}
    assert all(len(rows) > 10 for rows in tables.values())
    return tables


def check_the_end(office: Office, undisturbed: Tables) -> None:
    """Check what a data directory holds after all is done, against one that was never disturbed."""
    for table, rows in undisturbed.items():
        assert rows_without_loads(office, table) == rows, table
    ledger, canvas = office.project.ledger, office.canvas
    assert isinstance(canvas, TrappedCanvas)
    intents = all_intents(ledger)
    posts = canvas.requests.count(r"/reports/", "POST") + canvas.swallowed("POST")
    assert posts == len(intents), "one POST per intent"
    came = [one for one in intents if one.state is not IntentState.LOST]
    assert {one.state for one in came} == {IntentState.LOADED}
    assert sorted(run.id for run in canvas.reports.all()) == sorted(one.report_id or 0 for one in came)
    # What is observed of rows is a load of its own, and of no report.
    of_reports = rows_of(ledger, "SELECT report_id FROM loads WHERE report_id IS NOT NULL")
    loads = Counter(row["report_id"] for row in of_reports)
    assert loads == {one.report_id: 1 for one in came}, "each report is loaded once"
    assert left_behind(office) == []


def left_behind(office: Office) -> list[str]:
    """Return the files of student data that the ledger does not know and nothing would ever remove."""
    home, ledger = office.folder / "data", office.project.ledger
    known = {str(row["path"]) for row in rows_of(ledger, "SELECT path FROM parquet UNION SELECT path FROM kept_files")}
    in_lake = [path for path in (home / "lake").rglob("*") if path.is_file()]
    strays = [path for path in in_lake if path.relative_to(home / "lake").as_posix() not in known]
    downloads = [path for path in (home / "state" / "downloads").rglob("*") if path.is_file()]
    unpublished = [path for path in (home / "generations").iterdir() if path.suffix != ".duckdb"]
    return sorted(str(path.relative_to(home)) for path in (*strays, *downloads, *unpublished))


def killed(folder: Path, school: Institution, step: Step) -> Office:
    """Return an office whose sync has died at a step. Its Canvas goes on.

    Some steps take less than a millisecond: a sync that got past its step before it was stopped is no case of it, and
    another one is begun.
    """
    for number in range(8):
        canvas = TrappedCanvas(school, report_seconds=0.2).start()
        try:
            again = folder / f"{number}"
            again.mkdir(parents=True)
            office = open_office(again, canvas)
            with started(office, "sync", *REPORTS) as victim:
                step.die(victim)
            check_the_death(office, step)
        except TooLateError:
            canvas.stop()
        except BaseException:
            canvas.stop()
            raise
        else:
            return office
    raise AssertionError(f"no sync could be killed at the step: {step.name}")


def states(office: Office) -> list[IntentState]:
    return [one.state for one in all_intents(office.project.ledger)]


def check_the_death(office: Office, step: Step) -> None:
    """Raise TooLateError unless the ledger stands where the step leaves it."""
    found = states(office)
    there = step.state is None or step.state in found
    if not there or found.count(IntentState.LOADED) != step.loaded or office.published.exists() != step.published:
        raise TooLateError(step.name)


@dataclass(frozen=True)
class Aftermath:
    """What became of a killed sync: its office, and how the one that was started after it ended."""

    office: Office
    code: int
    output: str


def started_again(office: Office) -> Aftermath:
    """Sync once more, to the end."""
    try:
        with started(office, "sync", *REPORTS) as victim:
            code = victim.process.wait(300)
    finally:
        office.canvas.stop()
    return Aftermath(office, code, (office.folder / "output.log").read_text())


@pytest.fixture(scope="module")
def aftermaths(
    request: pytest.FixtureRequest, school: Institution, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Step, Future[Aftermath]]]:
    """What becomes of a sync that is killed, by the step.

    They die one after the other, for what watches them must be quick. The next syncs run meanwhile, two at once, and
    one more that mostly waits.
    """
    base = tmp_path_factory.mktemp("killed")
    with ThreadPoolExecutor(3) as restarts, ThreadPoolExecutor(1) as killer:

        def die_and_start_again(step: Step) -> Aftermath:
            office = killer.submit(killed, base / step.name.replace(" ", "-"), school, step).result()
            return restarts.submit(started_again, office).result()

        chosen: list[Any] = [
            item.callspec.params["step"]
            for item in request.session.items
            if isinstance(item, pytest.Function) and item.module is request.module and "step" in item.fixturenames
        ]
        with ThreadPoolExecutor(4) as steps:
            yield {step: steps.submit(die_and_start_again, step) for step in chosen}
            steps.shutdown(cancel_futures=True)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name.replace(",", "").replace(" ", "-"))
def test_a_sync_that_is_killed_and_started_again_ends_as_if_nothing_had_been(
    step: Step, aftermaths: dict[Step, Future[Aftermath]], undisturbed: Tables
) -> None:
    aftermath = aftermaths[step].result()
    assert aftermath.code == 0, aftermath.output
    check_the_end(aftermath.office, undisturbed)
    # What was loaded when it died is not taken up again: a new sync asks for new reports.
    assert len(aftermath.office.canvas.reports.all()) == len(REPORTS) + step.loaded


def asked(folder: Path, canvas: TrappedCanvas) -> Office:
    """Return an office in which one report has been asked for, as a schedule does it."""
    office = open_office(folder, canvas)
    report = office.settings.reports[0]
    asyncio.run(ask_reports(office.project, [report], window="2026-11-20T03:00:00+00:00", origin="schedule"))
    return office


def up(office: Office) -> AbstractContextManager[Victim]:
    return started(office, "up", "--port", str(free_port()))


def wait_for_the_file(victim: Victim, due: Tables) -> None:
    """Wait until the daemon has published what the report brings."""
    office = victim.office

    def there() -> bool:
        return office.published.exists() and all(rows_without_loads(office, table) for table in due)

    victim.wait_until(there, "the published file", pause=0.5)
    victim.process.send_signal(signal.SIGTERM)
    assert victim.process.wait(60) == 0


def provisioning(undisturbed: Tables) -> Tables:
    return {table: rows for table, rows in undisturbed.items() if "provisioning" in table}


@pytest.mark.timeout(1800)
def test_a_daemon_that_is_killed_again_and_again_loads_and_publishes_the_report_once(
    tmp_path: Path, school: Institution, undisturbed: Tables
) -> None:
    due = provisioning(undisturbed)
    with TrappedCanvas(school, report_seconds=0.2) as canvas:
        office = asked(tmp_path, canvas)
        with up(office) as victim:
            killed_by_request("GET", POSTED, "arrives")(victim)
        assert states(office) == [IntentState.ASKED], "the sensor was at its look"
        with up(office) as victim:
            killed_by_file("state/runs/*.lock")(victim)
        assert states(office) == [IntentState.FINISHED], "the run had begun"
        with up(office) as victim:
            killed_by_ledger("SELECT count(report_id) FROM loads")(victim)
        assert states(office) == [IntentState.LOADED], "the run could not say any more that it had loaded"
        assert not office.published.exists()
        with up(office) as victim:
            wait_for_the_file(victim, due)
        check_the_end(office, due)
        assert len(canvas.reports.all()) == 1


@pytest.mark.timeout(1800)
def test_a_run_whose_process_is_killed_is_noticed_by_the_daemon_and_another_one_loads_the_report(
    tmp_path: Path, school: Institution, undisturbed: Tables
) -> None:
    due = provisioning(undisturbed)
    at_download = killed_by_request("GET", r"^/attachments/", "is half answered", PART_FILES, kill=kill_run_workers)
    before_commit = killed_before_it_records(PARQUET, PARQUET, PROVISIONED, kill=kill_run_workers)
    with TrappedCanvas(school, report_seconds=0.2) as canvas:
        office = asked(tmp_path, canvas)
        with up(office) as victim:
            at_download(victim)
            assert states(office) == [IntentState.FINISHED]
            before_commit(victim)
            assert states(office) == [IntentState.FINISHED]
            # Now the daemon too, and all at once: the report is loaded, and the file is being made.
            killed_by_file("generations/*.next")(victim)
        assert states(office) == [IntentState.LOADED]
        with up(office) as victim:
            wait_for_the_file(victim, due)
        check_the_end(office, due)
        assert len(canvas.reports.all()) == 1
    with dg.DagsterInstance.from_config(str(tmp_path / "data" / "dagster")) as instance:
        ends = Counter(run.status for run in instance.get_runs() if INTENT_TAG in run.tags)
    assert ends[dg.DagsterRunStatus.FAILURE] >= 2, "each run that had died was found out"
    assert ends[dg.DagsterRunStatus.SUCCESS] >= 1

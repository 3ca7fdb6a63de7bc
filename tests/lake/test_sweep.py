"""Student data goes when its time is over, whoever was killed; nothing goes that somebody has or writes."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo import ManualClock
from pipelines.lake import Lake, Part
from pipelines.lake.kept_files import keep_document, keep_file
from pipelines.lake.sweep import Swept, _Tree, sweep
from pipelines.ledger import Ledger
from pipelines.ledger.database import columns_of
from pipelines.ledger.kept_files import KeptFile, kept_files, record_kept
from pipelines.ledger.loads import commit_load, live_files
from pipelines.ledger.wishes import want
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS
from pipelines.normalize.rows import batch_from_records
from tests.lake.batches import accounts, load
from tests.ledger.crowd import in_processes, in_threads
from tests.ledger.stories import wish
from tests.load.worlds import HOST, NOON

HOUR, DAY, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)
OLD = DAY + HOUR
RANDOM = "0123456789abcdef" * 2
SLICE = "canvas/accounts/instance=demo,account=1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def lake(tmp_path: Path, clock: ManualClock) -> Lake:
    """Return a lake whose ledger has seen a load; a ledger that knows nothing was lost."""
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite", clock)
    with ledger.write() as connection:
        connection.execute("INSERT INTO parquet (path, bytes, sha256) VALUES ('canvas/terms/first.parquet', 1, '')")
    return Lake(tmp_path / "lake", ledger)


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / "downloads"
    folder.mkdir(parents=True)
    return folder


def aged(path: Path, age: timedelta) -> Path:
    """Make something look as if it was last written to so long before noon."""
    moment = (NOON - age).timestamp()
    os.utime(path, (moment, moment), follow_symlinks=False)
    return path


def test_a_lake_whose_ledger_was_lost_keeps_its_files(tmp_path: Path, clock: ManualClock, downloads: Path) -> None:
    lake = Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite", clock))
    kept = [put(lake.root / SLICE / "1.parquet", MONTH), put(lake.root / "files/reports/a_csv/report-7.zip", MONTH)]
    assert sweep(lake, downloads, keep=MONTH) == Swept()
    assert all(path.exists() for path in kept)


def put(path: Path, age: timedelta) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"canvas_user_id,full_name\n1,Ann\n")
    return aged(path, age)


def folder_of(path: Path, age: timedelta, **files: timedelta) -> Path:
    """Make a folder as a load makes it, with the ages of what is in it."""
    for name, own in files.items():
        put(path / name.replace("_", "/"), own)
    path.mkdir(exist_ok=True)
    for folder in sorted((one for one in path.rglob("*") if one.is_dir()), reverse=True):
        aged(folder, age)
    return aged(path, age)


def keep(lake: Lake, load_id: str, moment: datetime | None = None) -> KeptFile:
    """Keep a file for a load, now or by the clock of another process."""
    source = lake.root.parent / "source.csv"
    source.write_bytes(b"canvas_user_id\n1\n")
    ledger = Ledger(lake.ledger.path, lambda: moment) if moment else lake.ledger
    return keep_file(Lake(lake.root, ledger), load_id, want(ledger, **wish(window=load_id)), source, NOON)


def document(lake: Lake, course: int, load_id: str, *, names: str | None = None, age: timedelta = MONTH * 3) -> Path:
    """Store a document, and load the row that names it, or that names another."""
    source = lake.root.parent / "source.docx"
    source.write_bytes(b"PK\x03\x04 week 1")
    place, size, sha256 = keep_document(lake, f"course_documents/{course}", f"{load_id}.docx", source)
    record = {
        "course_id": course,
        "report_type": "course_pace_docx",
        "course_report_id": 2 if names else 1,
        "path": names or place,
        "bytes": size,
        "sha256": sha256,
    }
    lake.load(
        load_id=load_id,
        instance=HOST,
        source="course_pace_docx",
        scope={"course": course},
        extracted_at=NOON,
        parts=[Part(COURSE_DOCUMENTS, [batch_from_records(COURSE_DOCUMENTS, [record])])],
    )
    return aged(lake.root / place, age)


def there(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_kept_files_go_after_their_time_and_not_a_moment_earlier(
    lake: Lake, downloads: Path, clock: ManualClock
) -> None:
    old = keep(lake, "report-1")
    clock.advance(1)
    new = keep(lake, "report-2")
    clock.advance(MONTH.total_seconds() - 1)
    assert sweep(lake, downloads, keep=MONTH) == Swept()
    clock.advance(0.5)
    assert sweep(lake, downloads, keep=MONTH) == Swept(kept_files=1)
    assert not (lake.root / old.path).exists()
    assert kept_files(lake.ledger) == [new]
    assert (lake.root / new.path).exists()


def test_without_a_time_to_keep_all_kept_files_go_at_once(lake: Lake, downloads: Path) -> None:
    keep(lake, "report-1")
    # Another process's clock may be a little ahead.
    keep(lake, "report-2", NOON + timedelta(minutes=1))
    assert sweep(lake, downloads, keep=timedelta(0)) == Swept(kept_files=2)
    assert kept_files(lake.ledger) == []
    assert there(lake.root) == set()


def test_who_keeps_files_for_ever_may_say_so(lake: Lake, downloads: Path, clock: ManualClock) -> None:
    kept = keep(lake, "report-1")
    superseded = document(lake, 101, "course-report-1")
    document(lake, 101, "course-report-2")
    clock.advance(MONTH.total_seconds() * 100)
    assert sweep(lake, downloads, keep=timedelta(days=9_999_999)) == Swept()
    assert (lake.root / kept.path).exists()
    assert superseded.exists()


def test_a_kept_file_that_is_gone_already_is_discarded_all_the_same(lake: Lake, downloads: Path) -> None:
    (lake.root / keep(lake, "report-1").path).unlink()
    assert sweep(lake, downloads, keep=timedelta(0)) == Swept(), "the count is of what was removed"
    assert kept_files(lake.ledger) == []


@pytest.mark.parametrize(
    "place",
    [
        f"{SLICE}/.report-7.0a1b2c.parquet.{RANDOM}",
        f"files/reports/provisioning_csv/.report-7.csv.zst.{RANDOM}",
        f"files/course_documents/101/.course-report-7.docx.{RANDOM}",
        "canvas/.note.json.4711",
    ],
)
def test_a_temporary_file_goes_when_nobody_has_written_to_it_for_a_day(lake: Lake, downloads: Path, place: str) -> None:
    path = put(lake.root / place, DAY)
    assert sweep(lake, downloads, keep=MONTH) == Swept(), "a running load may be writing it"
    aged(path, OLD)
    assert sweep(lake, downloads, keep=MONTH) == Swept(temporary=1)
    assert not path.exists()


@pytest.mark.parametrize(
    "place",
    [
        f"{SLICE}/report-7.0a1b2c.parquet",
        "meta/quarantine/instance=demo,source=users/report-7.0a1b2c.parquet",
        "files/reports/provisioning_csv/report-7.csv.zst",
        "files/reports/provisioning_csv/report-7.zip",
    ],
)
def test_a_file_of_a_load_that_was_killed_before_its_commit_goes(lake: Lake, downloads: Path, place: str) -> None:
    path = put(lake.root / place, DAY)
    assert sweep(lake, downloads, keep=MONTH) == Swept(), "a load that has not committed yet may have made it"
    aged(path, OLD)
    assert sweep(lake, downloads, keep=MONTH) == Swept(unknown=1)
    assert not path.exists()


def test_what_the_ledger_knows_stays_however_old_it_is(lake: Lake, downloads: Path) -> None:
    load(lake, "one", [accounts(1, "bad")])
    superseded = there(lake.root)
    load(lake, "two", [accounts(2, 3)])
    kept = keep(lake, "report-1")
    document(lake, 101, "course-report-1")
    before = there(lake.root)
    assert superseded < before
    assert lake.root / kept.path in before
    for path in before:
        aged(path, MONTH * 100)
    assert sweep(lake, downloads, keep=MONTH) == Swept()
    assert there(lake.root) == before


def test_known_files_are_not_even_looked_at(lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand files on a slow disk take as long as looking at each."""
    for number in range(5):
        load(lake, f"load-{number}", [accounts(number)], scope=number)
    put(lake.root / SLICE / "lost.0a1b2c.parquet", OLD)
    real, looked = _Tree.is_old, list[str]()

    def is_old(tree: _Tree, place: str, age: timedelta) -> bool:
        looked.append(place)
        return real(tree, place, age)

    monkeypatch.setattr(_Tree, "is_old", is_old)
    assert sweep(lake, downloads, keep=MONTH) == Swept(unknown=1)
    assert looked == [f"{SLICE}/lost.0a1b2c.parquet"]


def test_a_kept_file_that_was_discarded_in_the_ledger_only_goes(lake: Lake, downloads: Path) -> None:
    kept = keep(lake, "report-1")
    content = (lake.root / kept.path).read_bytes()
    sweep(lake, downloads, keep=timedelta(0))
    (lake.root / kept.path).write_bytes(content)
    aged(lake.root / kept.path, OLD)
    assert sweep(lake, downloads, keep=MONTH) == Swept(unknown=1)


def test_what_the_lake_does_not_write_is_left_alone(lake: Lake, downloads: Path) -> None:
    for name in ("README.txt", ".DS_Store", "canvas/.nfs000012", f"{SLICE}/notes.csv", "files/other/report.zip"):
        put(lake.root / name, MONTH * 100)
    before = there(lake.root)
    assert sweep(lake, downloads, keep=timedelta(0)) == Swept()
    assert there(lake.root) == before


@pytest.mark.parametrize("name", ["again-report-7-ab", "report-7-ab-0", "course-report-7-ab-1", "file-0123-7-ab"])
def test_the_folder_of_a_killed_load_goes_when_all_in_it_is_old(lake: Lake, downloads: Path, name: str) -> None:
    folder = folder_of(downloads / name, OLD, report=OLD, members_0000=OLD, members_0001=DAY)
    assert sweep(lake, downloads, keep=MONTH) == Swept(), "its load unpacks the next member"
    aged(folder / "members" / "0001", OLD)
    aged(folder, DAY)
    assert sweep(lake, downloads, keep=MONTH) == Swept(), "its load has just removed something"
    aged(folder, OLD)
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=1)
    assert list(downloads.iterdir()) == []


def test_text_and_half_a_download_of_a_killed_load_go_when_they_are_old(lake: Lake, downloads: Path) -> None:
    text = put(downloads / "text-report-7-ab-0.csv", OLD)
    half = folder_of(downloads / "report-8-ab-0", OLD)
    put(half / ".report.0123456789ab.part", OLD)
    aged(half, OLD)
    swept_before = put(downloads / f".swept.{RANDOM}", OLD)
    empty = folder_of(downloads / "again-report-9", OLD)
    running = put(downloads / "text-report-9-ab-0.csv", DAY)
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=4)
    assert not any(path.exists() for path in (text, half, swept_before, empty))
    assert list(downloads.iterdir()) == [running]


def test_a_folder_of_downloads_that_was_never_made_is_no_trouble(lake: Lake, tmp_path: Path) -> None:
    assert sweep(lake, tmp_path / "nowhere" / "downloads", keep=MONTH) == Swept()
    assert not (tmp_path / "nowhere").exists()


def test_a_document_goes_when_a_newer_one_has_its_row(lake: Lake, downloads: Path) -> None:
    superseded = document(lake, 101, "course-report-1", age=MONTH + HOUR)
    live = document(lake, 101, "course-report-2")
    other = document(lake, 102, "course-report-3")
    assert sweep(lake, downloads, keep=MONTH) == Swept(documents=1)
    assert not superseded.exists()
    assert live.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("keep_for", "stays", "goes"), [(MONTH, MONTH, MONTH + HOUR), (timedelta(0), DAY, OLD), (HOUR, DAY, OLD)]
)
def test_a_document_stays_for_the_longer_of_both_times(
    lake: Lake, downloads: Path, keep_for: timedelta, stays: timedelta, goes: timedelta
) -> None:
    superseded = document(lake, 101, "course-report-1", age=stays)
    document(lake, 101, "course-report-2")
    assert sweep(lake, downloads, keep=keep_for) == Swept()
    aged(superseded, goes)
    assert sweep(lake, downloads, keep=keep_for) == Swept(documents=1)


def test_a_document_whose_load_was_killed_goes(lake: Lake, downloads: Path) -> None:
    put(lake.root / "files/course_documents/101/course-report-9.docx", MONTH * 2)
    assert sweep(lake, downloads, keep=MONTH) == Swept(documents=1)


def test_a_document_that_the_row_of_another_load_names_stays(lake: Lake, downloads: Path) -> None:
    first = document(lake, 101, "course-report-1")
    unnamed = document(lake, 101, "course-report-1-anew", names=first.relative_to(lake.root).as_posix())
    assert sweep(lake, downloads, keep=MONTH).documents == 0
    assert first.exists()
    # The document of a live load is kept, though its row names another.
    assert unnamed.exists()


def test_documents_stay_while_it_cannot_be_read_which_are_named(lake: Lake, downloads: Path) -> None:
    superseded = document(lake, 101, "course-report-1")
    document(lake, 101, "course-report-2")
    (live,) = live_files(lake.ledger)
    lake.path_of(live).unlink()
    lost = put(lake.root / SLICE / "lost.0a1b2c.parquet", OLD)
    swept = sweep(lake, downloads, keep=MONTH)
    assert replace(swept, left=()) == Swept(unknown=1), "the rest is swept"
    assert not lost.exists()
    assert swept.left == (
        "files/course_documents/101/course-report-1.docx: reports.course_documents cannot be read (IOException)",
    )
    assert superseded.exists()


def test_no_link_is_followed_out_of_the_lake(lake: Lake, downloads: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside / "theirs.parquet", OLD)
    put(outside / f".theirs.parquet.{RANDOM}", OLD)
    put(outside / "theirs.zip", MONTH * 2)
    before = there(outside)
    for name in ("canvas", "files"):
        (lake.root / name).mkdir()
    (lake.root / "canvas" / "elsewhere").symlink_to(outside, target_is_directory=True)
    (lake.root / "files" / "reports").symlink_to(outside, target_is_directory=True)
    (lake.root / "files" / "course_documents").symlink_to(outside, target_is_directory=True)
    aged(lake.root / "canvas", OLD)
    (lake.root / "canvas" / "a.parquet").symlink_to(outside / "theirs.parquet")
    aged(lake.root / "canvas" / "a.parquet", OLD)
    links = there(lake.root)
    assert sweep(lake, downloads, keep=timedelta(0)) == Swept()
    assert there(outside) == before
    assert there(lake.root) == links


def test_a_link_in_downloads_goes_and_what_it_leads_to_stays(lake: Lake, downloads: Path, tmp_path: Path) -> None:
    """A file that a person gives is read through a link; the file is theirs."""
    outside = tmp_path / "outside"
    given_file = put(outside / "mine.csv", MONTH)
    folder = folder_of(downloads / "file-0123-7-ab", OLD)
    (folder / "report").symlink_to(given_file)
    (folder / "members").symlink_to(outside, target_is_directory=True)
    for path in (folder / "report", folder / "members", folder):
        aged(path, OLD)
    # What a link leads to says nothing about its own age.
    put(outside / "fresh.csv", timedelta(0))
    for name, target in (("to-folder", outside), ("to-file", given_file), ("to-nothing", tmp_path / "gone")):
        (downloads / name).symlink_to(target)
        aged(downloads / name, OLD)
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=4)
    assert list(downloads.iterdir()) == []
    assert {path.name for path in outside.iterdir()} == {"mine.csv", "fresh.csv"}


@pytest.mark.parametrize("way", ["behind a link", "upwards", "absolute"])
def test_a_kept_file_that_is_not_in_the_lake_stays_and_is_told(
    lake: Lake, downloads: Path, tmp_path: Path, way: str
) -> None:
    theirs = put(tmp_path / "outside" / "report-1.zip", MONTH * 2)
    (lake.root / "files").mkdir()
    (lake.root / "files" / "linked").symlink_to(theirs.parent, target_is_directory=True)
    place = {
        "behind a link": "files/linked/report-1.zip",
        "upwards": "files/../../outside/report-1.zip",
        "absolute": str(theirs),
    }[way]
    intent = want(lake.ledger, **wish())
    record_kept(lake.ledger, "report-1", intent.intent_id, path=place, size=1, sha256="ab", extracted_at=NOON)
    swept = sweep(lake, downloads, keep=timedelta(0))
    assert theirs.exists()
    assert swept == Swept(left=(f"{place}: it lies behind a symbolic link or outside of this folder",))
    assert [kept.path for kept in kept_files(lake.ledger)] == [place], "it is there, so the ledger goes on saying so"


def test_a_lake_and_downloads_that_lie_on_another_disk_are_swept(tmp_path: Path, clock: ManualClock) -> None:
    for name in ("lake", "downloads"):
        (tmp_path / "disk" / name).mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / "disk" / name, target_is_directory=True)
    lake = Lake(tmp_path / "lake", Ledger(tmp_path / "ledger.sqlite", clock))
    put(lake.root / SLICE / "lost.0a1b2c.parquet", OLD)
    put(tmp_path / "downloads" / "text-7.csv", OLD)
    keep(lake, "report-1")
    assert sweep(lake, tmp_path / "downloads", keep=timedelta(0)) == Swept(kept_files=1, unknown=1, downloads=1)


def test_what_cannot_be_removed_is_told_and_the_rest_goes(lake: Lake, downloads: Path) -> None:
    stuck, free = keep(lake, "report-1"), keep(lake, "report-2")
    (lake.root / stuck.path).unlink()
    (lake.root / stuck.path).mkdir()
    swept = sweep(lake, downloads, keep=timedelta(0))
    assert replace(swept, left=()) == Swept(kept_files=1)
    (told,) = swept.left
    assert told.startswith(f"{stuck.path}: ")
    assert kept_files(lake.ledger) == [stuck]
    assert not (lake.root / free.path).exists()


def test_a_folder_that_cannot_be_removed_whole_is_told(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(downloads / "report-7-ab-0", OLD, report=OLD)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    swept = sweep(lake, downloads, keep=MONTH)
    (left,) = downloads.iterdir()
    assert swept == Swept(left=(f"{left.name}: not all in it could be removed",))
    monkeypatch.undo()
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=1), "the next sweep tries again"


@pytest.mark.parametrize(("method", "name"), [("rename", "text-7.csv"), ("lstat", "text-7.csv")])
def test_an_entry_of_downloads_that_refuses_is_told(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch, method: str, name: str
) -> None:
    real = getattr(Path, method)

    def refusing(path: Path, *arguments: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "denied", str(path))
        return real(path, *arguments)

    put(downloads / name, OLD)
    other = put(downloads / "text-8.csv", OLD)
    monkeypatch.setattr(Path, method, refusing)
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=1, left=(f"{name}: PermissionError",))
    assert not other.exists()


def test_a_folder_that_cannot_be_read_is_told(lake: Lake, tmp_path: Path) -> None:
    no_folder = put(tmp_path / "downloads", OLD)
    assert sweep(lake, no_folder, keep=MONTH) == Swept(left=(".: NotADirectoryError",))
    assert no_folder.exists()


def between_walk_and_ledger(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen when a sweep has seen the names and asks the ledger which it knows."""

    def asked(ledger: Ledger, sql: str) -> dict[str, list[Any]]:
        happens()
        return columns_of(ledger, sql)

    monkeypatch.setattr("pipelines.lake.sweep.columns_of", asked)


def test_a_load_that_commits_while_the_lake_is_walked_keeps_its_files(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that took longer than a day is the worst case: its files look like those of a killed one."""
    results = []

    def late(*arguments: Any, **more: Any) -> Any:
        for path in there(lake.root):
            aged(path, OLD)
        between_walk_and_ledger(monkeypatch, lambda: results.append(commit_load(*arguments, **more)))
        assert sweep(lake, downloads, keep=MONTH) == Swept()
        return results[0]

    monkeypatch.setattr("pipelines.lake.store.commit_load", late)
    load(lake, "one", [accounts(1, "bad")])
    assert len(results) == 1
    files = {lake.path_of(file) for file in live_files(lake.ledger)}
    assert len(files) == 2
    assert there(lake.root) == files


def vanish(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink()


def test_what_is_gone_when_its_turn_comes_is_as_good_as_removed(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [put(lake.root / SLICE / f"lost.{number:06x}.parquet", OLD) for number in range(3)]
    gone = [put(lake.root / SLICE / f".lost.parquet.{RANDOM}", OLD), paths[1]]
    between_walk_and_ledger(monkeypatch, lambda: vanish(gone))
    assert sweep(lake, downloads, keep=MONTH) == Swept(unknown=2)
    assert there(lake.root) == set()


def test_what_is_written_anew_when_its_turn_comes_stays(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(lake.root / "files/reports/provisioning_csv/report-7.zip", OLD)
    between_walk_and_ledger(monkeypatch, lambda: put(path, timedelta(0)))
    assert sweep(lake, downloads, keep=MONTH) == Swept()
    assert path.exists()


def test_a_load_that_begins_anew_while_its_old_folder_goes_keeps_the_new_one(
    lake: Lake, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(downloads / "again-report-7", OLD, report=OLD)
    real = shutil.rmtree

    def meanwhile(path: Path, **more: Any) -> None:
        put(folder / "report", timedelta(0))
        real(path, **more)

    monkeypatch.setattr(shutil, "rmtree", meanwhile)
    assert sweep(lake, downloads, keep=MONTH) == Swept(downloads=1)
    assert there(downloads) == {folder / "report"}


LOST = 300


def sweep_home(home: Path) -> Swept:
    """Sweep the lake at `home`; run by several processes."""
    return sweep(
        Lake(home / "lake", Ledger(home / "state" / "ledger.sqlite")),
        home / "state" / "downloads",
        keep=timedelta(0),
    )


@pytest.mark.slow
def test_of_several_processes_that_sweep_at_once_each_removal_is_of_one(
    lake: Lake, downloads: Path, tmp_path: Path
) -> None:
    for number in range(LOST):
        put(lake.root / SLICE / f"lost.{number:06x}.parquet", MONTH)
        put(lake.root / SLICE / f".lost.{number:06x}.parquet.{RANDOM}", MONTH)
        put(lake.root / f"files/course_documents/{number}/course-report-1.pdf", MONTH)
        put(downloads / f"report-{number}" / "report", MONTH)
    for number in range(20):
        keep(lake, f"report-{number}")
    load(lake, "one", [accounts(1)])
    (live,) = live_files(lake.ledger)
    # Old by the clock of every machine, for these processes have the real one.
    for path in (*lake.root.rglob("*"), *downloads.rglob("*")):
        os.utime(path, (0, 0))
    found = in_processes(sweep_home, tmp_path, 4)
    assert [one.left for one in found] == [()] * 4
    assert sum(one.unknown for one in found) == LOST
    assert sum(one.temporary for one in found) == LOST
    assert sum(one.documents for one in found) == LOST
    assert sum(one.downloads for one in found) == LOST
    assert sum(one.kept_files for one in found) == 20
    assert there(lake.root, downloads) == {lake.path_of(live)}


def test_loads_and_sweeps_that_run_at_once_do_not_meet(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite"))
    loads = iter(range(4))

    def load_and_sweep() -> Swept:
        mine = next(loads)
        for number in range(6):
            load(lake, f"load-{mine}-{number}", [accounts(number, "bad")], scope=mine)
            swept = sweep(lake, tmp_path / "downloads", keep=timedelta(0))
        return swept

    assert in_threads(load_and_sweep, 4) == [Swept()] * 4
    known = {lake.root / path for path in columns_of(lake.ledger, "SELECT path FROM parquet")["path"]}
    assert len(known) == 4 * 6 * 2
    assert there(lake.root) == known


AGES = st.sampled_from([timedelta(0), DAY - HOUR, OLD, MONTH - HOUR, MONTH + HOUR])


@settings(max_examples=15)
@given(
    ages=st.fixed_dictionaries(
        {kind: st.lists(AGES, max_size=3) for kind in ("temporary", "unknown", "documents", "downloads", "kept_files")}
    ),
    keep_for=st.sampled_from([timedelta(0), 2 * DAY, MONTH]),
    age=st.sampled_from([HOUR, DAY, 2 * DAY]),
)
def test_whatever_lies_about_goes_by_its_own_rule_and_once(
    ages: dict[str, list[timedelta]], keep_for: timedelta, age: timedelta
) -> None:
    limits = dict.fromkeys(ages, age) | {"documents": max(keep_for, age), "kept_files": keep_for}
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        lake = Lake(home / "lake", Ledger(home / "ledger.sqlite", lambda: NOON))
        load(lake, "one", [accounts(1)])
        staying, going = there(lake.root), dict.fromkeys(ages, 0)
        for kind, own in ages.items():
            for number, each in enumerate(own):
                if kind == "kept_files":
                    path = lake.root / keep(lake, f"report-{number}", NOON - each).path
                    over = not keep_for or each > keep_for
                else:
                    path = put(
                        {
                            "temporary": lake.root / SLICE / f".{number}.parquet.{RANDOM}",
                            "unknown": lake.root / SLICE / f"{number}.0a1b2c.parquet",
                            "documents": lake.root / "files/course_documents/101" / f"{number}.pdf",
                            "downloads": home / "downloads" / f"text-{number}.csv",
                        }[kind],
                        each,
                    )
                    over = each > limits[kind]
                going[kind] += over
                staying |= set() if over else {path}
        assert sweep(lake, home / "downloads", keep=keep_for, age=age) == Swept(
            going["kept_files"], going["temporary"], going["unknown"], going["documents"], going["downloads"]
        )
        assert there(lake.root, home / "downloads") == staying
        assert sweep(lake, home / "downloads", keep=keep_for, age=age) == Swept()

"""A load: all its files or none, closed to others, equal rows known again, bad rows shown and later cleared."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.lake import Lake, TooManyBadRowsError, slice_name
from pipelines.ledger import CommitResult, Ledger
from pipelines.ledger.database import rows_of
from pipelines.ledger.loads import live_files
from pipelines.normalize.rows import Batch
from tests.lake.batches import accounts, load
from tests.ledger.crowd import in_processes
from tests.load.worlds import NOON

QUARANTINE = "meta.quarantine"


def live(lake: Lake, table: str = "canvas.accounts") -> list[dict[str, Any]]:
    rows = []
    for file in live_files(lake.ledger):
        if file.table_name == table:
            rows += pq.read_table(lake.path_of(file)).to_pylist()
    return rows


def ids(lake: Lake) -> list[int]:
    return [row["account_id"] for row in live(lake)]


def files(lake: Lake) -> list[Path]:
    return [path for path in lake.root.rglob("*") if path.is_file()]


def test_every_file_and_folder_of_the_lake_is_closed_to_others(lake: Lake) -> None:
    before = os.umask(0)
    try:
        load(lake, "one", [accounts(1, 2, "bad")])
    finally:
        os.umask(before)
    paths = [lake.root, *lake.root.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert len(files(lake)) == 2


def test_rows_carry_their_load_and_the_moment_canvas_gave_them_and_are_sorted(lake: Lake) -> None:
    outcome = load(lake, "one", [accounts(3, 1, 2)])
    assert (outcome.result, outcome.rows) == (CommitResult.COMMITTED, {"canvas.accounts": 3})
    assert ids(lake) == [1, 2, 3]
    assert {(row["_load_id"], row["_extracted_at"]) for row in live(lake)} == {("one", NOON)}


class BrokenError(Exception):
    """Stands for anything that goes wrong while rows are read."""


def test_a_load_that_breaks_in_its_second_batch_leaves_nothing_behind(lake: Lake) -> None:
    load(lake, "one", [accounts(1)])
    before = files(lake)

    def breaking() -> Iterator[Batch]:
        yield accounts(2)
        raise BrokenError

    with pytest.raises(BrokenError):
        load(lake, "two", breaking())
    assert files(lake) == before
    assert ids(lake) == [1]
    assert rows_of(lake.ledger, "SELECT load_id FROM loads") == [{"load_id": "one"}]


def test_a_commit_that_fails_leaves_no_file_behind(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise BrokenError

    monkeypatch.setattr("pipelines.lake.store.commit_load", failing)
    with pytest.raises(BrokenError):
        load(lake, "one", [accounts(1, "bad", 2)])
    assert files(lake) == []


def test_equal_rows_of_another_load_are_known_again_and_write_nothing(lake: Lake) -> None:
    load(lake, "one", [accounts(1, 2)])
    before = files(lake)
    again = load(lake, "two", [accounts(2, 1)])
    assert again.result is CommitResult.UNCHANGED
    assert files(lake) == before
    assert {row["_load_id"] for row in live(lake)} == {"one"}


@pytest.mark.parametrize("changed", [accounts(1, 3), accounts(1), accounts(1, 2, 3), accounts(1, 2, motto="new"),
                                     accounts(1, 2, uuid="x")])  # fmt: skip
def test_any_difference_in_the_rows_is_a_new_load(lake: Lake, changed: Batch) -> None:
    load(lake, "one", [accounts(1, 2)])
    assert load(lake, "two", [changed]).result is CommitResult.COMMITTED
    assert {row["_load_id"] for row in live(lake)} == {"two"}


def test_a_slice_that_is_empty_now_is_empty_and_its_neighbour_stays(lake: Lake) -> None:
    load(lake, "one", [accounts(1)])
    load(lake, "other", [accounts(2)], scope=2)
    load(lake, "two", [accounts()])
    assert ids(lake) == [2]


def test_the_same_load_twice_reads_nothing_a_second_time(lake: Lake) -> None:
    load(lake, "one", [accounts(1)])

    class Unread:
        def __iter__(self) -> Iterator[Batch]:
            raise BrokenError

    assert load(lake, "one", Unread()).result is CommitResult.ALREADY_LOADED
    assert ids(lake) == [1]


def test_bad_rows_are_shown_with_their_reason_and_cleared_by_the_next_good_load(lake: Lake) -> None:
    outcome = load(lake, "one", [accounts(1, "x", 2)])
    assert outcome.quarantined == {"canvas.accounts": 1}
    (row,) = live(lake, QUARANTINE)
    assert (row["table_name"], row["line_number"]) == ("canvas.accounts", 2)
    assert row["reason"] == "account_id is not a whole number"
    assert '"Account x"' in row["raw"]
    # The good rows are as they were; only the bad one is mended away.
    load(lake, "two", [accounts(1, 2)])
    assert live(lake, QUARANTINE) == []
    assert ids(lake) == [1, 2]


def test_bad_rows_of_another_slice_stay_shown(lake: Lake) -> None:
    load(lake, "one", [accounts(1, "x")])
    load(lake, "other", [accounts(2)], scope=2)
    assert len(live(lake, QUARANTINE)) == 1


@pytest.mark.parametrize(
    "batch",
    [
        accounts(*range(50), *["bad"] * 11),
        accounts("bad"),
        accounts(*["bad"] * 5),
        accounts(1, 3, *["bad"] * 3),
    ],
    ids=["share", "one", "few", "most"],
)
def test_a_file_that_is_itself_wrong_is_refused_and_the_old_rows_stay(lake: Lake, batch: Batch) -> None:
    load(lake, "one", [accounts(1, 2)])
    before = files(lake)
    with pytest.raises(TooManyBadRowsError, match=r"rows do not fit canvas\.accounts .*keeps its last good rows") as e:
        load(lake, "two", [batch])
    assert "Account" not in str(e.value)
    assert ids(lake) == [1, 2]
    assert files(lake) == before


def test_bad_rows_are_compared_with_the_records_that_the_good_rows_were_made_of(lake: Lake) -> None:
    many = accounts(*range(480))
    bad = accounts(*["bad"] * 52).quarantined
    for records in ((100,), (90, 10)):
        first = replace(many, quarantined=bad, records=records[0])
        rest = [replace(accounts(), records=more) for more in records[1:]]
        with pytest.raises(TooManyBadRowsError, match="52 of 100 rows do not fit"):
            load(lake, "one", [first, *rest])
    # And where a table has fewer rows than there are records.
    few = replace(accounts(1), quarantined=bad[:20], records=1000)
    assert load(lake, "two", [few]).quarantined == {"canvas.accounts": 20}


def test_a_few_bad_rows_among_many_are_no_reason_to_refuse_all(lake: Lake) -> None:
    outcome = load(lake, "one", [accounts(*range(100), *["bad"] * 10)])
    assert (outcome.rows["canvas.accounts"], outcome.quarantined["canvas.accounts"]) == (100, 10)
    outcome = load(lake, "two", [accounts(1, "bad")])
    assert (outcome.rows["canvas.accounts"], outcome.quarantined["canvas.accounts"]) == (1, 1)


def test_the_share_that_is_refused_is_the_users_to_set(tmp_path: Path) -> None:
    patient = Lake(tmp_path / "lake", Ledger(tmp_path / "ledger.sqlite"), max_bad_share=0.5)
    assert load(patient, "one", [accounts(*range(20), *["bad"] * 15)]).result is CommitResult.COMMITTED


def test_columns_nobody_declared_are_in_the_file_as_text_and_in_the_drift(lake: Lake) -> None:
    load(lake, "one", [accounts(1, motto="sapere", rank=5)], missing=("sis_account_id",))
    (row,) = live(lake)
    assert (row["motto"], row["rank"]) == ("sapere", "5")
    drift = rows_of(lake.ledger, "SELECT kind, name FROM drift ORDER BY name")
    assert [(one["kind"], one["name"]) for one in drift] == [
        ("unknown column", "motto"),
        ("unknown column", "rank"),
        ("missing column", "sis_account_id"),
    ]


def test_slices_of_different_scopes_never_share_a_folder() -> None:
    scopes: list[dict[str, str | int | None]] = [
        {"account": 1},
        {"account": "self"},
        {"account": "sis_account_id:A/B"},
        {"account": "sis_account_id:A-B"},
        {"account": "sis_account_id-A-B"},
        {"account": 1, "term_filter": "current"},
        {"account": 1, "term_filter": "term", "term": 3},
    ]
    names = [slice_name(scope) for scope in scopes]
    assert len(set(names)) == len(names)
    assert not any("/" in name or ".." in name for name in names)
    assert slice_name({"a": None}) == "all"


def load_one_report(home: Path) -> str:
    """Load the same report into the lake at `home`; run by several processes."""
    lake = Lake(home / "lake", Ledger(home / "state" / "ledger.sqlite"))
    return load(lake, "report-7", [accounts(*range(500))], report_id=7, version=7).result.value


def test_two_processes_that_load_the_same_report_leave_one_live_file(tmp_path: Path) -> None:
    found = in_processes(load_one_report, tmp_path, 2)
    assert sorted(found) == ["already loaded", "committed"]
    lake = Lake(tmp_path / "lake", Ledger(tmp_path / "state" / "ledger.sqlite"))
    assert ids(lake) == list(range(500))
    assert files(lake) == [lake.path_of(file) for file in live_files(lake.ledger)]

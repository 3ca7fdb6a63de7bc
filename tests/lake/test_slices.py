"""What one answer replaces, and what it leaves alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.lake import Lake, Part
from pipelines.ledger import Ledger
from pipelines.ledger.loads import live_files, retire_scopes
from pipelines.normalize import directory
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSE_TEACHERS, COURSES, TERMS
from pipelines.normalize.rows import batch_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", Ledger(tmp_path / "ledger.sqlite"))


def _live(lake: Lake) -> list[tuple[str, int]]:
    return [(file.table_name, file.rows) for file in live_files(lake.ledger)]


def _load(lake: Lake, load_id: str, source: str, parts: list[Part], account: int = 1) -> str:
    outcome = lake.load(
        load_id=load_id, instance="x", source=source, scope={"account": account}, extracted_at=NOON, parts=parts
    )
    return outcome.result.value


def test_rows_in_quarantine_stay_when_another_source_of_the_same_account_is_loaded(lake: Lake) -> None:
    accounts = [Part(ACCOUNTS, [batch_of(directory.accounts([{"id": 1}, {"id": "one"}]))])]
    assert _load(lake, "a1", "accounts", accounts) == "committed"
    assert ("meta.quarantine", 1) in _live(lake)
    assert _load(lake, "t1", "terms", [Part(TERMS, [batch_of(directory.terms([{"id": 5}], 1))])]) == "committed"
    assert ("meta.quarantine", 1) in _live(lake)
    assert _load(lake, "a2", "accounts", accounts) == "unchanged"


def test_a_table_that_an_answer_no_longer_has_does_not_keep_its_rows_of_before(lake: Lake) -> None:
    courses = [{"id": 1, "teachers": [{"id": 9}]}]
    both = [
        Part(COURSES, [batch_of(directory.courses(courses))]),
        Part(COURSE_TEACHERS, [batch_of(directory.course_teachers(courses))]),
    ]
    _load(lake, "c1", "courses", both)
    assert _live(lake) == [("canvas.course_teachers", 1), ("canvas.courses", 1)]
    assert _load(lake, "c2", "courses", [Part(COURSES, [batch_of(directory.courses(courses))])]) == "committed"
    assert _live(lake) == [("canvas.courses", 1)]


def test_a_scope_that_left_the_settings_is_taken_out_and_the_others_stay(lake: Lake) -> None:
    for account in (1, 2):
        _load(
            lake,
            f"t{account}",
            "terms",
            [Part(TERMS, [batch_of(directory.terms([{"id": account}], account))])],
            account,
        )
    assert retire_scopes(lake.ledger, "x", "terms", keep=lambda scope: scope["account"] == 2) == 1
    assert retire_scopes(lake.ledger, "another", "terms", keep=lambda scope: not scope) == 0
    assert [file.slice for file in live_files(lake.ledger)] == ["instance=x,account=2"]

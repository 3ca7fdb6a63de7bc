"""Which files of reports are kept, until when, and whose they are."""

from datetime import timedelta

from pipelines.demo import ManualClock
from pipelines.ledger import Intent, Ledger
from pipelines.ledger.kept_files import KeptFile, kept_files, record_discarded, record_kept
from pipelines.ledger.wishes import want
from tests.ledger.stories import NOON, wish


def keep(ledger: Ledger, intent: Intent, load_id: str, sha256: str = "ab") -> None:
    ended = NOON - timedelta(hours=1)
    place = f"files/reports/{load_id}.zip"
    record_kept(ledger, load_id, intent.intent_id, path=place, size=5, sha256=sha256, extracted_at=ended)


def test_a_kept_file_is_known_with_all_that_a_later_load_needs(ledger: Ledger) -> None:
    intent = want(ledger, **wish())
    keep(ledger, intent, "report-1")
    assert kept_files(ledger) == [
        KeptFile("report-1", intent.intent_id, "files/reports/report-1.zip", 5, "ab", NOON - timedelta(hours=1), NOON)
    ]


def test_files_come_oldest_first_and_by_intent(ledger: Ledger, clock: ManualClock) -> None:
    one, two = want(ledger, **wish()), want(ledger, **wish(account_id=2))
    for load_id, intent in (("report-9", one), ("report-2", two), ("report-1", one)):
        keep(ledger, intent, load_id)
        clock.advance(1)
    assert [kept.load_id for kept in kept_files(ledger)] == ["report-9", "report-2", "report-1"]
    assert [kept.load_id for kept in kept_files(ledger, one.intent_id)] == ["report-9", "report-1"]
    assert kept_files(ledger, 4711) == []


def test_a_later_file_of_the_same_load_takes_its_place(ledger: Ledger, clock: ManualClock) -> None:
    intent = want(ledger, **wish())
    keep(ledger, intent, "report-1", "first")
    clock.advance(60)
    keep(ledger, intent, "report-1", "second")
    (kept,) = kept_files(ledger)
    assert (kept.sha256, kept.kept_at) == ("second", clock())


def test_a_discarded_file_is_there_no_more_unless_it_is_kept_again(ledger: Ledger, clock: ManualClock) -> None:
    intent = want(ledger, **wish())
    keep(ledger, intent, "report-1")
    record_discarded(ledger, "report-1")
    assert kept_files(ledger) == []
    clock.advance(3600)
    keep(ledger, intent, "report-1")
    assert [kept.load_id for kept in kept_files(ledger)] == ["report-1"]

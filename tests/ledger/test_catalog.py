"""What each account offers: the first reading is no news, and every later change is told once and kept."""

from pipelines.demo import ManualClock
from pipelines.ledger import Ledger
from pipelines.ledger.catalog import CatalogChange, OfferedReport, known_catalog, record_catalog
from pipelines.ledger.database import rows_of
from tests.ledger.crowd import in_threads
from tests.ledger.stories import HOST

USERS = OfferedReport("provisioning_csv", "Provisioning", {"users": {"required": False, "description": "Users"}})
MGP = OfferedReport("mgp_grade_export_csv", "MGP", {"enrollment_term_id": {"required": True}})
HOSTED = OfferedReport("hosted_only_csv")


def record(ledger: Ledger, *offered: OfferedReport, account: int = 1) -> CatalogChange:
    named = {one.report: one for one in offered}
    return record_catalog(ledger, HOST, account, named, table_of=lambda report: f"reports.{report}")


def drift(ledger: Ledger) -> list[tuple[object, ...]]:
    sql = "SELECT table_name, kind, name, first_load_id FROM drift ORDER BY table_name, kind"
    return [tuple(row.values()) for row in rows_of(ledger, sql)]


def test_the_first_reading_is_no_change(ledger: Ledger) -> None:
    assert known_catalog(ledger, HOST, 1) == {}
    assert record(ledger, USERS, MGP, HOSTED) == CatalogChange()
    assert drift(ledger) == []
    assert known_catalog(ledger, HOST, 1) == {one.report: one for one in (HOSTED, MGP, USERS)}
    assert known_catalog(ledger, HOST, 2) == {}


def test_the_same_again_is_no_change(ledger: Ledger) -> None:
    record(ledger, USERS, MGP)
    assert record(ledger, MGP, USERS) == CatalogChange()
    assert drift(ledger) == []


def test_a_report_that_appears_or_vanishes_is_drift_of_its_table(ledger: Ledger) -> None:
    record(ledger, USERS)
    assert record(ledger, MGP) == CatalogChange(("mgp_grade_export_csv",), ("provisioning_csv",))
    assert drift(ledger) == [
        ("reports.mgp_grade_export_csv", "report appeared", "mgp_grade_export_csv", None),
        ("reports.provisioning_csv", "report vanished", "provisioning_csv", None),
    ]
    assert list(known_catalog(ledger, HOST, 1)) == ["mgp_grade_export_csv"]


def test_a_report_that_is_back_again_is_told_anew(ledger: Ledger, clock: ManualClock) -> None:
    record(ledger, USERS, MGP)
    first = clock()
    clock.advance(60)
    record(ledger, USERS)
    clock.advance(60)
    assert record(ledger, USERS) == CatalogChange(), "it vanished once"
    assert record(ledger, USERS, MGP) == CatalogChange(appeared=("mgp_grade_export_csv",))
    assert known_catalog(ledger, HOST, 1) == {one.report: one for one in (MGP, USERS)}
    (row,) = rows_of(ledger, "SELECT * FROM catalog WHERE report = 'mgp_grade_export_csv'")
    assert (row["first_seen_at"], row["gone_at"]) == (first.isoformat(timespec="microseconds"), None)
    clock.advance(60)
    assert record(ledger, USERS) == CatalogChange(vanished=("mgp_grade_export_csv",))
    assert len(drift(ledger)) == 2, "a second time is the same row, seen later"
    (vanished,) = rows_of(ledger, "SELECT * FROM drift WHERE kind = 'report vanished'")
    assert vanished["last_seen_at"] != vanished["first_seen_at"]


def test_each_account_has_a_catalog_of_its_own(ledger: Ledger) -> None:
    record(ledger, USERS, MGP)
    assert record(ledger, USERS, account=2) == CatalogChange()
    assert record(ledger, USERS, MGP) == CatalogChange()
    assert list(known_catalog(ledger, HOST, 2)) == ["provisioning_csv"]
    change = record_catalog(ledger, "other.example.edu", 1, {}, table_of=str)
    assert change == CatalogChange()


def test_what_the_catalog_says_of_a_report_is_what_it_said_last(ledger: Ledger) -> None:
    record(ledger, USERS)
    changed = OfferedReport("provisioning_csv", "Bereitstellung", {"users": {}, "terms": {"required": True}})
    assert record(ledger, changed) == CatalogChange()
    (known,) = known_catalog(ledger, HOST, 1).values()
    assert known == changed
    assert (known.required, USERS.required, MGP.required) == (["terms"], [], ["enrollment_term_id"])


def test_of_many_that_read_a_change_at_once_one_tells_it(ledger: Ledger) -> None:
    record(ledger, USERS, MGP)
    found = in_threads(lambda: record(ledger, USERS, HOSTED), 6)
    change = CatalogChange(("hosted_only_csv",), ("mgp_grade_export_csv",))
    assert sorted(found, key=str) == sorted([change, *[CatalogChange()] * 5], key=str)

"""Coverage: how the last question about each scope ended, so that unreadable is never taken for empty."""

from pipelines.demo import ManualClock
from pipelines.ledger import Coverage, CoverageStatus, Ledger
from pipelines.ledger.coverage import coverage_since, record_coverage
from tests.ledger.stories import HOST


def entry(status: CoverageStatus, scope: str = "1", endpoint: str = "accounts", **more: object) -> Coverage:
    return Coverage(HOST, "account", scope, endpoint, status, **more)  # type: ignore[arg-type]


def test_the_newest_answer_per_scope_and_endpoint_stands(ledger: Ledger, clock: ManualClock) -> None:
    start = clock()
    record_coverage(ledger, [entry(CoverageStatus.LOADED), entry(CoverageStatus.EMPTY, "2")])
    clock.advance(60)
    forbidden = entry(CoverageStatus.FORBIDDEN, http_status=403, request_id="r-1", attempts=2, detail="no right")
    record_coverage(ledger, [forbidden])
    assert coverage_since(ledger, HOST, start) == [forbidden, entry(CoverageStatus.EMPTY, "2")]
    assert coverage_since(ledger, HOST, clock()) == [forbidden]
    assert coverage_since(ledger, "other.example.edu", start) == []

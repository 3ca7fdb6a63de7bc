"""Mistakes planted into the product: the machine finds each, so that its silence means something."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from pipelines.extract import reports, watching
from pipelines.ledger import CommitResult, Ledger, loads
from pipelines.ledger.report_facts import claim_post, release_post
from pipelines.load import reports as load_reports
from tests.machine.machine import ReportMachine
from tests.machine.world import watched_product

Plant = Callable[[pytest.MonkeyPatch], None]

# Nothing is made smaller: that there is an example is enough.
_SETTINGS = settings(
    max_examples=100, stateful_step_count=100, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def everybody_posts(patch: pytest.MonkeyPatch) -> None:
    def claim(ledger: Ledger, intent_id: int, owner: str) -> bool:
        claim_post(ledger, intent_id, owner)
        return True

    patch.setattr(reports, "claim_post", claim)


def what_is_lost_is_posted_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "record_lost", lambda ledger, number, _: release_post(ledger, number))


def lost_answers_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "match_lost", lambda *_: {})


def a_lost_post_is_given_up_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "GRACE", timedelta(0))


def a_second_file_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(watching, "reopen", lambda *_: False)


def the_last_load_wins(patch: pytest.MonkeyPatch) -> None:
    def decide(*_: Any, **__: Any) -> CommitResult:
        return CommitResult.COMMITTED

    patch.setattr(loads, "_decide", decide)


def the_file_is_not_noted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(load_reports, "record_file", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "finding"),
    [
        (everybody_posts, "is posted again|was given back|became"),
        (what_is_lost_is_posted_again, "is posted again|was given back"),
        (lost_answers_are_not_looked_for, "was lost|belongs to nobody"),
        (a_lost_post_is_given_up_at_once, "was lost|belongs to nobody"),
        (a_second_file_is_overlooked, "is not loaded"),
        (the_last_load_wins, "has other rows"),
        (the_file_is_not_noted, "has another file"),
    ],
)
def test_a_planted_mistake_is_found(plant: Plant, finding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Machine(ReportMachine):
        pass

    plant(monkeypatch)
    with watched_product(), pytest.raises(AssertionError, match=finding):
        run_state_machine_as_test(seed(1)(Machine), settings=_SETTINGS)

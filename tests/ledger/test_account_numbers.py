"""Ids of accounts that are named otherwise are remembered, so that a wish can be written while Canvas is away."""

from pipelines.ledger import Ledger
from pipelines.ledger.account_numbers import remember_account, remembered_account
from tests.ledger.stories import HOST


def test_the_id_that_canvas_gave_last_is_remembered_for_each_canvas(ledger: Ledger) -> None:
    assert remembered_account(ledger, HOST, "self") is None
    for number in (1, 2):
        remember_account(ledger, HOST, "self", number)
    remember_account(ledger, "other.example.edu", "self", 9)
    assert remembered_account(ledger, HOST, "self") == 2
    assert remembered_account(ledger, HOST, "sis_account_id:HIS") is None

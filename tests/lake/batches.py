"""Batches of `canvas.accounts`, good and bad, as the tests of the lake load them."""

from collections.abc import Iterable
from typing import Any

from pipelines.lake import Lake, LoadOutcome, Part
from pipelines.normalize.contracts.directory import ACCOUNTS
from pipelines.normalize.rows import Batch, batch_from_records
from tests.load.worlds import HOST, NOON


def accounts(*ids: object, **fields: object) -> Batch:
    """Return a batch of accounts; an id that is no number makes a bad row."""
    return batch_from_records(ACCOUNTS, [{"id": one, "name": f"Account {one}", **fields} for one in ids])


def load(lake: Lake, load_id: str, batches: Iterable[Batch], scope: int = 1, **more: Any) -> LoadOutcome:
    """Load batches of accounts as one slice."""
    return lake.load(
        load_id=load_id,
        instance=HOST,
        source="accounts",
        scope={"account": scope},
        extracted_at=NOON,
        parts=[Part(ACCOUNTS, batches, sort=True, missing=more.pop("missing", ()))],
        **more,
    )

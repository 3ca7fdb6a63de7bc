"""Reading what is live in the lake, for the pipeline itself. Analysts read the published file."""

from typing import Any

import pyarrow.parquet as pq

from pipelines.extract.terms import TermDates
from pipelines.lake.store import Lake
from pipelines.ledger.loads import live_files
from pipelines.normalize.contracts import Table
from pipelines.normalize.contracts.directory import ACCOUNTS, TERMS


def live_rows(lake: Lake, instance: str, table: Table, columns: list[str]) -> list[dict[str, Any]]:
    """Return some columns of a table's live rows of one instance. For tables that are small."""
    rows: list[dict[str, Any]] = []
    for file in live_files(lake.ledger):
        if file.table_name == table.qualified and file.instance == instance:
            rows += pq.read_table(lake.path_of(file), columns=columns).to_pylist()
    return rows


def account_ids(lake: Lake, instance: str) -> list[int]:
    """Return the ids of the loaded accounts that are not deleted, ordered."""
    rows = live_rows(lake, instance, ACCOUNTS, ["account_id", "workflow_state"])
    return sorted({row["account_id"] for row in rows if row["workflow_state"] != "deleted"})


def root_account_ids(lake: Lake, instance: str) -> list[int]:
    """Return the ids of the root accounts that the loaded accounts belong to."""
    return sorted({row["root_account_id"] for row in live_rows(lake, instance, ACCOUNTS, ["root_account_id"])})


def top_account_ids(lake: Lake, instance: str) -> list[int]:
    """Return the loaded accounts whose parent is not loaded: the tops of the configured trees."""
    rows = live_rows(lake, instance, ACCOUNTS, ["account_id", "parent_account_id"])
    loaded = {row["account_id"] for row in rows}
    return sorted({row["account_id"] for row in rows if row["parent_account_id"] not in loaded})


def term_dates(lake: Lake, instance: str) -> list[TermDates]:
    """Return the loaded terms that are not deleted, with their dates, by id."""
    rows = live_rows(lake, instance, TERMS, ["term_id", "start_at", "end_at", "workflow_state"])
    terms = {
        row["term_id"]: TermDates(row["term_id"], row["start_at"], row["end_at"])
        for row in rows
        if row["workflow_state"] != "deleted"
    }
    return [terms[term_id] for term_id in sorted(terms)]

"""Reading what is live in the lake, for the pipeline itself. Analysts read the published file."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.extract.courses import CourseFacts
from pipelines.extract.terms import TermDates
from pipelines.lake.live_sql import READ_FILES, quoted, same_slice, slices
from pipelines.lake.store import Lake
from pipelines.ledger.loads import live_columns
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSES, TERMS


def live_table(lake: Lake, instance: str, table: Table, columns: Sequence[str]) -> Any:
    """Return some columns of a table's live rows of one instance, in Arrow, ordered by the table's key."""
    live = live_columns(lake.ledger, tables=[table.qualified])
    mine = [position for position, name in enumerate(live["instance"]) if name == instance]
    here = {
        name: pa.array([live[name][position] for position in mine], pa.string())
        for name in ("table_name", "slice", "load_id", "path")
    }
    paths = sorted({str(lake.root / path) for path in here["path"].to_pylist()})
    if not paths:
        types = {column.name: column.type.arrow for column in (*table.columns, *SYSTEM_COLUMNS)}
        return pa.table({name: pa.array([], types[name]) for name in columns})
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("live_slices", pa.table(here))
        chosen = ", ".join(f"rows.{quoted(name)}" for name in columns)
        declared = (*table.columns, *SYSTEM_COLUMNS)
        empty = ", ".join(f"NULL::{column.type.value} AS {quoted(column.name)}" for column in declared)
        order = ", ".join(f"rows.{quoted(name)}" for name in table.key) or "ALL"
        return connection.execute(
            # The empty part gives every declared column to files that were written before it was.
            f"SELECT {chosen} FROM (SELECT {empty} WHERE false UNION ALL BY NAME SELECT * FROM {READ_FILES}) AS rows"
            f" SEMI JOIN {slices('live_slices', table)} ON {same_slice(table)} ORDER BY {order}",
            [paths, table.qualified],
        ).to_arrow_table()


def live_rows(lake: Lake, instance: str, table: Table, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return some columns of a table's live rows of one instance. For tables that are small."""
    rows: list[dict[str, Any]] = live_table(lake, instance, table, columns).to_pylist()
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


def with_those_below(places: Sequence["AccountPlace"], chosen: Collection[int]) -> set[int]:
    """Return the ids of some accounts and of all accounts below them."""
    found = set(chosen)
    below = {place.account_id: place.parent_account_id for place in places}
    grown = True
    while grown:
        more = {account for account, parent in below.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


@dataclass(frozen=True, slots=True)
class AccountPlace:
    """A loaded account and where it stands in the tree. `is_parent`: accounts are below it."""

    account_id: int
    root_account_id: int
    parent_account_id: int | None
    name: str
    is_top: bool
    is_parent: bool


def account_places(lake: Lake, instance: str) -> list[AccountPlace]:
    """Return the loaded accounts that are not deleted, by id, with their places in the tree."""
    columns = ["account_id", "parent_account_id", "root_account_id", "name", "workflow_state"]
    rows = {row["account_id"]: row for row in live_rows(lake, instance, ACCOUNTS, columns)}
    there = {key: row for key, row in rows.items() if row["workflow_state"] != "deleted"}
    parents = {row["parent_account_id"] for row in there.values()}
    return [
        AccountPlace(
            key,
            row["root_account_id"],
            row["parent_account_id"],
            row["name"] or "",
            row["parent_account_id"] not in rows,
            key in parents,
        )
        for key, row in sorted(there.items())
    ]


def term_dates(lake: Lake, instance: str) -> list[TermDates]:
    """Return the loaded terms that are not deleted, with their dates, by id."""
    rows = live_rows(lake, instance, TERMS, ["term_id", "start_at", "end_at", "workflow_state"])
    terms = {
        row["term_id"]: TermDates(row["term_id"], row["start_at"], row["end_at"])
        for row in rows
        if row["workflow_state"] != "deleted"
    }
    return [terms[term_id] for term_id in sorted(terms)]


def course_facts(lake: Lake, instance: str, *, with_deleted: bool = False) -> list[CourseFacts]:
    """Return the loaded courses by id, those that are deleted only `with_deleted`."""
    columns = ["course_id", "account_id", "enrollment_term_id", "workflow_state", "concluded", "total_students"]
    courses = {
        row["course_id"]: CourseFacts(
            row["course_id"],
            row["account_id"],
            row["enrollment_term_id"],
            row["workflow_state"] or "",
            bool(row["concluded"]),
            row["total_students"],
        )
        for row in live_rows(lake, instance, COURSES, columns)
        if with_deleted or row["workflow_state"] != "deleted"
    }
    return [courses[course_id] for course_id in sorted(courses)]

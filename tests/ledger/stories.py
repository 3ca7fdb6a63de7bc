"""Loads and wishes as the tests tell them: what is not said is like everything else."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.ledger import Load, LoadFile

HOST = "canvas.example.edu"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_load(load_id: str, *, version: int | None = None, read: int = 3, bad: int = 0, **more: Any) -> Load:
    return Load(
        load_id=load_id,
        instance=HOST,
        source=more.pop("source", "accounts"),
        scope=more.pop("scope", {"account": 1}),
        extracted_at=NOON,
        rows_read=read,
        rows_loaded=more.pop("loaded", read - bad),
        rows_quarantined=bad,
        content_hash=load_id,
        report_id=version,
        version=version,
        **more,
    )


def a_file(content: str, *, table: str = "canvas.accounts", slice_: str = "account=1", rows: int = 3) -> LoadFile:
    return LoadFile(table, slice_, f"{table}/{slice_}/{content}.parquet", rows, 100, f"sha-{content}", content)


def wish(**changes: Any) -> dict[str, Any]:
    """Return the arguments of `want` for a provisioning report."""
    return {
        "instance": HOST,
        "account_id": 1,
        "report": "provisioning_csv",
        "parameters": {"users": True},
        "window": "2026-11-21",
        "origin": "schedule",
        "deadline": timedelta(hours=12),
        **changes,
    }

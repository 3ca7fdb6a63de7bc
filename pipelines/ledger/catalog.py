"""Which reports each account of a Canvas offers, since when, and what has come or gone since it was last read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipelines.ledger.database import Ledger
from pipelines.ledger.loads import Drift, write_drift

ParameterNotes = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class OfferedReport:
    """A report that Canvas offers. `parameters` maps a name to what the catalog says of it: required, description."""

    report: str
    title: str | None = None
    parameters: ParameterNotes = field(default_factory=dict)

    @property
    def required(self) -> list[str]:
        """The parameters that the catalog calls required."""
        return [name for name, note in self.parameters.items() if note.get("required") is True]


@dataclass(frozen=True)
class CatalogChange:
    """What has come or gone since the catalog of an account was read before. The first reading is no change."""

    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


def record_catalog(
    ledger: Ledger,
    instance: str,
    account_id: int,
    offered: Mapping[str, OfferedReport],
    *,
    table_of: Callable[[str], str],
) -> CatalogChange:
    """Record what an account offers now; a report that came or went is a row of the drift of its table."""
    now = ledger.now()
    with ledger.write() as connection:
        rows = connection.execute(
            "SELECT report, gone_at FROM catalog WHERE instance = ? AND account_id = ?", (instance, account_id)
        ).fetchall()
        known = {row["report"]: row["gone_at"] for row in rows}
        appeared = tuple(name for name in offered if known and (name not in known or known[name] is not None))
        vanished = tuple(name for name, gone_at in known.items() if gone_at is None and name not in offered)
        for name, one in offered.items():
            connection.execute(
                "INSERT INTO catalog (instance, account_id, report, title, parameters, first_seen_at, last_seen_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET title = excluded.title,"
                " parameters = excluded.parameters, last_seen_at = excluded.last_seen_at, gone_at = NULL",
                (instance, account_id, name, one.title, json.dumps(one.parameters), now, now),
            )
        for name in vanished:
            connection.execute(
                "UPDATE catalog SET gone_at = ? WHERE instance = ? AND account_id = ? AND report = ?",
                (now, instance, account_id, name),
            )
        for names, kind, detail in (
            (appeared, "report appeared", "Account {} offers it now."),
            (vanished, "report vanished", "Account {} no longer offers it; its table keeps its last rows."),
        ):
            for name in names:
                write_drift(connection, Drift(table_of(name), kind, name, detail.format(account_id)), None, now)
    return CatalogChange(appeared, vanished)


def known_catalog(ledger: Ledger, instance: str, account_id: int) -> dict[str, OfferedReport]:
    """Return what an account offered when its catalog was last read; empty if it never was."""
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT report, title, parameters FROM catalog WHERE instance = ? AND account_id = ? AND gone_at IS NULL"
            " ORDER BY report",
            (instance, account_id),
        ).fetchall()
    return {row["report"]: OfferedReport(row["report"], row["title"], json.loads(row["parameters"])) for row in rows}

"""What reports an account of this Canvas offers: read from Canvas, and what has come or gone noted as drift."""

from collections.abc import Iterable

from pipelines.canvas import CanvasClient, Record, collect
from pipelines.canvas.account_reports import report_catalog
from pipelines.ledger import Ledger
from pipelines.ledger.catalog import CatalogChange, OfferedReport, record_catalog
from pipelines.normalize.contracts import report_table


async def read_catalog(
    ledger: Ledger, client: CanvasClient, instance: str, account_id: int
) -> tuple[dict[str, OfferedReport], CatalogChange]:
    """Ask an account what it offers, by the reports' names, and record it. Raises CanvasError."""
    offered = offered_reports(await collect(report_catalog(client, account_id)))
    change = record_catalog(
        ledger, instance, account_id, offered, table_of=lambda report: f"reports.{report_table(report)}"
    )
    return offered, change


def offered_reports(records: Iterable[Record]) -> dict[str, OfferedReport]:
    """Return what a catalog lists, by the reports' names; the titles are in the language of the token's owner."""
    offered: dict[str, OfferedReport] = {}
    for record in records:
        name, title, parameters = record.get("report"), record.get("title"), record.get("parameters")
        if not isinstance(name, str) or not name:
            continue
        notes = {
            str(key): note if isinstance(note, dict) else {}
            for key, note in (parameters.items() if isinstance(parameters, dict) else ())
        }
        offered[name] = OfferedReport(name, title if isinstance(title, str) else None, notes)
    return offered

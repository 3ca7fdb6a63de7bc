"""Records to the rows that an analyst would see."""

from typing import Any

from pipelines.normalize.rows import Batch, TableRecords, batch_from_records


def batch(records: TableRecords) -> Batch:
    return batch_from_records(records.table, records.records, ignored=records.ignored)


def rows(records: TableRecords | Batch) -> list[dict[str, Any]]:
    frame = (batch(records) if isinstance(records, TableRecords) else records).frame
    found = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in found]


def reasons(records: TableRecords) -> list[str]:
    return [row.reason for row in batch(records).quarantined]

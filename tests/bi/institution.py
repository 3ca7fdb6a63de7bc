"""What the published file holds here: rows that tell the number of their generation, and rows of every type.

In generation n every account and every term is called `gn`, and there are as many courses as `courses_in` says. So an
answer over `meta.generation`, `dim_course`, `dim_term` and `dim_account` shows whether it is of one generation.
"""

import random
from datetime import UTC, date, datetime, timedelta

from pipelines.lake import Lake, Part
from pipelines.normalize.contracts import TABLES, Column, ColumnType, Table
from pipelines.normalize.contracts.directory import ACCOUNTS, COURSES, TERMS
from pipelines.normalize.rows import batch_from_records

HOST = "canvas.example.edu"
_TODAY = datetime(2026, 11, 20, 3, tzinfo=UTC)
_ACCOUNTS, _TERMS, _COURSES = 12, 4, 300
_FILLER_ROWS = 3_000
"""More than a vector of DuckDB's (2048), so that columns are compressed as those of an institution are."""


def courses_in(generation: int) -> int:
    """Return how many courses there are in a generation."""
    return _COURSES + generation


def name_in(generation: int) -> str:
    """Return what every account and every term is called in a generation."""
    return f"g{generation}"


def load_generation(lake: Lake, generation: int) -> None:
    """Load the accounts, terms and courses of a generation, in the place of those before."""
    name = name_in(generation)
    accounts = [{"id": n, "name": name, "parent_account_id": 1 if n > 1 else None} for n in range(1, _ACCOUNTS + 1)]
    terms = [{"id": n, "name": name, "start_at": _TODAY.isoformat()} for n in range(1, _TERMS + 1)]
    courses = [
        {
            "id": n,
            "name": f"Course {n}",
            "account_id": 1 + n % _ACCOUNTS,
            "enrollment_term_id": 1 + n % _TERMS,
            "workflow_state": "available",
            "start_at": (_TODAY + timedelta(hours=n)).isoformat(),
        }
        for n in range(1, courses_in(generation) + 1)
    ]
    lake.load(
        load_id=f"generation-{generation:06d}",
        instance=HOST,
        source="tests.bi",
        scope={"account": 1},
        extracted_at=_TODAY,
        parts=[
            Part(ACCOUNTS, [batch_from_records(ACCOUNTS, accounts)], sort=True),
            Part(TERMS, [batch_from_records(TERMS, terms, given={"root_account_id": 1})], sort=True),
            Part(COURSES, [batch_from_records(COURSES, courses)], sort=True),
        ],
    )


def load_filler(lake: Lake) -> None:
    """Load rows into every table of `analytics`: values and NULLs of each type that the file has."""
    chance = random.Random(5)  # noqa: S311 (seeded data)
    for table in TABLES.values():
        if table.schema == "analytics":
            named: dict[str, str | int | None] = {
                name: str(_value(table.column(column).type, 0)) for name, column in table.slice_columns if name
            }
            lake.load(
                load_id=f"filler-{table.name}",
                instance=HOST,
                source="tests.bi",
                scope={"of": table.name, **named},
                extracted_at=_TODAY,
                parts=[Part(table, [batch_from_records(table, _rows(table, chance))], sort=True)],
            )


def _rows(table: Table, chance: random.Random) -> list[dict[str, object]]:
    """Return rows of one slice of a table. What else is in the key is different in each."""
    one_slice = {column for _, column in table.slice_columns}
    rows = 1 if set(table.key) <= one_slice else _FILLER_ROWS

    def value(column: Column, row: int) -> object:
        if column.name in one_slice:
            return _value(column.type, 0)
        if column.name in table.key:
            return _value(column.type, row)
        is_null = column.nullable and chance.random() < 0.1
        return None if is_null else _value(column.type, chance.randrange(1_000))

    return [{column.source_name: value(column, row) for column in table.columns} for row in range(rows)]


def _value(kind: ColumnType, n: int) -> object:
    match kind:
        case ColumnType.BIGINT:
            return 10_000_000_000_000 + n
        case ColumnType.DOUBLE:
            return n / 7
        case ColumnType.BOOLEAN:
            return n % 3 == 0
        case ColumnType.DATE:
            return (date(2026, 8, 24) + timedelta(days=n)).isoformat()
        case ColumnType.TIMESTAMPTZ:
            return (_TODAY + timedelta(minutes=n)).isoformat()
        case ColumnType.VARCHAR:
            return f"Text {n} of a longer kind: Zoë 東京"

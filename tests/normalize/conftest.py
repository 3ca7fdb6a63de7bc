"""A small table, and CSV files of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.normalize.contracts import Column, ColumnType, Table

# The same examples at every run: a red test must be red again on the next machine.
settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")

People = Table(
    schema="reports",
    name="people",
    description="People.",
    grain="one row per person",
    key=("person_id",),
    columns=(
        Column("person_id", ColumnType.BIGINT, "Id.", nullable=False),
        Column("sis_id", ColumnType.VARCHAR, "SIS id."),
        Column("score", ColumnType.DOUBLE, "Score."),
        Column("seen_at", ColumnType.TIMESTAMPTZ, "Last seen."),
        Column("pronouns", ColumnType.VARCHAR, "Pronouns.", optional=True),
    ),
    source="test",
    slice="all",
    group="test",
)

WriteFile = Callable[[bytes | str], Path]


@pytest.fixture
def people() -> Table:
    return People


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def one(content: bytes | str) -> Path:
        path = tmp_path / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return one

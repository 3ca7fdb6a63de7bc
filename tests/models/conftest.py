"""The warehouse that the tests of the models share."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.models.loaded import Loaded


@pytest.fixture
def loaded() -> Iterator[Loaded]:
    with duckdb.connect(":memory:") as con:
        con.execute("set TimeZone = 'UTC'")
        yield Loaded(con)

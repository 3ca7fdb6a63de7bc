"""The warehouse that the tests of the models share."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.models.campus import Lived, campus, load
from tests.models.loaded import Loaded


@pytest.fixture
def loaded() -> Iterator[Loaded]:
    with duckdb.connect(":memory:") as con:
        con.execute("set TimeZone = 'UTC'")
        yield Loaded(con)


@pytest.fixture(scope="session", params=(1, 2, 3))
def lived(request: pytest.FixtureRequest) -> Iterator[Lived]:
    """Give a campus drawn from each of some seeds, with every model made."""
    with duckdb.connect(":memory:") as con:
        con.execute("set TimeZone = 'UTC'")
        loaded = Loaded(con)
        drawn = campus(request.param)
        load(loaded, drawn)
        loaded.rows("select 1")
        yield Lived(drawn, loaded)

"""The clock that models look at: the moment that the file speaks of, and not that of the machine."""

from datetime import UTC, datetime

import duckdb


def at_moment(con: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Make `now()` and `today()` of a connection tell `moment` (UTC), so that a warehouse of then can be made now."""
    said = moment.astimezone(UTC)
    con.execute(f"CREATE OR REPLACE TEMP MACRO now() AS TIMESTAMPTZ '{said:%Y-%m-%d %H:%M:%S.%f}+00'")
    con.execute(f"CREATE OR REPLACE TEMP MACRO today() AS DATE '{said:%Y-%m-%d}'")

"""Tables that keep every version of a row: the SELECT gives the rows of now, and what differs is observed.

The observations are in the lake; the table in the file being built follows from them alone, so it can be made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines.lake import Lake
from pipelines.lake.live_sql import READ_FILES
from pipelines.lake.live_sql import quoted as quoted_name
from pipelines.lake.versions import OBSERVED_AT, PRESENT, VALIDITY, observation_files, record_observations
from pipelines.models.model import Model
from pipelines.models.names import quoted
from pipelines.warehouse.build import columns_of, duckdb_type

_NEVER_COMPARED = {"extracted_at", "_extracted_at", "_load_id"}
"""When Canvas said it is no difference in what it said."""


@dataclass(frozen=True)
class Observations:
    """Where the observations of one lake go; `instance` is the Canvas that they are of."""

    lake: Lake
    instance: str


def observe(
    con: duckdb.DuckDBPyConnection, model: Model, rows: str, at: datetime, observations: Observations | None
) -> None:
    """Bring the table of a model in step with its rows of now, in the relation `rows`.

    What differs is recorded first and shown then, so a process that dies in between has lost nothing. A moment that is
    not after the last one counts as one microsecond after it. Without `observations` nothing is recorded.
    """
    columns = _columns(con, rows)
    last = catch_up(con, model, rows, observations, None)
    at = at.astimezone(UTC) if last is None else max(at.astimezone(UTC), last + timedelta(microseconds=1))
    con.execute(f"CREATE OR REPLACE TEMP TABLE _observed AS {_differences(model, rows, columns)}", [at])
    counted = con.execute("SELECT count(*) FROM _observed").fetchone()
    if counted and counted[0]:
        if observations is not None:
            found = con.execute(f"SELECT * FROM _observed ORDER BY {_key(model)}").to_arrow_table()
            record_observations(observations.lake, observations.instance, model.qualified, found, at)
        _show(con, model, "_observed", columns)
    con.execute("DROP TABLE _observed")


def catch_up(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    rows: str,
    observations: Observations | None,
    until: datetime | None,
) -> datetime | None:
    """Bring the table in step with the observations in the lake, up to a moment; return when the last was made.

    `rows` is a relation with the columns and types that the table has beside those of validity. A table of other
    columns is made anew; a value that is none of the type that its column has now is NULL in it, and stays in the lake.
    """
    columns = _columns(con, rows)
    wanted = [*columns, *((column.name, duckdb_type(column.type.value)) for column in VALIDITY)]
    if columns_of(con, model.qualified) != wanted:
        declared = ", ".join(f"{quoted_name(name)} {kind}" for name, kind in wanted)
        con.execute(f"CREATE OR REPLACE TABLE {quoted(model)} ({declared})")
    last = newest_observation(con, model)
    paths = [str(path) for path in observation_files(observations.lake, model.qualified)] if observations else []
    if not paths:
        return last
    there = {name for name, _ in _columns(con, READ_FILES, [paths])}
    chosen = ", ".join(
        f"TRY_CAST({quoted_name(name) if name in there else 'NULL'} AS {kind}) AS {quoted_name(name)}"
        for name, kind in columns
    )
    bounds = [(f"{OBSERVED_AT} > ?", last), (f"{OBSERVED_AT} <= ?", until)]
    conditions = [condition for condition, moment in bounds if moment is not None]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _recorded AS SELECT {chosen}, {OBSERVED_AT}, {PRESENT} FROM {READ_FILES}"
        f" WHERE {' AND '.join(conditions or ['true'])}",
        [paths, *(moment for _, moment in bounds if moment is not None)],
    )
    if con.execute("SELECT 1 FROM _recorded LIMIT 1").fetchone() is not None:
        _show(con, model, "_recorded", columns)
    con.execute("DROP TABLE _recorded")
    return newest_observation(con, model)


def _differences(model: Model, rows: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return the query of the observations that lead from the table's current rows to `rows`; one parameter, when."""
    names = ", ".join(f"now.{quoted_name(name)}" for name, _ in columns)
    keys = ", ".join(f"old.{quoted_name(name)}" for name in model.key)
    compared = [name for name, _ in columns if name not in _NEVER_COMPARED and name not in model.key]
    differs = " OR ".join(f"now.{quoted_name(name)} IS DISTINCT FROM old.{quoted_name(name)}" for name in compared)
    same = _same_key(model, "now", "old")
    current = f"(SELECT *, true AS _is_there FROM {quoted(model)} WHERE is_current)"
    return (
        f"SELECT {names}, $1::TIMESTAMPTZ AS {OBSERVED_AT}, true AS {PRESENT}"
        f" FROM {rows} AS now LEFT JOIN {current} AS old ON {same}"
        f" WHERE old._is_there IS NULL{f' OR {differs}' if differs else ''}"
        f" UNION ALL BY NAME SELECT {keys}, $1::TIMESTAMPTZ AS {OBSERVED_AT}, false AS {PRESENT}"
        f" FROM {current} AS old ANTI JOIN {rows} AS now ON {same}"
    )


def _show(con: duckdb.DuckDBPyConnection, model: Model, observed: str, columns: Sequence[tuple[str, str]]) -> None:
    """Put observations that are later than all in the table into it: versions end, and others begin."""
    names = ", ".join(quoted_name(name) for name, _ in columns)
    con.execute(
        f"UPDATE {quoted(model)} AS old SET valid_to = ended.at, is_current = false FROM (SELECT {_key(model)},"
        f" min({OBSERVED_AT}) AS at FROM {observed} GROUP BY ALL) AS ended"
        f" WHERE old.is_current AND {_same_key(model, 'old', 'ended')}"
    )
    con.execute(
        f"INSERT INTO {quoted(model)} BY NAME SELECT {names}, {OBSERVED_AT} AS valid_from,"
        f" lead({OBSERVED_AT}) OVER following AS valid_to, valid_to IS NULL AS is_current FROM {observed}"
        f" WINDOW following AS (PARTITION BY {_key(model)} ORDER BY {OBSERVED_AT}) QUALIFY {PRESENT}"
        f" ORDER BY {_key(model)}, valid_from"
    )


def newest_observation(con: duckdb.DuckDBPyConnection, model: Model) -> datetime | None:
    """Return when the last version in the table began or ended; None for an empty table."""
    found = con.execute(f"SELECT epoch_us(max(greatest(valid_from, valid_to))) FROM {quoted(model)}").fetchone()
    if found is None or found[0] is None:
        return None
    return datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=int(found[0]))


def _columns(con: duckdb.DuckDBPyConnection, relation: str, parameters: Sequence[object] = ()) -> list[tuple[str, str]]:
    found = con.execute(f"DESCRIBE SELECT * FROM {relation}", list(parameters)).fetchall()
    return [(str(row[0]), str(row[1])) for row in found]


def _key(model: Model) -> str:
    return ", ".join(quoted_name(name) for name in model.key)


def _same_key(model: Model, one: str, other: str) -> str:
    return " AND ".join(
        f"{one}.{quoted_name(name)} IS NOT DISTINCT FROM {other}.{quoted_name(name)}" for name in model.key
    )

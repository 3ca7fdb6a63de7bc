"""Which models are stale: those whose file, or anything that went into them, is not what it was when they were made.

A fingerprint per model covers its own text and the loads below it, near or far, so nothing has to be remembered
between runs, and a run that was killed leaves nothing undone behind.
"""

import hashlib
import re
from collections.abc import Iterable

import duckdb

from pipelines.models.model import Model
from pipelines.models.refresh import ModelResult, refresh

# A model that looks at the clock is stale on the next day, whatever its inputs did.
_CLOCK = re.compile(r"\b(now\s*\(|current_date\b|current_timestamp\b|today\s*\()", re.IGNORECASE)


def refresh_stale(con: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> list[ModelResult]:
    """Run the stale models, and note in `meta.models` what they were made from.

    `con` is the connection to the file being built, which has `meta.loads` and `meta.models`. Raises ModelError.
    """
    models = tuple(models)
    due = fingerprints(con, models)
    noted = dict(con.execute("SELECT model, fingerprint FROM meta.models").fetchall())
    stale = [model for model in models if noted.get(model.qualified) != due[model.qualified]]
    gone = sorted(noted.keys() - due.keys())
    results = refresh(con, stale, None) if stale else []
    con.execute("BEGIN")
    con.execute(
        "DELETE FROM meta.models WHERE model IN (SELECT unnest(?::VARCHAR[]))",
        [[*gone, *(r.qualified for r in results)]],
    )
    for result in results:
        con.execute(
            "INSERT INTO meta.models (model, fingerprint, rows, seconds, refreshed_at) VALUES (?, ?, ?, ?, now())",
            [result.qualified, due[result.qualified], result.rows, round(result.seconds, 3)],
        )
    for name in gone:
        schema, table = name.split(".", 1)
        con.execute(f'DROP TABLE IF EXISTS "{schema}"."{table}"')
    con.execute("COMMIT")
    return results


def fingerprints(con: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> dict[str, str]:
    """Return the fingerprint that each model should have; `models` come inputs first."""
    loads = (
        "SELECT table_name, md5(string_agg(load_id || ':' || sha256, ',' ORDER BY slice)) FROM meta.loads GROUP BY 1"
    )
    # The columns too: a table can be made anew with other columns from the same loads.
    columns = (
        "SELECT schema_name || '.' || table_name, md5(string_agg(column_name || data_type, ',' ORDER BY column_index))"
        " FROM duckdb_columns() WHERE database_name = current_database() GROUP BY 1"
    )
    loaded, shaped = dict(con.execute(loads).fetchall()), dict(con.execute(columns).fetchall())
    found = con.execute("SELECT (now() AT TIME ZONE 'UTC')::DATE").fetchone()
    today = str(found[0]) if found else ""
    result: dict[str, str] = {}
    for model in models:
        inputs = [
            result.get(name) or f"{loaded.get(name, 'never loaded')} {shaped.get(name)}" for name in model.depends_on
        ]
        result[model.qualified] = hashlib.sha256(
            "\0".join([model.digest, *inputs, *([today] if _CLOCK.search(model.sql) else [])]).encode()
        ).hexdigest()
    return result

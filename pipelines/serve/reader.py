"""Opening the published file so that a query can read it and nothing else. What is asked of it lives in `query`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines.serve.problem import QueryError, from_duckdb

_TAKEN_NAMES = {"memory", "system", "temp", "main"}


@contextmanager
def published(path: Path, *, memory_limit: str = "2GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file for reading, as the default catalog under its own name, times in UTC.

    The connection can reach no other file, no network, no extension, no Python variable and no setting, and it leaves
    nothing behind. The file is attached to a database in memory: another part of this process may have the same file
    open, and DuckDB refuses a second connection with other settings to a file that is open.
    """
    if not path.is_file():
        raise QueryError(
            f"There is no warehouse at {path}.",
            "Nothing has been published there yet, or CANVASLAKE_HOME names another folder.",
            "Run `canvaslake sync`, or `canvaslake demo` for a look without Canvas.",
        )
    with tempfile.TemporaryDirectory(prefix="canvaslake-query-") as spill:
        con = duckdb.connect(
            ":memory:",
            config={
                "allow_community_extensions": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "memory_limit": memory_limit,
                # A large sort may spill; the folder goes with the connection.
                "temp_directory": spill,
            },
        )
        try:
            _attach(con, path)
            con.execute("set TimeZone = 'UTC'")
            # Where it takes the program for a person's session, DuckDB draws its bar into the data on stdout.
            con.execute("set enable_progress_bar = false")
            con.execute("set enable_external_access = false")
            con.execute("set lock_configuration = true")
            yield con
        finally:
            con.close()


@contextmanager
def beside(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a second connection to the same file, for another question on one connection ends the answer before it."""
    rows = con.execute("select current_database()").fetchall()
    name = str(rows[0][0]).replace('"', '""')
    with con.cursor() as other:
        other.execute(f'use "{name}"')
        yield other


def table_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the qualified names of the tables and views of the published file, sorted."""
    rows = con.execute(
        """
        select schema_name || '.' || table_name from duckdb_tables() where database_name = current_database()
        union all
        select schema_name || '.' || view_name from duckdb_views()
        where database_name = current_database() and not internal
        order by 1
        """
    ).fetchall()
    return [str(row[0]) for row in rows]


def _attach(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    # The name that DuckDB gives a file it opens, so that queries written elsewhere run here as they are.
    name = "warehouse" if path.stem.lower() in _TAKEN_NAMES else path.stem
    name = name.replace('"', '""')
    file = str(path).replace("'", "''")
    try:
        con.execute(f"attach '{file}' as \"{name}\" (read_only)")
        con.execute(f'use "{name}"')
    except duckdb.Error as error:
        reason = from_duckdb(error, ())
        raise QueryError(
            f"The warehouse at {path} cannot be opened.",
            reason.why,
            "Run `canvaslake publish` to build it anew.",
        ) from error

"""Tables of the published file that keep earlier rows because a blocking check failed: told wherever they are read."""

import duckdb

from pipelines.serve.tables_read import tables_read


def held_back(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the tables that are held back, each with what was found and what to do; none for a file without checks."""
    try:
        rows = con.execute(
            """
            select table_name, string_agg(detail, '; ' order by check_name)
            from meta.checks
            where not passed and severity = 'error'
            group by table_name
            order by table_name
            """
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return {}
    return dict(rows)


def held_back_in(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return those of the tables that are held back which a statement names; all where nobody can tell.

    A table that is made from one of them is not among them, though it has earlier rows as well.
    """
    held = held_back(con)
    if not held:
        return {}
    named = tables_read(con, sql)
    return held if named is None else {table: why for table, why in held.items() if table.lower() in named}

"""Reads every row of every table, and the comments: `read_everything.py FILE`. Prints the numbers of tables and rows.

Every value becomes one of Python's, so a type or a compression that this version of DuckDB does not know is found.
"""

import sys

import duckdb


def main(path: str) -> None:
    rows = 0
    with duckdb.connect(path, read_only=True) as con:
        tables = con.execute("select schema_name, table_name, comment from duckdb_tables() order by all").fetchall()
        for schema, table, _ in tables:
            rows += len(con.execute(f'select * from "{schema}"."{table}"').fetchall())
        described = con.execute("select count(*) from duckdb_columns() where comment is not null").fetchall()[0][0]
        local = con.execute("select max(start_at at time zone 'America/Denver')::date from marts.dim_course").fetchall()
    if not rows or not described or local[0][0] is None:
        sys.exit(f"{len(tables)} tables with {rows} rows, {described} columns with comments, last start {local}")
    sys.stdout.write(f"{len(tables)} tables, {rows} rows\n")


if __name__ == "__main__":
    main(sys.argv[1])

"""The SQL by which the live slices of a Parquet file are told from those that were replaced.

A file of a batch holds many slices. Its rows carry their load, and the contract names the columns that tell the
slices of one load apart; the slice's own name holds the values.
"""

from pipelines.normalize.contracts import Table

READ_FILES = "read_parquet(?, union_by_name = true, hive_partitioning = false)"
"""The files of a table, with one parameter, their paths. The names of their folders are no columns."""


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def slices(source: str, table: Table | None) -> str:
    """Return a relation `slices` of a table's slices in `source`: their load, and what tells them apart.

    It has one parameter, the table's qualified name.
    """
    columns = ["load_id"]
    for name, column in table.slice_columns if table else ():
        # The slice is named by its scope: instance=...,course=101,user=10001.
        value = f"nullif(regexp_extract(slice, '(?:^|,){name}=([^,]*)', 1), '')" if name else "slice"
        kind = table.column(column).type.value if table else "VARCHAR"
        columns.append(f"TRY_CAST({value} AS {kind}) AS {quoted(column)}")
    return f"(SELECT {', '.join(columns)} FROM {source} WHERE table_name = ?) AS slices"


def same_slice(table: Table | None) -> str:
    """Return the condition that a row of `rows` is of a slice of `slices`."""
    conditions = ["rows._load_id = slices.load_id"]
    for name, column in table.slice_columns if table else ():
        mine, theirs = f"rows.{quoted(column)}", f"slices.{quoted(column)}"
        # A row without the name of its slice was written when a load was one slice.
        conditions.append(f"{mine} IS NOT DISTINCT FROM {theirs}" if name else f"coalesce({mine}, {theirs}) = {theirs}")
    return " AND ".join(conditions)

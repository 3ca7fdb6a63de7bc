"""The lake: immutable Parquet, one file per table and slice of a load, and the ledger says which are live."""

from pipelines.lake.store import Lake, LoadOutcome, Part, TooManyBadRowsError, new_load_id, slice_name

__all__ = ["Lake", "LoadOutcome", "Part", "TooManyBadRowsError", "new_load_id", "slice_name"]

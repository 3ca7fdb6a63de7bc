"""Tests of `pipelines/models` and of the SELECT files in `sql/`."""

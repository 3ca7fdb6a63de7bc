"""Tests of `pipelines/serve`."""

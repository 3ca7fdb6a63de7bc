"""A build file beside the build file: made of the lake from nothing, and gone when it has been put to its use."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.private_files import private_folder
from pipelines.warehouse.paths import WarehousePaths


@contextmanager
def scratch(paths: WarehousePaths) -> Iterator[WarehousePaths]:
    """Give paths with an empty build file of their own. The caller holds the publisher's lock.

    What a process that was killed has left there goes first.
    """
    shutil.rmtree(paths.scratch, ignore_errors=True)
    try:
        yield WarehousePaths(private_folder(paths.scratch))
    finally:
        shutil.rmtree(paths.scratch, ignore_errors=True)

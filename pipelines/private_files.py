"""Files and folders that only their owner can read: this is student data. Nothing about what is in them."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def private_folder(folder: Path) -> Path:
    """Make a folder and the missing ones above it, each with mode 0700, and return it."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    return missing[0] if missing else folder


def create_private(path: Path) -> int:
    """Create a file with mode 0600 and return its descriptor, open for writing; FileExistsError if it is there."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename is only certain once its folder is on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def into_place(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a file beside `path`, durable and renamed into its place at the end; on an error nothing stays behind."""
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = create_private(temporary)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, temporary
        # Through a handle of its own: what packs a file also closes it.
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_private(path: Path, text: str) -> None:
    """Write a small text file with mode 0600, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(create_private(temporary), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)

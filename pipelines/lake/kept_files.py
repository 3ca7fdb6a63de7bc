"""Files as Canvas gave them, beside the tables that were made of them: kept for a time, packed, private.

What they hold is read by `load`; how long they are kept is the caller's.
"""

import hashlib
import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from pipelines.extract.archives import is_zip
from pipelines.lake.store import Lake
from pipelines.ledger import Intent
from pipelines.ledger.kept_files import KeptFile, record_kept
from pipelines.private_files import create_private, into_place

_CHUNK = 1 << 20


class DamagedFileError(Exception):
    """A kept file is not what it was when it was kept."""


def keep_file(lake: Lake, load_id: str, intent: Intent, source: Path, extracted_at: datetime) -> KeptFile:
    """Keep a copy of a report's file: a ZIP as it is, a CSV packed with Zstandard."""
    packed = not is_zip(source)
    path = lake.root / "files" / "reports" / intent.report / f"{load_id}{'.csv.zst' if packed else '.zip'}"
    size, digest = _copy(source, path, packed=packed)
    place = path.relative_to(lake.root).as_posix()
    record_kept(
        lake.ledger,
        load_id,
        intent.intent_id,
        path=place,
        size=size,
        sha256=digest,
        extracted_at=extracted_at,
    )
    return KeptFile(load_id, intent.intent_id, place, size, digest, extracted_at, lake.ledger.clock())


def keep_document(lake: Lake, folder: str, name: str, source: Path) -> tuple[str, int, str]:
    """Store a document for as long as the lake; return its path in the lake, its bytes and its SHA-256."""
    path = lake.root / "files" / folder / name
    size, digest = _copy(source, path, packed=False)
    return path.relative_to(lake.root).as_posix(), size, digest


def _copy(source: Path, path: Path, *, packed: bool) -> tuple[int, str]:
    """Copy a file to its place, whole and durable or not at all; return the size and SHA-256 of what was read."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, into_place(path) as (target, _):
        sink = pa.CompressedOutputStream(pa.PythonFile(target, "w"), "zstd") if packed else target
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            sink.write(chunk)
        sink.close()
    return size, digest.hexdigest()


def restore_file(lake: Lake, kept: KeptFile, target: Path) -> None:
    """Write a kept file to `target` as it came from Canvas. Raises DamagedFileError when it is another or is gone."""
    path = lake.root / kept.path
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file, os.fdopen(create_private(target), "wb") as out:
            source = pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") if path.suffix == ".zst" else file
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
    except (OSError, pa.ArrowException) as error:
        raise DamagedFileError(f"The kept file {kept.path} cannot be read ({type(error).__name__})") from error
    if digest.hexdigest() != kept.sha256:
        raise DamagedFileError(f"The kept file {kept.path} is not what Canvas gave: its checksum differs")

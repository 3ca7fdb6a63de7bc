"""A report's file opened with care: a CSV as it is, or the members of a ZIP written out under names of our own.

The archive comes from outside and is trusted with nothing: not its names, not its sizes, not its kinds of entries.
"""

import errno
import os
import re
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.private_files import create_private, private_folder

_MOST_MEMBERS = 1000
_MOST_BYTES = 64 << 30
_MOST_RATIO = 500
_SMALL = 16 << 20
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")


class HostileArchiveError(Exception):
    """An archive that is damaged, or not what a report's ZIP looks like. Nothing of it is loaded."""


@dataclass(frozen=True)
class ReportMember:
    """One CSV of a report. `name` is the member's name without `.csv`, empty when the report is a single file."""

    name: str
    path: Path


def is_zip(path: Path) -> bool:
    """Return whether a file begins like a ZIP, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def member_names(path: Path) -> list[str]:
    """Return the names of a report's files without `.csv`: "" for one that is no ZIP, none for a damaged ZIP."""
    if not is_zip(path):
        return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".csv") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError):
        return []


def open_report(path: Path, folder: Path) -> list[ReportMember]:
    """Return the CSV files of a downloaded report, unpacked into `folder` if it is a ZIP, in the archive's order.

    Raises HostileArchiveError for names that lead elsewhere, links, too many members, or sizes that do not fit.
    """
    if not is_zip(path):
        return [ReportMember("", path)]
    private_folder(folder)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename and not entry.is_dir()]
            _refuse_hostile(entries, path.stat().st_size)
            members = []
            for number, entry in enumerate(entries):
                target = folder / f"{number:04d}.csv"
                _unpack(archive, entry, target)
                members.append(ReportMember(entry.filename.removesuffix(".csv"), target))
            return members
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise HostileArchiveError(f"the ZIP is damaged or of a kind that reports do not have ({error})") from error
    except OSError as error:
        # Offsets that lead nowhere end in a seek that is no seek; a full disk is the disk's, not the archive's.
        if error.errno != errno.EINVAL:
            raise
        raise HostileArchiveError("the ZIP is damaged: it leads outside of itself") from error


def _refuse_hostile(entries: list[zipfile.ZipInfo], packed: int) -> None:
    if len(entries) > _MOST_MEMBERS:
        raise HostileArchiveError(f"the ZIP has {len(entries)} members; a report has at most {_MOST_MEMBERS}")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise HostileArchiveError("two members of the ZIP have the same name")
    for entry in entries:
        # Members may be named after terms, so spaces, colons and slashes are legal; leading out of a folder is not.
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or _DRIVE.match(entry.filename):
            raise HostileArchiveError("a member of the ZIP has a name that leads out of its folder")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise HostileArchiveError("a member of the ZIP is a link")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise HostileArchiveError("a member of the ZIP is packed in a way that reports are not")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _MOST_BYTES or (unpacked > _SMALL and unpacked > _MOST_RATIO * packed):
        raise HostileArchiveError(f"the ZIP unpacks from {packed} to {unpacked} bytes")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(entry) as source, os.fdopen(create_private(target), "wb") as file:
        # The size in the directory is the archive's word; no more than it said is written.
        left = entry.file_size
        while chunk := source.read(min(1 << 20, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise HostileArchiveError("a member of the ZIP is larger than it says")
            file.write(chunk)


def discard(folder: Path) -> None:
    """Remove a folder of unpacked files, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)

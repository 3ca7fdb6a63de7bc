"""What holds student data and has had its time, removed: files whose keeping is over, and what killed processes left.

Which Parquet files of the tables have had their time is decided in `garbage`.
"""

import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path, PurePosixPath

import duckdb

from pipelines.lake.garbage import give_up, given_up
from pipelines.lake.read import live_rows
from pipelines.lake.store import Lake
from pipelines.ledger.database import columns_of
from pipelines.ledger.kept_files import kept_files, record_discarded
from pipelines.ledger.loads import live_columns
from pipelines.normalize.contracts.course_documents import COURSE_DOCUMENTS

_DAY = timedelta(days=1)
_TEMPORARY = re.compile(r"\..+\.([0-9a-f]{32}|\d+)")
"""What is written beside its place is called after it, hidden, with a random or a process number behind."""

_KEPT, _DOCUMENTS = "files/reports/", "files/course_documents/"
_KNOWN = (
    "SELECT path, removed_at IS NULL AS here FROM parquet UNION ALL SELECT path, discarded_at IS NULL FROM kept_files"
)


@dataclass(frozen=True)
class Swept:
    """How many files a sweep has removed, by what they were. What another sweep removed meanwhile does not count.

    `superseded` counts Parquet files of rows that were replaced. `downloads` counts the files and the folders directly
    in the folder of downloads. `left` names what should be gone and could not be removed, each with the reason,
    relative to the lake or to the folder of downloads.
    """

    kept_files: int = 0
    temporary: int = 0
    unknown: int = 0
    documents: int = 0
    downloads: int = 0
    left: tuple[str, ...] = ()
    superseded: int = 0


def sweep(
    lake: Lake,
    downloads: Path,
    *,
    keep: timedelta,
    age: timedelta = _DAY,
    keep_superseded: timedelta | None = None,
    publisher: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Swept:
    """Remove what has had its time from the lake and from `downloads`, the folder where files are while they are read.

    - Kept files of reports go when they were kept for longer than `keep`; with a `keep` of zero all of them.
    - Parquet files go when all rows in them were replaced longer than `keep_superseded` ago, and an hour: None keeps
      them. `publisher` gives the lock of the publisher, which reads such files to make a warehouse of the past.
    - Documents of course reports that no live row names go when they are older than `keep` and `age`.
    - Temporary files, Parquet and kept files that the ledger does not know, and everything in `downloads` go when
      nothing was written to them for longer than `age`.

    A load writes all the time: it downloads, unpacks and packs for minutes, for hours if a report is very large, and
    commits at once. So a file that nobody wrote to for a day is no running load's. Ages are by the ledger's clock.
    A ledger that knows no file at all was lost, and nothing is removed because it does not know it.

    Several sweeps may run at once, and loads beside them. No symbolic link is followed.
    """
    now = lake.ledger.clock()
    store, desk = _Tree(lake.root, now), _Tree(downloads, now)
    kept = _discard_kept(lake, store, now, keep)
    if keep_superseded is not None:
        with publisher():
            give_up(lake.ledger, keep_superseded)
    # The names first and the ledger's word after them: what is committed meanwhile counts as known.
    places = list(store.files())
    ever = columns_of(lake.ledger, _KNOWN)
    known = {path for path, here in zip(ever["path"], ever["here"], strict=True) if here}
    gone = given_up(lake.ledger)
    temporary = unknown = superseded = 0
    documents = []
    for place in places:
        if place in gone:
            superseded += store.remove(place) is _Fate.REMOVED
        elif _TEMPORARY.fullmatch(place.rpartition("/")[2]):
            temporary += store.remove_old(place, age)
        elif place.startswith(_DOCUMENTS):
            documents.append(place)
        elif ever["path"] and place not in known and (place.startswith(_KEPT) or place.endswith(".parquet")):
            unknown += store.remove_old(place, age)
    unnamed = _remove_documents(lake, store, documents, max(keep, age))
    unread = sum(desk.remove_old_entry(name, age) for name in desk.entries())
    return Swept(kept, temporary, unknown, unnamed, unread, (*store.left, *desk.left), superseded)


def _discard_kept(lake: Lake, store: "_Tree", now: datetime, keep: timedelta) -> int:
    removed = 0
    for file in kept_files(lake.ledger):
        # Without a time to keep, a file that another process kept a moment ahead of this clock goes too.
        if keep and now - file.kept_at <= keep:
            continue
        fate = store.remove(file.path)
        if fate is not _Fate.LEFT:
            record_discarded(lake.ledger, file.load_id)
        removed += fate is _Fate.REMOVED
    return removed


def _remove_documents(lake: Lake, store: "_Tree", places: list[str], age: timedelta) -> int:
    live = live_columns(lake.ledger, tables=[COURSE_DOCUMENTS.qualified])
    loads = set(live["load_id"])
    # A document is called after its load, so the rows, one file per course, are read only if one seems to be over.
    over = [place for place in places if PurePosixPath(place).stem not in loads and store.is_old(place, age)]
    if not over:
        return 0
    try:
        named = {
            row["path"]
            for instance in sorted(set(live["instance"]))
            for row in live_rows(lake, instance, COURSE_DOCUMENTS, ["path"])
        }
    except duckdb.Error as error:
        store.left += [f"{place}: {COURSE_DOCUMENTS.qualified} cannot be read ({_name(error)})" for place in over]
        return 0
    return sum(store.remove_old(place, age) for place in over if place not in named)


class _Fate(Enum):
    """What became of a file that was to be removed."""

    REMOVED = "removed"
    GONE = "gone already"
    LEFT = "left"


class _Tree:
    """A folder in which things are removed: nothing outside of it, and nothing behind a link. Places are relative."""

    def __init__(self, root: Path, now: datetime) -> None:
        self.root = root.resolve()
        self.left: list[str] = []
        self._now = now.timestamp()

    def files(self) -> Iterator[str]:
        """Yield the place of every regular file below the root. The files themselves are not looked at."""
        folders = [""]
        while folders:
            folder = folders.pop()
            for entry in self._scan(folder):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    yield f"{folder}{entry.name}"

    def entries(self) -> list[str]:
        """Return the names of what is directly in the root, links among them."""
        return [entry.name for entry in self._scan("")]

    def is_old(self, place: str, age: timedelta) -> bool:
        """Return whether something is there, and nothing in it was written to for longer than `age`."""
        written = self._written_at(place)
        return written is not None and self._now - written > age.total_seconds()

    def remove_old(self, place: str, age: timedelta) -> bool:
        """Remove a file if it is old; return whether this did it."""
        return self.is_old(place, age) and self.remove(place) is _Fate.REMOVED

    def remove(self, place: str) -> _Fate:
        """Remove a file."""
        path = self.root / place
        if not path.is_relative_to(self.root) or path.parent.resolve() != path.parent:
            return self._leave(place, "it lies behind a symbolic link or outside of this folder")
        try:
            path.unlink()
        except FileNotFoundError:
            return _Fate.GONE
        except OSError as error:
            return self._leave(place, _name(error))
        return _Fate.REMOVED

    def remove_old_entry(self, name: str, age: timedelta) -> bool:
        """Remove a file, a link, or a folder with all in it, if it is old; return whether this did it."""
        if not self.is_old(name, age):
            return False
        # Under a name of its own first: a load that begins anew gets a new folder, and of two sweeps one goes on.
        path = self.root / name
        mine = path.with_name(f".swept.{uuid.uuid4().hex}")
        try:
            path.rename(mine)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._leave(name, _name(error))
            return False
        if mine.is_symlink() or not mine.is_dir():
            return self.remove(mine.name) is _Fate.REMOVED
        shutil.rmtree(mine, ignore_errors=True)
        if mine.exists():
            self._leave(mine.name, "not all in it could be removed")
            return False
        return True

    def _scan(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as found:
                yield from found
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave(folder or ".", _name(error))

    def _written_at(self, place: str) -> float | None:
        """Return when something was last written to, for a folder with all in it; None if it is gone."""
        try:
            own = (self.root / place).lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._leave(place, _name(error))
            return None
        if not stat.S_ISDIR(own.st_mode):
            return own.st_mtime
        below = [self._written_at(f"{place}/{entry.name}") for entry in self._scan(place)]
        return max([own.st_mtime, *(moment for moment in below if moment is not None)])

    def _leave(self, place: str, why: str) -> _Fate:
        self.left.append(f"{place}: {why}")
        return _Fate.LEFT


def _name(error: Exception) -> str:
    return type(error).__name__

"""Which reports are on offer at a moment: all known ones, except those that an operator has switched off.

A report that is off cannot be started and is not listed; runs of it that were asked for before go on.
"""

import threading
from collections.abc import Collection, Mapping
from typing import Generic, Protocol, TypeVar

from pipelines.demo.builders import BuiltReport, ReportScope


class Buildable(Protocol):
    """What a catalog offers: a name, whether workers share the job, and how its file is built."""

    @property
    def name(self) -> str:
        """The name in paths."""

    @property
    def parallel(self) -> bool:
        """Whether its rows come from several workers, which shows in its progress and states."""

    def build(self, scope: ReportScope) -> BuiltReport:
        """Build the file of a run; raises ReportFailedError when it ends in error."""


Kind = TypeVar("Kind", bound=Buildable)


class ReportCatalog(Generic[Kind]):
    """Known reports and whether each is on; tests change it while the server runs, from any thread."""

    def __init__(self, known: Mapping[str, Kind], off: Collection[str] = ()) -> None:
        self._known = dict(known)
        self._off: set[str] = set()
        self._lock = threading.Lock()
        for name in off:
            self.switch_off(name)

    def offered(self) -> list[Kind]:
        """Return what is on."""
        with self._lock:
            return [kind for name, kind in self._known.items() if name not in self._off]

    def is_offered(self, name: str) -> bool:
        """Whether a report can be started."""
        with self._lock:
            return name in self._known and name not in self._off

    def find(self, name: str) -> Kind | None:
        """Return a report by name, on or off."""
        with self._lock:
            return self._known.get(name)

    def switch_off(self, name: str) -> None:
        """Take a report out of the catalog; raises ValueError for one that is not known."""
        self._check(name)
        with self._lock:
            self._off.add(name)

    def switch_on(self, name: str) -> None:
        """Put a report back into the catalog; raises ValueError for one that is not known."""
        self._check(name)
        with self._lock:
            self._off.discard(name)

    def add(self, kind: Kind) -> None:
        """Offer a report that was not known before, or another one under its name."""
        with self._lock:
            self._known[kind.name] = kind
            self._off.discard(kind.name)

    def _check(self, name: str) -> None:
        if self.find(name) is None:
            raise ValueError(f"the demo Canvas knows no report {name}")

"""Where the warehouse's files are in a data directory."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class WarehousePaths:
    """The files of the warehouse below the data directory `home`."""

    home: Path

    @property
    def published(self) -> Path:
        """The file that readers open; only ever replaced by a rename."""
        return self.home / "warehouse.duckdb"

    @property
    def build(self) -> Path:
        """The file that publish works in; nobody else opens it."""
        return self.home / "state" / "build.duckdb"

    @property
    def lock(self) -> Path:
        """Held by the one publisher."""
        return self.home / "state" / "publish.lock"

    @property
    def generations(self) -> Path:
        """The folder of the last published files."""
        return self.home / "generations"

    @property
    def spill(self) -> Path:
        """Where DuckDB may write what does not fit its memory."""
        return self.home / "state" / "spill"

    @property
    def scratch(self) -> Path:
        """The folder of files that are made beside the build file; the publisher's, under its lock."""
        return self.home / "state" / "scratch"

    @property
    def as_of(self) -> Path:
        """The folder of warehouses as they were at moments in the past."""
        return self.home / "as-of"

    def as_of_file(self, moment: datetime) -> Path:
        """Return the file of the warehouse as it was at a moment, to the second."""
        return self.as_of / f"warehouse-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}.duckdb"

    def generation(self, number: int) -> Path:
        """Return the file of one generation."""
        return self.generations / f"warehouse-{number:06d}.duckdb"

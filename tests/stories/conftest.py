"""A demo Canvas on a real socket and a data directory that points at it: what every story begins with."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.init import settings_text
from pipelines.demo import DEMO_TOKEN, DemoCanvas, Institution, seeded_institution
from pipelines.private_files import write_private
from pipelines.project import Project
from pipelines.settings import Settings, load_settings

AS_OF = date(2026, 11, 20)


@dataclass(frozen=True)
class Office:
    """A university's data office: its folder with the settings, and the Canvas that they name."""

    folder: Path
    canvas: DemoCanvas

    @property
    def settings(self) -> Settings:
        return load_settings(self.folder, {})

    @property
    def project(self) -> Project:
        return Project(self.settings)

    @property
    def published(self) -> Path:
        return self.folder / "data" / "warehouse.duckdb"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CANVAS", "DAGSTER"))}
        return {**kept, "CANVASLAKE_CONFIG": str(self.folder / "canvaslake.toml"), "NO_COLOR": "1"}

    def run(self, *arguments: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command as a person would, without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            env={**self.environment(), **(extra or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str, output: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[str]"]:
        """Start the command in a session of its own, as a terminal does; nothing of it is left in the end."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def set_token(self, token: str) -> None:
        write_private(self.folder / ".env", f"CANVAS_API_TOKEN={token}\n")

    def write_settings(self, text: str) -> None:
        write_private(self.folder / "canvaslake.toml", text)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_office(folder: Path, canvas: DemoCanvas) -> Office:
    office = Office(folder, canvas)
    # Three requests per student and course would be most of every story; those about students turn them on.
    office.write_settings(settings_text(base_url=canvas.base_url, student_analytics="off"))
    office.set_token(DEMO_TOKEN)
    return office


@pytest.fixture(scope="session")
def institution() -> Institution:
    return seeded_institution(AS_OF, scale=0.25)


@pytest.fixture
def canvas(institution: Institution) -> Iterator[DemoCanvas]:
    with DemoCanvas(institution, report_seconds=0.3) as running:
        yield running


@pytest.fixture
def office(tmp_path: Path, canvas: DemoCanvas, monkeypatch: pytest.MonkeyPatch) -> Office:
    for name in list(os.environ):
        if name.startswith(("CANVAS", "DAGSTER")):
            monkeypatch.delenv(name)
    # What a sync sets for its own process is taken back after the test.
    for name in ("DAGSTER_HOME", "CANVASLAKE_HOME", "CANVASLAKE_CONFIG"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return make_office(tmp_path, canvas)

"""A data directory with a published file, and commands that work in it within this process."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pipelines.cli.commands  # noqa: F401  (it puts the commands on the command line)
from pipelines.cli.app import app
from pipelines.ledger.database import utc_now
from tests.warehouse.conftest import Shop, open_warehouse


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop with two generations, in the data directory that the commands work in."""
    monkeypatch.setenv("CANVASLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CANVASLAKE_CONFIG", "")
    monkeypatch.chdir(tmp_path)
    shop = Shop(open_warehouse(tmp_path / "home", utc_now))
    for count in (1, 2):
        shop.load(list(range(1, count + 1)))
        shop.publish()
    return shop


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is said on stderr, which is a descriptor of its own and nothing that the runner sees."""
    lines: list[str] = []
    for module in ("publish", "rollback", "console"):
        monkeypatch.setattr(f"pipelines.cli.{module}.say", lines.append)
    return lines


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1"})

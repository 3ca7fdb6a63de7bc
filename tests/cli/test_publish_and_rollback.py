"""What a person reads when a file is published, put back, or made of an earlier day; and the exit codes of each."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pipelines.cli.commands  # noqa: F401  (it puts the commands on the command line)
from pipelines.cli.app import app
from pipelines.cli.exit_codes import ExitCode, exit_code_of
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
    for module in ("publish", "rollback"):
        monkeypatch.setattr(f"pipelines.cli.{module}.say", lines.append)
    return lines


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1"})


def test_going_back_and_publishing_again(shop: Shop, said: list[str]) -> None:
    assert run("rollback").exit_code == 0
    assert said[0].startswith("The published file is generation 1 of ")
    assert "withdrawn: 2" in said[0]
    assert said[1].endswith("canvaslake publish")
    assert shop.ids() == [1]
    listed = json.loads(run("rollback", "--list", "--json").output)
    assert [(one["generation"], one["is_published"], one["is_pinned"]) for one in listed] == [
        (2, False, False), (1, True, True),
    ]  # fmt: skip
    assert all(isinstance(one["rows"], int) and isinstance(one["bytes"], int) for one in listed)
    assert "until a person publishes" in run("rollback", "--list").output
    said.clear()
    assert run("publish").exit_code == 0
    assert said == [f"Published generation 3: {shop.path}"]
    assert shop.ids() == [1, 2]
    assert run("publish").exit_code == 0
    assert said[1:] == [f"Nothing has changed since generation 3: {shop.path}"]
    assert run("publish", "--full").exit_code == 0
    assert said[2:] == [f"Published generation 4: {shop.path}"]


def test_the_warehouse_of_a_moment(shop: Shop, said: list[str], tmp_path: Path) -> None:
    moment = utc_now()
    shop.load([1, 2, 3])
    target = tmp_path / "then.duckdb"
    assert run("publish", "--as-of", moment.isoformat(), "--to", str(target)).exit_code == 0
    assert "readers saw generation 2 then" in said[0]
    assert said[0].endswith(str(target))
    assert shop.rows("select count(*) from canvas.accounts", target) == [(2,)]
    assert shop.ids() == [1, 2]
    assert run("publish", "--as-of", "yesterday").exit_code == 2
    assert "is no date and no time" in said[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["publish", "--as-of", "2026-10-01", "--full"], "without --accept and --full"),
        (["publish", "--as-of", "2026-10-01", "--accept", "canvas.terms"], "without --accept and --full"),
        (["publish", "--to", "x.duckdb"], "--to goes with --as-of"),
        (["rollback", "3", "--list"], "a GENERATION or --list, not both"),
        (["rollback", "x"], "'x' is not a whole number."),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


def test_only_what_is_in_the_file_can_be_accepted(shop: Shop, said: list[str]) -> None:
    assert run("publish", "--accept", "canvas.cuorses").exit_code == 2
    assert "Did you mean canvas.courses" in said[0]
    assert run("publish", "--accept", "marts.dim_course", "--accept", "canvas.terms").exit_code == 0


def test_what_cannot_be_gone_back_to_ends_as_the_warehouse_does(shop: Shop) -> None:
    error = run("rollback", "17").exception
    assert "Generation 17 is not kept" in str(error)
    assert exit_code_of(error) is ExitCode.WAREHOUSE

"""What a person reads when a file is published, put back, or made of an earlier day; and the exit codes of each."""

import json
from pathlib import Path

import pytest

from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.ledger.database import utc_now
from tests.cli.conftest import run
from tests.warehouse.conftest import Shop


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
    over = "The rollback to generation 1 is over: from now on, what is loaded is published."
    assert said == [over, f"Published generation 3: {shop.path}"]
    assert shop.ids() == [1, 2]
    assert run("publish").exit_code == 0
    assert said[2:] == [f"Nothing has changed since generation 3: {shop.path}"]
    assert run("publish", "--full").exit_code == 0
    assert said[3:] == [f"Published generation 4: {shop.path}"]


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
        (["query", "select 1", "--json", "--format", "csv"], "--json and --format csv are two formats"),
        (["rollback", "x"], "'x' is not a whole number."),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


def test_a_day_that_has_not_come_is_no_day_to_ask_about_and_today_is(shop: Shop) -> None:
    asked = ("query", "select generation from meta.generation", "--format", "csv", "--as-of")
    assert "2999-01-01 has not come yet" in str(run(*asked, "2999-01-01").exception)
    today = run(*asked, f"{utc_now():%Y-%m-%d}")
    assert (today.exit_code, today.stdout.split()) == (0, ["generation", "2"])


def test_only_what_is_in_the_file_can_be_accepted(shop: Shop, said: list[str]) -> None:
    assert run("publish", "--accept", "canvas.cuorses").exit_code == 2
    assert "Did you mean canvas.courses" in said[0]
    assert run("publish", "--accept", "marts.dim_course", "--accept", "canvas.terms").exit_code == 0


def test_what_cannot_be_gone_back_to_ends_as_the_warehouse_does(shop: Shop) -> None:
    error = run("rollback", "17").exception
    assert "Generation 17 is not kept" in str(error)
    assert exit_code_of(error) is ExitCode.WAREHOUSE

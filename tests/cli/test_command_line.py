"""The command line as a person reads it: flags take no value, and a wrong value is told in our words."""

from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.reference.commands import command_tree, walk

COMMANDS = [[], *(list(words) for words, _ in walk(command_tree()))]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1"})


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_no_type_where_a_flag_takes_no_value(words: list[str]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "--help" in result.output
    assert "<bool>" not in result.output


def test_help_still_shows_the_type_of_what_takes_a_value() -> None:
    assert "<int range>" in run("coverage", "--help").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["coverage", "--status", "foo"], "'--status': 'foo' is not one of 'loaded'"),
        (["coverage", "--course", "abc"], "'--course': 'abc' is not a whole number."),
        (["coverage", "--limit", "0"], "'--limit': '0' is less than 1."),
        (["demo", "--report-seconds", "x"], "'--report-seconds': 'x' is not a number."),
        (["reports", "retry", "x"], "'x' is not a whole number."),
    ],
)
def test_a_wrong_value_is_told_in_our_words(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Value error" not in result.output
    assert "Input should" not in result.output

"""Typer as we use it: flags shown without a type, and values that are not right told in our own words.

Typer's help shows `<bool>` beside every flag, its own `--help` too, as if a value had to follow; and what it says of a
wrong value are the words of pydantic. Commands and groups are the place where both can be said otherwise.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup

F = TypeVar("F", bound=Callable[..., Any])

_VALUE_ERROR = "Value error, "
"""What pydantic puts before the text of a ValueError."""

_SAID = {
    "int_parsing": "{value!r} is not a whole number.",
    "float_parsing": "{value!r} is not a number.",
    "greater_than_equal": "{value!r} is less than {ge}.",
    "less_than_equal": "{value!r} is more than {le}.",
}


class CommandLine(typer.Typer):
    """A Typer whose commands and groups are ours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"cls": _Group, **options})

    def command(self, name: str | None = None, **options: Any) -> Callable[[F], F]:
        """Register a function as a command."""
        return super().command(name, **{"cls": _Command, **options})


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> Any:
        return _without_types_of_flags(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return _parsed(super().parse_args, ctx, args)


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> Any:
        return _without_types_of_flags(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return _parsed(super().parse_args, ctx, args)


def _without_types_of_flags(params: Any) -> Any:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


def _parsed(parse: Callable[[Any, list[str]], list[str]], ctx: Any, args: list[str]) -> list[str]:
    try:
        return parse(ctx, args)
    except typer.BadParameter as error:
        cause = error.__cause__
        first = cause.errors(include_url=False)[0] if isinstance(cause, ValidationError) else None
        if first is not None and first["type"] in _SAID:
            error.message = _SAID[first["type"]].format(value=first["input"], **first.get("ctx", {}))
        else:
            error.message = error.message.removeprefix(_VALUE_ERROR)
        raise

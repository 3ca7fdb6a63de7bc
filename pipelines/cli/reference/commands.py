"""The page of commands: what the command line offers, with every option."""

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from pipelines.cli import commands
from pipelines.cli.app import app
from pipelines.cli.reference.markdown import as_code, cell, page, table_of
from pipelines.ledger import CoverageStatus


def commands_page() -> str:
    """Return the page of every command with its arguments and options."""
    root = command_tree()
    lines = ["## Options of canvaslake itself", "", "They stand before the name of the command.", ""]
    lines += _parameters(root)
    for words, command in walk(root):
        if not hasattr(command, "commands"):
            lines += [f"## canvaslake {' '.join(words)}", "", cell(command.help or ""), "", *_usage(words, command)]
            lines += _parameters(command)
    intro = "Data goes to standard output, talk to standard error. [Exit codes](exit-codes.md) tell failures apart."
    return page("Commands", intro, lines)


def command_tree() -> Any:
    """Return the whole command line as its parser sees it."""
    if "reports" not in {group.name for group in app.registered_groups}:
        commands.register()
    return typer.main.get_command(app)


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below one, groups included, with the words that lead to it."""
    for name, below in getattr(command, "commands", {}).items():
        yield (*words, name), below
        yield from walk(below, (*words, name))


def _usage(words: Sequence[str], command: Any) -> list[str]:
    """Return the usage line of a command as a block."""
    parts = ["canvaslake", *words]
    if any(p.param_type_name == "option" for p in command.params):
        parts.append("[OPTIONS]")
    for p in command.params:
        if p.param_type_name == "argument":
            name = p.name.upper() + ("..." if p.nargs == -1 else "")
            parts.append(name if p.required else f"[{name}]")
    return ["```text", " ".join(parts), "```", ""]


def _parameters(command: Any) -> list[str]:
    """Return the table of a command's arguments and options; empty without any."""
    rows = []
    for p in command.params:
        if p.param_type_name == "argument":
            rows.append((as_code(p.name.upper()), _typer_type(p), "required" if p.required else "none", p.help or ""))
        elif not p.hidden and p.name not in ("install_completion", "show_completion"):
            default = "off" if p.is_flag else "none" if p.default in (None, "") else as_code(str(p.default))
            names = ", ".join(as_code(one) for one in p.opts)
            rows.append((names, _typer_type(p), default, p.help or ""))
    return list(table_of(("name", "type", "default", "what it does"), rows)) if rows else []


def _typer_type(parameter: Any) -> str:
    """Return the type of an argument or option in plain words."""
    if getattr(parameter, "is_flag", False):
        return "flag"
    # Typer says a type as text here: `str`, `list[str]`, `Path`.
    kind = str(parameter.bare_type())
    words = {"str": "text", "int": "whole number", "float": "number", "Path": "path"}
    words[CoverageStatus.__name__] = " or ".join(map(as_code, CoverageStatus))
    one = kind.removeprefix("list[").removesuffix("]")
    return words.get(one, one) + (", several" if kind.startswith("list[") else "")

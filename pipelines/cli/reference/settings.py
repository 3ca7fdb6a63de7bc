"""The page of settings: every key of `canvaslake.toml`, and the environment."""

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipelines import settings as settings_module
from pipelines.cli.init import settings_text
from pipelines.cli.reference.markdown import as_code, page, table_of
from pipelines.settings import Settings

_HIDDEN_SETTINGS = {"config_path", "token"}


def settings_page() -> str:
    """Return the page of every key of `canvaslake.toml`."""
    comments = _template_comments()
    lines: list[str] = []
    for name, model, how in _parts():
        lines += [f"## {how}", "", inspect.cleandoc(model.__doc__ or ""), ""]
        fields = ((key, field) for key, field in model.model_fields.items() if _is_key(name, key, field))
        rows = [
            (
                as_code(key),
                type_words(field.annotation) + _bounds(field),
                _default(field),
                field.description or comments[name, key],
            )
            for key, field in fields
        ]
        lines += table_of(("key", "type", "default", "what it says"), rows)
    intro = (
        "Keys of `canvaslake.toml`, which is looked for in the working directory and the folders above it. An unknown "
        "key is an error.\n\n" + inspect.cleandoc(settings_module.__doc__ or "").split("\n\n", 1)[1]
    )
    return page("Settings", intro, [*lines, *_environment()])


def _parts() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Yield the settings models: name of the section, class, heading."""
    yield "", Settings, "Top of the file"
    for name, field in Settings.model_fields.items():
        found = [one for one in (field.annotation, *_all_args(field.annotation)) if _is_model(one)]
        if found:
            yield name, found[0], f"[[{name}]]" if get_origin(field.annotation) is tuple else f"[{name}]"


def _all_args(annotation: Any) -> list[Any]:
    return [inner for one in get_args(annotation) for inner in (one, *_all_args(one))]


def _is_model(annotation: Any) -> bool:
    return inspect.isclass(annotation) and get_origin(annotation) is None and issubclass(annotation, BaseModel)


def _is_key(section: str, key: str, field: FieldInfo) -> bool:
    """Return whether a field is a key that a person writes, and not a section or something found elsewhere."""
    is_part = any(_is_model(one) for one in (field.annotation, *_all_args(field.annotation)))
    return not is_part and not (section == "" and key in _HIDDEN_SETTINGS)


def type_words(annotation: Any) -> str:
    """Return a type of the settings in the words of TOML."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(as_code(f'"{one}"') for one in args)
    if origin in (Union, types.UnionType):
        words = [type_words(one) for one in args if one is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if origin in (tuple, list):
        return f"list of ({type_words(args[0])})" if get_args(args[0]) else f"list of {type_words(args[0])}"
    if origin is dict:
        return f"table of ({type_words(args[1])})"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    return names.get(annotation, str(annotation))


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "at least", "gt": "more than", "le": "at most"}
    found = [f"{word} {value}" for one in field.metadata for s, word in signs.items() if (value := _of(one, s))]
    return f", {', '.join(found)}" if found else ""


def _of(constraint: object, sign: str) -> str:
    value = getattr(constraint, sign, None)
    return "" if value is None else str(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, str | Path):
        return as_code(f'"{value}"')
    if isinstance(value, tuple):
        return as_code(f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in value)}]")
    return as_code(str(value)) if value != {} else as_code("{}")


def _template_comments() -> dict[tuple[str, str], str]:
    """Return what the settings file that `init` writes says of its keys, by section and key."""
    found, section = {}, ""
    for line in settings_text(base_url="https://canvas.example.edu").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " # " in line and "=" in line:
            key, comment = line.split("=", 1)[0].strip(), line.split(" # ", 1)[1].strip()
            found[section, key] = comment[0].upper() + comment[1:] + "."
    return found


def _environment() -> list[str]:
    """Return the section of the environment variables; raises ValueError for one that the code does not read."""
    said = {
        "CANVAS_BASE_URL": "Address of Canvas; stands over `base_url` of `[canvas]`. May stand in `.env`.",
        "CANVAS_API_TOKEN": "The token. May stand in `.env`, mode 0600, beside `canvaslake.toml`; never in the file.",
        "CANVASLAKE_CONFIG": "The settings file, wherever the command runs.",
        "CANVASLAKE_HOME": "The data directory; stands over `home`.",
    }
    source = inspect.getsource(settings_module)
    unread = [name for name in said if name not in source]
    if unread:
        raise ValueError(f"the settings do not read {', '.join(unread)} any more: correct the reference")
    rows = ((as_code(name), what) for name, what in said.items())
    return ["## Environment", "", *table_of(("variable", "what it says"), rows)]

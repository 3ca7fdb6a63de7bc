"""What is wrong with settings, in words for whoever wrote them: the setting by its name, and what it may be."""

import types
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_ONE = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
_MANY = {str: "text", int: "whole numbers", float: "numbers"}
_TOLD_BY_TYPE = {
    "literal_error",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "finite_number",
}
"""Kinds of errors of pydantic for which it is enough to say what the setting may be."""


@dataclass(frozen=True)
class _Place:
    """Where a problem lies: the setting's name, what its value may be, and the table that it stands in."""

    words: tuple[str, ...]
    annotation: Any
    limits: Sequence[object]
    table: type[BaseModel]

    @property
    def name(self) -> str:
        return ".".join(self.words)


class SettingProblems:
    """Words for what is wrong with settings of the type `root`.

    `no_keys` are fields that no key of the file sets, and `secret_file` is where a token belongs.
    """

    def __init__(self, root: type[BaseModel], no_keys: Collection[str], secret_file: str) -> None:
        self.root = root
        self.no_keys = no_keys
        self.secret_file = secret_file

    def of(self, error: ValidationError) -> list[str]:
        """Return a sentence for each setting that is wrong. Values are left out: one of them could be a secret."""
        found: dict[str, str] = {}
        for one in error.errors(include_input=False, include_url=False):
            place = self._place(one["loc"])
            # Each alternative of a type has its own error; the sentence names them all.
            found.setdefault(place.name, self._problem(one, place))
        return [text if text.endswith((".", "?")) else f"{text}." for text in found.values()]

    def _place(self, loc: Sequence[str | int]) -> _Place:
        words: list[str] = []
        table: type[BaseModel] = self.root
        annotation: Any = self.root
        limits: Sequence[object] = ()
        for position, word in enumerate(loc):
            words.append(str(word))
            if isinstance(word, int):
                annotation = table
                continue
            field = table.model_fields.get(word)
            if field is None:
                break
            annotation, limits = field.annotation, field.metadata
            below = next((one for one in (annotation, *get_args(annotation)) if _is_table(one)), None)
            if below is None:
                # What follows is a place within the value, or the name of an alternative of its type.
                if get_origin(annotation) is dict and position + 1 < len(loc):
                    words.append(str(loc[position + 1]))
                    annotation = get_args(annotation)[1]
                break
            table = below
        return _Place(tuple(words), annotation, limits, table)

    def _problem(self, error: ErrorDetails, place: _Place) -> str:
        kind, context = error["type"], error.get("ctx", {})
        if kind == "extra_forbidden":
            return f"{place.name} is not a setting{self._meant(place)}"
        if kind == "missing":
            return f"{place.name} is missing; it must be {_expected(place)}"
        if kind == "value_error":
            return f"{place.name}: {context.get('error', error['msg'])}"
        if kind == "string_pattern_mismatch":
            return f"{place.name} must be text of the form {context['pattern']}"
        if kind in _TOLD_BY_TYPE or kind.endswith(("_type", "_parsing", "_from_float")):
            return f"{place.name} must be {_expected(place)}"
        return f"{place.name}: {error['msg']}"

    def _meant(self, place: _Place) -> str:
        """Return what may have been meant by a setting that does not exist, as the end of a sentence."""
        *above, name = place.words
        if "token" in name.lower():
            return f"; the token stands in {self.secret_file} or in the environment, never here"
        known = [key for key in place.table.model_fields if place.table is not self.root or key not in self.no_keys]
        close = get_close_matches(name, known, n=1)
        if close:
            return f"; did you mean {'.'.join((*above, close[0]))}?"
        for section, field in self.root.model_fields.items():
            if (
                isinstance(field.annotation, type)
                and _is_table(field.annotation)
                and name in field.annotation.model_fields
            ):
                return f"; did you mean {section}.{name}?"
        if name in self.root.model_fields and name not in self.no_keys:
            return f"; did you mean {name}, above the first table?"
        return f"; there are {', '.join(known)}"


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel)


def _expected(place: _Place) -> str:
    """Return what a setting may be: `"all" or a list of whole numbers`, `a whole number from 1 to 64`."""
    return _joined(_choices(place.annotation)) + _bounds(place.limits)


def _choices(annotation: Any) -> list[str]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return [f'"{one}"' for one in args]
    if origin in (Union, types.UnionType):
        return [word for one in args if one is not type(None) for word in _choices(one)]
    if origin in (tuple, list):
        inner = args[0]
        members = [inner] if get_origin(inner) is None else list(get_args(inner))
        return [f"a list of {_joined([_MANY.get(one, 'tables') for one in members])}"]
    return [_ONE.get(annotation, "a table")]


def _joined(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _bounds(limits: Sequence[object]) -> str:
    found = {sign: getattr(one, sign) for one in limits for sign in ("ge", "gt", "le") if hasattr(one, sign)}
    if "ge" in found and "le" in found:
        return f" from {found['ge']} to {found['le']}"
    words = {"ge": "of at least", "gt": "above", "le": "of at most"}
    return "".join(f" {words[sign]} {value}" for sign, value in found.items())

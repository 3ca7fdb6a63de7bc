"""The comment header of a model file: description, grain, key, owner, columns. The SELECT is read in `statement`."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pipelines.models.model import ModelError

_FIELD = re.compile(r"--\s?(?P<name>description|grain|key|owner|column\s+(?P<column>\w+)):\s*(?P<value>.*)")
_CONTINUED = re.compile(r"--\s{2,}(?P<value>\S.*)")

EXAMPLE = "-- description: One row per ...\n-- grain: one row per account\n-- key: account_id\n-- owner: team:analytics"


@dataclass(frozen=True)
class Header:
    """What the header of a model file says."""

    description: str
    grain: str
    key: tuple[str, ...]
    owner: str
    columns: dict[str, str]


def read_header(text: str, path: Path) -> Header:
    """Read the header: the comment lines at the top, a value going on over lines indented by two spaces or more.

    Raises ModelError for a missing field, an empty description and a line that is no field.
    """
    values: dict[str, str] = {}
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        if match := _FIELD.fullmatch(line.rstrip()):
            current = " ".join(match["name"].split())
            if current in values:
                raise ModelError(
                    f"line {number} says {current!r} again.", path=path, next_step="Keep one of the two lines."
                )
            values[current] = match["value"].strip()
        elif current and (match := _CONTINUED.fullmatch(line.rstrip())):
            values[current] = f"{values[current]} {match['value'].strip()}".strip()
        else:
            raise ModelError(
                f"line {number} of the header is not understood: {line.strip()!r}.",
                path=path,
                next_step="Write `-- field: value`, and indent a line that goes on with the one above by two spaces.",
            )
    missing = [name for name in ("description", "grain", "key", "owner") if not values.get(name)]
    if missing:
        raise ModelError(
            f"the header lacks {', '.join(missing)}.", path=path, next_step=f"Start the file with:\n{EXAMPLE}"
        )
    columns = {name.removeprefix("column "): value for name, value in values.items() if name.startswith("column ")}
    empty = [name for name, value in columns.items() if not value]
    if empty:
        raise ModelError(
            f"no description after column {', '.join(empty)}.",
            path=path,
            next_step="Say what the column means, with its unit.",
        )
    key = tuple(part.strip() for part in values["key"].split(",") if part.strip())
    return Header(values["description"], values["grain"], key, values["owner"], columns)


def refuse_absent_columns(described: Iterable[str], key: Iterable[str], names: Collection[str], path: Path) -> None:
    """Raise ModelError if the header describes, or takes as its key, a column that the query does not give."""
    absent = [name for name in (*described, *key) if name not in names]
    if absent:
        close = get_close_matches(absent[0], names, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"The query gives: {', '.join(names)}."
        raise ModelError(
            f"the header speaks of columns that the query does not give: {', '.join(dict.fromkeys(absent))}.",
            path=path,
            next_step=f"{hint} Correct the header or the query.",
        )

"""The comment header of a model file: description, grain, key, owner, columns, units, checks.

The SELECT is read in `statement`.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from pipelines.lake.versions import OBSERVED_AT, PRESENT, VALIDITY
from pipelines.models.model import ModelError
from pipelines.normalize.contracts import Check, CheckKind
from pipelines.normalize.contracts.checks import WARNINGS_ONLY

_FIELD = re.compile(
    r"--\s?(?:(?P<name>description|grain|key|owner)|(?P<about>column|unit)\s+(?P<column>\w+)"
    r"|(?P<weight>check|warn)\s+(?P<kind>\w+)(?:\s+(?P<of>\w+))?)(?::\s*(?P<value>.*))?"
)
_CONTINUED = re.compile(r"--\s{2,}(?P<value>\S.*)")
_AGE = re.compile(r"(?P<number>\d+)\s+(?P<unit>hour|day|week)s?")
_PLACE = re.compile(r"\w+\.\w+\.\w+")

EXAMPLE = "-- description: One row per ...\n-- grain: one row per account\n-- key: account_id\n-- owner: team:analytics"


@dataclass(frozen=True)
class Header:
    """What the header of a model file says."""

    description: str
    grain: str
    key: tuple[str, ...]
    owner: str
    columns: dict[str, str]
    units: dict[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


@dataclass
class _Line:
    """A field of the header as it is read: what it is about, and its words so far."""

    about: tuple[str, ...]
    number: int
    value: str


def read_header(text: str, path: Path) -> Header:
    """Read the header: the comment lines at the top, a value going on over lines indented by two spaces or more.

    Raises ModelError for a missing field, an empty description, a check that cannot be, and a line that is no field.
    """
    fields = _fields(text, path)
    values = {line.about[0]: line.value for line in fields.values() if len(line.about) == 1}
    missing = [name for name in ("description", "grain", "key", "owner") if not values.get(name)]
    if missing:
        raise ModelError(
            f"the header lacks {', '.join(missing)}.", path=path, next_step=f"Start the file with:\n{EXAMPLE}"
        )
    columns = {line.about[1]: line.value for line in fields.values() if line.about[0] == "column"}
    units = {line.about[1]: line.value for line in fields.values() if line.about[0] == "unit"}
    for kind, said, hint in (
        ("description", columns, "Say what the column means."),
        ("unit", units, "Say the unit, such as percent or UTC."),
    ):
        empty = [name for name, value in said.items() if not value]
        if empty:
            raise ModelError(f"no {kind} after column {', '.join(empty)}.", path=path, next_step=hint)
    key = _names(values["key"])
    checks = [Check(CheckKind.KEY_UNIQUE, key, blocking=True)] if key else []
    for line in fields.values():
        if line.about[0] in ("check", "warn"):
            checks += _checks(line, path)
    if not any(check.kind is CheckKind.ROW_COUNT for check in checks):
        checks.append(Check(CheckKind.ROW_COUNT))
    repeated = [check.name for place, check in enumerate(checks) if check.name in {c.name for c in checks[:place]}]
    if repeated:
        raise ModelError(f"the check {repeated[0]} is there twice.", path=path, next_step="Keep one of the two.")
    return Header(values["description"], values["grain"], key, values["owner"], columns, units, tuple(checks))


def _fields(text: str, path: Path) -> dict[tuple[str, ...], _Line]:
    fields: dict[tuple[str, ...], _Line] = {}
    current: _Line | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        match = _FIELD.fullmatch(line.rstrip())
        if match and (match["weight"] or match["value"] is not None):
            about = tuple(part for part in match.group("name", "about", "column", "weight", "kind", "of") if part)
            if about in fields:
                raise ModelError(
                    f"line {number} says {' '.join(about)!r} again.", path=path, next_step="Keep one of the two lines."
                )
            current = fields[about] = _Line(about, number, (match["value"] or "").strip())
        elif current and (match := _CONTINUED.fullmatch(line.rstrip())):
            current.value = f"{current.value} {match['value'].strip()}".strip()
        else:
            raise ModelError(
                f"line {number} of the header is not understood: {line.strip()!r}.",
                path=path,
                next_step="Write `-- field: value`, and indent a line that goes on with the one above by two spaces.",
            )
    return fields


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _checks(line: _Line, path: Path) -> list[Check]:
    """Return the checks of a line such as `check not_null: course_id, user_id`."""
    weight, word, *of = line.about
    blocking = weight == "check"

    def refused(why: str, next_step: str) -> ModelError:
        return ModelError(f"line {line.number} declares no check: {why}", path=path, next_step=next_step)

    makers: dict[str, Callable[[], list[Check]]] = {
        "not_null": lambda: [Check(CheckKind.NOT_NULL, (name,), blocking=blocking) for name in _names(line.value)],
        "accepted_values": lambda: [
            Check(CheckKind.ACCEPTED_VALUES, tuple(of), values=_names(line.value), blocking=blocking)
        ],
        "references": lambda: [Check(CheckKind.REFERENCES, tuple(of), refers_to=line.value)],
        "freshness": lambda: [Check(CheckKind.FRESHNESS, tuple(of), age=_age(line.value))],
        "row_count": lambda: [Check(CheckKind.ROW_COUNT, blocking=blocking)],
    }
    examples = {
        "not_null": "not_null: course_id, user_id",
        "accepted_values": "accepted_values status: active, deleted",
        "references": "references account_id: marts.dim_account.account_id",
        "freshness": "freshness extracted_at: 2 days",
        "row_count": "row_count",
    }
    if word not in makers:
        raise refused(f"there is none called {word!r}.", f"There are: {', '.join(makers)}; key_unique follows the key.")
    fits = {
        "not_null": not of and bool(_names(line.value)),
        "accepted_values": bool(of) and bool(_names(line.value)),
        "references": bool(of) and _PLACE.fullmatch(line.value) is not None,
        "freshness": bool(of) and _age(line.value) is not None,
        "row_count": not of and not line.value,
    }[word]
    if not fits:
        raise refused(f"{word} is not written so.", f"Write: -- {weight} {examples[word]}")
    if blocking and CheckKind(word) in WARNINGS_ONLY:
        raise refused(f"{word} cannot hold a table back.", f"Write: -- warn {examples[word]}")
    return makers[word]()


def _age(value: str) -> timedelta | None:
    match = _AGE.fullmatch(value)
    return timedelta(**{f"{match['unit']}s": int(match["number"])}) if match else None


def refuse_taken_columns(names: Iterable[str], path: Path) -> None:
    """Raise ModelError if the query of a table of versions gives a column that the table gets by itself."""
    taken = {column.name for column in VALIDITY} | {OBSERVED_AT, PRESENT}
    found = [name for name in names if name.lower() in taken]
    if found:
        raise ModelError(
            f"the query gives {', '.join(found)}, which the table gets by itself.",
            path=path,
            next_step="Call it otherwise: select valid_from as offered_from.",
        )


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

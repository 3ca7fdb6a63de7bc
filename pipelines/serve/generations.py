"""The published files that are still there: which generation each is, and which one a question as of then is about.

Making such files is the warehouse's business; here they are found and read.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.serve.problem import QueryError
from pipelines.serve.reader import published
from pipelines.warehouse.paths import WarehousePaths

_NAMED = 8
"""Generations that a message names one by one."""


@dataclass(frozen=True)
class KeptGeneration:
    """A generation whose file is there. `published_at` is in UTC."""

    number: int
    published_at: datetime
    path: Path


def kept_generations(paths: WarehousePaths) -> list[KeptGeneration]:
    """Return the generations that can be opened, the newest first; the published file is among them.

    A file that cannot be opened, or that is pruned in this moment, is left out.
    """
    found: dict[int, KeptGeneration] = {}
    for file in (*sorted(paths.generations.glob("warehouse-*.duckdb")), paths.published):
        generation = generation_of(file)
        if generation is not None:
            found.setdefault(generation.number, generation)
    return sorted(found.values(), key=lambda one: one.number, reverse=True)


def generation_of(file: Path) -> KeptGeneration | None:
    """Return which generation a file is; None if it is not there, cannot be opened or does not say."""
    try:
        with published(file) as con:
            return stated_generation(con, file)
    except QueryError:
        return None


def stated_generation(con: duckdb.DuckDBPyConnection, file: Path) -> KeptGeneration | None:
    """Return which generation an open file says it is; None for a file that does not say."""
    try:
        rows = con.execute("select generation, epoch_us(published_at) from meta.generation").fetchall()
    except duckdb.CatalogException:
        return None
    if len(rows) != 1:
        return None
    number, microseconds = rows[0]
    published_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))
    return KeptGeneration(int(number), published_at, file)


def numbered_file(paths: WarehousePaths, number: int) -> Path:
    """Return the file of a generation; raises QueryError, which names those that are kept, if it is not there."""
    kept = kept_generations(paths)
    for generation in kept:
        if generation.number == number:
            return generation.path
    raise QueryError(
        f"There is no file of generation {number}.",
        _told(kept),
        "Ask for one of these, or for a moment: `canvaslake publish --as-of 2026-10-01` makes a file from the lake.",
    )


def file_as_of(paths: WarehousePaths, moment: datetime, withdrawn: Collection[int] = ()) -> Path:
    """Return the file that was the published one at a moment, among those that are kept.

    If none is as old as that: the file that `publish --as-of` made for that moment. Raises QueryError if there is none
    either. While an older generation is published again, newer ones are no answer; those that a person has
    `withdrawn` are none afterwards either.
    """
    kept = kept_generations(paths)
    present = generation_of(paths.published)
    for generation in kept:
        stands = generation.number not in withdrawn and (present is None or generation.number <= present.number)
        if stands and generation.published_at <= moment:
            return generation.path
    made = paths.as_of_file(moment)
    if made.is_file():
        return made
    written = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    raise QueryError(
        f"No file is kept that was published at {written} or before.",
        _told(kept),
        f"Run `canvaslake publish --as-of {written}`: it makes that file from the lake. Then ask again.",
    )


def _told(kept: Sequence[KeptGeneration]) -> str:
    if not kept:
        return "No generation is kept."
    if len(kept) > _NAMED:
        return f"Kept are {len(kept)} generations, from {_named(kept[-1])} to {_named(kept[0])}."
    return f"Kept are {', '.join(_named(one) for one in reversed(kept))}."


def _named(generation: KeptGeneration) -> str:
    return f"{generation.number} ({generation.published_at:%Y-%m-%d %H:%M} UTC)"

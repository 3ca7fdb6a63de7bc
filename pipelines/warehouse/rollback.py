"""Going back: a generation that is kept becomes the published file again, and stays it until a person publishes."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.ledger.generations import Generation, pin, present_generation, published_generations
from pipelines.warehouse.build import PublishError
from pipelines.warehouse.publish import Warehouse, link_in_place, locked, prove

_HOW_TO_LIST = "To see which are kept: canvaslake rollback --list"


@dataclass(frozen=True)
class GenerationFile:
    """A file that was published and is still there.

    `is_published`: readers see it. `is_pinned`: until a person publishes. `withdrawn_at` is when a person went back to
    an older one. `bytes` is the size of the file.
    """

    generation: int
    published_at: datetime
    rows: int
    bytes: int
    is_published: bool
    is_pinned: bool
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class RollbackOutcome:
    """Which generation readers see now, where, and which were withdrawn for it."""

    generation: int
    published_at: datetime
    path: Path
    withdrawn: tuple[int, ...]


def generation_files(warehouse: Warehouse) -> list[GenerationFile]:
    """Return the generations whose files are kept, the newest first."""
    present = present_generation(warehouse.ledger)
    return [
        GenerationFile(
            one.generation,
            one.published_at,
            one.rows,
            warehouse.paths.generation(one.generation).stat().st_size,
            present is not None and one.generation == present.generation,
            one.pinned_at is not None,
            one.withdrawn_at,
        )
        for one in _kept(warehouse)
    ]


def roll_back(warehouse: Warehouse, number: int | None = None) -> RollbackOutcome:
    """Make a kept generation the published file: the one before the present one, or the one with that number.

    The newer ones are withdrawn, and publishes do not replace the file until a person releases it. A number that was
    withdrawn can be named too. Raises PublishError if there is no such file or it cannot be opened; then nothing has
    changed.
    """
    with locked(warehouse):
        chosen = _chosen(warehouse, number)
        file = warehouse.paths.generation(chosen.generation)
        prove(file, chosen.generation)
        # The word first: if this is killed here, the next publish finds it and puts the file in place.
        withdrawn = pin(warehouse.ledger, chosen.generation)
        link_in_place(file, warehouse.paths.published)
    return RollbackOutcome(chosen.generation, chosen.published_at, warehouse.paths.published, withdrawn)


def _kept(warehouse: Warehouse) -> list[Generation]:
    return [
        one for one in published_generations(warehouse.ledger) if warehouse.paths.generation(one.generation).exists()
    ]


def _chosen(warehouse: Warehouse, number: int | None) -> Generation:
    kept, present = _kept(warehouse), present_generation(warehouse.ledger)
    if number is not None:
        found = next((one for one in kept if one.generation == number), None)
        if found is None:
            numbers = ", ".join(str(one.generation) for one in reversed(kept)) or "none"
            raise PublishError(
                f"Generation {number} is not kept, so the published file stays as it is. Kept are: {numbers}. "
                f"{_HOW_TO_LIST}"
            )
        return found
    if present is None:
        raise PublishError("Nothing has been published yet, so there is nothing to go back to. Run: canvaslake sync")
    older = [one for one in kept if one.generation < present.generation and one.withdrawn_at is None]
    if not older:
        raise PublishError(
            f"No generation from before the present one, {present.generation}, is kept, so the published file stays "
            "as it is. [warehouse] keep_generations says how many are. For a warehouse of an earlier day: canvaslake "
            f"publish --as-of DATE. {_HOW_TO_LIST}"
        )
    return older[0]

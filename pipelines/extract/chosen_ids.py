"""Ids in the settings that Canvas does not show: nothing is there to pull, and nobody would notice. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class UnknownIds:
    """Ids that a setting names and that are not among those which Canvas shows. `what` is account or term."""

    setting: str
    what: str
    ids: tuple[int, ...]


def unknown_ids(setting: str, what: str, chosen: Iterable[int | str] | str, shown: Collection[int]) -> list[UnknownIds]:
    """Return the ids of a setting that are not shown, as one finding or none.

    Names stand for whatever Canvas makes of them (`all`, `self`, `sis_account_id:X`) and are no ids. Where nothing is
    shown, nothing was loaded yet, and nothing can be said.
    """
    if isinstance(chosen, str) or not shown:
        return []
    missing = sorted({one for one in chosen if isinstance(one, int)} - set(shown))
    return [UnknownIds(setting, what, tuple(missing))] if missing else []

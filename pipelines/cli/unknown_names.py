"""Names on the command line that are none of ours, and what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class UnknownTableError(Exception):
    """A name on the command line that is no table, schema or report."""


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a sentence with the known names that are close to `name`; `otherwise` where none is."""
    close = get_close_matches(name, sorted(known), n=3)
    return f"Did you mean {', '.join(close)}?" if close else otherwise

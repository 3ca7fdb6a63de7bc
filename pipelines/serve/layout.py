"""How a table goes into the width of a terminal: as a table, or where that would break words, record by record."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len

_LEAST = 12
"""Characters of a column of text, at least, unless all of it is shorter: less is unreadable."""

_GAP = 3


def least_widths(header: Sequence[str], rows: Sequence[Sequence[str]], whole: Collection[int]) -> list[int]:
    """Return how narrow each column may get; those at the places `whole` are never broken, for a number would lie."""
    widths = []
    for place, name in enumerate(header):
        widest = max(cell_len(line) for text in (name, *(row[place] for row in rows)) for line in text.split("\n"))
        widths.append(widest if place in whole else min(widest, _LEAST))
    return widths


def fits(widths: Sequence[int], width: int) -> bool:
    """Return whether columns of these widths stand beside each other."""
    return sum(widths) + _GAP * (len(widths) - 1) <= width


def as_records(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return each row as lines of a name and a value, with an empty line between two rows."""
    widest = max(map(cell_len, header), default=0)
    indent = "\n" + " " * (widest + 2)

    def line(name: str, value: str) -> str:
        return f"{name}{' ' * (widest - cell_len(name))}  {value.replace(chr(10), indent)}".rstrip()

    return "\n\n".join("\n".join(line(name, value) for name, value in zip(header, row, strict=True)) for row in rows)

"""The records of a CSV file cell by cell, however many cells each has: in Python, and slower than Arrow's reader.

It reads what Arrow cannot: a header's exact end, and rows that are wider than others.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.normalize.unreadable import UnreadableFileError

Cells = list[bytes | None]
"""The cells of a record: None where nothing stood, and no bytes where quotes stood around nothing."""

LONGEST_RECORD = 16 << 20
"""Bytes of the longest record that is read; past it a quote was left open."""

_TO_CLOSING_QUOTE = re.compile(rb'([^"]*(?:""[^"]*)*)"(?!")')


def records(
    file: BinaryIO, separator: str, *, start: int = 0, longest: int = LONGEST_RECORD
) -> Iterator[tuple[Cells, int]]:
    r"""Yield each record from byte `start` on, with the byte at which it ends. An empty line is a record of one None.

    Lines end in `\n`, `\r\n` or `\r`. Raises UnreadableFileError for a record longer than `longest` bytes, and for a
    quote that is never closed.
    """
    mark = separator.encode()
    to_separator = re.compile(rb"[^\r\n" + re.escape(mark) + rb"]*")
    offset = file.seek(start)
    cells: Cells = []
    quoted: list[bytes] | None = None
    size = 0
    while line := file.readline(longest + 1):
        size += len(line)
        if size > longest:
            raise UnreadableFileError(
                f"a row is longer than {longest} bytes, or a quote is never closed, so that the rows after it cannot "
                "be told apart"
            )
        at = 0
        while at < len(line) or cells:
            if quoted is None and line[at : at + 1] == b'"':
                quoted, at = [], at + 1
            if quoted is not None:
                closing = _TO_CLOSING_QUOTE.match(line, at)
                if closing is None:
                    quoted.append(line[at:])
                    break
                # What stands between the closing quote and the separator belongs to the cell.
                rest = to_separator.match(line, closing.end())
                end = rest.end() if rest else closing.end()
                value = b"".join([*quoted, closing[1]]).replace(b'""', b'"')
                cells.append(value + line[closing.end() : end])
                quoted, at = None, end
            else:
                plain = to_separator.match(line, at)
                end = plain.end() if plain else at
                cells.append(line[at:end] or None)
                at = end
            if line[at : at + 1] == mark:
                at += 1
                if at == len(line):
                    cells.append(None)
                else:
                    continue
            at += 2 if line[at : at + 2] == b"\r\n" else 1
            yield cells, offset + min(at, len(line))
            cells, size = [], len(line) - at
        offset += len(line)
    if quoted is not None:
        raise UnreadableFileError("a quote is never closed, so the rows after it cannot be told apart")

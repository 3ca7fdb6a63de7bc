"""Texts that a spreadsheet would take for formulas, made harmless: students choose names, and a formula can send data.

The road is CSV alone. In Parquet and XLSX a text is marked as one.
"""

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
"""The signs that begin a formula, also in full and small width, as East Asian keyboards type them."""

_BLANKS = "\0-\x20\u00a0\u200b\u3000\ufeff"
"""What importers pass over in front of them."""

_FORMULA = f"^(?:[\t\r\n]|[{_BLANKS}]*[{_SIGNS}])"
_FORMULA_HERE = re.compile(_FORMULA)

_NUMBER = re.compile(r"-\d+(\.\d+)?", re.ASCII)


def guarded(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet might take it for a formula.

    A text that is a negative number stays as it is: it computes nothing.
    """
    return f"'{text}" if _FORMULA_HERE.match(text) and not _NUMBER.fullmatch(text) else text


def guarded_column(column: Any) -> list[str | None]:
    """Return the texts of an Arrow column of strings, each guarded."""
    texts: list[str | None] = column.to_pylist()
    if not pc.any(pc.match_substring_regex(column, _FORMULA)).as_py():
        return texts
    return [None if text is None else guarded(text) for text in texts]


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is one of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))

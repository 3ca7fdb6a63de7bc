"""The error of everything that reads the published file, and how DuckDB's errors become it."""

import re
from collections.abc import Collection
from difflib import get_close_matches

import duckdb

_NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist')
_NO_COLUMN = re.compile(
    r'Referenced column "(?P<name>[^"]+)" not found.*?Candidate bindings: (?P<close>[^\n]+)', re.DOTALL
)


class QueryError(Exception):
    """A question could not be answered. The message says what happened, why, and what to do next.

    Permanent, except where the memory ran out: the same question over the same file fails again.
    """

    def __init__(self, what: str, why: str, next_step: str) -> None:
        self.what = what
        self.why = why
        self.next_step = next_step
        # DuckDB points at a place in the query with a mark below it: nothing else goes into that line.
        super().__init__(f"{what} {why}{chr(10) if chr(10) in why else ' '}{next_step}")


def unknown_table(name: str, known: Collection[str]) -> QueryError:
    """Return the error for a table that is not there, with the names that come closest."""
    bare = {table.rpartition(".")[2]: table for table in sorted(known)}
    close = get_close_matches(name.lower(), sorted(known), n=3)
    close += [
        bare[match]
        for match in get_close_matches(name.lower().rpartition(".")[2], list(bare), n=3)
        if bare[match] not in close
    ]
    next_step = f"Did you mean {' or '.join(close[:3])}?" if close else "`canvaslake tables` lists what there is."
    return QueryError(f"There is no table {name}.", "The published file does not hold it.", next_step)


def from_duckdb(error: duckdb.Error, known: Collection[str]) -> QueryError:
    """Return the error in the words of this product. `known` are the qualified names of the file's tables."""
    text = str(error)
    if match := _NO_TABLE.search(text):
        return unknown_table(match[1], known)
    if match := _NO_COLUMN.search(text):
        return QueryError(
            f"There is no column {match['name']}.",
            "None of the tables in the query has it.",
            f"The closest are {match['close'].strip()}.",
        )
    if isinstance(error, duckdb.PermissionException):
        return QueryError(
            "The query was refused.",
            f"It reaches outside the published file: {_first_line(text)}",
            "Ask about the tables that `canvaslake tables` lists.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryError(
            "The query needs more memory than it may take.",
            _first_line(text),
            "Group or filter earlier, or allow more memory.",
        )
    if isinstance(error, duckdb.ParserException):
        return QueryError("The query cannot be read.", text.removeprefix("Parser Error: "), "Correct it at that place.")
    return QueryError("The query failed.", text, "Correct it and ask again.")


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]

"""What is a fault of a look: an error, rows of more than one generation, an older file than was in place."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bi.institution import courses_in, name_in

LOOKS_AT_LEAST = 20
GENERATIONS_AT_LEAST = 5

Rows = Sequence[Sequence[object]]


class LookError(Exception):
    """The client gave an error in place of an answer."""


def fault(rows: Rows, floor: int) -> str | None:
    """Return what is wrong with an answer, or None.

    `rows` should be one row (generation, term_name, account_name, courses). `floor` is the newest generation that was
    in place when the look began: a client that opens the file then cannot get an older one.
    """
    if len(rows) != 1 or len(rows[0]) != 4:
        return f"torn: one row of four columns was expected, not {list(rows)[:3]}"
    generation, term, account, courses = rows[0]
    number = int(str(generation))
    wanted = (name_in(number), name_in(number), courses_in(number))
    if (term, account, int(str(courses))) != wanted:
        return f"torn: generation {number} has {wanted}, and this is {(term, account, courses)}"
    if number < floor:
        return f"stale: generation {number} was opened when {floor} was in place"
    return None


@dataclass
class Verdict:
    """What came of the looks of one client."""

    client: str
    version: str = ""
    looks: int = 0
    generations: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def take(self, rows: Rows, floor: int) -> None:
        """Count an answer, and what is wrong with it."""
        self.looks += 1
        wrong = fault(rows, floor)
        if wrong is None:
            self.generations.add(int(str(rows[0][0])))
        else:
            self.faults.append(wrong)

    def fail(self, error: str) -> None:
        """Count an error."""
        self.faults.append(f"error: {error}")

    @property
    def is_enough(self) -> bool:
        """Whether the client has looked often enough, over enough generations, or has failed often enough."""
        seen = self.looks >= LOOKS_AT_LEAST and len(self.generations) >= GENERATIONS_AT_LEAST
        return seen or len(self.faults) >= GENERATIONS_AT_LEAST

    @property
    def is_good(self) -> bool:
        """Whether the client looked often enough and nothing was wrong."""
        return not self.faults and self.is_enough

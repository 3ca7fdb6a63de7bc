"""Which question to Canvas each column of a loaded table is the answer to."""

import re
from functools import lru_cache

from pipelines.normalize.contracts.endpoints import ENDPOINTS
from pipelines.normalize.contracts.model import Table

OWN = "canvaslake"
"""Stands for an endpoint where the values are no answer of Canvas's."""

_QUESTION = re.compile(r"(?:GET|POST) [^\s?,]+(?: \([^)]*\))?")


def column_endpoints(table: Table, column: str) -> tuple[str, ...]:
    """Return the endpoints or reports that give a column, as method and path, sorted; `OWN` where none does.

    A column of the system comes with the answer that brought the row. Of a report of several files, the file follows
    in parentheses.
    """
    by_column, others = _by_column(table.qualified)
    if column in by_column:
        return by_column[column]
    if by_column:
        return others
    return tuple(sorted(_QUESTION.findall(table.source))) or (OWN,)


@lru_cache
def _by_column(qualified: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the endpoints of a table by the columns that only they give, and those that give the rest."""
    special: dict[str, tuple[str, ...]] = {}
    others: list[str] = []
    for endpoint in ENDPOINTS:
        if qualified not in endpoint.tables or not endpoint.asked:
            continue
        name = f"{endpoint.method} {endpoint.path}"
        for column in endpoint.columns:
            special[column] = (*special.get(column, ()), name)
        if not endpoint.columns:
            others.append(name)
    return special, tuple(sorted(others))

"""How complete and how fresh a published file is, by family of endpoints: the same for every account and term."""

import duckdb

from pipelines.normalize.contracts import TABLES
from pipelines.serve.overview.facts import CoverageOf, Freshness


def coverage_of(con: duckdb.DuckDBPyConnection, names: frozenset[str]) -> tuple[CoverageOf, ...]:
    """Return how the last questions ended, for the whole file: a missing right is nobody's account's own."""
    if "meta.coverage" not in names:
        return ()
    rows = con.execute(
        """
        select
            scope_kind,
            regexp_replace(endpoint, '/terms/\\d+/', '/terms/:term_id/') as what,
            status,
            count(*)
        from meta.coverage
        group by all
        order by all
        """
    ).fetchall()
    found: dict[tuple[str, str], dict[str, int]] = {}
    for kind, endpoint, status, questions in rows:
        found.setdefault((_family(kind, endpoint), endpoint), {})[status] = questions
    places = list(_FAMILIES.values())
    return tuple(
        CoverageOf(family, endpoint, statuses)
        for (family, endpoint), statuses in sorted(found.items(), key=lambda one: (places.index(one[0][0]), one[0]))
    )


def freshness_of(con: duckdb.DuckDBPyConnection, names: frozenset[str]) -> tuple[Freshness, ...]:
    """Return when Canvas last gave rows of each family of tables, and of each report."""
    if "meta.loads" not in names:
        return ()
    rows = con.execute(
        """
        select table_name, source, sum(rows)::bigint, max(extracted_at)
        from meta.loads
        where extracted_at is not null
        group by all
        order by all
        """
    ).fetchall()
    found: dict[tuple[int, str], Freshness] = {}
    for table, source, count, newest in rows:
        place, name = _group(table, source)
        known = found.get((place, name), Freshness(name, 0, newest))
        found[place, name] = Freshness(name, known.rows + (count or 0), max(known.newest, newest))
    return tuple(found[key] for key in sorted(found))


_FAMILIES = {
    "directory": "Directory",
    "department": "Departments",
    "course": "Courses",
    "student": "Students",
    "other": "Other",
}


def _family(kind: str, endpoint: str) -> str:
    if kind == "account":
        return _FAMILIES["department" if endpoint.startswith("analytics/") else "directory"]
    return _FAMILIES.get(kind, _FAMILIES["other"])


def _group(table: str, source: str | None) -> tuple[int, str]:
    """Return the place and the name of the family of a loaded table; each report is one of its own."""
    if table.startswith("reports."):
        return len(_FAMILIES), f"Report {source}"
    contract = TABLES.get(table)
    group = contract.group if contract and contract.group in _FAMILIES else "other"
    return list(_FAMILIES).index(group), _FAMILIES[group]

"""Which file, account and term the overview is about."""

from typing import Any

import duckdb

from pipelines.serve.overview.facts import FEWEST, Generation, Scope
from pipelines.serve.problem import QueryError


def generation_of(con: duckdb.DuckDBPyConnection, names: frozenset[str]) -> Generation:
    """Return which generation the file is. Raises QueryError for a file that does not say."""
    row = _first(con, "select * from meta.generation") if "meta.generation" in names else {}
    if not row:
        raise QueryError(
            "The file does not say which generation it is.",
            "It was not published by canvaslake: meta.generation is missing or empty.",
            "Name the file that canvaslake published, or run `canvaslake publish`.",
        )
    return Generation(
        row["generation"],
        row["published_at"],
        row.get("instance") or "",
        row.get("canvaslake_version") or "",
        row.get("as_of"),
    )


def scope_of(
    con: duckdb.DuckDBPyConnection, names: frozenset[str], generation: Generation, account: int | None
) -> Scope:
    """Return the account asked for, or else the highest one, in the term that goes on or was the last to begin."""
    if "marts.dim_account" not in names:
        found = {}
    else:
        found = _first(
            con,
            """
            select
                account_id, account_name, id_path, root_account_name, path,
                depth = 0 and count(*) filter (where depth = 0) over () = 1 as is_whole
            from marts.dim_account
            where ($account is null and status is distinct from 'deleted') or account_id = $account or depth = 0
            qualify $account is null or account_id = $account
            order by depth, account_id
            limit 1
            """,
            {"account": account},
        )
    if not found and account is not None:
        raise QueryError(
            f"There is no account {account}.",
            "marts.dim_account, which holds every loaded account, does not have it.",
            'To see them: canvaslake query "select account_id, path from marts.dim_account"',
        )
    instance = generation.instance or "Canvas"
    if not found:
        return Scope(instance, None, instance, "/", True, "current", None, "", None)
    account_id = found["account_id"]
    term = _term(con, names, generation, account_id)
    students = _students(con, names, account_id, term)
    return Scope(
        institution=found["root_account_name"] or (found["path"] or "").split(" / ")[0] or instance,
        account_id=account_id,
        account_name=found["account_name"] or f"Account {account_id}",
        below=found["id_path"] or f"/{account_id}/",
        is_whole=found["is_whole"],
        term_filter=term["term_filter"],
        term_id=term["term_id"],
        term_name=term["term_name"] or "",
        course_term_id=term["course_term_id"],
        too_small=students is not None and 0 < students < FEWEST,
    )


def _term(
    con: duckdb.DuckDBPyConnection, names: frozenset[str], generation: Generation, account_id: int
) -> dict[str, Any]:
    """Return the dated term that began last and has activity; without one, the filter that speaks for the default."""
    nothing: dict[str, Any] = {"term_filter": "current", "term_id": None, "term_name": None, "course_term_id": None}
    if not names.issuperset({"analytics.department_activity_by_date", "marts.dim_term"}):
        return nothing
    return (
        _first(
            con,
            """
            select
                activity.term_filter,
                activity.term_id,
                term.term_name,
                term.term_id as course_term_id
            from (
                select distinct term_filter, term_id
                from analytics.department_activity_by_date
                where account_id = $account
            ) as activity
            left join marts.dim_account as account on account.account_id = $account
            left join marts.dim_term as term
                on
                    activity.term_id = term.term_id
                    or (
                        activity.term_id is null
                        and term.is_default
                        and account.root_account_id = term.root_account_id
                    )
            order by
                activity.term_filter = 'term' and coalesce(term.start_at <= $moment, false) desc,
                case when activity.term_filter = 'term' then term.start_at end desc nulls last,
                activity.term_filter = 'current' desc,
                activity.term_filter = 'term' desc,
                activity.term_id
            limit 1
            """,
            {"account": account_id, "moment": generation.moment},
        )
        or nothing
    )


def _students(
    con: duckdb.DuckDBPyConnection, names: frozenset[str], account_id: int, term: dict[str, Any]
) -> int | None:
    if "analytics.department_statistics" not in names:
        return None
    row = _first(
        con,
        """
        select students
        from analytics.department_statistics
        where account_id = $account and term_filter = $filter and term_id is not distinct from $term
        """,
        {"account": account_id, "filter": term["term_filter"], "term": term["term_id"]},
    )
    return row.get("students")


def _first(con: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None) -> dict[str, Any]:
    """Return the first row by column name; empty without a row."""
    cursor = con.execute(sql, parameters or {})
    columns = [str(column[0]) for column in cursor.description or ()]
    row = cursor.fetchone()
    return dict(zip(columns, row, strict=True)) if row else {}

"""The SELECT of a model file as a tree: what it reads and what its columns are called. It runs nothing."""

from pathlib import Path

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from pipelines.models.model import ModelError

_OTHER_CLOCKS = {
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_LOCALTIME",
    "CURRENT_LOCALTIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "TRANSACTION_TIMESTAMP",
    "GET_CURRENT_TIME",
    "GET_CURRENT_TIMESTAMP",
}


def parse_select(sql: str, path: Path) -> exp.Query:
    """Return the one SELECT of the text; raise ModelError where there is none, more than one, or something else."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None]
    except SqlglotError as error:
        # sqlglot underlines the place with terminal codes
        message = str(error).replace("\x1b[4m", ">>").replace("\x1b[0m", "<<").strip()
        raise ModelError(
            f"the SQL cannot be parsed: {message}.", path=path, next_step="Correct the SELECT at that place."
        ) from error
    # a comment after the last semicolon is a statement to sqlglot, and none to a person
    statements = [statement for statement in statements if not isinstance(statement, exp.Semicolon)]
    if len(statements) != 1:
        raise ModelError(
            f"a model is exactly one SELECT; here are {len(statements)} statements.",
            path=path,
            next_step="Put each table into a file of its own.",
        )
    [statement] = statements
    if not isinstance(statement, exp.Query):
        raise ModelError(
            f"a model is a plain SELECT; this is {statement.key.upper()}.",
            path=path,
            next_step="Write the SELECT alone: the table is made from it.",
        )
    return statement


def refuse_other_clocks(sql: str, path: Path) -> None:
    """Raise ModelError for a word that tells the machine's time: `now()` and `today()` tell that of the file."""
    for token in sqlglot.tokenize(sql, dialect="duckdb"):
        if token.token_type is not TokenType.STRING and token.text.upper() in _OTHER_CLOCKS:
            raise ModelError(
                f"{token.text} tells the machine's time, and not that of the warehouse that is made.",
                path=path,
                next_step="Write now() or today(), or cast(now() as ...).",
            )


def without_semicolon(sql: str) -> str:
    """Return the text up to the semicolon that ends it, so that the query can stand inside another."""
    tokens = sqlglot.tokenize(sql, dialect="duckdb")
    return sql[: tokens[-1].start] if tokens[-1].token_type is TokenType.SEMICOLON else sql


def tables_read(statement: exp.Query, path: Path) -> tuple[str, ...]:
    """Return the schema-qualified tables that the query reads, sorted. CTEs and table functions are not among them.

    Raises ModelError for a table without a schema (a CTE misspelt, a file read by name) and for one with a catalog.
    """
    found: set[str] = set()
    for scope in traverse_scope(statement):
        for source in scope.sources.values():
            if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
                continue
            if source.catalog or not source.db:
                raise ModelError(
                    f"it reads {source.sql(dialect='duckdb')!r}, which is not of the form schema.table.",
                    path=path,
                    next_step="Name tables as schema.table and common table expressions by their own name.",
                )
            found.add(f"{source.db}.{source.name}".lower())
    return tuple(sorted(found))


def output_names(statement: exp.Query) -> list[str] | None:
    """Return the names of the output columns, or None where a star or COLUMNS() leaves them to the inputs."""
    if statement.is_star or any(select.find(exp.Columns) for select in statement.selects):
        return None
    return [name.lower() for name in statement.named_selects]

"""Running models in the warehouse file that is being built: all of a refresh, or nothing of it.

Which file that is, and when readers see it, is decided by the warehouse package.
"""

import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from pipelines.models.header import refuse_absent_columns
from pipelines.models.model import Model, ModelError


@dataclass(frozen=True)
class ModelResult:
    """What running one model gave: the rows of its table and the seconds it took."""

    qualified: str
    rows: int
    seconds: float


def affected_models(models: Iterable[Model], changed: Collection[str] | None) -> tuple[Model, ...]:
    """Return the models to run, in order: those that are in `changed` or read, near or far, from what is in it.

    `changed` holds qualified names of loaded tables, and of models whose file was edited; None means all.
    """
    if changed is None:
        return tuple(models)
    stale = {name.lower() for name in changed}
    chosen = []
    for model in models:
        if model.qualified in stale or not stale.isdisjoint(model.depends_on):
            stale.add(model.qualified)
            chosen.append(model)
    return tuple(chosen)


def refresh(
    con: duckdb.DuckDBPyConnection, models: Iterable[Model], changed: Collection[str] | None
) -> list[ModelResult]:
    """Run the affected models in one transaction, each as a new table sorted by its key and with comments.

    `con` must have the file being built as its default catalog, and no transaction open. A model whose table is not
    in the file yet runs too. On an error nothing has changed and ModelError names the model and its file.
    """
    models = tuple(models)
    if changed is not None:
        present = {
            f"{schema}.{name}"
            for schema, name in con.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
            ).fetchall()
        }
        changed = {*changed, *(model.qualified for model in models if model.qualified not in present)}
    con.begin()
    try:
        results = [run_model(con, model) for model in affected_models(models, changed)]
        con.commit()
    except BaseException:
        # A commit that failed has ended the transaction by itself; the first error is the one to tell.
        with suppress(duckdb.TransactionException):
            con.rollback()
        raise
    return results


def run_model(con: duckdb.DuckDBPyConnection, model: Model) -> ModelResult:
    """Make the table of one model anew in the default catalog of the connection, in the transaction that is open.

    Raises ModelError with DuckDB's own words. Inputs must be there already.
    """
    started = time.monotonic()
    order = ", ".join(f'"{name}"' for name in model.key)
    # The line end keeps a comment at the end of the file from swallowing the parenthesis.
    query = f"select * from (\n{model.sql}\n) order by {order}"
    try:
        con.execute(f'create schema if not exists "{model.schema}"')
        con.execute(f"create or replace table {quoted(model)} as {query}")
        counted = con.execute(f"select count(*) from {quoted(model)}").fetchone()
        names = [str(row[0]) for row in con.execute(f"describe {quoted(model)}").fetchall()]
        refuse_absent_columns(model.columns, model.key, names, model.path)
        con.execute(f"comment on table {quoted(model)} is {_literal(model.description)}")
        for column, description in model.columns.items():
            con.execute(f'comment on column {quoted(model)}."{column}" is {_literal(description)}')
    except duckdb.Error as error:
        raise ModelError(
            f"the model {model.qualified} does not run: {error}",
            path=model.path,
            model=model.qualified,
            next_step="Correct the SELECT, or load the tables it reads. The published file is as it was.",
        ) from error
    return ModelResult(model.qualified, counted[0] if counted else 0, time.monotonic() - started)


def quoted(model: Model) -> str:
    """Return the model's name for SQL text."""
    return f'"{model.schema}"."{model.name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

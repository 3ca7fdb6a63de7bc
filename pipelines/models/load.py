"""From a folder of SELECT files to models in the order in which they must run. It opens no database."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pipelines.lake.versions import HISTORY, VALIDITY
from pipelines.models.header import read_header, refuse_absent_columns, refuse_taken_columns
from pipelines.models.model import Model, ModelError
from pipelines.models.statement import output_names, parse_select, refuse_other_clocks, tables_read, without_semicolon


def sql_folder() -> Path:
    """Return where the models of this installation lie: inside the package for a wheel, beside it in the repository.

    The packaged folder is asked first, because beside an installed package lie the packages of other people.
    """
    package = Path(__file__).resolve().parents[1]
    packaged = package / "sql"
    return packaged if packaged.is_dir() else package.parent / "sql"


def load_models(folder: Path, known_tables: Collection[str]) -> tuple[Model, ...]:
    """Read every `<schema>/<table>.sql` below the folder and return the models, inputs before what reads them.

    `known_tables` are the qualified names of loaded tables, report tables that nobody declared included. Raises
    ModelError for a file that is no model, a table that nobody makes, and models that wait for each other.
    """
    if not folder.is_dir():
        raise ModelError(
            "there is no such folder of models.", path=folder, next_step="Name the folder that holds marts/ and so on."
        )
    models = [_read_model(path) for path in sorted(folder.glob("*/*.sql"))]
    loaded = {name.lower() for name in known_tables}
    for model in models:
        if model.qualified in loaded:
            raise ModelError(
                f"the model would overwrite the loaded table {model.qualified}.",
                path=model.path,
                model=model.qualified,
                next_step="Give the file another name or put it into another schema.",
            )
    _refuse_unknown_tables(models, loaded)
    return _in_order(models)


def _read_model(path: Path) -> Model:
    schema, name = path.parent.name, path.stem
    if not all(part.isidentifier() and part == part.lower() for part in (schema, name)):
        raise ModelError(
            f"{schema}/{name} cannot be a schema and a table.",
            path=path,
            next_step="Use lower-case letters, digits and underscores.",
        )
    return _model_of(path, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=1024)
def _model_of(path: Path, text: str) -> Model:
    """Return the model that a text is. Kept: one process asks for the same files a few times, and parsing is slow."""
    schema, name = path.parent.name, path.stem
    header = read_header(text, path)
    statement = parse_select(text, path)
    refuse_other_clocks(text, path)
    names = output_names(statement)
    if names is not None:
        spoken_of = [*header.columns, *header.units, *(name for check in header.checks for name in check.columns)]
        refuse_absent_columns(spoken_of, header.key, names, path)
    kept = VALIDITY if schema == HISTORY else ()
    if kept and names is not None:
        refuse_taken_columns(names, path)
    if kept and not header.key:
        raise ModelError(
            "the header has no key, so there is nothing to tell the versions of a row by.",
            path=path,
            next_step="Name the columns that stay the same while the others change: -- key: user_id",
        )
    return Model(
        schema=schema,
        name=name,
        path=path,
        sql=without_semicolon(text),
        description=header.description,
        grain=header.grain,
        key=header.key,
        owner=header.owner,
        columns=header.columns | {column.name: column.description for column in kept},
        depends_on=tables_read(statement, path),
        units=header.units | {column.name: column.unit for column in kept if column.unit},
        checks=header.checks,
    )


def _refuse_unknown_tables(models: Iterable[Model], loaded: set[str]) -> None:
    available = loaded | {model.qualified for model in models}
    for model in models:
        for table in model.depends_on:
            if table in available:
                continue
            close = get_close_matches(table, sorted(available), n=3)
            file = f"{table.replace('.', '/')}.sql"
            hint = f"Did you mean {', '.join(close)}?" if close else f"Declare the table, or add the model {file}."
            raise ModelError(
                f"it reads {table}, which is neither loaded nor a model.",
                path=model.path,
                model=model.qualified,
                next_step=hint,
            )


def _in_order(models: list[Model]) -> tuple[Model, ...]:
    by_name = {model.qualified: model for model in models}
    graph = {model.qualified: [name for name in model.depends_on if name in by_name] for model in models}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: list[str] = error.args[1]
        raise ModelError(
            f"these models wait for each other: {' -> '.join(reversed(circle))}.",
            path=by_name[circle[0]].path,
            model=circle[0],
            next_step="Move what they share into a model that both read.",
        ) from error
    return tuple(by_name[name] for name in order)

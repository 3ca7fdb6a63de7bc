"""The page of tables: every declared table and every model, by schema, with all columns."""

from collections.abc import Iterable, Iterator, Sequence

from pipelines.cli.reference.markdown import as_code, member_docs, page, table_of
from pipelines.models import inherited_privacy, load_models, model_columns, sql_folder
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Privacy, Table
from pipelines.normalize.contracts.meta import WRITTEN_TABLES

_SCHEMAS = {
    "marts": "Ready answers and stars, with names and stable keys. Start here.",
    "canvas": "The directory of the institution, from the API.",
    "analytics": "What Canvas's analytics endpoints answer.",
    "reports": "The files of account reports, one table per file.",
    "meta": "Tables about the tables: what was loaded, how each question ended, what every column means.",
    "staging": "Inputs of the marts: names made alike, repeated rows taken out.",
}


def tables_page() -> str:
    """Return the page of every declared table and every model, by schema, with all columns."""
    sections: dict[str, list[tuple[str, list[str]]]] = {schema: [] for schema in _SCHEMAS}
    for table in (*TABLES.values(), *WRITTEN_TABLES):
        system = table not in WRITTEN_TABLES
        sections.setdefault(table.schema, []).append((table.qualified, list(_table_section(table, system=system))))
    for qualified, lines in _model_sections():
        sections.setdefault(qualified.split(".", 1)[0], []).append((qualified, lines))
    out: list[str] = []
    for schema, tables in sections.items():
        out += [f"- [{schema}](#schema-{schema}): {_SCHEMAS[schema]} {len(tables)} tables."]
    for schema, tables in sections.items():
        out += ["", f"## Schema {schema}", "", _SCHEMAS[schema], ""]
        for _, lines in sorted(tables):
            out += lines
    intro = (
        "Every table of the published file that the code declares. Ids are BIGINT, times are TIMESTAMPTZ in UTC. "
        f"Tables of `canvas`, `analytics` and `reports`, and `meta.quarantine`, also carry "
        f"{' and '.join(as_code(column.name) for column in SYSTEM_COLUMNS)}: "
        f"{' '.join(column.description for column in SYSTEM_COLUMNS)} Reports that are not listed here load as text "
        "columns when you configure them.\n\n"
        "Privacy classes: "
        + "; ".join(f"`{name.lower()}`: {said.rstrip('.')}" for name, said in member_docs(Privacy).items())
        + "."
    )
    return page("Tables", intro, out)


def _table_section(table: Table, *, system: bool) -> Iterator[str]:
    """Yield the section of a declared table."""
    columns = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    rows = (
        (as_code(c.name), c.type.value, c.unit, c.privacy.value, c.description + (" Optional." if c.optional else ""))
        for c in columns
    )
    unique = "" if table.key_is_unique or not table.key else " (Canvas repeats it by design)"
    facts = [f"- Grain: {table.grain}.", f"- Key: {', '.join(map(as_code, table.key)) or 'none'}{unique}."]
    facts += [f"- Source: {as_code(table.source)}.", f"- Slice that one answer replaces: {table.slice}."]
    yield from _section(table.qualified, table.description, facts, rows)


def _model_sections() -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the section of every model."""
    models = load_models(sql_folder(), TABLES)
    typed, privacy = model_columns(models, TABLES), inherited_privacy(models, TABLES)
    for model in models:
        rows = [
            (as_code(name), _short_type(kind), "", privacy[model.qualified][name].value, model.columns.get(name, ""))
            for name, kind in typed[model.qualified]
        ]
        facts = [f"- Grain: {model.grain}.", f"- Key: {', '.join(map(as_code, model.key))}."]
        facts += [f"- Source: `sql/{model.schema}/{model.name}.sql`, from {', '.join(map(as_code, model.depends_on))}."]
        facts += ["- Slice: the whole table is made anew when an input or the file changes."]
        yield model.qualified, list(_section(model.qualified, model.description, facts, rows))


def _section(qualified: str, description: str, facts: list[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from (f"### {qualified}", "", description, "", *facts, "")
    yield from table_of(("column", "type", "unit", "privacy", "description"), rows)


def _short_type(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")

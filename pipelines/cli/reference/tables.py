"""The pages of tables: an index with diagrams, and for each schema every declared table and model with all columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pipelines.cli.reference.diagram import Entity, diagram
from pipelines.cli.reference.markdown import as_code, member_docs, page, table_of
from pipelines.models import load_models, model_columns, sql_folder
from pipelines.models.dictionary import model_notes
from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Check, Column, Privacy, Table
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.normalize.contracts.sources import OWN
from pipelines.serve.dictionary import SCHEMAS
from pipelines.warehouse.dictionary import ColumnFacts, Dictionary, TableFacts, TableNote

_CORE = (
    "canvas.accounts",
    "canvas.terms",
    "canvas.courses",
    "canvas.course_teachers",
    "reports.provisioning_users",
    "reports.provisioning_sections",
    "reports.provisioning_courses",
    "reports.provisioning_enrollments",
    "analytics.course_activity",
    "analytics.course_assignments",
    "analytics.student_summaries",
    "analytics.student_page_views",
    "analytics.student_assignments",
)
"""The loaded tables that most questions begin with; where two have the same key, the one that others lead to first."""


@dataclass(frozen=True)
class Described:
    """A declared table or a model: what the dictionary says of it, and its columns as (name, DuckDB type).

    `notes` are sentences about how it is loaded or made.
    """

    qualified: str
    facts: TableFacts
    columns: tuple[tuple[str, str], ...]
    said: tuple[ColumnFacts, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def schema(self) -> str:
        """The schema of the table."""
        return self.qualified.split(".", 1)[0]

    @property
    def entity(self) -> Entity:
        """The table as a diagram shows it."""
        return Entity(self.qualified, self.facts.key, self.columns, self.checks)


@lru_cache(maxsize=1)
def described_tables() -> tuple[Described, ...]:
    """Return every declared table and every model, in the order of the schemas and by name."""
    models = load_models(sql_folder(), TABLES)
    notes = model_notes(models, TABLES)
    dictionary = Dictionary(notes)

    def described(
        name: str, columns: Iterable[tuple[str, str]], checks: tuple[Check, ...], notes: Iterable[str]
    ) -> Described:
        columns = tuple((column, kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for column, kind in columns)
        said = tuple(dictionary.column(name, *column) for column in columns)
        return Described(name, dictionary.table(name), columns, said, checks, tuple(notes))

    typed = model_columns(models, TABLES)
    found = [
        *(
            described(table.qualified, _columns(table, SYSTEM_COLUMNS), table.checks, _loading(table))
            for table in TABLES.values()
        ),
        *(
            described(table.qualified, _columns(table), (), ["Written anew at each publish."])
            for table in WRITTEN_TABLES
        ),
        *(described(note.qualified, typed[note.qualified], note.checks, _making(note)) for note in notes),
    ]
    order = list(SCHEMAS)
    return tuple(sorted(found, key=lambda one: (order.index(one.schema), one.qualified)))


def _columns(table: Table, more: tuple[Column, ...] = ()) -> Iterator[tuple[str, str]]:
    return ((column.name, column.type.value) for column in (*table.columns, *more))


def _loading(table: Table) -> Iterator[str]:
    yield f"Slice that one answer replaces: {table.slice}."
    if table.key and not table.key_is_unique:
        yield "Canvas repeats the key by design."
    if optional := [as_code(column.name) for column in table.columns if column.optional]:
        yield f"Optional columns: {', '.join(optional)}."


def _making(note: TableNote) -> Iterator[str]:
    inputs = ", ".join(map(as_code, note.depends_on))
    if note.qualified.startswith("history."):
        yield f"Gets a version of a row whenever {inputs} gives it otherwise than before."
    else:
        yield f"Made anew when the file changes, or {inputs}."


def tables_page() -> str:
    """Return the index: schemas, how the tables hang together, and every table with a link to its columns."""
    tables = described_tables()
    lines = ["## Schemas", ""]
    counts = {schema: [one for one in tables if one.schema == schema] for schema in SCHEMAS}
    rows = ((f"[{schema}]({schema_page(schema)})", str(len(counts[schema])), SCHEMAS[schema]) for schema in SCHEMAS)
    lines += table_of(("schema", "tables", "what it holds"), rows)
    lines += ["## How the marts hang together", "", "PK: part of the key. FK: leads to the key of another table.", ""]
    # The dimensions first: they are what the others lead to.
    lines += diagram(sorted((one.entity for one in counts["marts"]), key=lambda entity: entity.name[:3] != "dim"))
    lines += ["## How the loaded tables hang together", "", "The ones that most questions begin with.", ""]
    by_name = {one.qualified: one for one in tables}
    lines += diagram(by_name[name].entity for name in _CORE)
    for schema in SCHEMAS:
        lines += [f"## Tables of {schema}", ""]
        rows = ((table_link(one.qualified), one.facts.grain, one.facts.description) for one in counts[schema])
        lines += table_of(("table", "grain", "what it holds"), rows)
    intro = (
        "Every table of the published file that the code declares. Reports that are not listed here load as text "
        "columns when you configure them. The file says the same of itself: in `meta.tables` and `meta.columns`, in "
        "the comments of DuckDB, and by `canvaslake tables`."
    )
    return page("Tables", intro, lines)


def schema_tables_page(schema: str) -> str:
    """Return the page of one schema: every table with all its columns."""
    lines: list[str] = []
    for table in described_tables():
        if table.schema == schema:
            lines += _section(table)
    classes = "; ".join(f"`{name.lower()}`: {said.rstrip('.')}" for name, said in member_docs(Privacy).items())
    intro = (
        f"{SCHEMAS[schema]} [All schemas](tables.md).\n\nIds are BIGINT, times are TIMESTAMPTZ in UTC. The numbers in "
        "the column `endpoint` are those of the list above. The column `from` has the key or header in Canvas where "
        "it differs from the name here, and for a model what it is made from; a `*` stands for the rows of a table. "
        f"Privacy classes: {classes}."
    )
    return page(f"Tables of {schema}", intro, lines)


def schema_page(schema: str) -> str:
    """Return the file name of the page of a schema."""
    return f"tables-{schema}.md"


def table_link(qualified: str) -> str:
    """Return a link from a reference page to the section of a table."""
    return f"[{qualified}]({schema_page(qualified.split('.', 1)[0])}#{qualified.replace('.', '')})"


def _section(table: Described) -> Iterator[str]:
    facts = table.facts
    endpoints = sorted({one for said in table.said for one in said.endpoints if one != OWN})
    yield from (f"### {table.qualified}", "", facts.description, "", f"- Grain: {facts.grain}.")
    yield f"- Key: {', '.join(map(as_code, facts.key)) or 'none'}."
    if facts.kind != "loaded":
        yield f"- Source: {as_code(facts.source)}."
    yield f"- Owner: {facts.owner}."
    yield from (f"- {note}" for note in table.notes)
    if table.checks:
        yield f"- [Checks](checks.md): {', '.join(map(_check, table.checks))}."
    if endpoints:
        yield "- Endpoints:"
        yield from (f"    {number}. {as_code(one)}" for number, one in enumerate(endpoints, start=1))
    yield ""
    rows = [
        (
            as_code(name),
            kind,
            said.unit,
            "key" if said.is_key else "",
            said.privacy,
            ", ".join(str(endpoints.index(one) + 1) for one in said.endpoints if one != OWN) or OWN,
            _origin(name, said),
            said.description,
        )
        for (name, kind), said in zip(table.columns, table.said, strict=True)
    ]
    yield from table_of(("column", "type", "unit", "key", "privacy", "endpoint", "from", "description"), rows)


def _check(check: Check) -> str:
    return as_code(check.name) + (" (holds the table back)" if check.blocking else "")


def _origin(name: str, said: ColumnFacts) -> str:
    if said.derived_from:
        return ", ".join(map(as_code, said.derived_from))
    return as_code(said.source) if said.source != name else ""

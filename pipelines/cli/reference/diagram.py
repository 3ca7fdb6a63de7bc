"""Entity-relationship diagrams in Mermaid: some tables with their keys, and which column leads to which table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipelines.normalize.contracts import Check, CheckKind


@dataclass(frozen=True)
class Entity:
    """A table of a diagram: its columns as (name, type), its key, and the checks that say where columns lead."""

    qualified: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        """The name in the diagram: that of the table without its schema."""
        return self.qualified.rpartition(".")[2]


@dataclass(frozen=True)
class Relation:
    """A column of one table that leads to the key of another; both tables by qualified name."""

    table: str
    column: str
    to: str


def relations(entities: Sequence[Entity]) -> list[Relation]:
    """Return what leads where among the entities.

    That is what their reference checks say. Beyond that a column of the key, and any column of a table that declares
    none, leads to the first entity whose key begins with its name and type; `canvas_course_id`, as reports call it, is
    the same name as `course_id`.
    """
    names = {entity.qualified for entity in entities}
    homes: dict[tuple[str, str], str] = {}
    for entity in entities:
        homes.setdefault(_bare(entity.key[0], dict(entity.columns)[entity.key[0]]), entity.qualified)
    found = []
    for entity in entities:
        declared = {
            check.columns[0]: check.refers_to.rpartition(".")[0]
            for check in entity.checks
            if check.kind is CheckKind.REFERENCES
        }
        by_name = {
            column: homes[_bare(column, kind)]
            for column, kind in entity.columns
            if _bare(column, kind) in homes and (column in entity.key or not declared)
        }
        leads = by_name | declared
        found += [
            Relation(entity.qualified, column, leads[column])
            for column, _ in entity.columns
            if leads.get(column, entity.qualified) in names - {entity.qualified}
        ]
    return found


def diagram(entities: Iterable[Entity]) -> Iterator[str]:
    """Yield the lines of a diagram as a Markdown block: of each entity the key and the columns that lead elsewhere."""
    entities = tuple(entities)
    leading = relations(entities)
    by_name = {entity.qualified: entity for entity in entities}
    yield "```mermaid"
    yield "erDiagram"
    for entity in entities:
        foreign = {relation.column for relation in leading if relation.table == entity.qualified}
        yield f"    {entity.name} {{"
        for column, kind in entity.columns:
            marks = [mark for mark, is_so in (("PK", column in entity.key), ("FK", column in foreign)) if is_so]
            if marks:
                yield f"        {kind} {column} {', '.join(marks)}"
        yield "    }"
    for relation in leading:
        entity, to = by_name[relation.table], by_name[relation.to]
        one = "||" if len(to.key) == 1 else "}o"
        many = "o|" if entity.key == (relation.column,) else "o{"
        yield f"    {to.name} {one}--{many} {entity.name} : {relation.column}"
    yield "```"
    yield ""


def _bare(column: str, kind: str) -> tuple[str, str]:
    return column.removeprefix("canvas_"), kind

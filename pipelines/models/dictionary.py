"""What the dictionary is told of the models: their headers, and what the SQL tells of their columns."""

from collections.abc import Iterable, Mapping

from pipelines.models.columns import model_columns
from pipelines.models.lineage import column_lineage, inherited_privacy
from pipelines.models.model import Model
from pipelines.normalize.contracts import SYSTEM_COLUMNS, Table
from pipelines.warehouse.dictionary import TableNote, wants_unit

_SHORT_NAMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


def model_notes(models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]) -> list[TableNote]:
    """Return a note for every model. Arguments and errors are those of `column_lineage`."""
    models, tables = tuple(models), tuple(tables.values() if isinstance(tables, Mapping) else tables)
    lineage, privacy, units = (
        column_lineage(models, tables),
        inherited_privacy(models, tables),
        units_of(models, tables),
    )
    return [
        TableNote(
            model.qualified,
            model.description,
            model.grain,
            model.row_key,
            f"sql/{model.schema}/{model.name}.sql",
            model.columns,
            {column: kind.value for column, kind in privacy[model.qualified].items()},
            owner=model.owner,
            units=units[model.qualified],
            origins=lineage[model.qualified],
            depends_on=model.depends_on,
            checks=model.checks,
        )
        for model in models
    ]


def units_of(models: Iterable[Model], tables: Iterable[Table] | Mapping[str, Table]) -> dict[str, dict[str, str]]:
    """Return the units of model columns, by model: what the header says, or else what all inputs of a column share.

    A unit is inherited only where the type stays what it was: an average of counts is no count. Ids, text and flags
    have none, nor has a column that is made of nothing.
    """
    models, tables = tuple(models), tuple(tables.values() if isinstance(tables, Mapping) else tables)
    lineage, types = column_lineage(models, tables), model_columns(models, tables)
    known = {
        (table.qualified, column.name): (column.unit, column.type.value)
        for table in tables
        for column in (*table.columns, *SYSTEM_COLUMNS)
    }
    result: dict[str, dict[str, str]] = {}
    for model in models:
        units: dict[str, str] = {}
        for name, long_type in types[model.qualified]:
            data_type = _SHORT_NAMES.get(long_type, long_type)
            # A table function has columns too, and nobody told their units.
            origins = {known.get(origin, ("", "")) for origin in lineage[model.qualified].get(name, ())}
            [(unit, before)] = origins if len(origins) == 1 else [("", "")]
            units[name] = model.units.get(name) or (
                unit if before == data_type and wants_unit(name, data_type, model.row_key) else ""
            )
            known[model.qualified, name] = (units[name], data_type)
        result[model.qualified] = {name: unit for name, unit in units.items() if unit}
    return result

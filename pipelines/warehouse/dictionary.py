"""What is said of every table and column, put together from contracts, models and lineage. It opens no file.

The file gets it from `meta_tables`, the reference pages from the command line's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipelines.normalize.contracts import SYSTEM_COLUMNS, TABLES, Check, Privacy, Table, undeclared_table
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.normalize.contracts.sources import OWN, column_endpoints

_CONTRACTS = {table.qualified: table for table in (*TABLES.values(), *WRITTEN_TABLES)}
_SYSTEM = {column.name: column for column in SYSTEM_COLUMNS}
_UNIT_BY_TYPE = {"TIMESTAMP WITH TIME ZONE": "UTC", "TIMESTAMPTZ": "UTC", "DATE": "UTC day"}
_UNMEASURED = ("VARCHAR", "BOOLEAN")


@dataclass(frozen=True)
class TableNote:
    """What the dictionary is told of a model; mappings are by column.

    `origins` are the (table, column) pairs of direct inputs that a column is made from, `depends_on` those inputs, and
    `checks` what is checked before the table goes into a file.
    """

    qualified: str
    description: str
    grain: str
    key: tuple[str, ...]
    source: str
    columns: Mapping[str, str]
    privacy: Mapping[str, str]
    owner: str = OWN
    units: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class TableFacts:
    """A table in the dictionary. `kind` is loaded, model, history or meta."""

    description: str
    grain: str
    key: tuple[str, ...]
    source: str
    kind: str
    owner: str


@dataclass(frozen=True)
class ColumnFacts:
    """A column in the dictionary.

    `unit` is empty for text, ids and flags, `source` (key or header) where canvaslake makes the value. `endpoints` are
    those of Canvas, or `canvaslake`; `derived_from` the schema.table.column that a model's column is made from.
    """

    description: str
    unit: str
    is_key: bool
    source: str
    endpoints: tuple[str, ...]
    derived_from: tuple[str, ...]
    privacy: str


class Dictionary:
    """The facts of every table: the declared ones, the models of `notes`, and reports that nobody declared.

    `reports` names the report of each loaded table, as in `meta.loads`.
    """

    def __init__(self, notes: Iterable[TableNote] = (), reports: Mapping[str, str] | None = None) -> None:
        self._notes = {note.qualified: note for note in notes}
        self._reports = reports or {}
        self._endpoints: dict[tuple[str, str], tuple[str, ...]] = {}

    def table(self, qualified: str) -> TableFacts:
        """Return what is said of a table; one that nobody declared counts as a report's."""
        if note := self._notes.get(qualified):
            kind = "history" if qualified.startswith("history.") else "model"
            return TableFacts(note.description, note.grain, note.key, note.source, kind, note.owner)
        contract = self._contract(qualified)
        kind = "meta" if contract.schema == "meta" else "loaded"
        return TableFacts(contract.description, contract.grain, contract.key, contract.source, kind, OWN)

    def column(self, qualified: str, name: str, data_type: str) -> ColumnFacts:
        """Return what is said of a column of a table, by its name and DuckDB type."""
        if note := self._notes.get(qualified):
            return self._of_model(note, name, data_type)
        contract = self._contract(qualified)
        declared = {column.name: column for column in contract.columns}
        column = declared.get(name) or _SYSTEM.get(name)
        endpoints = column_endpoints(contract, name)
        if column is None:
            unit = "not declared" if wants_unit(name, data_type) else ""
            said = _undeclared(contract, name)
            return ColumnFacts(said, unit, False, name, endpoints, (), Privacy.IDENTITY.value)
        return ColumnFacts(
            column.description,
            column.unit or _UNIT_BY_TYPE.get(data_type, ""),
            name in contract.key,
            column.source_name if name in declared and contract.schema != "meta" else "",
            endpoints,
            (),
            column.privacy.value,
        )

    def loaded_inputs(self, qualified: str) -> set[str]:
        """Return the loaded tables that a table is, or is made from, near or far."""
        note = self._notes.get(qualified)
        return {qualified} if note is None else set().union(*map(self.loaded_inputs, note.depends_on))

    def endpoints(self, qualified: str, column: str) -> tuple[str, ...]:
        """Return the endpoints that a column comes from, near or far; of all that the table reads for column `*`."""
        place = (qualified, column)
        if place not in self._endpoints:
            self._endpoints[place] = tuple(sorted(self._traced(*place)))
        return self._endpoints[place]

    def _traced(self, qualified: str, column: str) -> set[str]:
        note = self._notes.get(qualified)
        if note is not None:
            found = {endpoint for origin in _origins(note, column) for endpoint in self.endpoints(*origin)}
        elif column == "*":
            contract = self._contract(qualified)
            found = {one for each in contract.columns for one in column_endpoints(contract, each.name)}
        else:
            found = set(column_endpoints(self._contract(qualified), column))
        return found if found <= {OWN} else found - {OWN}

    def _of_model(self, note: TableNote, name: str, data_type: str) -> ColumnFacts:
        derived = tuple(".".join(origin) for origin in _origins(note, name))
        return ColumnFacts(
            note.columns.get(name) or f"Made from {', '.join(derived)}.",
            note.units.get(name) or _UNIT_BY_TYPE.get(data_type, ""),
            name in note.key,
            "",
            self.endpoints(note.qualified, name),
            derived,
            # A star in the SQL hands on columns that no contract has: the most careful class.
            note.privacy.get(name, Privacy.IDENTITY.value),
        )

    def _contract(self, qualified: str) -> Table:
        if contract := _CONTRACTS.get(qualified):
            return contract
        schema, name = qualified.split(".", 1)
        return replace(undeclared_table(self._reports.get(qualified, name), "", []), schema=schema, name=name)


def wants_unit(name: str, data_type: str, key: Sequence[str] = ()) -> bool:
    """Return whether a column holds numbers or times, and no ids: `id`, `*_id`, or what is alone a table's key."""
    is_id = name == "id" or name.endswith("_id") or tuple(key) == (name,)
    return data_type not in _UNMEASURED and not is_id


def _origins(note: TableNote, column: str) -> Sequence[tuple[str, str]]:
    """Return the direct inputs of a model's column; every row of every input where it is made of none."""
    return note.origins.get(column) or [(table, "*") for table in note.depends_on]


def _undeclared(contract: Table, column: str) -> str:
    if not contract.columns:
        return f"Column {column!r} of the report."
    source = "report" if contract.schema == "reports" else "answer"
    return f"Column {column!r} of the {source}, which the contract does not have yet: kept as text."

"""What each table holds: one declaration per endpoint or report, from which everything else follows."""

from pipelines.normalize.contracts.checks import Check, CheckKind
from pipelines.normalize.contracts.endpoints import ENDPOINTS, Endpoint
from pipelines.normalize.contracts.model import (
    SYSTEM_COLUMNS,
    Column,
    ColumnType,
    FileForm,
    Parameter,
    ParameterKind,
    Privacy,
    Report,
    Table,
    snake_case,
    unique_names,
)
from pipelines.normalize.contracts.registry import (
    REPORTS,
    TABLES,
    report_contract,
    report_table,
    table_contract,
    undeclared_table,
)

__all__ = [
    "ENDPOINTS",
    "REPORTS",
    "SYSTEM_COLUMNS",
    "TABLES",
    "Check",
    "CheckKind",
    "Column",
    "ColumnType",
    "Endpoint",
    "FileForm",
    "Parameter",
    "ParameterKind",
    "Privacy",
    "Report",
    "Table",
    "report_contract",
    "report_table",
    "snake_case",
    "table_contract",
    "undeclared_table",
    "unique_names",
]

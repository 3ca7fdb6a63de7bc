"""Every declared table and report by name, and the contract of a report that nobody declared."""

from pipelines.normalize.contracts import course, department, directory, grades, meta, provisioning, student
from pipelines.normalize.contracts.model import (
    Column,
    ColumnType,
    Privacy,
    Report,
    Table,
    snake_case,
    unique_names,
)

REPORTS: dict[str, Report] = {
    report.name: report for report in (provisioning.PROVISIONING_CSV, grades.GRADE_EXPORT_CSV)
}
"""The declared account reports by their name in Canvas."""

TABLES: dict[str, Table] = {
    table.qualified: table
    for table in (
        *directory.TABLES,
        *department.TABLES,
        *course.TABLES,
        *student.TABLES,
        *(table for report in REPORTS.values() for table in report.tables.values()),
        *meta.LOADED_TABLES,
    )
}
"""The declared tables by qualified name, in data order."""


def table_contract(qualified: str) -> Table | None:
    """Return the contract of a table by qualified name, or None if nobody declared it."""
    return TABLES.get(qualified)


def report_contract(report: str) -> Report | None:
    """Return the contract of an account report by its name in Canvas, or None if nobody declared it."""
    return REPORTS.get(report)


def report_table(report: str, member: str = "") -> str:
    """Return the unqualified table name of a report's file: the report without `_csv`, plus the member."""
    base = snake_case(report.removesuffix("_csv"))
    return f"{base}_{snake_case(member)}" if member else base


def undeclared_table(report: str, member: str, header: list[str]) -> Table:
    """Return a contract with every column as text, for a report that an instance offers and nobody declared.

    Its columns count as identity, the most careful privacy class, until somebody has declared them.
    """
    names = unique_names([snake_case(name) for name in header])
    return Table(
        schema="reports",
        name=report_table(report, member),
        description=f"Report {report}, which has no contract yet: every column is text.",
        grain="one row of the report's file",
        key=(),
        key_is_unique=False,
        columns=tuple(
            Column(name, ColumnType.VARCHAR, f"Column {source!r} of the report.", "", Privacy.IDENTITY, source)
            for name, source in zip(names, header, strict=True)
        ),
        source=f"POST /api/v1/accounts/:account_id/reports/{report}",
        slice="account, report, parameters",
        group="reports",
    )

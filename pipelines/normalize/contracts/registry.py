"""Every declared table and report by name, and the contract of a report that nobody declared."""

from collections.abc import Mapping

from pipelines.normalize.contracts import (
    activity,
    course,
    course_documents,
    course_lists,
    department,
    directory,
    grades,
    meta,
    outcomes,
    provisioning,
    sis_export,
    student,
    tools,
)
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
    report.name: report
    for report in (
        provisioning.PROVISIONING_CSV,
        sis_export.SIS_EXPORT_CSV,
        grades.GRADE_EXPORT_CSV,
        grades.MGP_GRADE_EXPORT_CSV,
        *outcomes.REPORTS,
        *activity.REPORTS,
        *course_lists.REPORTS,
        *tools.REPORTS,
    )
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
        course_documents.COURSE_DOCUMENTS,
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


def undeclared_table(
    report: str, member: str, header: list[str], types: Mapping[str, ColumnType] | None = None
) -> Table:
    """Return a contract with every column as text, for a report that an instance offers and nobody declared.

    `types` gives some columns another type, by header cell or by column name. The columns count as identity, the most
    careful privacy class, until somebody has declared them.
    """
    by_name, by_header = types_by_name(types or {}), types or {}
    names = unique_names([snake_case(name) for name in header])
    return Table(
        schema="reports",
        name=report_table(report, member),
        description=f"Report {report}, which has no contract yet: a column is text unless the settings give its type.",
        grain="one row of the report's file",
        key=(),
        key_is_unique=False,
        columns=tuple(
            Column(
                name,
                by_name.get(name) or (None if source.isascii() else by_header.get(source)) or ColumnType.VARCHAR,
                f"Column {source!r} of the report.",
                "",
                Privacy.IDENTITY,
                source,
            )
            for name, source in zip(names, header, strict=True)
        ),
        source=f"POST /api/v1/accounts/:account_id/reports/{report}",
        slice="account, report, parameters",
        group="reports",
    )


def types_by_name(types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Return types by the column names that their headers become.

    Headers outside of ASCII are left out: several become one name, and only a file's header tells them apart.
    """
    return {snake_case(name): kind for name, kind in types.items() if name.isascii()}

"""What the tables of account reports have in common: schema, source, slice, group, and the shapes of their columns."""

from pipelines.normalize.contracts.model import Column, ColumnType, FileForm, Privacy, Table, snake_case

SIS = "in the student information system"


def report_table_of(
    report: str,
    description: str,
    grain: str,
    key: tuple[str, ...],
    columns: tuple[Column, ...],
    *,
    member: str = "",
    unique: bool = True,
    form: FileForm = FileForm.ROWS,
    lone_cell_is_empty: bool = False,
) -> Table:
    """Return the table of a report's file, or of one `member` of its ZIP."""
    base = report.removesuffix("_csv")
    file = f" ({member}.csv)" if member else ""
    return Table(
        schema="reports",
        name=f"{base}_{member}" if member else base,
        description=description,
        grain=grain,
        key=key,
        key_is_unique=unique,
        columns=columns,
        source=f"POST /api/v1/accounts/:account_id/reports/{report}{file}",
        slice="account, report, parameters",
        group="reports",
        form=form,
        lone_cell_is_empty=lone_cell_is_empty,
    )


def id_of(source: str, description: str, *, privacy: Privacy = Privacy.NONE, needed: bool = False) -> Column:
    """Return a column of Canvas ids by its header."""
    return Column(snake_case(source), ColumnType.BIGINT, description, "", privacy, _source(source), nullable=not needed)


def text_of(source: str, description: str, *, privacy: Privacy = Privacy.NONE, needed: bool = False) -> Column:
    """Return a column of text by its header."""
    return Column(
        snake_case(source), ColumnType.VARCHAR, description, "", privacy, _source(source), nullable=not needed
    )


def time_of(source: str, description: str, *, privacy: Privacy = Privacy.NONE, nulls: tuple[str, ...] = ()) -> Column:
    """Return a column of moments by its header."""
    return Column(snake_case(source), ColumnType.TIMESTAMPTZ, description, "UTC", privacy, _source(source), nulls=nulls)


def flag_of(source: str, description: str, *, privacy: Privacy = Privacy.NONE) -> Column:
    """Return a column of true and false by its header."""
    return Column(snake_case(source), ColumnType.BOOLEAN, description, "", privacy, _source(source))


def number_of(source: str, description: str, unit: str, *, privacy: Privacy = Privacy.NONE) -> Column:
    """Return a column of decimal numbers by its header."""
    return Column(snake_case(source), ColumnType.DOUBLE, description, unit, privacy, _source(source))


def _source(header: str) -> str:
    return "" if header == snake_case(header) else header

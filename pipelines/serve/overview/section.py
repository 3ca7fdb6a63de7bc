"""The form of a section of the overview: a sentence, charts with their numbers, or the command that brings them."""

from dataclasses import dataclass

from pipelines.serve.overview.charts import Chart


@dataclass(frozen=True)
class Table:
    """Numbers to read: a caption, the names of the columns, and rows of texts, the first of which names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A table, with the chart that was drawn from it if there is one."""

    table: Table
    chart: Chart | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page. Without figures, `lead` says why, and `command` brings what is missing if a command can."""

    ident: str
    title: str
    lead: str
    figures: tuple[Figure, ...] = ()
    note: str = ""
    command: str = ""

"""What a report is: its catalog entry, the sheets it fills with values, and how they become a file.

Builders make sheets of Python values; the only place where values become text is `ReportType.build`, so a test
can compare what was loaded with what was held.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.demo.builders.scope import ReportScope
from pipelines.demo.csv_text import Row, Style, TimeText, csv_bytes, iso_in_zone, zip_bytes

CSV: Final = "text/csv"
ZIP: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One CSV before it is text. Rows may be shorter or longer than `columns` where Canvas's are."""

    columns: tuple[str, ...]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """A finished file. `lines` counts the lines of each of its members, headers included.

    `parameters` is what the run writes back into its own.
    """

    content: bytes
    content_type: str
    extension: str
    lines: Mapping[str, int]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportType:
    """A report: `parameters` maps a name to {required, description}, None where the catalog lists none.

    `sheets` returns member -> sheet in the file's order, with the member "" for a report that is one CSV.
    `parallel` ones show their progress. `gradebook_preferences` says that those of the starter are honoured.
    """

    name: str
    title: str
    parameters: Mapping[str, Mapping[str, object]] | None
    sheets: Callable[[ReportScope], Mapping[str, Sheet]]
    parallel: bool = False
    time: TimeText = iso_in_zone
    words: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    gradebook_preferences: bool = False
    local_numbers: bool = False
    always_zipped: bool = False
    written_back: Callable[[ReportScope], Mapping[str, Any]] = lambda _: {}

    def build(self, scope: ReportScope) -> BuiltReport:
        """Build the file of a run; raises ReportFailedError when it ends in error."""
        sheets = self.sheets(scope)
        style = self._style(scope)
        written = {name: csv_bytes(each.columns, each.rows, style) for name, each in sheets.items()}
        lines = {name: len(each.rows) + 1 for name, each in sheets.items()}
        back = self.written_back(scope)
        if len(sheets) > 1 or (self.always_zipped and sheets):
            members = {f"{name}.csv": content for name, content in written.items()}
            return BuiltReport(zip_bytes(members), ZIP, ".zip", lines, back)
        # Nothing to run is a file all the same: one blank line.
        content = next(iter(written.values()), b"\n")
        return BuiltReport(content, CSV, ".csv", lines or {"": 1}, back)

    def _style(self, scope: ReportScope) -> Style:
        zone = scope.institution.time_zone
        if not self.gradebook_preferences:
            return Style(zone, self.time, words=self.words)
        chosen = scope.preferences
        return Style(
            zone,
            self.time,
            separator=";" if chosen.semicolons or chosen.decimal_comma else ",",
            byte_order_mark=chosen.byte_order_mark,
            decimal_comma=chosen.decimal_comma and self.local_numbers,
            encoding=chosen.encoding,
            words=self.words,
        )


def one_sheet(columns: str, rows: list[Row]) -> dict[str, Sheet]:
    """Return the sheets of a report that is one CSV; `columns` has commas."""
    return {"": Sheet(tuple(columns.split(",")), rows)}


def parameter(description: str, *, required: bool = False) -> dict[str, object]:
    """Return one entry of a report's parameter catalog."""
    return {"required": required, "description": description}


TERM: Final = {"enrollment_term_id": parameter("Canvas id or sis_term_id:X of a term; all terms when absent")}
COURSE: Final = {"course_id": parameter("Canvas id or sis_course_id:X of a course; all courses when absent")}
INCLUDE_DELETED: Final = {"include_deleted": parameter("Adds deleted and concluded records")}
SKIP_MESSAGE: Final = {"skip_message": parameter("No message to the starter; any text counts as yes")}

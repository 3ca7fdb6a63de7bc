"""What Canvas's own source says of its reports: names, columns in order, parameters. No contract stands behind it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("report_columns.json")


@dataclass(frozen=True)
class FileFacts:
    """One shape of a report's file. `optional` are (column, the column it stands behind; None: the last)."""

    report: str
    member: str
    columns: tuple[str, ...]
    optional: tuple[tuple[str, str | None], ...] = ()
    of_each_period: tuple[str, ...] = ()
    periods_after: str = ""
    ragged: bool = False

    def with_optional(self) -> list[str]:
        header = list(self.columns)
        for name, after in self.optional:
            header.insert(len(header) if after is None else header.index(after) + 1, name)
        return header


@dataclass(frozen=True)
class ReportFacts:
    name: str
    title: str
    parameters: dict[str, tuple[str, bool]]
    files: tuple[FileFacts, ...]

    @property
    def members(self) -> list[str]:
        return list(dict.fromkeys(file.member for file in self.files))


@cache
def report_facts() -> dict[str, ReportFacts]:
    found = {}
    for report in json.loads(_FILE.read_text(encoding="utf-8")):
        files = tuple(
            FileFacts(
                report["name"],
                file["member"],
                tuple(file["columns"]),
                tuple((one["name"], one["after"]) for one in file.get("optional", ())),
                tuple(file.get("of_each_period", ())),
                file.get("periods_after", ""),
                file.get("ragged", False),
            )
            for file in report["files"]
        )
        parameters = {one["name"]: (one["type"], one["required"]) for one in report["parameters"]}
        found[report["name"]] = ReportFacts(report["name"], report["title"], parameters, files)
    return found

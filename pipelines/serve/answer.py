"""An answer on its way into a file: its columns and what is known about them, its source, its generation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.serve.problem import QueryError

PERSONAL = ("identity", "record")
"""The privacy classes that a person who gets the file must know of."""


class ExportError(QueryError):
    """An answer could not be written as a file. Nothing is left behind, and a file that was there is untouched."""


@dataclass(frozen=True)
class AnswerColumn:
    """A column of an answer. `type` is DuckDB's; what is not known is empty."""

    name: str
    type: str
    description: str = ""
    unit: str = ""
    privacy: str = ""


@dataclass(frozen=True)
class Answer:
    """What a file says about itself. `source` is a table's name or a query; `rows` is None until they are counted.

    `held_back` are the tables in it that keep earlier rows, each with the reason.
    """

    source: str
    columns: tuple[AnswerColumn, ...]
    rows: int | None = None
    generation: int | None = None
    published_at: datetime | None = None
    held_back: Mapping[str, str] = field(default_factory=dict)

    @property
    def privacy_note(self) -> str:
        """A sentence that names the columns about persons; empty if there are none."""
        parts = []
        for privacy in PERSONAL:
            names = [column.name for column in self.columns if column.privacy == privacy]
            if names:
                parts.append(f"{privacy} ({', '.join(names)})")
        return f"Data about persons: {'; '.join(parts)}." if parts else ""

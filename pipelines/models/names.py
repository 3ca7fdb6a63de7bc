"""The names and texts of models in SQL."""

from pipelines.models.model import Model


def quoted(model: Model, suffix: str = "") -> str:
    """Return the name of a model's table for SQL text."""
    return f"{quoted_name(model.schema)}.{quoted_name(model.name + suffix)}"


def quoted_name(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a quoted SQL literal."""
    return "'" + text.replace("'", "''") + "'"

"""`canvaslake publish`: what may be said with it, before anything is made."""

from collections.abc import Sequence

from pipelines.cli.unknown_names import UnknownTableError, meant
from pipelines.ledger.database import rows_of
from pipelines.project import Project, known_tables


def check_accepted(project: Project, names: Sequence[str]) -> None:
    """Raise UnknownTableError for a name that is no loaded table, with close ones: it would accept nothing."""
    # A report that is configured no more still has its table, which can shrink like any other.
    loaded = {str(row["table_name"]) for row in rows_of(project.ledger, "SELECT DISTINCT table_name FROM slices")}
    known = {*known_tables(project.settings), *loaded}
    for name in names:
        if name in known:
            continue
        if name in {model.qualified for model in project.model_files}:
            raise UnknownTableError(
                f"{name} is made from other tables and is never held back, so there is nothing to accept. Name the "
                "table that fell: it stands in the message of the publish that held it back."
            )
        hint = meant(name, known, "canvaslake tables lists them all.")
        raise UnknownTableError(f"{name} is no table that is loaded, so nothing was published. {hint}")

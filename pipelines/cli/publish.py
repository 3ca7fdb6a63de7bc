"""`canvaslake publish`: what may be said with it, and what it says when the file is made, or is not."""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from pipelines.as_of import MomentError, moment_meant
from pipelines.cli.console import say
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.unknown_names import UnknownTableError, meant
from pipelines.ledger.database import rows_of
from pipelines.ledger.generations import pinned_generation
from pipelines.project import Project, known_tables
from pipelines.warehouse import PublishOutcome, publish
from pipelines.warehouse.as_of import publish_as_of
from pipelines.warehouse.full import publish_full


def check_accepted(project: Project, names: Sequence[str]) -> None:
    """Raise UnknownTableError for a name that is no table and no model, with close ones: it would accept nothing."""
    # A report that is configured no more still has its table, which can shrink like any other.
    loaded = {str(row["table_name"]) for row in rows_of(project.ledger, "SELECT DISTINCT table_name FROM slices")}
    known = {*known_tables(project.settings), *loaded, *(model.qualified for model in project.model_files)}
    for name in names:
        if name not in known:
            hint = meant(name, known, "canvaslake tables lists them all.")
            raise UnknownTableError(f"{name} is no table in the file, so nothing was published. {hint}")


def run_publish(project: Project, accept: Sequence[str], *, full: bool) -> ExitCode:
    """Publish what is loaded, and say what came of it; raises PublishError and ModelError."""
    try:
        check_accepted(project, accept)
    except UnknownTableError as error:
        say(str(error))
        return ExitCode.USAGE
    unfit = project.read_anew()
    pinned = pinned_generation(project.ledger)
    outcome = (
        publish_full(project.warehouse, project.models, accept, unfit=unfit)
        if full
        else publish(project.warehouse, project.models, accept, unfit=unfit, release=True)
    )
    swept = project.sweep()
    held = [check for check in outcome.applied.checks if check.holds_back]
    for check in held:
        say(f"! {check.table} {check.detail}")
    warned = sum(not check.passed and not check.holds_back for check in outcome.applied.checks)
    if warned:
        say(
            f"{warned} check{'s' if warned > 1 else ''} warned. Which, and of what: canvaslake query "
            '"select table_name, check_name, detail from meta.checks where not passed"'
        )
    if swept.superseded:
        days = project.settings.lake.keep_superseded_days
        say(f"Removed {swept.superseded:,} files of the lake whose rows were replaced more than {days:g} days ago.")
    if pinned is not None:
        say(f"The rollback to generation {pinned.generation} is over: from now on, what is loaded is published.")
    say(f"{headline(outcome)}: {outcome.path}")
    return ExitCode.WAREHOUSE if held else ExitCode.OK


def headline(outcome: PublishOutcome) -> str:
    """Return what a publish did, in a few words."""
    if outcome.made:
        return f"Published generation {outcome.generation}"
    return f"Nothing has changed since generation {outcome.generation}"


def run_as_of(project: Project, as_of: str, to: Path | None) -> ExitCode:
    """Make the warehouse as it was at a moment, and say where it is; raises PublishError and ModelError."""
    try:
        moment = moment_meant(as_of, project.settings.canvas.time_zone)
    except MomentError as error:
        say(str(error))
        return ExitCode.USAGE
    outcome = publish_as_of(project.warehouse, project.models, moment, to.expanduser() if to else None)
    for table in outcome.unfit:
        say(f"! {table} is empty in it: its rows of then do not fit the types that were declared later.")
    seen = f"readers saw generation {outcome.generation} then" if outcome.generation else "nothing was published then"
    say(f"The warehouse as of {outcome.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({seen}): {outcome.path}")
    return ExitCode.OK

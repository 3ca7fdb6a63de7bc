"""`canvaslake rollback`: the published file goes back to a generation that is kept, or the list of those."""

from dataclasses import asdict
from datetime import UTC, datetime

from pipelines.cli.console import put_json, put_table, say
from pipelines.project import Project
from pipelines.warehouse.rollback import GenerationFile, generation_files, roll_back


def show_generations(project: Project, *, as_json: bool) -> None:
    """List the generations that are kept, the newest first."""
    files = generation_files(project.warehouse)
    if as_json:
        put_json([{**asdict(one), **_moments(one)} for one in files])
        return
    put_table(
        ["generation", "published (UTC)", "rows", "bytes", ""],
        [[str(one.generation), _said(one.published_at), one.rows, one.bytes, _standing(one)] for one in files],
        right=["generation", "rows", "bytes"],
    )


def run_rollback(project: Project, generation: int | None, *, as_json: bool) -> None:
    """Go back to a generation, the one before the present one by default; raises PublishError."""
    outcome = roll_back(project.warehouse, generation)
    if as_json:
        put_json({**asdict(outcome), "published_at": outcome.published_at.isoformat()})
    withdrawn = ", ".join(str(number) for number in outcome.withdrawn)
    say(
        f"The published file is generation {outcome.generation} of {_said(outcome.published_at)} UTC again"
        f"{f'; withdrawn: {withdrawn}' if withdrawn else ''}: {outcome.path}"
    )
    say("It stays so, whatever is loaded, until you publish: canvaslake publish")


def _standing(one: GenerationFile) -> str:
    if one.is_pinned:
        return "published, until a person publishes"
    if one.is_published:
        return "published"
    return f"withdrawn {_said(one.withdrawn_at)}" if one.withdrawn_at else ""


def _moments(one: GenerationFile) -> dict[str, str | None]:
    return {
        "published_at": one.published_at.isoformat(),
        "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else None,
    }


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

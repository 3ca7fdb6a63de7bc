"""`canvaslake overview`: where the page goes. What is on it is made in `pipelines.serve.overview`."""

from pathlib import Path

from pipelines.cli.console import put, say
from pipelines.private_files import into_place
from pipelines.project import Project
from pipelines.serve.overview import page, read_overview


def write_overview(project: Project, *, to: Path | None, account: int | None, source: Path | None = None) -> Path:
    """Write the page of a published file, the newest unless `source` names another, and return where it is.

    `to` is a file, or a folder that is there to put the page into; without it the page lies in the data directory. The
    file is its owner's alone, and an older page stays whole until the new one takes its place. Raises QueryError
    without a published file and for an account that is not in it.
    """
    folder = project.home if to is None else to
    name = "overview.html" if account is None else f"overview-{account}.html"
    target = folder / name if to is None or to.is_dir() else to
    zone = project.settings.canvas.time_zone
    text = page(read_overview(source or project.paths.published, time_zone=zone, account=account))
    with into_place(target.absolute()) as (file, _):
        file.write(text.encode("utf-8"))
    put(str(target))
    say("Open it in a browser. It needs no network.")
    return target

"""Which file a command with --as-of reads: the published one, a kept generation, or one made for a moment."""

from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.as_of import MomentError, moment_meant
from pipelines.ledger.generations import published_generations
from pipelines.project import Project
from pipelines.serve.generations import file_as_of, numbered_file
from pipelines.serve.problem import QueryError

_LONGEST_NUMBER = 7


def file_meant(project: Project, as_of: str | None) -> Path:
    """Return the file to read; raises QueryError for words that mean none, and where there is no such file.

    `as_of` is the number of a generation, a date (the end of that day in the time zone of `[canvas]`) or a time.
    """
    if as_of is None:
        return project.paths.published
    words = as_of.strip()
    if words.isdecimal() and words.isascii() and len(words) <= _LONGEST_NUMBER:
        return numbered_file(project.paths, int(words))
    zone, now = project.settings.canvas.time_zone, project.ledger.clock()
    try:
        moment = moment_meant(words, zone)
    except MomentError as error:
        raise QueryError(
            "--as-of is not right.", str(error), "The number of a generation, such as 12, will do too."
        ) from None
    # The end of today is asked for by its date; it is the present file that can answer.
    if moment > moment_meant(now.astimezone(ZoneInfo(zone)).date().isoformat(), zone):
        raise QueryError(
            f"{words} has not come yet.",
            "Nobody knows what the warehouse will hold then.",
            "To ask the newest file, leave --as-of out.",
        )
    withdrawn = {one.generation for one in published_generations(project.ledger) if one.withdrawn_at is not None}
    return file_as_of(project.paths, moment, withdrawn)

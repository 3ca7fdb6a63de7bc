"""Files of reports loaded without asking Canvas: one that a person gives, and those that are kept."""

import asyncio
import hashlib
import itertools
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import typer

from pipelines.asking import TERM_PARAMETER, account_number
from pipelines.cli.console import say
from pipelines.cli.exit_codes import ExitCode
from pipelines.extract.archives import member_names
from pipelines.extract.run_lock import load_lock
from pipelines.lake import LoadOutcome
from pipelines.lake.kept_files import DamagedFileError
from pipelines.lake.read import account_places, term_dates
from pipelines.ledger import Intent, IntentState
from pipelines.ledger.intents import get_intent
from pipelines.ledger.kept_files import kept_files
from pipelines.ledger.loads import live_files, retire_scopes
from pipelines.ledger.wishes import want_file
from pipelines.load.report_parameters import ReportParametersError, canonical_parameters, members_missing
from pipelines.load.reports import REFUSED, load_again, load_file, still_speaks
from pipelines.normalize.contracts.meta import QUARANTINE
from pipelines.project import Project
from pipelines.settings import ReportSettings

_FILE_NAME = re.compile(r"(?P<report>[A-Za-z0-9_]+?)_\d{2}_[A-Z][a-z]{2}_\d{4}_\d+")


def file_id(file: Path) -> str | None:
    """Return the report that the name of a file begins with, as Canvas names them; None if it names none."""
    found = _FILE_NAME.match(file.name)
    return found.group("report") if found else None


def load_by_hand(
    project: Project,
    file: Path,
    report: ReportSettings,
    *,
    account: str | None,
    ended_at: datetime,
    older_too: bool = False,
) -> LoadOutcome:
    """Load a file that a person gives as a report with some parameters. Raises one of REFUSED, or CanvasError."""
    name = account or (report.accounts or project.settings.canvas.accounts)[0]

    async def number() -> int:
        if str(name).isdecimal():
            return int(name)
        async with project.client(light=True) as client:
            return await account_number(project, client, name)

    parameters = canonical_parameters(report.report, report.parameters)
    if report.terms is not None and TERM_PARAMETER not in parameters:
        say(f"{report.report} is asked for term by term: say which one this is with -p {TERM_PARAMETER}=7.")
        raise typer.Exit(ExitCode.USAGE)
    _refuse_unknown_term(project, parameters)
    names = member_names(file)
    missing = members_missing(report.report, parameters, names) if names else []
    if missing:
        raise ReportParametersError(
            f"{file.name} was not loaded: its parameters say that it has {', '.join(missing)} too, whose rows it would "
            "take away. Say what it has: -p users=true, and so on for each."
        )
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    account_id = asyncio.run(number())
    places = {place.account_id for place in account_places(project.lake, project.settings.instance)}
    if places and account_id not in places:
        raise ReportParametersError(
            f"{file.name} was not loaded: canvas.accounts has no account {account_id}. If Canvas has: canvaslake sync "
            "canvas.accounts"
        )
    for again in itertools.count(1):
        intent = want_file(
            project.ledger,
            instance=project.settings.instance,
            account_id=account_id,
            report=report.report,
            parameters=parameters,
            window=digest[:16] if again == 1 else f"{digest[:16]}.{again}",
        )
        # A file whose rows another one replaced meanwhile is loaded once more when it is given once more.
        if intent.state is not IntentState.LOADED or still_speaks(project.ledger, intent):
            break
    with load_lock(project.home, intent.intent_id):
        try:
            reading = project.reading(report.report)
            return load_file(project.lake, intent, file, reading, extracted_at=ended_at, older_too=older_too)
        except REFUSED as error:
            raise type(error)(
                f"{file.name} was not loaded as {report.report}: {error}. The tables keep their rows. Look at the "
                "file: it must be as Canvas gave it."
            ) from None


def _refuse_unknown_term(project: Project, parameters: Mapping[str, object]) -> None:
    term = parameters.get(TERM_PARAMETER)
    known = {one.term_id for one in term_dates(project.lake, project.settings.instance)}
    # Canvas also takes ids of the SIS, which the file does not need to know.
    if known and str(term).isdecimal() and int(str(term)) not in known:
        raise ReportParametersError(
            f"Nothing was loaded: canvas.terms has no term {term}. There are {', '.join(map(str, sorted(known)))}."
        )


def take_out(project: Project, intent: Intent) -> list[str]:
    """Take the rows of a report out of the live set; return the tables that had some."""
    ledger = project.ledger
    with load_lock(project.home, intent.intent_id):
        tables = {
            file.table_name
            for file in live_files(ledger)
            if intent.load_id is not None and file.load_id.startswith(intent.load_id)
        }
        place = ("course", intent.course_id) if intent.course_id is not None else ("account", intent.account_id)
        mine = (place[1], intent.parameters_hash)
        retire_scopes(
            ledger,
            intent.instance,
            intent.report,
            keep=lambda scope: (scope.get(place[0]), scope["parameters"]) != mine,
        )
    return sorted(tables - {QUARANTINE.qualified})


def load_kept_again(project: Project, report: str | None) -> tuple[list[LoadOutcome], int]:
    """Load every file that is kept, of one report or of all, oldest first; return the loads, and how many failed."""
    outcomes, refused = [], 0
    for kept in kept_files(project.ledger):
        intent = get_intent(project.ledger, kept.intent_id)
        if report not in (None, intent.report):
            continue
        try:
            with load_lock(project.home, intent.intent_id):
                again = load_again(project.lake, kept, project.reading(intent.report))
            if again is not None:
                outcomes.append(again)
        except (DamagedFileError, *REFUSED) as error:
            refused += 1
            say(f"! {intent.report} {intent.report_id or ''} ({kept.load_id}) was not loaded: {error}")
    return outcomes, refused

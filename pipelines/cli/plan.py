"""`canvaslake plan` and the first line of a sync: the price, told before it is spent.

The quota is read from the headers of one or two cheap requests.
"""

import asyncio
import time
from collections.abc import Sequence

from assets.specs import qualified_name
from pipelines.canvas import CanvasError
from pipelines.canvas.accounts import show_account
from pipelines.canvas.errors import NotFoundError
from pipelines.cli.console import put_json, put_table, say
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.pricing import Narrowed, Priced, Questions, price_sync
from pipelines.cli.unknown_ids import unknown_id_warnings
from pipelines.extract.plan import Seen, about, price
from pipelines.project import Project
from pipelines.settings import SettingsError

_MOST_NAMES = 2


async def look_at_quota(project: Project, times: int = 1) -> Seen:
    """Ask for the configured account, and return what that showed of the way to Canvas and of the quota.

    The account and not the token's owner: it is needed anyway, and a token with scopes may have no other. Raises
    SettingsError for an account that is not there, and CanvasError.
    """
    account = project.settings.canvas.accounts[0]
    seconds = []
    async with project.client(light=True) as client:
        for _ in range(times):
            began = time.monotonic()
            try:
                answer = await show_account(client, account)
            except NotFoundError as error:
                raise SettingsError(
                    f"This Canvas has no account {account}, or hides it from the token's owner. Correct the accounts "
                    f"of [canvas] in {project.settings.config_path or 'canvaslake.toml'}. "
                    f"[request id {error.request_id}]"
                ) from error
            seconds.append(time.monotonic() - began)
    # The first also opens the connection, which a pull does once.
    return Seen(min(seconds), answer.cost, answer.remaining)


def run_plan(project: Project, names: Sequence[str], *, full: bool, as_json: bool) -> ExitCode:
    """Price a sync and print it; return the exit code. Without Canvas the counts are printed, and the reason said."""
    project.settings.require_canvas()
    narrowed = _narrowed(project, names) if names else None
    seen, problem = None, None
    try:
        seen = asyncio.run(look_at_quota(project, times=2))
    except CanvasError as error:
        problem = error
    priced = price_sync(project, seen, narrowed=narrowed, full=full)
    if as_json:
        put_json(_as_json(project, priced))
    else:
        _show(project, priced)
    for warning in unknown_id_warnings(project):
        say(f"! {warning}")
    if problem is not None:
        say(f"! Without Canvas there is no quota to read, so times are those of earlier pulls, or missing. {problem}")
    return exit_code_of(problem) if problem is not None else ExitCode.OK


def price_line(project: Project, seen: Seen, *, narrowed: Narrowed, full: bool) -> str:
    """Return the price of a sync that is about to begin, in one line."""
    source = Questions(project, narrowed, full=full, quick=True)
    plan = price(source.all(), seen, project.settings.canvas.max_in_flight)
    left = f" at the present quota ({seen.remaining:,.0f} left)" if seen.remaining is not None else ""
    began, after = "To ask", ""
    if not plan.is_whole:
        began = "To begin with"
        after = " What follows from the directory, mostly the larger part, is known when that is loaded."
    after += source.left_out
    return (
        f"{began}: {_many(plan.questions, 'question')}, about {_many(plan.requests, 'request')}, "
        f"{about(plan.seconds or 0.0)}{left}.{after} canvaslake plan shows more."
    )


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _narrowed(project: Project, names: Sequence[str]) -> Narrowed:
    from pipelines.cli.sync import select
    from pipelines.code_location import build_definitions
    from pipelines.resources import Projects

    selection = select(project, build_definitions(project.settings, Projects(lambda: project)), names)
    return Narrowed(frozenset(map(qualified_name, selection.endpoints)), selection.reports)


def _show(project: Project, priced: Priced) -> None:
    plan = priced.plan
    rows = []
    for line in plan.lines:
        asked = line.asked
        known = asked.parts is not None
        sign = "~" if asked.estimated else ""
        rows.append(
            [
                asked.family,
                f"{sign}{asked.questions:,}" if known else "-",
                f"{sign}{asked.requests:,}" if known else "-",
                _counted([line.total_rows]),
                "-" if line.seconds is None or not known else about(line.seconds),
            ]
        )
        rows += [
            [
                f"  {_named(part.tables) or part.about}",
                f"{sign}{part.questions:,}",
                f"{sign}{part.requests:,}",
                _counted([line.rows.get(table) for table in part.tables]),
                "",
            ]
            for part in asked.parts or ()
        ]
    total = "-" if plan.seconds is None else about(plan.seconds)
    rows.append(["together", f"{plan.questions:,}", f"{plan.requests:,}", "", total])
    right = ["questions", "requests", "rows"]
    put_table(["tables", "questions", "requests", "rows", "time"], rows, right=right)
    for line in plan.lines:
        if line.asked.estimated or line.asked.note:
            said = [*(["estimated"] if line.asked.estimated else []), *([line.asked.note] if line.asked.note else [])]
            say(f"{line.asked.family}: {', '.join(said)}.")
    if not plan.is_whole:
        say("The directory comes first: nothing is loaded of it yet. Next: canvaslake sync canvas, then plan again.")
    if priced.seen is not None:
        say(_quota(priced.seen, project.settings.canvas.max_in_flight))
    if priced.best is not None:
        say(f"Cheaper: {priced.best}.")
    elif plan.is_whole:
        say("No change of one setting would make this sync cheaper.")
    for choice in priced.choices:
        if choice is not priced.best and choice.requests_saved:
            say(f"In comparison: {choice}.")


def _named(tables: Sequence[str]) -> str:
    """Return the tables that one answer feeds, as far as they fit."""
    more = f" and {len(tables) - _MOST_NAMES} more" if len(tables) > _MOST_NAMES else ""
    return ", ".join(tables[:_MOST_NAMES]) + more


def _counted(rows: Sequence[int | None]) -> str:
    known = [count for count in rows if count is not None]
    return f"{sum(known):,}" if known else "-"


def _quota(seen: Seen, cap: int) -> str:
    way = f"{seen.round_trip * 1000:,.0f} ms to Canvas and back, {seen.in_flight(cap)} requests in flight at most"
    if seen.remaining is None:
        return f"Canvas sends no quota headers here: times are by the way there and back ({way})."
    return f"Quota: {seen.remaining:,.0f} left; {way}."


def _as_json(project: Project, priced: Priced) -> dict[str, object]:
    plan, seen, cap = priced.plan, priced.seen, project.settings.canvas.max_in_flight
    quota = None
    if seen is not None:
        quota = {
            "remaining": seen.remaining,
            "request_cost": seen.cost,
            "round_trip_seconds": seen.round_trip,
            "in_flight": seen.in_flight(cap),
        }
    return {
        "canvas": project.settings.instance,
        "quota": quota,
        "lines": [
            {
                "family": line.asked.family,
                "questions": line.asked.questions if line.asked.parts is not None else None,
                "requests": line.asked.requests if line.asked.parts is not None else None,
                "estimated": line.asked.estimated,
                "rows": line.rows,
                "tables": [
                    {"tables": part.tables, "questions": part.questions, "requests": part.requests}
                    for part in line.asked.parts or ()
                ],
                "cost": line.cost if line.asked.parts is not None else None,
                "seconds": line.seconds if line.asked.parts is not None else None,
                "note": line.asked.note,
            }
            for line in plan.lines
        ],
        "questions": plan.questions,
        "requests": plan.requests,
        "seconds": plan.seconds,
        "best": None if priced.best is None else priced.best.setting,
        "choices": [
            {
                "setting": f"[sync] {choice.setting}",
                "questions": choice.questions,
                "instead_of": choice.instead_of,
                "requests_saved": choice.requests_saved,
                "seconds_saved": choice.seconds_saved,
                "says": str(choice),
            }
            for choice in priced.choices
        ],
    }

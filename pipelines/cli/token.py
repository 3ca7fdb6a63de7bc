"""`canvaslake token`: what the access token may do and when it ends, and another one in its place.

A rotation must never end with a token that nobody has. Canvas voids the old one the moment it makes the new one, so
the new one is on disk before anything else happens, in `.env.next`, and `.env` is replaced only when the new one has
proved itself. No token is ever shown: Canvas's hint, its first five characters, stands for it.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, NoReturn

import typer
from pydantic import SecretStr

from pipelines.canvas import CanvasError, Record, SecretToken
from pipelines.canvas.errors import (
    AuthenticationError,
    InsufficientScopesError,
    NotFoundError,
    RegenerationLostError,
)
from pipelines.canvas.moments import moment_of
from pipelines.canvas.tokens import hint_of, regenerate_token, show_token
from pipelines.canvas.users import show_self
from pipelines.cli.app import current_project
from pipelines.cli.command_line import CommandLine
from pipelines.cli.console import put, put_json, put_table, say
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.secret_file import TOKEN_NAME, SecretFile
from pipelines.normalize.contracts import ENDPOINTS, Endpoint
from pipelines.project import Project
from pipelines.settings import Settings, SettingsError

app = CommandLine(no_args_is_help=True, help="The access token: what it may do, when it ends, and a new one.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_FEW_DAYS = 14


@dataclass(frozen=True)
class TokenFacts:
    """What Canvas says of a token, without the token. `scopes` None: it may do all that its owner may."""

    id: int
    hint: str
    purpose: str | None
    scopes: tuple[str, ...] | None
    created_at: datetime | None
    expires_at: datetime | None
    days_left: int | None
    state: str | None
    can_be_rotated: bool

    @classmethod
    def of(cls, record: Record, hint: str, now: datetime) -> "TokenFacts":
        """Read Canvas's record of a token."""
        ends = moment_of(record.get("expires_at"))
        return cls(
            id=int(record["id"]),
            hint=hint,
            purpose=record.get("purpose"),
            scopes=tuple(map(str, record.get("scopes") or ())) or None,
            created_at=moment_of(record.get("created_at")),
            expires_at=ends,
            days_left=None if ends is None else (ends - now).days,
            state=record.get("workflow_state"),
            # Older Canvas does not say, and lets its owner do it.
            can_be_rotated=record.get("can_manually_regenerate") is not False,
        )

    @property
    def ends_soon(self) -> bool:
        """Whether it is time to think of a new end."""
        return self.days_left is not None and self.days_left < _FEW_DAYS

    @property
    def name(self) -> str:
        """The token as a person knows it."""
        return f"{self.purpose!r} ({self.hint}..., id {self.id})"


@app.command()
def show(as_json: Json = False) -> None:
    """Tell what the token is for, what it may do and when it ends; never the token itself."""
    project = current_project()
    facts = asyncio.run(_facts(project))
    if as_json:
        put_json({name: getattr(facts, name) for name in facts.__dataclass_fields__})
    else:
        put_table(
            ["what", "value"],
            [
                ["purpose", facts.purpose],
                ["begins with", facts.hint],
                ["id", str(facts.id)],
                ["state", facts.state],
                ["may use", "\n".join(facts.scopes) if facts.scopes else "all that its owner may do"],
                ["created", _shown(facts.created_at)],
                ["expires", _shown(facts.expires_at) or "never"],
                ["days left", None if facts.days_left is None else str(facts.days_left)],
                ["can be rotated", "yes" if facts.can_be_rotated else "no"],
            ],
        )
    if facts.ends_soon:
        say(f"! The token ends in {facts.days_left} days. Next: canvaslake token rotate --expires-days 90")
    file = SecretFile(project.settings.secret_path)
    if file.next.exists():
        say(f"! {file.next} is there from a rotation that did not end. Next: canvaslake token rotate")


@app.command()
def rotate(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed when not on a terminal.")] = False,
    expires_days: Annotated[
        int | None, typer.Option("--expires-days", min=1, help="Days until the new token ends; else the end stays.")
    ] = None,
) -> None:
    """Have Canvas make a new token in place of this one, prove it, and put it into .env; the old one is void."""
    project = current_project()
    project.settings.require_canvas()
    if os.environ.get(TOKEN_NAME):
        raise SettingsError(
            f"The token comes from the environment variable {TOKEN_NAME}, which a new token in "
            f"{project.settings.secret_path} would not replace. Unset it and keep the token in that file, or make a "
            "new one in Canvas where the variable is set."
        )
    asyncio.run(_rotate(project, yes=yes, expires_days=expires_days))


@app.command()
def scopes(
    rotation: Annotated[
        bool, typer.Option("--rotate", help="With those that `canvaslake token show` and `rotate` need.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the least scopes that a token with enforced scopes needs for these settings, one a line."""
    settings = current_project().settings
    needed = least_scopes(settings, rotation=rotation)
    if as_json:
        put_json([{"scope": each.scope, "for": _purpose(each)} for each in needed])
    else:
        put("\n".join(each.scope for each in needed))
    say(f"{len(needed)} scopes, for these settings as they are: choose them on the developer key of the token.")
    if settings.sync.student_analytics == "off":
        say('Without those of students: [sync] student_analytics is "off".')
    if not settings.reports:
        say("Without those of reports: none is configured.")
    else:
        say("Without those of `canvaslake reports abort` and `reports delete`, which only a person's commands need.")
    if not rotation:
        say("Without those that look at the token and renew it: --rotate adds them.")
    say("A scope is not a right: the token's owner needs the rights besides. canvaslake doctor looks at them.")


def least_scopes(settings: Settings, *, rotation: bool) -> list[Endpoint]:
    """Return the endpoints that some settings lead to, in the order of the contracts."""
    return [each for each in ENDPOINTS if each.asked and _is_needed(each, settings, rotation=rotation)]


def _is_needed(endpoint: Endpoint, settings: Settings, *, rotation: bool) -> bool:
    if endpoint.group == "student":
        return settings.sync.student_analytics != "off"
    if endpoint.group == "reports":
        if "/courses/" in endpoint.path:
            return bool(settings.course_reports)
        if endpoint.method == "DELETE":
            return any(report.delete_after_load for report in settings.reports)
        return bool(settings.reports) and not endpoint.path.endswith("/abort")
    if endpoint.group == "token":
        return rotation or "/tokens/" not in endpoint.path
    return True


def _purpose(endpoint: Endpoint) -> str:
    return endpoint.note or ", ".join(endpoint.tables)


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M %Z}"


async def _facts(project: Project) -> TokenFacts:
    async with project.client(light=True) as client:
        hint = hint_of(_secret(project))
        try:
            answer = await show_token(client, hint)
        except NotFoundError as error:
            error.what = "Canvas does not show this token to its owner."
            error.next_step = "Look for it in Canvas: Account > Settings > Approved Integrations."
            raise
    return TokenFacts.of(answer.data, hint, project.clock())


async def _rotate(project: Project, *, yes: bool, expires_days: int | None) -> None:
    file = SecretFile(project.settings.secret_path)
    if file.next.is_file() and await _ended_earlier_rotation(project, file):
        return
    facts = await _facts(project)
    if not facts.can_be_rotated:
        say(
            f"Canvas does not let its owner renew the token {facts.name}: it has expired or an app made it. Make a "
            f"new one in Canvas (Account > Settings > New Access Token) and put it into {file.path}."
        )
        raise typer.Exit(ExitCode.RIGHT)
    file.check_replaceable()
    new_end = None if expires_days is None else project.clock() + timedelta(days=expires_days)
    if new_end is None and facts.ends_soon:
        say(f"! The end stays: the new token ends in {facts.days_left} days too. Give another: --expires-days 90")
    _confirm(facts, yes=yes)
    async with project.client() as client, client.exclusive("token rotation", on_wait=_say_wait):
        if file.token() != _secret(project):
            raise SettingsError(f"{file.path} has changed meanwhile; nothing was asked for. Run: canvaslake token show")
        try:
            secret = (await regenerate_token(client, facts.id, expires_at=new_end)).data.secret
        except RegenerationLostError as error:
            await _tell_lost(project, file, error)
        except asyncio.CancelledError:
            say(f"Stopped while Canvas was making the new token: the one in {file.path} may be void. {_SEE}")
            raise
        try:
            file.write_next(secret)
        except OSError as error:
            raise SettingsError(
                f"{file.next} could not be written ({error.strerror or error}), so the new token is lost and the one "
                f"in {file.path} is void. Make a new one in Canvas (Account > Settings > New Access Token) and put it "
                "into that file."
            ) from None
        await _prove_and_place(project, file)
    await _tell_end(project)


async def _ended_earlier_rotation(project: Project, file: SecretFile) -> bool:
    """Put a token that an earlier rotation left beside the file in place, if Canvas accepts it."""
    async with project.client(light=True) as client, client.exclusive("token rotation", on_wait=_say_wait):
        left = file.next_token()
        if left is None or not await _is_accepted(project, left):
            say(f"{file.next} holds no token that Canvas accepts. The one in {file.path} is tried.")
            return False
        _place(file)
    say(f"An earlier rotation had not ended: its token is good, and stands in {file.path} now.")
    say(_RUNNING)
    return True


_SEE = "See: canvaslake token show"
_RUNNING = "A running `canvaslake up` takes the new token at its next run."


def _confirm(facts: TokenFacts, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        say("There is no terminal to ask on. Run again with --yes: canvaslake token rotate --yes")
        raise typer.Exit(ExitCode.USAGE)
    say(f"The token {facts.name} will be void at once, for every program that uses it.")
    if not typer.confirm("Make a new one in its place?", err=True):
        say("Nothing was changed.")
        raise typer.Exit(ExitCode.OK)


def _say_wait(holder: str) -> None:
    say(f"Waiting for {holder} to end: a token is not changed under work that uses it.")


async def _prove_and_place(project: Project, file: SecretFile) -> None:
    """Ask Canvas with the token that stands beside the file, and put it in place if that works."""
    # Read back, so that what is proved is what stands in the file.
    written = file.next_token()
    where = (
        f"The new token is in {file.next}, and the one in {file.path} is void. Run again: canvaslake token rotate. "
        f"It tries {file.next.name} first."
    )
    try:
        good = written is not None and await _is_accepted(project, written)
    except BaseException:
        say(f"The new token could not be tried. {where}")
        raise
    if not good:
        say(f"Canvas does not accept the new token. {where}")
        raise typer.Exit(ExitCode.TOKEN)
    _place(file)


def _place(file: SecretFile) -> None:
    try:
        file.put_next_in_place()
    except OSError as error:
        raise SettingsError(
            f"The new token is good and stands in {file.next}, but could not be moved to {file.path} "
            f"({error.strerror or error}). Move it there by hand: the token in {file.path} is void."
        ) from None


async def _tell_lost(project: Project, file: SecretFile, error: RegenerationLostError) -> NoReturn:
    """Say how a rotation whose answer was lost has ended, as far as that can be known."""
    try:
        still_good = await _is_accepted(project, _secret(project))
    except CanvasError:
        say(f"Whether the token in {file.path} is void could not be asked either.")
        raise error from None
    if still_good:
        say(
            f"The answer of Canvas was lost, and it still accepts the token in {file.path}: nothing has changed so "
            "far. Wait a minute, and run again: canvaslake token rotate"
        )
        raise typer.Exit(ExitCode.CONNECTION)
    error.why = f"Canvas has made a new token that did not arrive, and the one in {file.path} is void."
    error.next_step = (
        f"Make a new one in Canvas (Account > Settings > New Access Token) and put it into {file.path} as {TOKEN_NAME}."
    )
    raise error from None


async def _tell_end(project: Project) -> None:
    """Say that it is done, and whether the old token is void as it should be."""
    renewed = current_project()
    facts: TokenFacts | None = None
    old_is_good = False
    try:
        facts = await _facts(renewed)
        old_is_good = await _is_accepted(project, _secret(project))
    except CanvasError:
        # The new token is in place and has proved itself; this was only to tell more.
        pass
    say(f"The new token is in {project.settings.secret_path}" + (f": {facts.name}." if facts else "."))
    if facts is not None and facts.expires_at is not None:
        say(f"It ends on {_shown(facts.expires_at)}.")
    if old_is_good:
        # Canvas finds a token by its first five characters, and two tokens of one owner may begin alike.
        say(
            "! Canvas still accepts the old token, so it has renewed another one of the same owner that begins with "
            "the same characters. The new one works here. Delete the old one in Canvas, and see what used the other."
        )
    say(_RUNNING)


async def _is_accepted(project: Project, secret: SecretToken) -> bool:
    """Ask Canvas whose token this is; raises CanvasError when it cannot be asked."""
    update: dict[str, Any] = {"token": SecretStr(secret.reveal())}
    async with Project(project.settings.model_copy(update=update)).client(light=True) as client:
        try:
            await show_self(client)
        except InsufficientScopesError:
            # It may not say whose it is, but Canvas knows it.
            return True
        except AuthenticationError:
            return False
    return True


def _secret(project: Project) -> SecretToken:
    project.settings.require_canvas()
    return SecretToken(project.settings.token.get_secret_value())

"""A token is looked at and changed: it is never shown, and never lost, wherever the rotation is interrupted."""

import asyncio
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from pipelines.demo import DEMO_TOKEN
from pipelines.demo.wire import ApiError
from tests.stories.conftest import Office

OLD = "7~oldTokenOfTheDataOffice0000000000000000000000000000"
OTHER_LINES = "# kept by the data office\nCANVASLAKE_NOTE='two words'\n"


@pytest.fixture
def holder(office: Office) -> Office:
    """An office with a token of its own, and other lines in the secret file."""
    office.canvas.tokens.grant(OLD, purpose="nightly pull", expires_at=datetime.now(UTC) + timedelta(days=200))
    env(office).write_text(f"{OTHER_LINES}export CANVAS_API_TOKEN={OLD}\nLAST=1", encoding="utf-8")
    return office


def env(office: Office) -> Path:
    return office.folder / ".env"


def token_in(path: Path) -> str:
    return dotenv_values(path)["CANVAS_API_TOKEN"] or ""


def is_good(office: Office, token: str) -> bool:
    try:
        office.canvas.tokens.authenticate(token)
    except ApiError:
        return False
    return True


def puts(office: Office) -> int:
    return len(office.canvas.requests.matching("/tokens/", "PUT"))


def run(office: Office, *arguments: str, code: int = 0, **extra: str) -> str:
    """Run the command, look that it says no secret, and return what it said."""
    result = office.run("token", *arguments, extra=extra)
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    assert "Traceback" not in said
    look_for_secrets(office, said)
    return said


def look_for_secrets(office: Office, said: str) -> None:
    assert not re.search(r"[A-Za-z0-9]{30,}", said), "something as long as a token is in the output"
    for path in office.folder.glob(".env*"):
        assert not path.is_file() or token_in(path) not in said


def leftovers(office: Office) -> set[str]:
    return {path.name for path in office.folder.iterdir()} - {"canvaslake.toml", "data"}


def check_rotated(office: Office) -> None:
    """The new token is in place, alone, private, and good; the old one is void."""
    new = token_in(env(office))
    assert new != OLD
    assert is_good(office, new)
    assert not is_good(office, OLD)
    assert env(office).read_text(encoding="utf-8") == f"{OTHER_LINES}CANVAS_API_TOKEN={new}\nLAST=1"
    assert stat.S_IMODE(env(office).stat().st_mode) == 0o600
    assert leftovers(office) == {".env"}


def check_untouched(office: Office) -> None:
    assert puts(office) == 0
    assert token_in(env(office)) == OLD
    assert is_good(office, OLD)
    assert leftovers(office) == {".env"}


def test_a_token_is_shown_without_itself(holder: Office) -> None:
    said = run(holder, "show")
    assert "nightly pull" in said
    assert "7~old" in said
    assert "all that its owner may do" in said
    assert "199" in said
    assert "!" not in said
    shown = json.loads(holder.run("token", "show", "--json").stdout)
    assert (shown["hint"], shown["scopes"], shown["days_left"], shown["state"]) == ("7~old", None, 199, "active")


@pytest.mark.slow
def test_a_token_that_ends_soon_and_its_scopes_are_told(office: Office) -> None:
    scopes = ["url:GET|/api/v1/users/:user_id/tokens/:id", "url:GET|/api/v1/accounts/:id"]
    office.canvas.tokens.grant(OLD, scopes=scopes, expires_at=datetime.now(UTC) + timedelta(days=13, hours=1))
    office.set_token(OLD)
    said = run(office, "show")
    assert "! The token ends in 13 days" in said
    assert all(scope in said for scope in scopes)
    assert json.loads(office.run("token", "show", "--json").stdout)["scopes"] == sorted(scopes)


@pytest.mark.slow
def test_a_token_from_the_environment_is_shown_and_not_rotated(holder: Office) -> None:
    assert "1~dem" in run(holder, "show", CANVAS_API_TOKEN=DEMO_TOKEN)
    said = run(holder, "rotate", "--yes", code=3, CANVAS_API_TOKEN=DEMO_TOKEN)
    assert "environment variable CANVAS_API_TOKEN" in said
    check_untouched(holder)


def test_a_wrong_token_is_named(holder: Office) -> None:
    holder.set_token("7~nobodyKnowsThisOne000000000000000000000000")
    for command in (["show"], ["rotate", "--yes"]):
        assert "New Access Token" in run(holder, *command, code=4)
    assert puts(holder) == 0


def test_a_rotation_puts_a_proven_token_in_place(holder: Office) -> None:
    said = run(holder, "rotate", "--yes")
    check_rotated(holder)
    assert puts(holder) == 1
    assert "canvaslake up" in said
    ends = json.loads(holder.run("token", "show", "--json").stdout)["expires_at"]
    run(holder, "rotate", "--yes", "--expires-days", "90")
    shown = json.loads(holder.run("token", "show", "--json").stdout)
    assert shown["expires_at"] != ends
    assert shown["days_left"] in (89, 90)
    assert holder.run("doctor").returncode in (0, 5)


@pytest.mark.slow
def test_a_rotation_follows_a_link_and_replaces_what_it_points_to(holder: Office, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    env(holder).rename(vault / "canvas.env")
    env(holder).symlink_to(vault / "canvas.env")
    run(holder, "rotate", "--yes")
    assert env(holder).is_symlink()
    assert is_good(holder, token_in(vault / "canvas.env"))
    assert [path.name for path in vault.iterdir()] == ["canvas.env"]


@pytest.mark.slow
def test_without_a_terminal_nothing_is_asked_and_nothing_is_done(holder: Office) -> None:
    assert "--yes" in run(holder, "rotate", code=2)
    check_untouched(holder)


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_the_person_decides(holder: Office, answer: str) -> None:
    ours, theirs = os.openpty()
    try:
        with rotation(holder, stdin=theirs) as process:
            os.write(ours, f"{answer}\n".encode())
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
    finally:
        os.close(ours)
        os.close(theirs)
    assert "void at once" in said
    if answer == "y":
        check_rotated(holder)
    else:
        assert "Nothing was changed" in said
        check_untouched(holder)


@pytest.mark.slow
def test_a_token_that_its_owner_may_not_renew_is_left_alone(holder: Office) -> None:
    holder.canvas.tokens.grant(OLD, purpose="nightly pull", regenerable=False)
    assert "New Access Token" in run(holder, "rotate", "--yes", code=5)
    check_untouched(holder)


@pytest.mark.slow
def test_a_full_disk_is_seen_before_canvas_is_asked(holder: Office) -> None:
    with rotation(holder, "--yes", full_disk=True) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "cannot be replaced" in said
    check_untouched(holder)


@pytest.mark.slow
def test_something_in_the_way_of_the_new_file_is_seen_before_canvas_is_asked(holder: Office) -> None:
    (holder.folder / ".env.next").mkdir()
    assert ".env.next is in the way" in run(holder, "rotate", "--yes", code=3)
    (holder.folder / ".env.next").rmdir()
    check_untouched(holder)


@pytest.mark.slow
def test_a_new_token_that_cannot_be_proved_stays_beside_until_it_can(holder: Office) -> None:
    holder.canvas.faults.answer("^/api/v1/users/self$", status=503, times=None)
    said = run(holder, "rotate", "--yes", code=6)
    assert ".env.next" in said
    assert "canvaslake token rotate" in said
    assert token_in(env(holder)) == OLD
    new = token_in(holder.folder / ".env.next")
    assert is_good(holder, new)
    assert stat.S_IMODE((holder.folder / ".env.next").stat().st_mode) == 0o600

    # As long as Canvas cannot be asked, nothing is decided and nothing is lost.
    run(holder, "rotate", "--yes", code=6)
    assert token_in(holder.folder / ".env.next") == new
    holder.canvas.faults.clear()
    assert "earlier rotation" in run(holder, "rotate", "--yes")
    assert puts(holder) == 1
    assert token_in(env(holder)) == new
    check_rotated(holder)


@pytest.mark.slow
def test_a_process_that_is_killed_with_a_new_token_loses_nothing(holder: Office) -> None:
    holder.canvas.faults.delay("^/api/v1/users/self$", 30)
    with rotation(holder, "--yes") as process:
        wait_until((holder.folder / ".env.next").exists)
        process.kill()
        process.wait(timeout=10)
    assert token_in(env(holder)) == OLD
    holder.canvas.faults.clear()
    assert ".env.next is there" in run_show_of_next(holder)
    run(holder, "rotate", "--yes")
    assert puts(holder) == 1
    check_rotated(holder)


def run_show_of_next(office: Office) -> str:
    """Run `token show` with the new token given by hand, as a person would who looks what is wrong."""
    return run(office, "show", CANVAS_API_TOKEN=token_in(office.folder / ".env.next"))


@pytest.mark.slow
def test_what_lies_beside_and_is_no_good_does_not_hinder(holder: Office) -> None:
    (holder.folder / ".env.next").write_text("CANVAS_API_TOKEN=7~fromLongAgo0000000000000000000000\n")
    assert "no token that Canvas accepts" in run(holder, "rotate", "--yes")
    check_rotated(holder)


@pytest.mark.slow
def test_an_answer_that_is_lost_after_its_effect_says_that_the_token_is_void(holder: Office) -> None:
    holder.canvas.faults.drop("/tokens/", method="PUT", after_effect=True, times=None)
    said = run(holder, "rotate", "--yes", code=4)
    assert puts(holder) == 1
    assert not is_good(holder, OLD)
    assert "is void" in said
    assert "New Access Token" in said
    assert leftovers(holder) == {".env"}


@pytest.mark.slow
def test_an_answer_that_is_lost_before_its_effect_says_that_nothing_has_changed(holder: Office) -> None:
    holder.canvas.faults.drop("/tokens/", method="PUT")
    said = run(holder, "rotate", "--yes", code=6)
    assert puts(holder) == 1
    assert "still accepts" in said
    assert is_good(holder, OLD)
    run(holder, "rotate", "--yes")
    check_rotated(holder)


@pytest.mark.slow
def test_a_lost_answer_from_a_canvas_that_is_gone_claims_nothing(holder: Office) -> None:
    holder.canvas.faults.drop("/tokens/", method="PUT", after_effect=True)
    holder.canvas.faults.answer("^/api/v1/users/self$", status=503, times=None)
    said = run(holder, "rotate", "--yes", code=4)
    assert "could not be asked" in said
    assert "may have made a new token" in said
    assert "canvaslake doctor" in said


@pytest.mark.slow
def test_a_rotation_that_a_person_stops_says_what_may_have_happened(holder: Office) -> None:
    holder.canvas.faults.delay("/tokens/", 30, method="PUT")
    with rotation(holder, "--yes") as process:
        wait_until(lambda: puts(holder) == 1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "may be void" in said
    look_for_secrets(holder, said)


@pytest.mark.slow
def test_a_twin_that_begins_alike_is_told(office: Office) -> None:
    # Canvas finds a token by its first five characters: the one that was made first.
    office.canvas.tokens.grant(f"{OLD[:5]}twin00000000000000000000000000000", purpose="another program")
    office.canvas.tokens.grant(OLD, purpose="nightly pull")
    office.set_token(OLD)
    said = run(office, "rotate", "--yes")
    assert "still accepts the old token" in said
    assert token_in(env(office)) != OLD
    assert is_good(office, token_in(env(office)))


@pytest.mark.slow
def test_a_rotation_waits_for_work_that_uses_the_token(holder: Office) -> None:
    async def story() -> None:
        async with AsyncExitStack() as work:
            client = await work.enter_async_context(holder.project.client())
            lock = AsyncExitStack()
            await lock.enter_async_context(client.exclusive("sync"))
            process = work.enter_context(rotation(holder, "--yes"))
            assert "Waiting for sync" in await asyncio.to_thread(first_line, process)
            assert puts(holder) == 0
            await lock.aclose()
            assert await asyncio.to_thread(process.wait, 60) == 0

    asyncio.run(story())
    check_rotated(holder)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    ready, _, _ = select.select([process.stderr], [], [], 60)
    assert ready, "nothing was said"
    return process.stderr.readline()


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


@contextmanager
def rotation(
    office: Office, *arguments: str, stdin: int = subprocess.DEVNULL, full_disk: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run `token rotate` as a process of its own, and see that none is left; with `full_disk` no file can grow."""
    command = [sys.executable, "-m", "pipelines.cli", "token", "rotate", *arguments]
    if full_disk:
        command = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command]
    with subprocess.Popen(
        command,
        env=office.environment(),
        cwd=office.folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()

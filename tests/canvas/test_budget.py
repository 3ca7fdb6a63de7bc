"""Two processes with one token take turns at bulk work."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.canvas.budget import TokenBudget
from pipelines.canvas.secret import SecretToken
from tests.canvas.conftest import TOKEN

BASE = "https://canvas.example.edu"

HOLDER = """
import asyncio, sys
from pathlib import Path
from pipelines.canvas.budget import TokenBudget
from pipelines.canvas.secret import SecretToken

async def main():
    budget = TokenBudget(Path(sys.argv[1]), sys.argv[2], SecretToken(sys.argv[3]))
    async with budget.exclusive("sync"):
        print("held", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


def test_a_second_process_waits_is_told_for_whom_and_then_goes_on(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), BASE, TOKEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdin is not None
    told: list[str] = []

    def release(who: str) -> None:
        told.append(who)
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()

    async def work() -> None:
        async with TokenBudget(tmp_path, BASE, SecretToken(TOKEN)).exclusive("plan", on_wait=release, give_up_after=20):
            pass

    with other:
        assert other.stdout.readline() == "held\n"
        asyncio.run(work())
    assert len(told) == 1
    assert told[0] == f"sync (process {other.pid})"


def test_a_killed_holder_blocks_nobody(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), BASE, TOKEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()

    async def work() -> bool:
        async with TokenBudget(tmp_path, BASE, SecretToken(TOKEN)).exclusive("sync", give_up_after=5):
            return True

    assert asyncio.run(work())


def test_waiting_ends_when_asked_to(tmp_path: Path) -> None:
    async def work() -> None:
        first, second = (TokenBudget(tmp_path, BASE, SecretToken(TOKEN)) for _ in range(2))
        async with first.exclusive("sync"):
            with pytest.raises(TimeoutError, match="sync"):
                async with second.exclusive("plan", give_up_after=0):
                    pytest.fail("two hold one budget")
        async with second.exclusive("plan", give_up_after=0):
            pass

    asyncio.run(work())


def test_other_tokens_and_other_canvases_have_budgets_of_their_own(tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            TokenBudget(tmp_path, BASE, SecretToken(TOKEN)).exclusive("a", give_up_after=0),
            TokenBudget(tmp_path, BASE, SecretToken("other")).exclusive("b", give_up_after=0),
            TokenBudget(tmp_path, "https://beta.example.edu", SecretToken(TOKEN)).exclusive("c", give_up_after=0),
        ):
            pass

    asyncio.run(work())


def test_nothing_on_disk_tells_the_token_and_nobody_else_may_look(tmp_path: Path) -> None:
    def look() -> None:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) == 3
        for path in files:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert TOKEN.encode() not in path.read_bytes()
            assert TOKEN not in path.name
        assert stat.S_IMODE((tmp_path / "canvas-budget").stat().st_mode) == 0o700

    async def work() -> None:
        async with TokenBudget(tmp_path, BASE, SecretToken(TOKEN)).exclusive("sync"):
            look()

    asyncio.run(work())

"""A proof that could not fail would prove nothing: a wrong answer among right ones is reported, and so is an error."""

import sys
from pathlib import Path

import pytest

from tests.bi.judge import GENERATIONS_AT_LEAST, LOOKS_AT_LEAST, LookError, Rows, Verdict, fault
from tests.bi.sessions import CommandSession, LineSession, clean_environment
from tests.bi.trial import look_until_enough


class Counting:
    """A generation after each look, without a file."""

    def __init__(self) -> None:
        self.newest = 0

    def wait_for(self, _generation: int, /) -> None:
        self.newest += 1


class Planted:
    """A client that answers from the number of the generation in place; its seventh answer is another one."""

    def __init__(self, generations: Counting, seventh: Rows | LookError | None = None) -> None:
        self._generations, self._seventh, self._looks = generations, seventh, 0

    def look(self) -> Rows:
        self._looks += 1
        if self._looks == 7 and self._seventh is not None:
            if isinstance(self._seventh, LookError):
                raise self._seventh
            return self._seventh
        return right(self._generations.newest)

    def close(self) -> None:
        """Nothing is open."""


def right(generation: int) -> Rows:
    return [[generation, f"g{generation}", f"g{generation}", 300 + generation]]


def verdict_on(seventh: Rows | LookError | None) -> Verdict:
    generations = Counting()
    verdict = Verdict("planted")
    look_until_enough(Planted(generations, seventh), generations, verdict)
    return verdict


def test_a_client_without_a_fault_is_good_after_enough_looks() -> None:
    verdict = verdict_on(None)
    assert verdict.is_good
    assert (verdict.looks, len(verdict.generations)) == (LOOKS_AT_LEAST, LOOKS_AT_LEAST)


@pytest.mark.parametrize(
    ("seventh", "says"),
    [
        ([[7, "g7", "g6", 307]], "torn"),
        ([[7, "g6", "g7", 307]], "torn"),
        ([[7, "g7", "g7", 306]], "torn"),
        ([*right(7), *right(6)], "torn"),
        ([], "torn"),
        (right(6), "stale"),
        (LookError("IO Error: no such file"), "error: IO Error"),
    ],
    ids=["account", "term", "rows", "two generations", "nothing", "an older file", "an error"],
)
def test_one_wrong_answer_among_many_right_ones_is_reported(seventh: Rows | LookError, says: str) -> None:
    verdict = verdict_on(seventh)
    assert not verdict.is_good
    assert [one.partition(":")[0] for one in verdict.faults] == [says.partition(":")[0]]
    assert says in verdict.faults[0]


def test_numbers_as_text_are_numbers() -> None:
    assert fault([["7", "g7", "g7", "307"]], 7) is None


def test_a_client_that_never_sees_a_newer_generation_is_not_good() -> None:
    class Still(Counting):
        def wait_for(self, _generation: int, /) -> None:
            self.newest = 1

    generations = Still()
    verdict = Verdict("planted")
    look_until_enough(Planted(generations), generations, verdict, seconds=0.05)
    assert not verdict.is_good
    assert "at 1 generations" in verdict.faults[-1]
    assert GENERATIONS_AT_LEAST > 1


def line_session(tmp_path: Path, program: str) -> LineSession:
    command = [sys.executable, "-c", program]
    return LineSession(command, tmp_path, clean_environment(tmp_path), tmp_path / "log")


def test_a_client_that_says_an_error_or_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    session = line_session(
        tmp_path,
        "import sys; input(); print('{\"error\": \"no table\"}', flush=True); input(); sys.exit('broken pipe')",
    )
    with pytest.raises(LookError, match="no table"):
        session.look()
    with pytest.raises(LookError, match=r"the client ended.*broken pipe"):
        session.look()
    with pytest.raises(LookError):
        session.close()


def test_a_client_that_ends_badly_after_good_answers_is_reported(tmp_path: Path) -> None:
    program = "import sys\nfor _ in sys.stdin: print('{\"rows\": []}', flush=True)\nsys.exit(3)"
    session = line_session(tmp_path, program)
    assert session.look() == []
    with pytest.raises(LookError, match="ended with 3"):
        session.close()


def test_a_command_that_fails_is_reported_with_its_last_words(tmp_path: Path) -> None:
    session = CommandSession(["sh", "-c", "echo lock >&2; exit 4"], tmp_path, clean_environment(tmp_path))
    with pytest.raises(LookError, match="lock"):
        session.look()


def test_a_client_gets_nothing_of_canvaslakes_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANVAS_API_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "here")
    assert not {"CANVAS_API_TOKEN", "PYTHONPATH"} & set(clean_environment(tmp_path))

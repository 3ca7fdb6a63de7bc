"""The trial with the installed DuckDB under real publishes: a good client is good, and planted faults are found."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bi.clients import DRIVERS, SNIPPETS
from tests.bi.judge import GENERATIONS_AT_LEAST, LOOKS_AT_LEAST, Verdict
from tests.bi.sessions import LineSession, clean_environment
from tests.bi.trial import Publisher, look_until_enough

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_BEFORE = "path = sorted(__import__('pathlib').Path('data/generations').glob('*.duckdb'))[-2]"
"""The generation before the newest, which the publisher keeps for a while."""

_TORN = f"""
import duckdb
{_BEFORE}
with duckdb.connect("data/warehouse.duckdb", read_only=True) as con:
    (generation,) = con.execute("select generation from meta.generation").fetchone()
with duckdb.connect(path, read_only=True) as con:
    names = con.execute("select min(term_name), min(account_name), count(*) from marts.dim_course").fetchone()
courses = [(generation, *names)]
"""
_STALE = (SNIPPETS / "duckdb_python.py").read_text(encoding="utf-8").replace('"data/warehouse.duckdb"', "path")
_BROKEN = "import duckdb\nduckdb.connect('data/lost.duckdb', read_only=True)"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def publisher(work: Path) -> Iterator[Publisher]:
    publisher = Publisher(work / "data", work / "publisher.log")
    try:
        publisher.wait_for(2)
        yield publisher
    finally:
        publisher.end()


def tried(snippet: Path, work: Path, publisher: Publisher) -> Verdict:
    command = [sys.executable, str(DRIVERS / "run_python.py"), str(snippet)]
    session = LineSession(command, work, clean_environment(work), work / f"{snippet.stem}.log")
    verdict = Verdict(snippet.stem)
    try:
        look_until_enough(session, publisher, verdict)
    finally:
        session.close()
    return verdict


@pytest.mark.parametrize("name", ["duckdb_python.py", "duckdb_attach.py"])
def test_the_installed_client_is_good(name: str, work: Path, publisher: Publisher) -> None:
    verdict = tried(SNIPPETS / name, work, publisher)
    assert verdict.faults == []
    assert verdict.looks >= LOOKS_AT_LEAST
    assert len(verdict.generations) >= GENERATIONS_AT_LEAST


@pytest.mark.parametrize(
    ("snippet", "says"),
    [(_TORN, "torn: generation"), (f"{_BEFORE}\n{_STALE}", "stale: generation"), (_BROKEN, "error: IOException")],
    ids=["torn", "stale", "broken"],
)
def test_a_planted_fault_is_found(snippet: str, says: str, work: Path, publisher: Publisher) -> None:
    path = work / f"planted_{says[:4]}.py"
    path.write_text(snippet, encoding="utf-8")
    verdict = tried(path, work, publisher)
    assert not verdict.is_good
    assert any(fault.startswith(says) for fault in verdict.faults), verdict.faults

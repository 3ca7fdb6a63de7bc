"""What the pages tell people to type works: a newcomer who pastes a line that fails closes the page."""

import re
import shlex
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.reference.commands import command_tree
from pipelines.models import load_models, model_columns
from pipelines.normalize.contracts import TABLES
from pipelines.project import Project
from pipelines.serve import run_query
from pipelines.settings import load_settings
from pipelines.warehouse import publish
from tests.docs.pages import PAGES, ROOT, WRITTEN_BY_HAND, Snippet, anchors, blocks, command_lines, links

COMMANDS = [line for page in PAGES for line in command_lines(page)]
QUESTIONS = [block for page in WRITTEN_BY_HAND for block in blocks(page, "sql")]
PYTHON = [block for page in WRITTEN_BY_HAND for block in blocks(page, "python")]
_MACHINE = re.compile(r"(?<![\w.])/(?:work|root|tmp|home|Users|private|usr/local)\b|\b/?simple/|\bpypi\.")


def parse(line: str) -> None:
    """Parse a command line as the program would, without running it; raises what it would complain about."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    words = words[1 : next((at for at, word in enumerate(words) if word in ("|", "<", ">", "&&", ";")), None)]
    command: Any = command_tree()
    context = command.make_context("canvaslake", words)
    while hasattr(command, "commands"):
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest:
            raise ValueError("the name of a command is missing")
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_every_command_line_is_understood(line: Snippet) -> None:
    try:
        parse(line.text)
    except Exception as error:
        if not (line.mentioned and type(error).__name__ in ("MissingParameter", "NoArgsIsHelpError", "ValueError")):
            raise


@pytest.mark.parametrize("line", ["canvaslake frobnicate", "canvaslake sync --ful", "canvaslake reports status x"])
def test_a_wrong_command_line_would_be_found(line: str) -> None:
    with pytest.raises(Exception, match=r"No such|whole number"):
        parse(line)


def test_the_pages_call_every_command() -> None:
    called = {word for line in COMMANDS for word in shlex.split(line.text, comments=True)}
    assert set(command_tree().commands) <= called


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file in which every declared table and every model is there and empty."""
    home = tmp_path_factory.mktemp("empty")
    project = Project(load_settings(home, {}))
    return publish(project.warehouse, project.models).path


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_every_question_in_sql_runs(question: Snippet, published: Path) -> None:
    answer = run_query(published, question.text)
    assert answer.columns


def test_every_piece_of_python_runs(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PYTHON
    monkeypatch.chdir(published.parents[1])
    assert published == Path("data/warehouse.duckdb").absolute()
    for piece in PYTHON:
        exec(compile(piece.text, str(piece), "exec"), {})  # noqa: S102 (our own pages)


def test_the_example_of_a_model_is_one(tmp_path: Path) -> None:
    page = next(page for page in WRITTEN_BY_HAND if page.name == "add-a-model.md")
    [example] = [block.text for block in blocks(page, "sql") if block.text.startswith("-- description")]
    shipped = {model.qualified: model for model in load_models(ROOT / "sql", TABLES)}
    for name in ("staging", "marts"):
        (tmp_path / name).symlink_to(ROOT / "sql" / name) if name == "staging" else (tmp_path / name).mkdir()
    for file in (ROOT / "sql" / "marts").glob("*.sql"):
        (tmp_path / "marts" / file.name).symlink_to(file)
    (tmp_path / "marts" / "enrollments_by_term.sql").write_text(example, encoding="utf-8")
    models = load_models(tmp_path, TABLES)
    assert {model.qualified for model in models} - set(shipped) == {"marts.enrollments_by_term"}
    [added] = [model for model in models if model.name == "enrollments_by_term"]
    assert set(added.columns) == {name for name, _ in model_columns(models, TABLES)[added.qualified]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "images" / "demo.svg"], ids=lambda page: page.name)
def test_no_page_speaks_of_the_machine_it_was_written_on(page: Path) -> None:
    assert _MACHINE.findall(page.read_text(encoding="utf-8")) == []


def test_the_picture_is_small_and_loads_nothing_from_elsewhere() -> None:
    picture = ROOT / "docs" / "images" / "demo.svg"
    text = picture.read_text(encoding="utf-8")
    assert picture.stat().st_size < 200_000
    assert "url(http" not in text
    assert "canvaslake&#160;demo" in text


def test_each_decision_fits_on_a_page() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path.name


def test_the_readme_tells_how_to_run_and_to_test() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", readme, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    first_screen = readme[:1500]
    for words in ("make demo", "make test", "docs/images/demo.svg"):
        assert words in first_screen


def test_duckdb_reads_the_file_as_the_pages_say(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as con:
        assert con.sql("select count(*) from marts.grade_distribution").fetchall() == [(0,)]

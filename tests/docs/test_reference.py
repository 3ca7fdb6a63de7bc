"""The reference says what the code says: a stale page would send an analyst after a column that is not there."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.reference.commands import command_tree, walk
from pipelines.cli.reference.pages import PAGES, main, stale_pages
from pipelines.models import load_models, sql_folder
from pipelines.normalize.contracts import TABLES
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from tests.docs.pages import DOCS

REFERENCE = DOCS / "reference"
COMMANDS = [(" ".join(words), command) for words, command in walk(command_tree())]
DECLARED = [
    *(table.qualified for table in (*TABLES.values(), *WRITTEN_TABLES)),
    *(model.qualified for model in load_models(sql_folder(), TABLES)),
]


def test_the_pages_are_what_the_code_says() -> None:
    assert stale_pages(REFERENCE) == []


def test_check_names_the_stale_page_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "reference"
    shutil.copytree(REFERENCE, folder)
    stale = folder / "exit-codes.md"
    stale.write_text("# Exit codes\n", encoding="utf-8")
    (folder / "errors.md").unlink()
    assert main(["--check", str(folder)]) == 1
    said = capsys.readouterr().err
    assert "exit-codes.md is stale" in said
    assert "errors.md is stale" in said
    assert "tables.md" not in said
    assert stale.read_text(encoding="utf-8") == "# Exit codes\n"


def test_writing_makes_the_pages_current_again(tmp_path: Path) -> None:
    assert main([str(tmp_path / "new")]) == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(PAGES)
    assert main([str(tmp_path / "new"), "--check"]) == 0


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--chek", "a"]], ids=["none", "two folders", "typing error"])
def test_a_wrong_call_writes_nothing(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_and_option_has_help_and_stands_on_the_page(name: str, command: Any) -> None:
    assert command.help
    if hasattr(command, "commands"):
        return
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert f"## canvaslake {name}\n" in page
    section = page.split(f"## canvaslake {name}\n", 1)[1].split("\n## ", 1)[0]
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name} has no help"
        if parameter.param_type_name == "option":
            assert f"`{parameter.opts[0]}`" in section


@pytest.mark.parametrize("qualified", DECLARED)
def test_every_table_is_on_the_page_and_every_column_has_a_type_a_class_and_a_meaning(qualified: str) -> None:
    page = (REFERENCE / "tables.md").read_text(encoding="utf-8")
    section = page.split(f"### {qualified}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows
    for row in rows:
        name, kind, _, privacy, meaning = (part.strip() for part in re.split(r"(?<!\\)\|", row)[1:-1])
        assert kind.isupper(), f"{qualified}.{name} has no type"
        assert privacy in ("none", "pseudonym", "identity", "record")
        assert meaning.rstrip().endswith((".", "...")), f"{qualified}.{name} is not described"
    for fact in ("Grain", "Key", "Source"):
        assert re.search(rf"^- {fact}: .+\.$", section, re.MULTILINE)


def test_every_setting_says_what_it_does() -> None:
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    assert [row[0] for row in rows if not row[-1].rstrip("| ")] == []


def test_every_exit_code_has_a_meaning() -> None:
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert re.search(rf"^\| `{int(code)}` \| {code.name} \| \w+", page, re.MULTILINE)

"""The reference says what the code says: a stale page would send an analyst after a column that is not there."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.reference.commands import command_tree, walk
from pipelines.cli.reference.diagram import Entity, Relation, diagram, relations
from pipelines.cli.reference.pages import PAGES, main, stale_pages
from pipelines.cli.reference.tables import described_tables, schema_page, table_link
from pipelines.models import load_models, sql_folder
from pipelines.normalize.contracts import TABLES, Check, CheckKind
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.warehouse.dictionary import wants_unit
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


def _section(qualified: str) -> str:
    page = (REFERENCE / schema_page(qualified.split(".", 1)[0])).read_text(encoding="utf-8")
    return page.split(f"### {qualified}\n", 1)[1].split("\n### ", 1)[0]


@pytest.mark.parametrize("qualified", DECLARED)
def test_every_table_is_on_its_page_and_of_every_column_everything_is_said(qualified: str) -> None:
    section = _section(qualified)
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    facts = next(one for one in described_tables() if one.qualified == qualified)
    names = [re.split(r"(?<!\\)\|", row)[1].strip(" `") for row in rows]
    assert names == [name for name, _ in facts.columns]
    endpoints = [line for line in section.splitlines() if re.match(r"    \d+\. `(GET|POST) /api/v1/", line)]
    for row in rows:
        parts = [part.strip() for part in re.split(r"(?<!\\)\|", row)[1:-1]]
        name, kind, unit, key, privacy, endpoint, origin, meaning = parts
        assert kind.isupper(), f"{qualified}.{name} has no type"
        assert unit or not wants_unit(name.strip("`"), kind, facts.facts.key), f"{qualified}.{name} has no unit"
        assert bool(key) is (name.strip("`") in facts.facts.key)
        assert privacy in ("none", "pseudonym", "identity", "record")
        assert endpoint == "canvaslake" or {int(one) for one in endpoint.split(", ")} <= set(
            range(1, len(endpoints) + 1)
        )
        assert (endpoint == "canvaslake") is (facts.facts.kind == "meta")
        assert origin or facts.facts.kind not in ("model", "history"), f"{qualified}.{name} comes from nowhere"
        assert meaning.rstrip().endswith((".", "...")), f"{qualified}.{name} is not described"
    for fact in ("Grain", "Key", "Owner"):
        assert re.search(rf"^- {fact}: .+\.$", section, re.MULTILINE)


@pytest.mark.parametrize("qualified", DECLARED)
def test_every_table_is_in_the_index_and_linked_to_its_columns(qualified: str) -> None:
    assert table_link(qualified) in (REFERENCE / "tables.md").read_text(encoding="utf-8")


def test_the_diagrams_name_only_tables_and_columns_that_are_there() -> None:
    page = (REFERENCE / "tables.md").read_text(encoding="utf-8")
    diagrams = re.findall(r"```mermaid\nerDiagram\n(.*?)```", page, re.DOTALL)
    assert len(diagrams) == 2
    there: dict[str, set[tuple[str, str]]] = {}
    for one in described_tables():
        if one.schema in ("marts", "canvas", "analytics", "reports"):
            there[one.entity.name] = {(name, kind) for name, kind in one.columns}
    for text in diagrams:
        entities = dict(re.findall(r"^    (\w+) \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL))
        relations = re.findall(r"^    (\w+) [|}][|o]--o[{|] (\w+) : (\w+)$", text, re.MULTILINE)
        assert entities
        assert relations
        for name, body in entities.items():
            shown = re.findall(r"^        (\w+) (\w+) (?:PK|FK|PK, FK)$", body, re.MULTILINE)
            assert len(shown) == len(body.splitlines()) > 0
            assert {(column, kind) for kind, column in shown} <= there[name]
        for one, many, column in relations:
            assert one in entities
            assert re.search(rf"^        \w+ {column} .*FK$", entities[many], re.MULTILINE)
        assert len(text.splitlines()) == sum(2 + len(body.splitlines()) for body in entities.values()) + len(relations)


def test_every_fact_of_the_marts_leads_to_a_dimension() -> None:
    marts = [one.entity for one in described_tables() if one.schema == "marts"]
    leading = {(one.table, one.to) for one in relations(sorted(marts, key=lambda entity: entity.name[:3] != "dim"))}
    for entity in marts:
        if entity.name.startswith("fct_"):
            assert [to for table, to in leading if table == entity.qualified and to.startswith("marts.dim_")], (
                entity.name
            )
    assert ("marts.dim_course", "marts.dim_account") in leading
    assert not [to for _, to in leading if not to.startswith("marts.dim_")]


PLACE = Entity("marts.dim_place", ("place_id",), (("place_id", "BIGINT"), ("name", "VARCHAR")))


def test_declared_references_stand_over_equal_names() -> None:
    check = Check(CheckKind.REFERENCES, ("home_id",), refers_to="marts.dim_place.place_id")
    columns = (("visit_id", "BIGINT"), ("place_id", "BIGINT"), ("home_id", "BIGINT"))
    declared = Entity("marts.fct_visit", ("visit_id",), columns, (check,))
    guessed = Entity("marts.fct_visit", ("visit_id",), columns)
    assert relations([PLACE, declared]) == [Relation("marts.fct_visit", "home_id", "marts.dim_place")]
    assert relations([PLACE, guessed]) == [Relation("marts.fct_visit", "place_id", "marts.dim_place")]


def test_a_key_leads_by_its_name_where_another_column_declares_its_own_way() -> None:
    check = Check(CheckKind.REFERENCES, ("home_id",), refers_to="marts.dim_place.place_id")
    columns = (("place_id", "BIGINT"), ("n", "BIGINT"), ("home_id", "BIGINT"))
    visit = Entity("marts.fct_visit", ("place_id", "n"), columns, (check,))
    assert [one.column for one in relations([PLACE, visit])] == ["place_id", "home_id"]


def test_an_id_of_another_system_is_not_taken_for_one_of_canvas() -> None:
    visit = Entity("reports.visits", ("n",), (("n", "BIGINT"), ("place_id", "VARCHAR"), ("canvas_place_id", "BIGINT")))
    assert relations([PLACE, visit]) == [Relation("reports.visits", "canvas_place_id", "marts.dim_place")]


def test_a_table_with_the_same_key_stands_beside_and_not_below() -> None:
    detail = Entity("marts.place_detail", ("place_id",), (("place_id", "BIGINT"),))
    assert "    dim_place ||--o| place_detail : place_id" in list(diagram([PLACE, detail]))


def test_every_check_is_on_the_page_of_checks_with_what_follows() -> None:
    page = (REFERENCE / "checks.md").read_text(encoding="utf-8")
    rows = {
        tuple(part.strip() for part in line.split(" | ")[:3]) for line in page.splitlines() if line.startswith("| [")
    }
    declared = {
        (f"| {table_link(one.qualified)}", f"`{check.name}`", "held back" if check.blocking else "warning")
        for one in described_tables()
        for check in one.checks
    }
    assert rows == declared
    assert len(declared) > 100


def test_every_setting_says_what_it_does() -> None:
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    assert [row[0] for row in rows if not row[-1].rstrip("| ")] == []


def test_every_exit_code_has_a_meaning() -> None:
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert re.search(rf"^\| `{int(code)}` \| {code.name} \| \w+", page, re.MULTILINE)

"""The house stands: imports run from left to right, Dagster stays on top, httpx stays in one package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAIN = ("canvas", "extract", "normalize", "lake", "load", "warehouse", "models", "serve")
OPEN_TO_ALL = {"", "private_files"}
DAGSTER_SHELLS = {"code_location", "definitions", "resources", "schedules", "sensors", "cli", "run_claims"}
"""run_claims stands beside resources.py: it marks dead Dagster runs, and only the shells import it."""


def _sources() -> Iterator[tuple[str, str]]:
    """Yield every module of the product as (dotted name, text)."""
    for top in ("pipelines", "assets"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), path.read_text(encoding="utf-8")


def _imported(module: str, text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.rsplit(".", node.level)[0] if node.level else ""
            base = ".".join(part for part in (package, node.module or "") if part)
            # `from pipelines import lake` and `from . import x` name the module after the word import.
            names |= {f"{base}.{alias.name}" for alias in node.names} if base == "pipelines" or node.level else {base}
    return names


def _part(name: str) -> str:
    """Return the part of the house that a dotted name lies in: `lake` for `pipelines.lake.store`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def _may_import(part: str) -> set[str] | None:
    """Return the parts that a part may import besides itself; None: all of them but the demo."""
    if part in CHAIN:
        left = set(CHAIN[: CHAIN.index(part)])
        return left | OPEN_TO_ALL | ({"ledger"} if part != "canvas" else set())
    if part == "ledger":
        return OPEN_TO_ALL
    if part == "settings":
        return {"setting_problems"}
    if part in ("demo", "private_files", "setting_problems", ""):
        return {""}
    return None


def violations(module: str, text: str) -> list[str]:
    """Return what a module imports against the rules of the house."""
    top, part = module.partition(".")[0], _part(module)
    wrong = []
    for name in sorted(_imported(module, text)):
        first = name.split(".")[0]
        if first == "dagster" and top == "pipelines" and part not in DAGSTER_SHELLS:
            wrong.append(f"{module} imports {name}: Dagster stays above the library")
        elif first == "httpx" and part not in ("canvas", "demo"):
            wrong.append(f"{module} imports {name}: only pipelines.canvas speaks HTTP")
        elif (
            first == "assets"
            and top == "pipelines"
            and part in (*CHAIN, "ledger", "demo", "settings", "project", "private_files")
        ):
            wrong.append(f"{module} imports {name}: the library knows no assets")
        elif first == "pipelines":
            target = _part(name)
            if target.startswith("__") or (top == "pipelines" and target == part):
                continue
            allowed = _may_import(part) if top == "pipelines" else None
            if (target == "demo" and part != "cli") or (allowed is not None and target not in allowed):
                wrong.append(f"{module} imports {name}: this arrow runs backwards")
    return wrong


def test_no_arrow_of_the_house_runs_backwards() -> None:
    found = [line for module, text in _sources() for line in violations(module, text)]
    assert found == []


def test_every_part_of_the_house_is_walked() -> None:
    parts = {_part(module) for module, _ in _sources() if module.startswith("pipelines.")}
    assert {*CHAIN, "ledger", "demo", "settings", "project", "private_files", "code_location", "definitions"} <= parts


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("pipelines.lake.store", "from pipelines.warehouse import publish"),
        ("pipelines.lake.store", "import pipelines.warehouse.publish"),
        ("pipelines.lake.store", "def late():\n    from pipelines import warehouse"),
        ("pipelines.lake.store", "from ..warehouse import publish"),
        ("pipelines.extract.reports", "from pipelines.normalize.rows import Batch"),
        ("pipelines.canvas.client", "from pipelines.ledger import Ledger"),
        ("pipelines.ledger.loads", "from pipelines.lake import Lake"),
        ("pipelines.lake.store", "from pipelines.settings import Settings"),
        ("pipelines.warehouse.publish", "from pipelines.project import Project"),
        ("pipelines.models.refresh", "import pipelines.serve"),
        ("pipelines.demo.seed", "from pipelines.canvas import CanvasClient"),
        ("pipelines.resources", "from pipelines.demo import DemoCanvas"),
        ("assets.reports", "from pipelines.demo import DemoCanvas"),
        ("pipelines.lake.store", "import dagster as dg"),
        ("pipelines.project", "from dagster import asset"),
        ("pipelines.extract.reports", "import httpx"),
        ("assets.reports", "import httpx"),
        ("pipelines.lake.store", "from assets.reports import load_intent"),
    ],
)
def test_a_planted_wrong_import_is_found(module: str, text: str) -> None:
    assert len(violations(module, text)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("pipelines.lake.store", "from pipelines.ledger import Ledger\nfrom pipelines.extract.work import run_all"),
        ("pipelines.models.lineage", "from pipelines.normalize.contracts import TABLES"),
        ("pipelines.warehouse.publish", "from pipelines import __version__\nfrom pipelines.private_files import x"),
        ("pipelines.cli.app", "import dagster\nfrom pipelines.demo import DemoCanvas"),
        ("pipelines.canvas.wire", "import httpx\nfrom . import errors"),
        ("assets.reports", "import dagster\nfrom pipelines.project import Project"),
    ],
)
def test_an_import_that_the_house_allows_is_not_blamed(module: str, text: str) -> None:
    assert violations(module, text) == []

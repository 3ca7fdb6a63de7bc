"""The package stands alone: no other package of the product, no Dagster, and httpx in four modules only."""

import ast
from pathlib import Path

import pipelines.canvas

FOLDER = Path(pipelines.canvas.__file__).parent


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_client_knows_nothing_of_the_rest_of_the_product() -> None:
    for path in FOLDER.glob("*.py"):
        for name in _imports(path):
            assert name.split(".")[0] != "dagster", path.name
            if name.startswith("pipelines"):
                assert name == "pipelines" or name.startswith("pipelines.canvas"), (path.name, name)


def test_another_http_library_is_a_change_in_four_modules() -> None:
    users = {path.name for path in FOLDER.glob("*.py") if "httpx" in _imports(path)}
    assert users == {"downloads.py", "origin.py", "transport.py", "wire.py"}

"""The page of endpoints: what is asked, which table it feeds, where that is tested."""

import ast
import re
from pathlib import Path

import pipelines
from pipelines.cli.reference.markdown import as_code, page, table_of
from pipelines.normalize.contracts import REPORTS, TABLES

_ROOT = Path(pipelines.__file__).resolve().parent
_TESTED_BY = {
    "directory": ("tests/canvas/test_endpoints.py", "tests/demo/test_directory.py"),
    "department": ("tests/canvas/test_endpoints.py", "tests/demo/test_department_analytics.py"),
    "reports": ("tests/demo/test_report_life.py", "tests/demo/test_report_files.py"),
}
_CALL = re.compile(r"(?P<method>GET|POST|PUT|DELETE) (?P<path>\S+): (?P<what>.*)", re.DOTALL)


def endpoints_page() -> str:
    """Return the page of endpoints: what is asked, which table it feeds, where that is tested."""
    fed: dict[tuple[str, str, str], list[str]] = {}
    for table in TABLES.values():
        if table.group in _TESTED_BY:
            fed.setdefault((table.source, table.slice, table.group), []).append(table.qualified)
    lines = ["## From endpoint to table", ""]
    rows = [
        (as_code(source), ", ".join(map(_table_link, names)), slice_, ", ".join(map(_test_link, _TESTED_BY[group])))
        for (source, slice_, group), names in fed.items()
    ]
    lines += table_of(("endpoint", "tables", "slice", "tested by"), rows)
    lines += ["## Declared reports", ""]
    reports = ((as_code(r.name), r.title, ", ".join(map(as_code, r.parameters))) for r in REPORTS.values())
    lines += table_of(("report", "title", "parameters"), reports)
    lines += ["## Every call that is made", "", "Addresses are below `/api/v1`.", ""]
    lines += table_of(("method", "path", "what it answers"), _calls())
    intro = (
        "What canvaslake asks Canvas. It writes one thing: it starts the account reports that you configure or ask for."
    )
    return page("Endpoints", intro, lines)


def _table_link(qualified: str) -> str:
    return f"[{qualified}](tables.md#{qualified.replace('.', '')})"


def _test_link(path: str) -> str:
    """Return a link to a test module; raises FileNotFoundError in a checkout that does not have it."""
    if (_ROOT.parent / "tests").is_dir() and not (_ROOT.parent / path).is_file():
        raise FileNotFoundError(f"{path} is named as a test of endpoints and is not there")
    return f"[{Path(path).stem}](../../{path})"


def _calls() -> list[tuple[str, str, str]]:
    """Return the typed calls of the client that the rest of the code imports: method, path, first sentence."""
    folders = (_ROOT, _ROOT.parent / "assets")
    below = {path for folder in folders for path in folder.rglob("*.py")}
    outside = [p for p in below if not p.is_relative_to(_ROOT / "canvas") and not p.is_relative_to(_ROOT / "demo")]
    used = set().union(*map(_imported_from_canvas, outside))
    calls = []
    for module in (_ROOT / "canvas").glob("*.py"):
        for node in _parsed(module).body:
            if isinstance(node, ast.AsyncFunctionDef) and (module.stem, node.name) in used:
                said = _CALL.match(ast.get_docstring(node) or "")
                if said:
                    path = said["path"].replace("...", "/accounts/:id/analytics/{current, completed, terms/:id}")
                    what = said["what"].split("\n\n")[0].replace("``", "`")
                    calls.append((said["method"], as_code(path), what[0].upper() + what[1:]))
    return sorted(calls, key=lambda call: (call[1].strip("`"), call[0]))


def _imported_from_canvas(path: Path) -> set[tuple[str, str]]:
    """Return what a module imports from the modules of the client: (module, name)."""
    return {
        (node.module.rsplit(".", 1)[1], alias.name)
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipelines.canvas.")
        for alias in node.names
    }


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))

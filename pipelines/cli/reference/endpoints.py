"""The page of endpoints: what is asked, which table it feeds, where that is tested."""

import ast
import re
from pathlib import Path

import pipelines
from pipelines.cli.reference.markdown import as_code, page, table_of
from pipelines.cli.reference.tables import table_link
from pipelines.normalize.contracts import ENDPOINTS, REPORTS, Endpoint

_ROOT = Path(pipelines.__file__).resolve().parent
_GROUPS = {
    "directory": "Directory",
    "department": "Department analytics",
    "course": "Course analytics",
    "student": "Student analytics",
    "reports": "Account reports",
    "token": "The token",
}
_TESTED_BY = {
    "directory": "tests/load/test_directory_tables.py",
    "department": "tests/load/test_questions.py",
    "course": "tests/load/test_course_tables.py",
    "student": "tests/load/test_student_tables.py",
    "reports": "tests/load/test_reports.py",
    "token": "tests/stories/test_token.py",
}
"""Where the rows of a group's tables are held against what Canvas holds, one by one."""

_OTHERWISE_TESTED = {
    "/api/v1/progress/:id": "tests/canvas/test_progress.py",
    "/api/v1/users/:id": "tests/canvas/test_endpoints.py",
    "/api/v1/accounts/:account_id/reports": "tests/canvas/test_endpoints.py",
}
_NOT_ASKED_TESTED_BY = "tests/normalize/test_endpoints.py"
_CALL = re.compile(r"(?P<method>GET|POST|PUT|DELETE) (?P<path>\S+): (?P<what>.*)", re.DOTALL)


def endpoints_page() -> str:
    """Return the page of endpoints: what is asked, which table it feeds, where that is tested."""
    never = [endpoint for endpoint in ENDPOINTS if not endpoint.asked and endpoint.method != "GET"]
    here = [endpoint for endpoint in ENDPOINTS if endpoint not in never]
    lines: list[str] = []
    for group, title in _GROUPS.items():
        rows = [_row(endpoint) for endpoint in here if endpoint.group == group]
        lines += [f"## {title}", "", *table_of(("endpoint", "tables", "slice", "asked", "tested by"), rows)]
    lines += ["## Endpoints that write and are never asked", ""]
    lines += table_of(("endpoint", "why not", "tested by"), [_never_row(endpoint) for endpoint in never])
    lines += ["## Declared reports", ""]
    reports = [
        (as_code(report.name), report.title, ", ".join(as_code(one.name) for one in report.parameters))
        for report in REPORTS.values()
    ]
    lines += table_of(("report", "title", "parameters"), reports)
    lines += ["## Every call that is made", "", "Addresses are below `/api/v1`.", ""]
    lines += table_of(("method", "path", "what it answers"), _calls())
    intro = (
        "Every endpoint of Canvas that canvaslake knows: the table that it feeds, the slice of it that one answer "
        "replaces, and whether it is asked. Two things are written: canvaslake starts the account reports that you "
        "configure or ask for, and renews its own token when you say so (`canvaslake token rotate`). "
        "`canvaslake token scopes` prints the scopes that a token needs for your settings."
    )
    return page("Endpoints", intro, lines)


def _row(endpoint: Endpoint) -> tuple[str, ...]:
    tables = ", ".join(map(table_link, endpoint.tables))
    asked = ". ".join(filter(None, ("yes" if endpoint.asked else "no", endpoint.note)))
    return _name(endpoint), tables, endpoint.slice, asked, _test_link(_tested_by(endpoint))


def _never_row(endpoint: Endpoint) -> tuple[str, ...]:
    return _name(endpoint), endpoint.note, _test_link(_tested_by(endpoint))


def _name(endpoint: Endpoint) -> str:
    return as_code(f"{endpoint.method} {endpoint.path}")


def _tested_by(endpoint: Endpoint) -> str:
    if not endpoint.asked:
        return _NOT_ASKED_TESTED_BY
    return _OTHERWISE_TESTED.get(endpoint.path, _TESTED_BY[endpoint.group])


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

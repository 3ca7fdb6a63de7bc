"""The reference pages of `docs/reference`, written from the code: `python -m pipelines.cli.reference [--check] FOLDER`.

Each page is a pure function of what the code declares (contracts, models, settings, commands, errors), so that a page
cannot say something else than the product does. Pages that explain or advise are written by hand, beside these.
"""

import ast
import inspect
import itertools
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import pipelines
from pipelines import settings as settings_module
from pipelines.canvas import errors
from pipelines.canvas.errors import CanvasError
from pipelines.cli import commands
from pipelines.cli.app import app
from pipelines.cli.exit_codes import ExitCode, exit_code_of
from pipelines.cli.init import settings_text
from pipelines.models import inherited_privacy, load_models, model_columns, sql_folder
from pipelines.normalize.contracts import REPORTS, SYSTEM_COLUMNS, TABLES, Privacy, Table
from pipelines.normalize.contracts.meta import WRITTEN_TABLES
from pipelines.settings import Settings

_ROOT = Path(pipelines.__file__).resolve().parent
_NOTE = "<!-- Written by `python -m pipelines.cli.reference docs/reference`. Change the code, not this page. -->"
_SCHEMAS = {
    "marts": "Ready answers and stars, with names and stable keys. Start here.",
    "canvas": "The directory of the institution, from the API.",
    "analytics": "What Canvas's analytics endpoints answer.",
    "reports": "The files of account reports, one table per file.",
    "meta": "Tables about the tables: what was loaded, how each question ended, what every column means.",
    "staging": "Inputs of the marts: names made alike, repeated rows taken out.",
}
_TESTED_BY = {
    "directory": ("tests/canvas/test_endpoints.py", "tests/demo/test_directory.py"),
    "department": ("tests/canvas/test_endpoints.py", "tests/demo/test_department_analytics.py"),
    "reports": ("tests/demo/test_report_life.py", "tests/demo/test_report_files.py"),
}
_HIDDEN_SETTINGS = {"config_path", "token"}
_SAID = {
    ("", "owners"): "Owners of the assets on the Dagster page, such as `team:analytics` or an e-mail address.",
    ("canvas", "base_url"): "Address at which you open Canvas in a browser.",
    ("canvas", "max_in_flight"): "Requests under way at once, at most. The quota headers of Canvas may allow fewer.",
    ("reports", "report"): "Name of the report in Canvas, as `canvaslake reports catalog` lists it.",
    ("reports", "parameters"): "What Canvas is asked for; the catalog lists the names.",
    ("reports", "cron"): "When it is asked for, in the time zone of `[canvas]`. Without it only `sync` asks.",
    ("reports", "accounts"): "Accounts to ask for; those of `[canvas]` without it.",
    ("reports", "deadline_hours"): "How long Canvas may take before the report counts as overdue, in hours.",
    ("warehouse", "memory_limit"): "Memory that DuckDB may take for a publish.",
    ("warehouse", "keep_generations"): "Published files that are kept in `generations/`, the newest included.",
    ("warehouse", "max_bad_share"): "Share of rows (0 to 1) that may go to quarantine before an answer is refused.",
    ("sensor", "interval_seconds"): "Seconds between two looks for finished reports.",
    ("sensor", "load_attempts"): "Attempts to load a finished report before it is parked for a person.",
    ("sensor", "retry_minutes"): "Minutes before the second attempt; the pause doubles with each.",
}
"""What the code itself says of a key nowhere else. A description in the settings stands over it."""
_CALL = re.compile(r"(?P<method>GET|POST|PUT|DELETE) (?P<path>\S+): (?P<what>.*)", re.DOTALL)


def cell(text: object) -> str:
    """Return a text as a cell of a Markdown table: one line, with its bars escaped."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table_of(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, and the empty line after it."""
    yield "| " + " | ".join(header) + " |"
    yield "| " + " | ".join("---" for _ in header) + " |"
    for row in rows:
        yield "| " + " | ".join(cell(value) for value in row) + " |"
    yield ""


def _page(title: str, intro: str, lines: Iterable[str]) -> str:
    """Return a page: title, the note that it is generated, an introduction, the rest."""
    text = "\n".join([f"# {title}", "", _NOTE, "", intro, "", *lines])
    return text.rstrip() + "\n"


def _code(text: str) -> str:
    """Return a text as inline code, or nothing for nothing."""
    return f"`{text}`" if text else ""


def tables_page() -> str:
    """Return the page of every declared table and every model, by schema, with all columns."""
    sections: dict[str, list[tuple[str, list[str]]]] = {schema: [] for schema in _SCHEMAS}
    for table in (*TABLES.values(), *WRITTEN_TABLES):
        system = table not in WRITTEN_TABLES
        sections.setdefault(table.schema, []).append((table.qualified, list(_table_section(table, system=system))))
    for qualified, lines in _model_sections():
        sections.setdefault(qualified.split(".", 1)[0], []).append((qualified, lines))
    out: list[str] = []
    for schema, tables in sections.items():
        out += [f"- [{schema}](#schema-{schema}): {_SCHEMAS[schema]} {len(tables)} tables."]
    for schema, tables in sections.items():
        out += ["", f"## Schema {schema}", "", _SCHEMAS[schema], ""]
        for _, lines in sorted(tables):
            out += lines
    intro = (
        "Every table of the published file that the code declares. Ids are BIGINT, times are TIMESTAMPTZ in UTC. "
        f"Tables of `canvas`, `analytics` and `reports`, and `meta.quarantine`, also carry "
        f"{' and '.join(_code(column.name) for column in SYSTEM_COLUMNS)}: "
        f"{' '.join(column.description for column in SYSTEM_COLUMNS)} Reports that are not listed here load as text "
        "columns when you configure them.\n\n"
        "Privacy classes: "
        + "; ".join(f"`{name.lower()}`: {said.rstrip('.')}" for name, said in _member_docs(Privacy).items())
        + "."
    )
    return _page("Tables", intro, out)


def _table_section(table: Table, *, system: bool) -> Iterator[str]:
    """Yield the section of a declared table."""
    columns = (*table.columns, *(SYSTEM_COLUMNS if system else ()))
    rows = (
        (_code(c.name), c.type.value, c.unit, c.privacy.value, c.description + (" Optional." if c.optional else ""))
        for c in columns
    )
    unique = "" if table.key_is_unique or not table.key else " (Canvas repeats it by design)"
    facts = [f"- Grain: {table.grain}.", f"- Key: {', '.join(map(_code, table.key)) or 'none'}{unique}."]
    facts += [f"- Source: {_code(table.source)}.", f"- Slice that one answer replaces: {table.slice}."]
    yield from _section(table.qualified, table.description, facts, rows)


def _model_sections() -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the section of every model."""
    models = load_models(sql_folder(), TABLES)
    typed, privacy = model_columns(models, TABLES), inherited_privacy(models, TABLES)
    for model in models:
        rows = [
            (_code(name), _short_type(kind), "", privacy[model.qualified][name].value, model.columns.get(name, ""))
            for name, kind in typed[model.qualified]
        ]
        facts = [f"- Grain: {model.grain}.", f"- Key: {', '.join(map(_code, model.key))}."]
        facts += [f"- Source: `sql/{model.schema}/{model.name}.sql`, from {', '.join(map(_code, model.depends_on))}."]
        facts += ["- Slice: the whole table is made anew when an input or the file changes."]
        yield model.qualified, list(_section(model.qualified, model.description, facts, rows))


def _section(qualified: str, description: str, facts: list[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from (f"### {qualified}", "", description, "", *facts, "")
    yield from table_of(("column", "type", "unit", "privacy", "description"), rows)


def _short_type(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


def commands_page() -> str:
    """Return the page of every command with its arguments and options."""
    root = command_tree()
    lines = ["## Options of canvaslake itself", "", "They stand before the name of the command.", ""]
    lines += _parameters(root)
    for words, command in walk(root):
        if not hasattr(command, "commands"):
            lines += [f"## canvaslake {' '.join(words)}", "", cell(command.help or ""), "", *_usage(words, command)]
            lines += _parameters(command)
    intro = "Data goes to standard output, talk to standard error. [Exit codes](exit-codes.md) tell failures apart."
    return _page("Commands", intro, lines)


def command_tree() -> Any:
    """Return the whole command line as its parser sees it."""
    if "reports" not in {group.name for group in app.registered_groups}:
        commands.register()
    return typer.main.get_command(app)


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below one, groups included, with the words that lead to it."""
    for name, below in getattr(command, "commands", {}).items():
        yield (*words, name), below
        yield from walk(below, (*words, name))


def _usage(words: Sequence[str], command: Any) -> list[str]:
    """Return the usage line of a command as a block."""
    parts = ["canvaslake", *words]
    if any(p.param_type_name == "option" for p in command.params):
        parts.append("[OPTIONS]")
    for p in command.params:
        if p.param_type_name == "argument":
            name = p.name.upper() + ("..." if p.nargs == -1 else "")
            parts.append(name if p.required else f"[{name}]")
    return ["```text", " ".join(parts), "```", ""]


def _parameters(command: Any) -> list[str]:
    """Return the table of a command's arguments and options; empty without any."""
    rows = []
    for p in command.params:
        if p.param_type_name == "argument":
            rows.append((_code(p.name.upper()), _typer_type(p), "required" if p.required else "none", p.help or ""))
        elif not p.hidden and p.name not in ("install_completion", "show_completion"):
            default = "off" if p.is_flag else "none" if p.default is None else _code(str(p.default))
            names = ", ".join(_code(one) for one in p.opts)
            rows.append((names, _typer_type(p), default, p.help or ""))
    return list(table_of(("name", "type", "default", "what it does"), rows)) if rows else []


def _typer_type(parameter: Any) -> str:
    """Return the type of an argument or option in plain words."""
    if getattr(parameter, "is_flag", False):
        return "flag"
    # Typer says a type as text here: `str`, `list[str]`, `Path`.
    kind = str(parameter.bare_type())
    words = {"str": "text", "int": "whole number", "float": "number", "Path": "path"}
    one = kind.removeprefix("list[").removesuffix("]")
    return words.get(one, one) + (", several" if kind.startswith("list[") else "")


def settings_page() -> str:
    """Return the page of every key of `canvaslake.toml`."""
    comments = _template_comments()
    lines: list[str] = []
    for name, model, how in _parts():
        lines += [f"## {how}", "", inspect.cleandoc(model.__doc__ or ""), ""]
        fields = ((key, field) for key, field in model.model_fields.items() if _is_key(name, key, field))
        rows = [
            (
                _code(key),
                type_words(field.annotation) + _bounds(field),
                _default(field),
                field.description or comments.get((name, key)) or _SAID[name, key],
            )
            for key, field in fields
        ]
        lines += table_of(("key", "type", "default", "what it says"), rows)
    intro = (
        "Keys of `canvaslake.toml`, which is looked for in the working directory and the folders above it. An unknown "
        "key is an error.\n\n" + inspect.cleandoc(settings_module.__doc__ or "").split("\n\n", 1)[1]
    )
    return _page("Settings", intro, [*lines, *_environment()])


def _parts() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Yield the settings models: name of the section, class, heading."""
    yield "", Settings, "Top of the file"
    for name, field in Settings.model_fields.items():
        found = [one for one in (field.annotation, *_all_args(field.annotation)) if _is_model(one)]
        if found:
            yield name, found[0], f"[[{name}]]" if get_origin(field.annotation) is tuple else f"[{name}]"


def _all_args(annotation: Any) -> list[Any]:
    return [inner for one in get_args(annotation) for inner in (one, *_all_args(one))]


def _is_model(annotation: Any) -> bool:
    return inspect.isclass(annotation) and get_origin(annotation) is None and issubclass(annotation, BaseModel)


def _is_key(section: str, key: str, field: FieldInfo) -> bool:
    """Return whether a field is a key that a person writes, and not a section or something found elsewhere."""
    is_part = any(_is_model(one) for one in (field.annotation, *_all_args(field.annotation)))
    return not is_part and not (section == "" and key in _HIDDEN_SETTINGS)


def type_words(annotation: Any) -> str:
    """Return a type of the settings in the words of TOML."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(_code(f'"{one}"') for one in args)
    if origin in (Union, types.UnionType):
        words = [type_words(one) for one in args if one is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if origin in (tuple, list):
        return f"list of ({type_words(args[0])})" if get_args(args[0]) else f"list of {type_words(args[0])}"
    if origin is dict:
        return f"table of ({type_words(args[1])})"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    return names.get(annotation, str(annotation))


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "at least", "gt": "more than", "le": "at most"}
    found = [f"{word} {value}" for one in field.metadata for s, word in signs.items() if (value := _of(one, s))]
    return f", {', '.join(found)}" if found else ""


def _of(constraint: object, sign: str) -> str:
    value = getattr(constraint, sign, None)
    return "" if value is None else str(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, str | Path):
        return _code(f'"{value}"')
    if isinstance(value, tuple):
        return _code(f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in value)}]")
    return _code(str(value)) if value != {} else _code("{}")


def _template_comments() -> dict[tuple[str, str], str]:
    """Return what the settings file that `init` writes says of its keys, by section and key."""
    found, section = {}, ""
    for line in settings_text(base_url="https://canvas.example.edu").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " # " in line and "=" in line:
            key, comment = line.split("=", 1)[0].strip(), line.split(" # ", 1)[1].strip()
            found[section, key] = comment[0].upper() + comment[1:] + "."
    return found


def _environment() -> list[str]:
    """Return the section of the environment variables; raises ValueError for one that the code does not read."""
    said = {
        "CANVAS_BASE_URL": "Address of Canvas; stands over `base_url` of `[canvas]`. May stand in `.env`.",
        "CANVAS_API_TOKEN": "The token. May stand in `.env`, mode 0600, beside `canvaslake.toml`; never in the file.",
        "CANVASLAKE_CONFIG": "The settings file, wherever the command runs.",
        "CANVASLAKE_HOME": "The data directory; stands over `home`.",
    }
    source = inspect.getsource(settings_module)
    unread = [name for name in said if name not in source]
    if unread:
        raise ValueError(f"the settings do not read {', '.join(unread)} any more: correct the reference")
    rows = ((_code(name), what) for name, what in said.items())
    return ["## Environment", "", *table_of(("variable", "what it says"), rows)]


def exit_codes_page() -> str:
    """Return the page of exit codes, with the errors that lead to each."""
    said = _member_docs(ExitCode)
    by_code: dict[ExitCode, list[str]] = {}
    for kind, _ in _error_tree(CanvasError):
        by_code.setdefault(exit_code_of(kind("")), []).append(kind.__name__)
    said.setdefault("OK", "Everything went well.")
    rows = [
        (_code(str(int(code))), code.name, said.get(code.name, ""), ", ".join(map(_code, by_code.get(code, []))))
        for code in ExitCode
    ]
    intro = (
        "The exit code of a command is the class of the first thing that went wrong; the message on standard error "
        "says what, why, and what to do next. Code 130 means that you stopped it with Ctrl-C. "
        "[Errors](errors.md) explains each error of a conversation with Canvas."
    )
    return _page("Exit codes", intro, table_of(("code", "name", "meaning", "errors of Canvas in it"), rows))


def _member_docs(kind: type) -> dict[str, str]:
    """Return the docstrings that stand below the members of an enumeration, by name of the member."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for member, after in itertools.pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant):
                found[member.targets[0].id] = cell(text.value)
    return found


def errors_page() -> str:
    """Return the page of the tree of Canvas errors: meaning, usual reason, next step."""
    lines: list[str] = []
    for kind, depth in _error_tree(CanvasError):
        said = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
        lines += [f"{'#' * min(2 + depth, 4)} {kind.__name__}", "", said, ""]
        facts = [("Usual reason", kind.default_why), ("Next step", kind.default_next_step)]
        facts.append(("Exit code", f"[{int(exit_code_of(kind('')))}](exit-codes.md)"))
        lines += [f"- {name}: {value}" for name, value in facts if value] + [""]
    intro = (
        "Everything that can go wrong between canvaslake and Canvas. A message names the method and the path, the "
        "HTTP status and Canvas's request id: quote them to Canvas support. Headings are nested as the errors are."
    )
    return _page("Errors", intro, lines)


def _error_tree(kind: type[CanvasError], depth: int = 0) -> Iterator[tuple[type[CanvasError], int]]:
    """Yield an error and those below it, in the order of their module, with how deep each stands."""
    yield kind, depth
    order = list(vars(errors))
    below = [one for one in kind.__subclasses__() if one.__name__ in order]
    for one in sorted(below, key=lambda each: order.index(each.__name__)):
        yield from _error_tree(one, depth + 1)


def endpoints_page() -> str:
    """Return the page of endpoints: what is asked, which table it feeds, where that is tested."""
    fed: dict[tuple[str, str, str], list[str]] = {}
    for table in TABLES.values():
        if table.group in _TESTED_BY:
            fed.setdefault((table.source, table.slice, table.group), []).append(table.qualified)
    lines = ["## From endpoint to table", ""]
    rows = [
        (_code(source), ", ".join(map(_table_link, names)), slice_, ", ".join(map(_test_link, _TESTED_BY[group])))
        for (source, slice_, group), names in fed.items()
    ]
    lines += table_of(("endpoint", "tables", "slice", "tested by"), rows)
    lines += ["## Declared reports", ""]
    reports = ((_code(r.name), r.title, ", ".join(map(_code, r.parameters))) for r in REPORTS.values())
    lines += table_of(("report", "title", "parameters"), reports)
    lines += ["## Every call that is made", "", "Addresses are below `/api/v1`.", ""]
    lines += table_of(("method", "path", "what it answers"), _calls())
    intro = (
        "What canvaslake asks Canvas. It writes one thing: it starts the account reports that you configure or ask for."
    )
    return _page("Endpoints", intro, lines)


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
                    calls.append((said["method"], _code(path), what[0].upper() + what[1:]))
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


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "exit-codes.md": exit_codes_page,
    "endpoints.md": endpoints_page,
    "errors.md": errors_page,
}
"""The pages by file name."""


def stale_pages(folder: Path) -> list[str]:
    """Return the names of the pages in a folder that are missing or say something else than the code."""
    stale = []
    for name, page in PAGES.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != page():
            stale.append(name)
    return stale


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check only name the stale ones; return the exit code."""
    folders = [Path(one) for one in arguments if not one.startswith("-")]
    if len(folders) != 1 or set(arguments) - {str(folders[0]), "--check"}:
        sys.stderr.write("usage: python -m pipelines.cli.reference [--check] docs/reference\n")
        return 2
    [folder] = folders
    if "--check" in arguments:
        stale = stale_pages(folder)
        for name in stale:
            sys.stderr.write(f"{folder / name} is stale. Run: python -m pipelines.cli.reference {folder}\n")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

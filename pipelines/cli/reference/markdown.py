"""Words and tables in Markdown, as the reference pages write them. What a page says is its own."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence

NOTE = "<!-- Written by `python -m pipelines.cli.reference docs/reference`. Change the code, not this page. -->"


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


def page(title: str, intro: str, lines: Iterable[str]) -> str:
    """Return a page: title, the note that it is generated, an introduction, the rest."""
    text = "\n".join([f"# {title}", "", NOTE, "", intro, "", *lines])
    return text.rstrip() + "\n"


def as_code(text: str) -> str:
    """Return a text as inline code, or nothing for nothing."""
    return f"`{text}`" if text else ""


def member_docs(kind: type) -> dict[str, str]:
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

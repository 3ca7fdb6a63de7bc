"""What the pages show of other clients is what `make bi` runs, and every client that it runs is on a page."""

import re

import pytest

from tests.bi.clients import CLIENTS, SNIPPETS
from tests.docs.pages import DOCS, ROOT, blocks

PYTHON_PAGE = DOCS / "how-to" / "query-from-python-and-bi.md"
TOOLS_PAGE = DOCS / "how-to" / "bi-tools.md"
_ROW = re.compile(r"^\| `([\w.-]+)` \| (.+) \|$", re.MULTILINE)


@pytest.mark.parametrize("snippet", sorted(path.name for path in SNIPPETS.iterdir() if path.is_file()))
def test_every_snippet_stands_on_a_page_as_it_is_run(snippet: str) -> None:
    lines = (SNIPPETS / snippet).read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("# mypy:"))
    shown = blocks(PYTHON_PAGE, "python", "py", "sh", "js") + blocks(TOOLS_PAGE, "json")
    assert text in [block.text for block in shown]


def test_every_client_that_is_run_is_listed_and_no_other() -> None:
    listed = _ROW.findall(PYTHON_PAGE.read_text(encoding="utf-8"))
    assert [name for name, _ in listed] == [client.name for client in CLIENTS]


def test_what_was_not_run_says_so() -> None:
    text = TOOLS_PAGE.read_text(encoding="utf-8")
    _, _, after = text.partition("## Not run here")
    for tool in ("DBeaver", "Metabase", "Tableau", "Power BI", "Excel"):
        assert tool in after
        assert tool not in text.partition("## Not run here")[0]


def test_make_runs_the_proof() -> None:
    assert re.search(r"^bi: .*\n\t.*-m tests\.bi\b", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

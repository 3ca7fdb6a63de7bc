"""The page of endpoints has a row for every endpoint that is known, and every link in it leads somewhere."""

import re
from collections import Counter

import pytest

from pipelines.cli.reference import endpoints as module
from pipelines.cli.reference.endpoints import endpoints_page
from pipelines.normalize.contracts import ENDPOINTS, Endpoint
from tests.docs.pages import DOCS

_PAGE = DOCS / "reference" / "endpoints.md"


def _rows() -> dict[str, list[str]]:
    """Return the rows of the page by endpoint; the table of calls is not among them."""
    text = _PAGE.read_text(encoding="utf-8").split("## Declared reports")[0]
    rows = [[part.strip() for part in line.split(" | ")] for line in text.splitlines() if line.startswith("| `")]
    assert Counter(row[0] for row in rows).most_common(1)[0][1] == 1
    return {row[0].strip("| `"): row for row in rows}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.scope)
def test_every_endpoint_has_one_row_that_says_what_becomes_of_it(endpoint: Endpoint) -> None:
    row = _rows()[f"{endpoint.method} {endpoint.path}"]
    linked = re.findall(r"\[([a-z_.]+)\]\(tables-", " ".join(row))
    if endpoint.asked or endpoint.method == "GET":
        assert linked == list(endpoint.tables)
        assert row[2] == endpoint.slice
        assert row[3] == ". ".join(filter(None, ["yes" if endpoint.asked else "no", endpoint.note]))
    else:
        assert row[1] == endpoint.note
    assert "](../../tests/" in row[-1]


def test_there_is_no_row_of_an_endpoint_that_nobody_knows() -> None:
    assert set(_rows()) == {f"{each.method} {each.path}" for each in ENDPOINTS}


def test_writing_endpoints_that_are_never_asked_stand_apart() -> None:
    section = _PAGE.read_text(encoding="utf-8").split("never asked\n", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"^\| `(\w+) ", section, re.MULTILINE)
    assert len(named) == sum(not each.asked and each.method != "GET" for each in ENDPOINTS) > 0
    assert "GET" not in named


def test_every_test_module_that_is_named_is_there() -> None:
    links = set(re.findall(r"\]\(([^)#]+)", _PAGE.read_text(encoding="utf-8")))
    assert [link for link in links if not (_PAGE.parent / link).is_file()] == []


def test_a_test_module_that_is_gone_stops_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._TESTED_BY, "directory", "tests/load/test_no_such_module.py")
    with pytest.raises(FileNotFoundError, match="test_no_such_module"):
        endpoints_page()

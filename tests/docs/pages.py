"""The pages that people read, and what stands in them: blocks, commands, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
WRITTEN_BY_HAND = tuple(page for page in PAGES if page.parent.name != "reference")

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CALL = re.compile(r"(\$ )?(\.venv/bin/)?canvaslake ")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """Some text of a page, and where it stands. Code that is `mentioned` in a sentence may leave words out."""

    page: Path
    text: str
    mentioned: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text.splitlines()[0][:80]}"


def blocks(page: Path, *languages: str) -> list[Snippet]:
    """The fenced blocks of some languages."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Snippet(page, match["text"]) for match in found if match["language"] in languages]


def command_lines(page: Path) -> list[Snippet]:
    """Every call of canvaslake: lines of shell blocks, and inline code that begins with the command's name."""
    typed = [line.strip() for block in blocks(page, "sh", "bash", "console") for line in block.text.splitlines()]
    mentioned = _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    found = [*(Snippet(page, line) for line in typed), *(Snippet(page, line, mentioned=True) for line in mentioned)]
    return [one for one in found if _CALL.match(one.text)]


def links(page: Path) -> list[str]:
    """The links of a page, without those inside code."""
    prose = _INLINE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return _LINK.findall(prose)


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page have on GitHub."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}

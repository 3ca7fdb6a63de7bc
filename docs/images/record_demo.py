"""Record `canvaslake demo` into `docs/images/demo.svg`: `.venv/bin/python docs/images/record_demo.py`.

The demo runs in an empty folder on a terminal of its own, and what it prints is what the picture shows, with three
changes: the folder's name, which is an accident of this run; long lists, which are cut where the mark ⋮ stands; and
progress bars, which are shown once, as they stand at the end.
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 122
PICTURE = Path(__file__).with_name("demo.svg")
_CONTROL = re.compile(r"\x1b\[\??(?P<number>\d*)(?P<kind>[A-HJKhl])|(?P<newline>\r?\n)|(?P<carriage>\r)")
_CUT = "⋮"
_SHOWN = (("analytics.course_", "analytics.student_"), ("marts.",))
"""Beginnings of the names of the tables that the picture shows, in two groups."""


def recorded() -> tuple[str, str]:
    """Run the demo on a pseudo terminal; return all that it wrote, and the folder that it ran in."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pty.openpty()
        command = [str(Path(sys.executable).with_name("canvaslake")), "demo"]
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": "50",
        }
        process = subprocess.Popen(  # noqa: S603 (our own command)
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        text = io.BytesIO()
        try:
            while piece := os.read(ours, 65536):
                text.write(piece)
        except OSError:
            pass  # Linux says it so when the last writer is gone.
        if process.wait() != 0:
            raise SystemExit(f"canvaslake demo ended with {process.returncode}")
        return text.getvalue().decode(), folder


def final_lines(text: str) -> list[str]:
    """Return the lines as they stand when the program has ended: progress bars overwrite themselves until then."""
    lines, row, at = [""], 0, 0
    while at < len(text):
        found = _CONTROL.search(text, at)
        lines[row] += text[at : found.start() if found else len(text)]
        if found is None:
            break
        at = found.end()
        if found["newline"]:
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif found["kind"] == "A":
            row = max(0, row - int(found["number"] or 1))
        elif found["kind"] == "K":
            lines[row] = ""
    return [line.rstrip() for line in lines]


def shortened(lines: list[str]) -> list[str]:
    """Return the bars as they stand at the end, some of the tables, and the second question."""
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(n for n, line in enumerate(plain) if line.startswith("table "))
    end = next(n for n in range(first, len(plain)) if not plain[n])
    bars = max(n for n in range(first) if "ask for reports" in plain[n])
    tables: list[list[str]] = []
    for line, words in zip(lines[first + 1 : end], plain[first + 1 : end], strict=True):
        if not words.startswith(" "):
            tables.append([])
        tables[-1].append(line)
    shown = [[line for table in tables if table[0].startswith(names) for line in table] for names in _SHOWN]
    questions = [n for n, line in enumerate(plain) if line.endswith("?")]
    last = next(n for n, line in enumerate(plain) if line.startswith("All of it took"))
    top = [lines[0], *lines[bars:first], lines[first]]
    for part in shown:
        top += [*part, _CUT]
    top.append("")
    return [*top, *lines[questions[1] : questions[2]], _CUT, "", *lines[last:]]


def main() -> None:
    """Record, shorten, draw."""
    text, folder = recorded()
    lines = shortened(final_lines(text.replace(folder, "~/canvaslake")))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    console.print(Text.assemble(("$ ", "bold green"), ("canvaslake demo", "bold")))
    for line in lines:
        console.print(Text.from_ansi(line), overflow="crop", no_wrap=True)
    # Without fonts from elsewhere: a picture in a README may not load them, and nobody is told who looks at it.
    drawing = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawing = drawing.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    svg = console.export_svg(title="canvaslake demo", theme=MONOKAI, code_format=drawing, unique_id="demo")
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

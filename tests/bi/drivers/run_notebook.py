"""Runs a cell of a Jupyter notebook for every line of the standard input: `run_notebook.py SNIPPET`.

The kernel is one and the same all the time, as an analyst's is who runs the cell again in the afternoon. A second cell
writes the frame that the first one left.
"""

import json
import sys
from pathlib import Path
from typing import Any

import nbformat  # type: ignore[import-not-found, unused-ignore]
from nbclient import NotebookClient  # type: ignore[import-not-found, unused-ignore]

_SHOW = "print(courses.to_json(orient='values'))"


def main(snippet: Path) -> None:
    cells = [nbformat.v4.new_code_cell(text) for text in (snippet.read_text(encoding="utf-8"), _SHOW)]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60)
    with client.setup_kernel():
        for _ in sys.stdin:
            said: dict[str, Any] = {}
            try:
                for place, cell in enumerate(cells):
                    client.execute_cell(cell, place)
                # A line that is printed may come in pieces.
                said["rows"] = json.loads("".join(one.text for one in cells[1].outputs if one.output_type == "stream"))
            except Exception as error:  # noqa: BLE001 (any error of a client is the finding)
                said["error"] = f"{type(error).__name__}: {error}"
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Runs a snippet for every line of the standard input and writes its answer: `run_python.py SNIPPET [FILE]`.

Runs in the client's environment, which has nothing of canvaslake's. Everything happens in one process, as in a session
that stays open for a day. With FILE, a connection to it is left open from before the first look to the end.
"""

import json
import sys
from pathlib import Path
from typing import Any


def plain(answer: Any) -> list[list[Any]]:
    """Return the rows of what a client gives: tuples, a frame of pandas' or Polars', a table of Arrow's."""
    if hasattr(answer, "to_pylist"):
        return [list(row.values()) for row in answer.to_pylist()]
    if hasattr(answer, "itertuples"):
        return [list(row) for row in answer.itertuples(index=False)]
    if hasattr(answer, "rows"):
        answer = answer.rows()
    return [list(row) for row in answer]


def main(snippet: Path, held: str | None) -> None:
    code = compile(snippet.read_text(encoding="utf-8"), snippet.name, "exec")
    forgotten = None
    for _ in sys.stdin:
        said: dict[str, Any] = {}
        try:
            if held is not None and forgotten is None:
                import duckdb

                forgotten = duckdb.connect(held, read_only=True)
            names: dict[str, Any] = {}
            exec(code, names)  # noqa: S102 (our own snippet)
            said["rows"] = plain(names["courses"])
        except Exception as error:  # noqa: BLE001 (any error of a client is the finding)
            said["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(said, default=lambda value: value.item()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)

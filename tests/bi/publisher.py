"""Publishes changed generations without end: `python -m tests.bi.publisher HOME`, until the standard input closes.

Writes a line with the number of each generation once it is in place, and one with the reason if a publish fails.
"""

import json
import sys
import threading
from pathlib import Path

from pipelines.project import Project
from pipelines.settings import load_settings
from pipelines.warehouse import publish
from tests.bi.institution import load_filler, load_generation

PAUSE_SECONDS = 0.3


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _main(home: Path) -> int:
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    project = Project(load_settings(home.parent, {"CANVASLAKE_HOME": str(home)}))
    load_filler(project.lake)
    generation = 0
    while not ended.is_set():
        generation += 1
        load_generation(project.lake, generation)
        made = publish(project.warehouse, project.models)
        if made.generation != generation or made.applied.held_back:
            _say(
                error=f"generation {generation} was wanted, {made.generation} made, held back: {made.applied.held_back}"
            )
            return 1
        _say(generation=generation)
        ended.wait(PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))

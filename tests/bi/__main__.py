"""Prove that clients open the published file while publishes go on: `python -m tests.bi`, or `make bi`.

Installs each client from its package registry into a scratch folder, which is removed, unless `--keep` names one. Ends
with 1 if a client failed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bi.clients import CLIENTS, Client, Place
from tests.bi.judge import Verdict
from tests.bi.trial import Publisher, PublisherError, try_client

_CONSOLE = Console()


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bi", description=(__doc__ or "").split("\n\n")[0])
    names = [client.name for client in CLIENTS]
    parser.add_argument("--only", action="append", metavar="NAME", help="one client; may be given again")
    parser.add_argument("--list", action="store_true", help="print the names of the clients")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="install here, and use what is installed here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    given = parser.parse_args(words)
    if unknown := sorted(set(given.only or ()) - set(names)):
        parser.error(f"no client is called {', '.join(unknown)}; there are {', '.join(names)}")
    return given


@contextmanager
def _place(keep: Path | None) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="canvaslake-bi-") as folder:
        scratch = Path(folder)
        installs = (keep or scratch / "installs").resolve()
        installs.mkdir(parents=True, exist_ok=True)
        work = scratch / "work"
        work.mkdir()
        yield Place(work, installs, scratch)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table("client", "version", "looks", "generations", "faults")
    for one in verdicts:
        faults = "\n".join(dict.fromkeys(one.faults)) if one.faults else "none"
        table.add_row(one.client, one.version, str(one.looks), str(len(one.generations)), faults)
    return table


def _as_json(verdicts: Sequence[Verdict]) -> str:
    clients = [
        {
            "client": one.client,
            "version": one.version,
            "looks": one.looks,
            "generations": sorted(one.generations),
            "faults": one.faults,
        }
        for one in verdicts
    ]
    return json.dumps({"at": datetime.now(UTC).isoformat(), "clients": clients}, indent=2)


def _try_all(clients: Sequence[Client], place: Place) -> list[Verdict]:
    publisher = Publisher(place.work / "data", place.scratch / "publisher.log")
    verdicts = []
    try:
        publisher.wait_for(1)
        for client in clients:
            verdicts.append(try_client(client, place, publisher))
            one = verdicts[-1]
            said = f"{one.looks} looks, {len(one.generations)} generations" if one.is_good else one.faults[0]
            _CONSOLE.print(f"{client.name}: {said}", highlight=False, markup=False)
    finally:
        publisher.end()
    return verdicts


def main(words: Sequence[str]) -> int:
    """Run the clients and return the exit code."""
    given = _arguments(words)
    if given.list:
        for client in CLIENTS:
            _CONSOLE.print(client.name, highlight=False)
        return 0
    clients = [client for client in CLIENTS if not given.only or client.name in given.only]
    try:
        with _place(given.keep) as place:
            verdicts = _try_all(clients, place)
    except PublisherError as error:
        _CONSOLE.print(f"Nothing is proved: {error}", highlight=False, markup=False)
        return 1
    _CONSOLE.print(_table(verdicts))
    if given.json:
        given.json.write_text(_as_json(verdicts), encoding="utf-8")
    return 0 if all(one.is_good for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

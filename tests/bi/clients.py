"""Which clients are proved, what is installed for each, and how each is started."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bi.installs import node_environment, node_versions, python_environment, python_versions
from tests.bi.sessions import CommandSession, LineSession, Session, clean_environment, run
from tests.bi.superset import SupersetSession

HERE = Path(__file__).resolve().parent
SNIPPETS, DRIVERS = HERE / "snippets", HERE / "drivers"
DUCKDB_VERSIONS = ("1.0.0", "1.1.3", "1.2.2", "1.3.2", "1.4.4", "1.5.5", "1.5.6", "2.0.0")
# Superset 6.1 imports cachetools and rich without asking for them, and fails with Flask-Caching 2.5, which it allows.
_SUPERSET = ("apache-superset", "cachetools", "flask-caching<2.4", "rich", "duckdb", "duckdb-engine")


@dataclass(frozen=True)
class Place:
    """Where a run takes place: `work` has `data/warehouse.duckdb`, `installs` the environments, `scratch` the rest."""

    work: Path
    installs: Path
    scratch: Path

    @property
    def published(self) -> Path:
        """The file that the clients open."""
        return self.work / "data" / "warehouse.duckdb"


@dataclass(frozen=True)
class Started:
    """A client that is ready to look, and which versions it consists of."""

    session: Session
    version: str


@dataclass(frozen=True)
class Client:
    """A client by its name, and the way to start it. `start` raises InstallError, LookError."""

    name: str
    start: Callable[[Place], Started]


def _python(
    name: str,
    packages: tuple[str, ...],
    snippet: str,
    place: Place,
    *,
    named: tuple[str, ...] = ("duckdb",),
    whole: bool = False,
    held: bool = False,
) -> Started:
    programs = python_environment(place.installs / name, packages)
    environment = clean_environment(place.scratch, programs)
    python = str(programs / "python")
    if whole:
        run([python, str(DRIVERS / "read_everything.py"), str(place.published)], place.work, environment)
    command = [python, str(DRIVERS / "run_python.py"), str(SNIPPETS / snippet)]
    if held:
        command.append("data/warehouse.duckdb")
    session = LineSession(command, place.work, environment, place.scratch / f"{name}.log")
    return Started(session, python_versions(programs, named))


def _notebook(place: Place) -> Started:
    programs = python_environment(place.installs / "jupyter", ("duckdb", "pandas", "nbclient", "ipykernel"))
    session = LineSession(
        [str(programs / "python"), str(DRIVERS / "run_notebook.py"), str(SNIPPETS / "notebook.py")],
        place.work,
        clean_environment(place.scratch, programs),
        place.scratch / "jupyter.log",
    )
    return Started(session, python_versions(programs, ("duckdb", "pandas", "nbclient", "ipykernel")))


def _command_line(place: Place) -> Started:
    programs = python_environment(place.installs / "command-line", ("duckdb-cli",))
    environment = clean_environment(place.scratch, programs)
    session = CommandSession(["sh", str(SNIPPETS / "command_line.sh")], place.work, environment)
    return Started(session, python_versions(programs, ("duckdb-cli",)))


def _node(place: Place) -> Started:
    packages = ("@duckdb/node-api",)
    folder = node_environment(place.installs / "node", packages)
    snippet = folder / "node.mjs"
    snippet.write_text((SNIPPETS / "node.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    session = LineSession(
        ["node", str(DRIVERS / "run_node.mjs"), str(snippet)],
        place.work,
        clean_environment(place.scratch),
        place.scratch / "node.log",
    )
    return Started(session, node_versions(folder, packages))


def _superset(place: Place) -> Started:
    programs = python_environment(place.installs / "superset", _SUPERSET)
    database = (SNIPPETS / "superset_database.json").read_text(encoding="utf-8")
    session = SupersetSession(programs, place.scratch / "superset", place.published, database)
    return Started(session, python_versions(programs, ("apache-superset", "duckdb-engine", "duckdb")))


def _duckdb(version: str) -> Client:
    # DuckDB's Python client asks for pytz as soon as a time becomes one of Python's, and does not install it.
    packages, name = (f"duckdb=={version}", "pytz"), f"duckdb-{version}"
    return Client(name, partial(_python, name, packages, "duckdb_python.py", whole=True))


def _in_python(
    name: str, snippet: str, packages: tuple[str, ...], named: tuple[str, ...], *, held: bool = False
) -> Client:
    return Client(name, partial(_python, name, packages, snippet, named=named, held=held))


CLIENTS = (
    *(_duckdb(version) for version in DUCKDB_VERSIONS),
    _in_python("attach", "duckdb_attach.py", ("duckdb",), ("duckdb",), held=True),
    Client("command-line", _command_line),
    _in_python(
        "sqlalchemy",
        "sqlalchemy_pandas.py",
        ("duckdb", "duckdb-engine", "pandas"),
        ("duckdb-engine", "sqlalchemy", "pandas", "duckdb"),
    ),
    _in_python(
        "adbc", "adbc.py", ("duckdb", "adbc-driver-manager", "pyarrow"), ("adbc-driver-manager", "pyarrow", "duckdb")
    ),
    _in_python("polars", "polars_frame.py", ("duckdb", "polars", "pyarrow"), ("polars", "duckdb")),
    _in_python("ibis", "ibis_table.py", ("ibis-framework[duckdb]",), ("ibis-framework", "duckdb")),
    Client("node", _node),
    Client("jupyter", _notebook),
    Client("superset", _superset),
)
"""In the order in which they run. `attach` looks while the same process holds an older generation open."""

"""The environments of the clients, one each, outside the checkout. An environment that is complete is used again."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTALL_SECONDS = 1_800


class InstallError(Exception):
    """A client could not be installed: no network, or no version of it for this Python."""


def python_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Return the `bin` of a virtual environment that holds some packages, made if it is not there."""
    programs = folder / "bin"
    if _is_complete(folder, packages):
        return programs
    shutil.rmtree(folder, ignore_errors=True)
    _call([sys.executable, "-m", "venv", str(folder)], folder.parent)
    # Built from source, an old DuckDB takes an hour. Whoever has no wheel for this Python is told so.
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call([*pip, "--only-binary", "duckdb", *packages], folder)
    _complete(folder, packages)
    return programs


def node_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Return a folder with `node_modules` that hold some packages, made if it is not there."""
    if shutil.which("npm") is None:
        raise InstallError("npm is not on the PATH")
    if _is_complete(folder, packages):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    _call(["npm", "install", "--no-audit", "--no-fund", *packages], folder)
    _complete(folder, packages)
    return folder


def python_versions(programs: Path, packages: Sequence[str]) -> str:
    """Return the installed versions of some packages, as in `duckdb 2.0.0`."""
    asked = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = _call([str(programs / "python"), "-c", asked, *packages], programs).split()
    return ", ".join(f"{name} {version}" for name, version in zip(packages, found, strict=True))


def node_versions(folder: Path, packages: Sequence[str]) -> str:
    """Return the installed versions of some packages, and of Node itself."""
    node = _call(["node", "--version"], folder).strip()
    found = [(name, folder / "node_modules" / name / "package.json") for name in packages]
    named = [f"{name} {json.loads(path.read_text(encoding='utf-8'))['version']}" for name, path in found]
    return ", ".join([*named, f"Node {node}"])


def _is_complete(folder: Path, packages: Sequence[str]) -> bool:
    mark = folder / "complete"
    return mark.exists() and mark.read_text(encoding="utf-8").splitlines() == list(packages)


def _complete(folder: Path, packages: Sequence[str]) -> None:
    (folder / "complete").write_text("\n".join(packages), encoding="utf-8")


def _call(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InstallError(f"{command[0]} took more than {INSTALL_SECONDS} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or [f"{command[0]} ended with {done.returncode}"]
        raise InstallError(next((line for line in words if "ERROR" in line or "npm error" in line), words[-1]))
    return done.stdout

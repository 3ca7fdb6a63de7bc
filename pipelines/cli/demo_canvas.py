"""The demo Canvas as the commands use it: on fixed ports where they are free, and as a process beside `up`."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.demo import DEMO_TOKEN, Institution
from pipelines.demo.__main__ import TOKEN_VARIABLE
from pipelines.settings import DEMO_HOME, Settings

_PORT = 8765
_SERVES = re.compile(r"^# The demo Canvas serves (.+)$", re.MULTILINE)


def choose_ports() -> tuple[int, int]:
    """Return the ports for Canvas and for its files: the usual two if they are free, else any."""
    return tuple(port if _is_free(port) else 0 for port in (_PORT, _PORT + 1))  # type: ignore[return-value]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def describe(institution: Institution) -> str:
    """Say how large an institution is."""
    return (
        f"{len(institution.courses):,} courses, {len(institution.users):,} people and "
        f"{len(institution.enrollments):,} enrollments"
    )


def is_demo(settings: Settings) -> bool:
    """Return whether the settings are those that `canvaslake demo` wrote."""
    return settings.config_path is not None and (settings.config_path.parent / ".canvaslake-demo").is_file()


@contextmanager
def demo_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run the demo Canvas of the settings as a process of its own; raises RuntimeError if it cannot listen."""
    port = urlsplit(settings.canvas.base_url).port or _PORT
    command = [
        sys.executable,
        "-m",
        "pipelines.demo",
        "--port",
        str(port),
        "--report-seconds",
        "8",
        "--until-input-ends",
    ]
    # Ids go on growing, as they do in Canvas: a server that is started again must not repeat those it gave before.
    command += ["--first-report-id", str(int(time.time()))]
    config = settings.config_path or DEMO_HOME / "canvaslake.toml"
    serves = _SERVES.search(config.read_text(encoding="utf-8"))
    if serves:
        command += ["--institution", str(Path(serves[1]))]
    # The token of the settings, which a rotation may have changed; not in the command, which everybody can list.
    environment = {**os.environ, TOKEN_VARIABLE: settings.token.get_secret_value() or DEMO_TOKEN}
    # The pipe is never written to: it ends with this process, even one that is killed, and the demo Canvas with it.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line.startswith(b"http"):
            raise RuntimeError(f"The demo Canvas could not listen on port {port}. Run again: canvaslake demo")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

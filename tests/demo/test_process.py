import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from pipelines.demo import DEMO_TOKEN, DemoCanvas, Institution


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "pipelines.demo", "--scale", "0.05", "--as-of", "2026-11-21"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        yield running
        if running.poll() is None:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_prints_its_url_when_it_listens_and_ends_cleanly_on_a_signal(
    process: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}", "User-Agent": "a-test"}
    assert httpx.get(f"{url}/api/v1/accounts/self", headers=headers).json()["id"] == 1
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_an_error_that_names_it(small: Institution) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            DemoCanvas(small, port=port).start()


def test_a_stopped_server_has_closed_its_ports_and_can_start_again(small: Institution) -> None:
    canvas = DemoCanvas(small)
    for _ in range(2):
        with canvas:
            assert httpx.get(f"{canvas.base_url}/api/v1/users/self", headers=canvas.headers).status_code == 200
            url = canvas.base_url
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/api/v1/users/self", headers=canvas.headers)


def test_ports_can_be_chosen(small: Institution) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with DemoCanvas(small, port=port) as canvas:
        assert canvas.base_url == f"http://127.0.0.1:{port}"
        assert canvas.files_url != canvas.base_url

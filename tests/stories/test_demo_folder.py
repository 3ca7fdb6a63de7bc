"""The demo's folder is made anew at each demo, and nobody loses what they are working in."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from pipelines.cli.demo import _MARKER, _remove
from pipelines.cli.demo_canvas import demo_process
from pipelines.private_files import private_folder, write_private
from tests.stories.conftest import Office, free_port

_ROTATED = "1~theTokenThatARotationMade"


def demo_folder(folder: Path) -> Path:
    home = private_folder(folder / "data" / "demo")
    write_private(home / _MARKER, "")
    write_private(private_folder(home / "state") / "ledger.sqlite", "worked in")
    return home


def test_a_demo_does_not_pull_the_folder_from_under_a_running_one(tmp_path: Path) -> None:
    home = demo_folder(tmp_path)
    with FileLock(home / "state" / "up.lock"):
        result = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "demo"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 3
    assert "is running" in result.stderr
    assert (home / "state" / "ledger.sqlite").read_text(encoding="utf-8") == "worked in"


def test_a_removal_that_is_cut_short_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = demo_folder(tmp_path)

    def cut_short(path: Path) -> None:
        raise OSError(path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut_short)
        with pytest.raises(OSError, match="state"):
            _remove(home)
    assert (home / _MARKER).is_file()
    _remove(home)
    assert [path.name for path in home.iterdir()] == [_MARKER]


def test_the_demo_canvas_knows_a_token_that_was_rotated_at_its_next_start(office: Office) -> None:
    port = free_port()
    text = (office.folder / "canvaslake.toml").read_text(encoding="utf-8")
    office.write_settings(text.replace(office.canvas.base_url, f"http://127.0.0.1:{port}"))
    office.set_token(_ROTATED)
    with demo_process(office.settings) as process:
        assert _ROTATED not in " ".join(map(str, process.args if isinstance(process.args, list) else [process.args]))
        headers = {"Authorization": f"Bearer {_ROTATED}", "User-Agent": "a test"}
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/accounts/1", headers=headers, trust_env=False)
    assert answer.status_code == 200

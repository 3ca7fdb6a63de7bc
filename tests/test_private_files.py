"""Student data on disk belongs to its owner alone, and a half-written file is never taken for a whole one."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.private_files import create_private, private_folder, write_private


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_new_folder_on_the_way_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    assert private_folder(folder) == folder
    assert [mode(path) for path in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3
    assert private_folder(folder) == folder


def test_a_folder_that_was_there_keeps_the_mode_its_owner_gave_it(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    private_folder(tmp_path / "shared" / "new")
    assert mode(tmp_path / "shared") == 0o755
    assert mode(tmp_path / "shared" / "new") == 0o700


def test_a_new_file_is_never_written_through_a_file_or_link_of_somebody_else(tmp_path: Path) -> None:
    os.close(create_private(tmp_path / "new"))
    assert mode(tmp_path / "new") == 0o600
    victim = tmp_path / "victim"
    (tmp_path / "link").symlink_to(victim)
    for name in ("new", "link"):
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name)
    assert not victim.exists()


def test_a_text_is_replaced_whole_private_and_without_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old, and longer than the new text")
    path.chmod(0o644)
    write_private(path, "néw")
    assert path.read_text(encoding="utf-8") == "néw"
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert path.read_text() == "old"

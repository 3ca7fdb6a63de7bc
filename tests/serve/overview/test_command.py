"""`canvaslake overview` leaves a file that its owner alone can read, whole, and where it says."""

import stat
from pathlib import Path
from shutil import copyfile

import pytest

from pipelines.cli.overview import write_overview
from pipelines.project import Project
from pipelines.serve import QueryError
from pipelines.settings import CanvasSettings, Settings


@pytest.fixture
def project(campus: Path, tmp_path: Path) -> Project:
    home = tmp_path / "home"
    home.mkdir()
    copyfile(campus, home / "warehouse.duckdb")
    return Project(Settings(home=home, canvas=CanvasSettings(time_zone="America/Denver")))


def test_the_page_lies_in_the_data_directory_and_its_path_is_printed(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_overview(project, to=None, account=None)
    assert path == project.home / "overview.html"
    assert capsys.readouterr().out == f"{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hours in America/Denver" in path.read_text(encoding="utf-8")


def test_the_page_of_an_account_does_not_replace_that_of_the_whole(project: Project) -> None:
    whole, college = (write_overview(project, to=None, account=account) for account in (None, 2))
    assert whole != college
    assert "College of Arts" in college.read_text(encoding="utf-8")


def test_it_can_go_into_a_folder_or_a_file_of_another_name(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    assert write_overview(project, to=folder, account=None) == folder / "overview.html"
    named = tmp_path / "new" / "autumn.html"
    assert write_overview(project, to=named, account=None) == named
    assert named.read_bytes() == (folder / "overview.html").read_bytes()


def test_an_older_page_stays_when_there_is_no_newer_one(project: Project) -> None:
    path = write_overview(project, to=None, account=None)
    before = path.read_bytes()
    with pytest.raises(QueryError):
        write_overview(project, to=path, account=77)
    assert path.read_bytes() == before
    assert [one.name for one in project.home.iterdir() if one.name.startswith(".")] == []


def test_without_a_published_file_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="canvaslake sync"):
        write_overview(Project(Settings(home=tmp_path)), to=None, account=None)
    assert not (tmp_path / "overview.html").exists()

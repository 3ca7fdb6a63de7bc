"""Which file a question as of then is about: a kept generation, or one that was made for the moment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.cli.which_file import file_meant
from pipelines.ledger.generations import begin_generation, pin, record_published
from pipelines.project import Project
from pipelines.serve import QueryError, file_as_of, kept_generations, numbered_file, run_query
from pipelines.settings import CanvasSettings, Settings
from pipelines.warehouse.paths import WarehousePaths

FIRST = datetime(2026, 10, 1, 3, 0, 0, 250_000, tzinfo=UTC)
"""When generation 1 was published; the others followed day by day."""


def write_file(path: Path, number: int, published_at: datetime) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("create schema meta")
        con.execute("create table meta.generation (generation bigint, published_at timestamptz)")
        con.execute("insert into meta.generation values (?, ?)", [number, published_at])
    return path


@pytest.fixture
def paths(tmp_path: Path) -> WarehousePaths:
    """A data directory that keeps generations 3 to 5, of which 5 is the published one."""
    paths = WarehousePaths(tmp_path / "data")
    for number in (3, 4, 5):
        write_file(paths.generation(number), number, FIRST + timedelta(days=number - 1))
    paths.published.hardlink_to(paths.generation(5))
    return paths


def test_kept_generations_are_told_with_their_moments(paths: WarehousePaths) -> None:
    kept = kept_generations(paths)

    assert [(one.number, one.published_at) for one in kept] == [
        (number, FIRST + timedelta(days=number - 1)) for number in (5, 4, 3)
    ]
    assert [one.path for one in kept] == [paths.generation(number) for number in (5, 4, 3)]


def test_a_file_that_cannot_be_opened_or_says_nothing_is_no_generation(paths: WarehousePaths) -> None:
    paths.generation(4).write_text("half a file")
    (paths.generations / "warehouse-000006.next").write_text("not yet one")
    with duckdb.connect(str(paths.generation(7))) as con:
        con.execute("create table t as select 1")

    assert [one.number for one in kept_generations(paths)] == [5, 3]


def test_the_published_file_counts_where_its_generation_is_not_beside_it(paths: WarehousePaths) -> None:
    for number in (3, 4, 5):
        paths.generation(number).unlink()

    assert [(one.number, one.path) for one in kept_generations(paths)] == [(5, paths.published)]


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (FIRST + timedelta(days=2), 3),
        (FIRST + timedelta(days=3, microseconds=-1), 3),
        (FIRST + timedelta(days=3), 4),
        (FIRST + timedelta(days=300), 5),
    ],
)
def test_a_moment_means_the_newest_published_by_then(paths: WarehousePaths, moment: datetime, number: int) -> None:
    assert file_as_of(paths, moment) == paths.generation(number)


def test_before_all_that_are_kept_the_next_step_is_named(paths: WarehousePaths) -> None:
    with pytest.raises(QueryError) as caught:
        file_as_of(paths, FIRST)

    assert "3 (2026-10-03 03:00 UTC), 4 (2026-10-04 03:00 UTC), 5 (2026-10-05 03:00 UTC)" in caught.value.why
    assert "canvaslake publish --as-of 2026-10-01T03:00:00Z" in caught.value.next_step


def test_a_file_made_for_the_moment_answers_where_no_generation_does(paths: WarehousePaths) -> None:
    made = write_file(paths.as_of_file(FIRST), 1, FIRST)

    assert file_as_of(paths, FIRST) == made
    with pytest.raises(QueryError):
        file_as_of(paths, FIRST + timedelta(seconds=1))


def test_a_generation_that_was_taken_back_is_no_answer_for_a_day_but_for_its_number(paths: WarehousePaths) -> None:
    paths.published.unlink()
    paths.published.hardlink_to(paths.generation(4))

    assert file_as_of(paths, FIRST + timedelta(days=300)) == paths.generation(4)
    assert numbered_file(paths, 5) == paths.generation(5)


def test_a_generation_that_was_taken_back_is_no_answer_after_the_next_was_published(paths: WarehousePaths) -> None:
    # Numbers 4 and 5 were withdrawn for 3; 6 is published, and their files are still there.
    ledger = project(paths).ledger
    for number in range(1, 6):
        begin_generation(ledger, number)
        record_published(ledger, number, file="x", rows=1, size=1)
    pin(ledger, 3)
    begin_generation(ledger, 6)
    record_published(ledger, 6, file="x", rows=1, size=1)
    paths.published.unlink()
    paths.published.hardlink_to(write_file(paths.generation(6), 6, FIRST + timedelta(days=8)))

    assert file_meant(project(paths), "2026-10-07") == paths.generation(3)
    assert file_meant(project(paths), "2026-10-20") == paths.generation(6)
    assert file_meant(project(paths), "5") == paths.generation(5)


def test_a_number_that_is_not_kept_is_answered_with_those_that_are(paths: WarehousePaths) -> None:
    for number in range(6, 20):
        write_file(paths.generation(number), number, FIRST + timedelta(days=number - 1))

    with pytest.raises(QueryError) as caught:
        numbered_file(paths, 2)

    assert "17 generations, from 3 (2026-10-03 03:00 UTC) to 19 (2026-10-19 03:00 UTC)" in str(caught.value)


def test_with_nothing_published_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="No generation is kept"):
        file_as_of(WarehousePaths(tmp_path), FIRST)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (None, 5),
        ("4", 4),
        (" 3\n", 3),
        # The end of the day in Denver is six in the morning of the next in UTC: generation 4 was published by then.
        ("2026-10-03", 4),
        ("2026-10-03T20:59", 3),
        ("2026-10-04T03:00:00Z", 3),
        ("2026-10-04T03:00:01Z", 4),
    ],
)
def test_words_on_the_command_line_choose_a_file(paths: WarehousePaths, words: str | None, number: int) -> None:
    path = file_meant(project(paths), words)

    assert run_query(path, "select generation from meta.generation").rows() == [(number,)]


@pytest.mark.parametrize("words", ["yesterday", "20261003", "", "-1", "4.0"])
def test_other_words_are_refused(paths: WarehousePaths, words: str) -> None:
    with pytest.raises(QueryError, match="number of a generation"):
        file_meant(project(paths), words)


def project(paths: WarehousePaths) -> Project:
    canvas = CanvasSettings(base_url="https://canvas.example.edu", accounts=(1,), time_zone="America/Denver")
    return Project(Settings(canvas=canvas, home=paths.home))

"""A changing institution over ten days: the history tables tell of any day what a snapshot of that day told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.demo import Institution
from pipelines.demo.seed_changes import changed_institution
from pipelines.lake.versions import HISTORY, VALIDITY
from pipelines.models import Model
from pipelines.project import Project
from pipelines.warehouse import publish
from tests.load.families import pull_courses, pull_directory
from tests.load.report_worlds import ALL_MEMBERS, loaded
from tests.load.worlds import AS_OF, World, institution, open_world
from tests.projects import project_of

pytestmark = pytest.mark.slow

DAYS = 10
Snapshot = dict[str, list[tuple[Any, ...]]]


def a_day_later(school: Institution, number: int) -> Institution:
    """Return the institution on the next day: work goes on, people come, leave and change, courses end."""
    changed = changed_institution(school, 0.2, number, day=AS_OF + timedelta(days=number))
    enrollments = tuple(
        replace(
            one,
            state="deleted" if one.id % 23 == number and one.state == "active" else one.state,
            grades=replace(one.grades, final_score=float(number * 7 % 100)) if one.id % 11 == number else one.grades,
        )
        for one in changed.enrollments
        # Some came later, and some are not listed for a while.
        if not (one.id % 17 == 3 and number < 4) and not (one.id % 19 == 5 and number in (5, 6))
    )
    users = tuple(
        replace(one, last_name=f"{one.last_name}-{number}", name=f"{one.first_name} {one.last_name}-{number}")
        if one.id % 13 == number
        else one
        for one in changed.users
    )
    courses = tuple(
        replace(one, state="completed" if one.id % 7 == number else one.state, name=f"{one.name} ({number})")
        if one.id % 5 == number % 5
        else one
        for one in changed.courses
    )
    return replace(changed, enrollments=enrollments, users=users, courses=courses)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "home", institution=institution(0.05)) as opened:
        yield opened


def a_night(world: World, project: Project) -> None:
    pull_directory(world)
    pull_courses(world)
    loaded(world, "provisioning_csv", window=f"{world.clock()}", **ALL_MEMBERS, include_deleted=True)
    loaded(world, "grade_export_csv", window=f"{world.clock()}", include_deleted=True)
    publish(project.warehouse, project.models)


def snapshot(project: Project, models: list[Model]) -> Snapshot:
    """Return what the tables say now, by the SELECTs alone."""
    with duckdb.connect(str(project.paths.published), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return {model.qualified: _rows(con, f"({model.sql}\n)") for model in models}


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[Any, ...]]:
    return con.execute(f"select * exclude (extracted_at) from {relation} order by all").fetchall()


def as_of(con: duckdb.DuckDBPyConnection, model: Model, moment: datetime) -> list[tuple[Any, ...]]:
    validity = ", ".join(column.name for column in VALIDITY)
    found = con.execute(
        f"select * exclude (extracted_at, {validity}) from {model.qualified}"
        " where valid_from <= $1 and (valid_to is null or valid_to > $1) order by all",
        [moment],
    )
    return found.fetchall()


def test_any_day_of_ten_reads_as_it_was(world: World) -> None:
    project = project_of(world)
    models = [model for model in project.model_files if model.schema == HISTORY]
    assert {model.name for model in models} == {"enrollments", "courses", "users", "grades", "student_summaries"}
    first = world.canvas.institution
    nights: list[tuple[datetime, Snapshot]] = []
    for number in range(DAYS):
        world.canvas.institution = a_day_later(first, number)
        a_night(world, project)
        nights.append((world.clock(), snapshot(project, models)))
        world.clock.advance(timedelta(days=1).total_seconds())
    with duckdb.connect(str(project.paths.published), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        for model in models:
            told = [seen[model.qualified] for _, seen in nights]
            assert all(told), model.qualified
            assert len({repr(rows) for rows in told}) >= DAYS // 2, f"{model.qualified} does not change in this story"
            for moment, seen in nights:
                assert as_of(con, model, moment) == seen[model.qualified], (model.qualified, moment)
                later = moment + timedelta(hours=11)
                assert as_of(con, model, later) == seen[model.qualified], (model.qualified, later)
            held = con.execute(f"select count(*), count(*) filter (is_current) from {model.qualified}").fetchone()
            assert held is not None
            assert held[0] > held[1] == len(told[-1])

"""A real university's records go the whole way: nothing is lost, nothing is counted twice."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.demo import DemoCanvas, oulad_institution
from tests.stories.conftest import Office, make_office

FOLDER = Path(os.environ.get("CANVASLAKE_OULAD") or Path(__file__).parents[2].parent / "shared" / "oulad")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the Open University's files are not here"),
]


@pytest.fixture(scope="module")
def open_university(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with DemoCanvas(oulad_institution(FOLDER), report_seconds=0.5) as canvas:
        office = make_office(tmp_path_factory.mktemp("oulad"), canvas)
        result = office.run("sync")
        assert result.returncode == 0, result.stderr
        yield office


def test_every_enrollment_user_and_course_of_the_open_university_is_in_the_reports_tables(
    open_university: Office,
) -> None:
    counts = open_university.rows(
        "select (select count(*) from reports.provisioning_enrollments), (select count(*) from"
        " reports.provisioning_users), (select count(*) from reports.provisioning_courses), (select count(*) from"
        " reports.grade_export), (select count(*) from meta.quarantine)"
    )
    assert counts == [(32_593, 28_785, 22, 32_593, 0)]


def test_the_letter_grades_of_the_open_university_are_those_of_its_own_records(open_university: Office) -> None:
    grades = open_university.rows("select grade, sum(students)::bigint from marts.grade_distribution group by grade")
    assert dict(grades) == {
        "Pass": 12_361,
        "Withdrawn": 10_156,
        "Fail": 7_052,
        "Distinction": 3_024,
    }


def test_the_marts_of_the_open_university_agree_with_each_other(open_university: Office) -> None:
    [(people, enrollments, inactive)] = open_university.rows(
        "select (select count(*) from marts.dim_user), (select count(*) from marts.fct_enrollment),"
        " (select count(*) from marts.fct_enrollment where status = 'inactive')"
    )
    assert (people, enrollments, inactive) == (28_785, 32_593, 10_156)
